"""Tags words: embeddings, a bidirectional LSTM, a CRF layer and Viterbi decoding in NumPy."""
import numpy as np
import tensorflow as tf

np.random.seed(0)
tf.set_random_seed(0)
n, steps, words, tags = 12, 7, 15, 4
x = np.random.randint(0, words, (n, steps))
y = (x % tags).astype(np.int32)
lengths = np.random.randint(3, steps + 1, n).astype(np.int32)

ids = tf.placeholder(tf.int32, [None, None])
labels = tf.placeholder(tf.int32, [None, None])
seq = tf.placeholder(tf.int32, [None])
keep = tf.placeholder(tf.float32, [])
with tf.variable_scope("words"):
    table = tf.get_variable("lookup", [words, 8], initializer=tf.truncated_normal_initializer(stddev=0.3))
    emb = tf.nn.embedding_lookup(table, ids)
with tf.variable_scope("bi-lstm"):
    cell_fw, cell_bw = tf.contrib.rnn.LSTMCell(10), tf.contrib.rnn.LSTMCell(10)
    (out_fw, out_bw), _ = tf.nn.bidirectional_dynamic_rnn(
        cell_fw, cell_bw, emb, sequence_length=seq, dtype=tf.float32)
    output = tf.nn.dropout(tf.concat([out_fw, out_bw], axis=-1), keep)
with tf.variable_scope("proj"):
    W = tf.get_variable("W", [20, tags], initializer=tf.contrib.layers.xavier_initializer())
    b = tf.get_variable("b", [tags], initializer=tf.zeros_initializer())
    logits = tf.reshape(tf.matmul(tf.reshape(output, [-1, 20]), W) + b, [-1, tf.shape(output)[1], tags])
log_likelihood, transition = tf.contrib.crf.crf_log_likelihood(logits, labels, seq)
loss = tf.reduce_mean(-log_likelihood)
optimizer = tf.train.AdamOptimizer(0.05)
gvs = optimizer.compute_gradients(loss)
train = optimizer.apply_gradients([(tf.clip_by_value(g, -5.0, 5.0), v) for g, v in gvs])
decoded, score = tf.contrib.crf.crf_decode(logits, transition, seq)

with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    feed = {ids: x, labels: y, seq: lengths, keep: 1.0}
    for i in range(40):
        _, value = sess.run([train, loss], feed)
        if i in (0, 1, 2, 5, 10):
            print("%d %.4f" % (i, value))
    scores, matrix, paths = sess.run([logits, transition, decoded], feed)
    right = total = agree = 0
    for row, path, tag, length in zip(scores, paths, y, lengths):
        best, _ = tf.contrib.crf.viterbi_decode(row[:length], matrix)
        right += np.sum(np.equal(best, tag[:length]))
        agree += np.sum(np.equal(best, path[:length]))
        total += length
    print("accuracy %.3f, the two decoders agree on %d of %d" % (right / float(total), agree, total))
