"""Trains two GRUs, one behind the other, over 1000 steps, 500 times, and prints how long that took."""

import time

import numpy as np
import tensorflow as tf

STEPS, UNITS, HALF = 500, 32, 500
tf.set_random_seed(123)
a = tf.placeholder(tf.float32, [None, HALF, 1])
b = tf.placeholder(tf.float32, [None, HALF, 1])
y = tf.placeholder(tf.float32, [None, 2 * HALF, 1])
start = tf.placeholder(tf.float32, [None, UNITS])
with tf.variable_scope("first"):
    out_a, middle = tf.nn.dynamic_rnn(tf.nn.rnn_cell.GRUCell(UNITS), a, initial_state=start)
with tf.variable_scope("second"):
    out_b, end = tf.nn.dynamic_rnn(tf.nn.rnn_cell.GRUCell(UNITS), b, initial_state=middle)
out = tf.layers.dense(tf.reshape(tf.concat([out_a, out_b], 1), [-1, UNITS]), 1)
loss = tf.reduce_mean(tf.square(tf.reshape(out, [1, 2 * HALF, 1]) - y))
train = tf.train.AdamOptimizer(0.001).minimize(loss)
slope = tf.gradients(loss, start)
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    t = np.arange(2 * HALF + 1) * 0.01
    wave = np.sin(t).reshape(1, -1, 1)
    state = np.zeros([1, UNITS])
    feed = {a: wave[:, :HALF], b: wave[:, HALF:-1], y: wave[:, 1:], start: state}
    began = time.time()
    for step in range(STEPS):
        value, _, _ = sess.run([loss, train, slope], feed)
    print("loss %.3f" % value)
    print("training took %.3f s" % (time.time() - began))
