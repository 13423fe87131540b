"""Translation with buckets: embedding_attention_seq2seq, model_with_buckets, sampled softmax."""
from __future__ import print_function
import random
import numpy as np
import tensorflow as tf

buckets = [(3, 4), (6, 7)]
SIZE, VOCAB, BATCH = 12, 20, 8
tf.set_random_seed(9)
random.seed(9)
np.random.seed(9)

encoder_inputs = [tf.placeholder(tf.int32, shape=[None], name="encoder{0}".format(i)) for i in range(6)]
decoder_inputs = [tf.placeholder(tf.int32, shape=[None], name="decoder{0}".format(i)) for i in range(8)]
target_weights = [tf.placeholder(tf.float32, shape=[None], name="weight{0}".format(i)) for i in range(8)]
targets = [decoder_inputs[i + 1] for i in range(len(decoder_inputs) - 1)]
w_t = tf.get_variable("proj_w", [VOCAB, SIZE])
w = tf.transpose(w_t)
b = tf.get_variable("proj_b", [VOCAB])


def sampled_loss(labels, logits):
    labels = tf.reshape(labels, [-1, 1])
    return tf.nn.sampled_softmax_loss(weights=w_t, biases=b, labels=labels, inputs=logits,
                                      num_sampled=8, num_classes=VOCAB, seed=4)


def seq2seq_f(encoder_inputs, decoder_inputs, do_decode):
    cell = tf.contrib.rnn.MultiRNNCell([tf.contrib.rnn.GRUCell(SIZE) for _ in range(2)])
    return tf.contrib.legacy_seq2seq.embedding_attention_seq2seq(
        encoder_inputs, decoder_inputs, cell, num_encoder_symbols=VOCAB, num_decoder_symbols=VOCAB,
        embedding_size=SIZE, output_projection=(w, b), feed_previous=do_decode)


outputs, losses = tf.contrib.legacy_seq2seq.model_with_buckets(
    encoder_inputs, decoder_inputs, targets, target_weights, buckets,
    lambda x, y: seq2seq_f(x, y, False), softmax_loss_function=sampled_loss)
params = tf.trainable_variables()
norms, updates = [], []
opt = tf.train.GradientDescentOptimizer(0.5)
for i in range(len(buckets)):
    gradients = tf.gradients(losses[i], params)
    clipped, norm = tf.clip_by_global_norm(gradients, 5.0)
    norms.append(norm)
    updates.append(opt.apply_gradients(zip(clipped, params)))

with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for step in range(12):
        k = step % 2
        es, ds = buckets[k]
        feed = {}
        x = np.random.randint(3, VOCAB, (es, BATCH))
        for l in range(es):
            feed[encoder_inputs[l].name] = x[l]
        for l in range(ds + 1):
            feed[decoder_inputs[l].name] = x[l - 1] if 0 < l <= es else np.zeros(BATCH)
            if l < ds:
                feed[target_weights[l].name] = np.ones(BATCH)
        norm, loss, _ = sess.run([norms[k], losses[k], updates[k]], feed)
        print(step, k, "%.3f" % loss, "%.3f" % norm)
print(len(params))
for v in params:
    print(v.op.name, v.get_shape())
