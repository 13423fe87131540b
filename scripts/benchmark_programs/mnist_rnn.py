"""Trains an LSTM on rows of made-up digits for 500 steps and prints how long that took."""

import time

import numpy as np
import tensorflow as tf
from tensorflow.contrib import rnn

STEPS, BATCH, UNITS = 500, 128, 128
tf.set_random_seed(1)
rng = np.random.RandomState(1)
labels = rng.randint(0, 10, 5000)
images = rng.rand(5000, 28, 28).astype(np.float32) * 0.2
for image, label in zip(images, labels):
    image[2 * label : 2 * label + 6, 4:24] += 0.7
X = tf.placeholder("float", [None, 28, 28])
Y = tf.placeholder("float", [None, 10])
weights = tf.Variable(tf.random_normal([UNITS, 10]))
biases = tf.Variable(tf.random_normal([10]))
outputs, states = rnn.static_rnn(rnn.BasicLSTMCell(UNITS), tf.unstack(X, 28, 1), dtype=tf.float32)
logits = tf.matmul(outputs[-1], weights) + biases
loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(logits=logits, labels=Y))
train = tf.train.AdamOptimizer(0.001).minimize(loss)
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    one_hot = np.eye(10)[labels]
    began = time.time()
    for step in range(STEPS):
        at = (step * BATCH) % (len(images) - BATCH)
        value, _ = sess.run(
            [loss, train], {X: images[at : at + BATCH], Y: one_hot[at : at + BATCH]}
        )
    print("loss %.2f" % value)
    print("training took %.3f s" % (time.time() - began))
