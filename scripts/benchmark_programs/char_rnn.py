"""Trains a character model of two LSTM layers for 500 steps and prints how long that took."""

import time

import numpy as np
import tensorflow as tf
from tensorflow.contrib import rnn

STEPS, BATCH, LENGTH, UNITS, CHARS = 500, 50, 50, 128, 65
tf.set_random_seed(1)
rng = np.random.RandomState(1)
text = np.cumsum(rng.randint(1, 4, BATCH * 4000)) % CHARS
xs = text.reshape(BATCH, -1)

x = tf.placeholder(tf.int32, [BATCH, LENGTH])
y = tf.placeholder(tf.int32, [BATCH, LENGTH])
cell = rnn.MultiRNNCell([rnn.BasicLSTMCell(UNITS) for _ in range(2)])
start = cell.zero_state(BATCH, tf.float32)
embedding = tf.get_variable("embedding", [CHARS, UNITS])
outputs, end = tf.nn.dynamic_rnn(cell, tf.nn.embedding_lookup(embedding, x), initial_state=start)
w = tf.get_variable("w", [UNITS, CHARS])
b = tf.get_variable("b", [CHARS])
logits = tf.matmul(tf.reshape(outputs, [-1, UNITS]), w) + b
loss = tf.reduce_mean(
    tf.nn.sparse_softmax_cross_entropy_with_logits(logits=logits, labels=tf.reshape(y, [-1]))
)
variables = tf.trainable_variables()
gradients, _ = tf.clip_by_global_norm(tf.gradients(loss, variables), 5.0)
train = tf.train.AdamOptimizer(0.002).apply_gradients(zip(gradients, variables))

with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    state = sess.run(start)
    began = time.time()
    for step in range(STEPS):
        at = (step * LENGTH) % (xs.shape[1] - LENGTH - 1)
        feed = {x: xs[:, at : at + LENGTH], y: xs[:, at + 1 : at + LENGTH + 1]}
        for i, (c, h) in enumerate(start):
            feed[c] = state[i].c
            feed[h] = state[i].h
        value, state, _ = sess.run([loss, end, train], feed)
    print("loss %.3f" % value)
    print("training took %.3f s" % (time.time() - began))
