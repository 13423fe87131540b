"""Static bidirectional LSTMs with lengths, projected and summed; state_is_tuple both ways."""
import numpy as np
import tensorflow as tf

tf.set_random_seed(41)
x = tf.placeholder(tf.float32, [None, 6, 3])
lengths = tf.placeholder(tf.int64, [None])
inputs = tf.unstack(x, 6, 1)
fw = tf.contrib.rnn.BasicLSTMCell(5, forget_bias=1.0)
bw = tf.contrib.rnn.BasicLSTMCell(5, forget_bias=0.5)
with tf.variable_scope("both"):
    outputs, state_fw, state_bw = tf.contrib.rnn.static_bidirectional_rnn(
        fw, bw, inputs, dtype=tf.float32, sequence_length=lengths)
with tf.variable_scope("flat"):
    cell = tf.contrib.rnn.MultiRNNCell(
        [tf.contrib.rnn.LSTMCell(4, state_is_tuple=False), tf.contrib.rnn.GRUCell(3)], state_is_tuple=False)
    flat_out, flat = tf.contrib.rnn.static_rnn(cell, inputs, dtype=tf.float32)
logits = tf.matmul(outputs[-1], tf.Variable(tf.truncated_normal([10, 2], stddev=0.2)))
loss = tf.reduce_mean(tf.square(logits)) + tf.reduce_mean(flat ** 2)
train = tf.train.AdadeltaOptimizer(1.0).minimize(loss)
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    feed = {x: np.cos(np.arange(72)).reshape(4, 6, 3), lengths: [6, 4, 1, 3]}
    for i in range(4):
        print("%.6f" % sess.run([loss, train], feed)[0])
    got = sess.run([outputs[-1], state_fw.c, state_bw.h, flat], feed)
    print([g.shape for g in got], ["%.4f" % g.sum() for g in got])
print([v.op.name for v in tf.trainable_variables()])
