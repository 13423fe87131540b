"""Sequences of several lengths through tf.data, bucketed, into a dynamic LSTM."""
import numpy as np
import tensorflow as tf

rng = np.random.RandomState(8)
tf.set_random_seed(8)


def generate():
    for _ in range(60):
        n = rng.randint(3, 12)
        ids = rng.randint(1, 20, n)
        yield ids, n, int(ids[0] > 10)


dataset = tf.data.Dataset.from_generator(generate, (tf.int32, tf.int32, tf.int32), ([None], [], []))
dataset = dataset.apply(tf.contrib.data.bucket_by_sequence_length(
    lambda ids, n, y: n, bucket_boundaries=[5, 8], bucket_batch_sizes=[4, 4, 4],
    padded_shapes=([None], [], [])))
iterator = dataset.make_initializable_iterator()
ids, lengths, labels = iterator.get_next()
embedding = tf.get_variable("embedding", [20, 8])
cell = tf.nn.rnn_cell.BasicLSTMCell(12)
_, state = tf.nn.dynamic_rnn(cell, tf.nn.embedding_lookup(embedding, ids), lengths, dtype=tf.float32)
logits = tf.contrib.layers.linear(state.h, 2)
loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(logits=logits, labels=labels))
step = tf.train.get_or_create_global_step()
rate = tf.train.exponential_decay(0.02, step, 10, 0.9, staircase=True)
train = tf.train.RMSPropOptimizer(rate).minimize(loss, global_step=step)
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for epoch in range(3):
        sess.run(iterator.initializer)
        seen, values = [], []
        while True:
            try:
                value, shape, _ = sess.run([loss, tf.shape(ids), train])
            except tf.errors.OutOfRangeError:
                break
            seen.append(int(shape[1]))
            values.append(value)
        print(epoch, len(values), max(seen) <= 11, "%.3f" % np.mean(values) if epoch == 0 else np.mean(values) < 0.7)
    print("%.5f" % sess.run(rate), sess.run(step))
