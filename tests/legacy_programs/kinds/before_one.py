"""Names and orders of arguments from before TensorFlow 1.0, with weights that nobody draws."""
from __future__ import print_function
import numpy as np
import tensorflow as tf
from tensorflow.python.ops import rnn, rnn_cell, seq2seq

B, T, I, H = 2, 3, 6, 4
x = tf.placeholder(tf.float32, [B, T, I])
y = tf.placeholder(tf.int32, [B, T])


def table(shape, phase):
    n = int(np.prod(shape))
    return np.cos(np.arange(n) * 0.9 + phase).reshape(shape).astype(np.float32) * 0.5


inputs = [tf.squeeze(i, [1]) for i in tf.split(1, T, x)]
cell = rnn_cell.BasicLSTMCell(H, forget_bias=0.0)
cell = rnn_cell.MultiRNNCell([cell] * 2)
with tf.variable_scope("net"):
    outputs, state = tf.nn.rnn(cell, inputs, dtype=tf.float32)
flat = tf.reshape(tf.concat(1, outputs), [-1, H])
w = tf.Variable(table([H, 5], 1.0), name="w")
logits = tf.matmul(flat, w)
loss = seq2seq.sequence_loss_by_example([logits], [tf.reshape(y, [-1])], [tf.ones([B * T])])
cost = tf.reduce_sum(loss) / B
positional = tf.nn.sparse_softmax_cross_entropy_with_logits(logits, tf.reshape(y, [-1]))
packed = tf.pack([tf.mul(w, 2.0), tf.sub(w, 1.0), tf.neg(w)])
parts = tf.unpack(packed)
chosen = tf.select(tf.greater(w, 0.0), w, tf.zeros_like(w))
product = tf.batch_matmul(tf.ones([2, 1, 4]), tf.pack([w, tf.neg(w)]))
tf.scalar_summary("cost", cost)
tf.histogram_summary("w", w)
merged = tf.merge_all_summaries()
train = tf.train.GradientDescentOptimizer(0.2).minimize(cost)
with tf.Session() as sess:
    sess.run(tf.initialize_all_variables())
    for i, v in enumerate(tf.all_variables()):
        if v.name != "w:0":
            sess.run(v.assign(table(v.get_shape().as_list(), len(v.get_shape()))))
    feed = {x: table([B, T, I], 3.0), y: [[0, 1, 2], [3, 4, 0]]}
    writer = tf.train.SummaryWriter("old_log", sess.graph)
    for step in range(2):
        value, summary, _ = sess.run([cost, merged, train], feed)
        writer.add_summary(summary, step)
        print("%.5f" % value)
    writer.close()
    print("%.5f" % sess.run(positional, feed).sum())
    print("%.5f %.5f %.5f" % tuple(sess.run([tf.reduce_sum(tf.abs(p)) for p in parts])))
    print("%.5f" % sess.run(tf.reduce_sum(chosen)), sess.run(product).shape)
    print("%.5f" % sess.run(tf.reduce_sum(state[1].h, reduction_indices=[0, 1]), feed))
    print(sess.run(tf.argmax(tf.constant([[1, 5, 2]]), dimension=1)).tolist(), len(tf.all_variables()))
