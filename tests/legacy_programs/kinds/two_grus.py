"""Two GRUs, one behind the other: the gradient from its parts and from the whole."""
import numpy as np
import tensorflow as tf

units, length, first = 16, 60, 25
tf.set_random_seed(123)
a = tf.placeholder(tf.float32, [None, first, 1], name="a")
b = tf.placeholder(tf.float32, [None, length - first, 1], name="b")
ya = tf.placeholder(tf.float32, [None, first, 1])
yb = tf.placeholder(tf.float32, [None, length - first, 1])
with tf.variable_scope("GRU"):
    start = tf.placeholder(shape=[None, units], dtype=tf.float32, name="start")
    with tf.variable_scope("head"):
        out_a, middle = tf.nn.dynamic_rnn(tf.nn.rnn_cell.GRUCell(units), a, dtype=tf.float32, initial_state=start)
    with tf.variable_scope("tail"):
        out_b, last = tf.nn.dynamic_rnn(tf.nn.rnn_cell.GRUCell(units), b, dtype=tf.float32, initial_state=middle)
    both = tf.layers.dense(tf.reshape(tf.concat([out_a, out_b], axis=1), [-1, units]), units=1)
    both = tf.reshape(both, [1, length, 1])
loss_a = tf.reduce_sum(tf.abs(tf.slice(both, [0, 0, 0], [-1, first, -1]) - ya))
loss_b = tf.reduce_sum(tf.abs(both[:, first:] - yb))
upstream = tf.gradients(loss_b, middle)
parts = tf.add(tf.gradients(loss_a, start), tf.gradients(middle, start, grad_ys=upstream))
whole = tf.gradients(loss_a + loss_b, start)
placeholders = [tf.placeholder(tf.float32, [1, units])]
carried = tf.gradients([middle], [start], grad_ys=placeholders)
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    t = np.arange(1, length + 2) / float(length)
    feed = {a: np.reshape(t[:first], newshape=(1, first, 1)), b: t[first:-1].reshape(1, -1, 1),
            ya: t[1:first + 1].reshape(1, -1, 1), yb: t[first + 1:].reshape(1, -1, 1),
            start: np.zeros([1, units])}
    p, w, u = sess.run([parts, whole, upstream], feed)
    print("%.6f %.6f" % (np.sum(p), np.sum(w)), np.allclose(p, w, atol=1e-5))
    feed[placeholders[0]] = u[0]
    print("%.6f" % np.sum(sess.run(carried, feed)))
    print(middle.get_shape().as_list(), out_b.get_shape().as_list(), both.get_shape().as_list())
