"""Chains two GRUs, and carries the gradient at the state between them by hand.

python numbers_chained.py [OUTPUT]
"""

import sys

import numpy as np
import tensorflow as tf

UNITS = 32
STEPS = 500


def unrolled(scope, x, state):
    with tf.variable_scope(scope):
        return tf.nn.dynamic_rnn(
            tf.nn.rnn_cell.GRUCell(UNITS), x, dtype=tf.float32, initial_state=state
        )


def main(path=None):
    tf.set_random_seed(123)
    x = [tf.placeholder(tf.float32, [None, STEPS, 1]) for _ in range(2)]
    y = [tf.placeholder(tf.float32, [None, STEPS, 1]) for _ in range(2)]
    wanted = tf.concat(y, axis=1)
    with tf.variable_scope("layers"):
        start = tf.placeholder(tf.float32, [None, UNITS])
        first, between = unrolled("first", x[0], start)
        second, _ = unrolled("second", x[1], between)
        with tf.variable_scope("output"):
            flat = tf.reshape(tf.concat([first, second], axis=1), [-1, UNITS])
            got = tf.reshape(tf.layers.dense(flat, units=1), [1, 2 * STEPS, 1])
    halves = tf.split(got, 2, 1)
    whole_loss = tf.reduce_sum(tf.sqrt(tf.square(got - wanted)))
    losses = [tf.reduce_sum(tf.sqrt(tf.square(a - b))) for a, b in zip(halves, y)]
    upstream = tf.gradients(losses[1], between)
    by_hand = tf.add(
        tf.gradients(losses[0], start), tf.gradients(between, start, grad_ys=upstream)
    )
    at_once = tf.gradients(whole_loss, start)
    numbers = np.arange(2 * STEPS + 1, dtype=np.float32)[1:]
    feeds = {start: np.zeros([1, UNITS])}
    for i in range(2):
        part = numbers[i * STEPS : (i + 1) * STEPS]
        feeds[x[i]] = np.reshape(part, newshape=(1, STEPS, 1))
        feeds[y[i]] = feeds[x[i]] + 1
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        weights = sess.run(tf.trainable_variables())
        sums = [np.sum(values) for values in sess.run([by_hand, at_once], feeds)]
        print("%.5f %.5f" % tuple(sums))
    if path:
        found = {v.name: w for v, w in zip(tf.trainable_variables(), weights)}
        np.savez(path, sums=sums, **found)


main(*sys.argv[1:])
