"""Goes on with a model that TensorFlow 1.15.5 saved: once from its graph, once from its own."""
import sys

import numpy as np
import tensorflow as tf

prefix, known = sys.argv[1], np.load(sys.argv[2])
feed = {"x:0": known["x"], "lengths:0": [5, 2, 0, 4]}


def go_on(sess, loss, train):
    for _ in range(2):
        print("%.6f" % sess.run(loss, feed))
        sess.run(train, feed)


saver = tf.train.import_meta_graph(prefix + ".meta")
with tf.Session() as sess:
    saver.restore(sess, prefix)
    go_on(sess, "loss:0", "train")
tf.reset_default_graph()
x = tf.placeholder(tf.float32, [None, 5, 3], name="x")
lengths = tf.placeholder(tf.int32, [None], name="lengths")
cell = tf.nn.rnn_cell.MultiRNNCell([tf.nn.rnn_cell.LSTMCell(4), tf.nn.rnn_cell.GRUCell(3)])
outputs, _ = tf.nn.dynamic_rnn(cell, x, sequence_length=lengths, dtype=tf.float32)
y = tf.layers.dense(outputs, 1, name="head")
loss = tf.reduce_mean(tf.square(y - 1.0), name="loss")
step = tf.train.get_or_create_global_step()
train = tf.train.AdamOptimizer(0.01).minimize(loss, global_step=step, name="train")
with tf.Session() as sess:
    tf.train.Saver().restore(sess, prefix)
    go_on(sess, loss, train)
    print(sess.run(step))
