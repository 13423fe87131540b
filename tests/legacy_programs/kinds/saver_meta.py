"""Saves, restores by name, and goes on from an imported meta graph."""
import numpy as np
import tensorflow as tf

tf.set_random_seed(4)
x = tf.placeholder(tf.float32, [None, 5, 3], name="x")
cell = tf.nn.rnn_cell.MultiRNNCell([tf.nn.rnn_cell.GRUCell(6), tf.nn.rnn_cell.LSTMCell(4)])
outputs, state = tf.nn.dynamic_rnn(cell, x, dtype=tf.float32)
y = tf.identity(tf.layers.dense(outputs[:, -1], 1, name="head"), name="y")
loss = tf.reduce_mean(tf.square(y - 1.0), name="loss")
global_step = tf.Variable(0, name="global_step", trainable=False)
train = tf.train.AdamOptimizer(0.01, name="Adam").minimize(loss, global_step=global_step, name="train")
saver = tf.train.Saver(max_to_keep=2)
feed = {"x:0": np.random.RandomState(0).randn(4, 5, 3)}
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for i in range(6):
        sess.run(train, feed)
        saver.save(sess, "./kept", global_step=global_step)
    before = sess.run("y:0", feed)
    print("%.4f" % before.sum(), saver.last_checkpoints)
    names = sorted(v.op.name for v in tf.global_variables())
print(names)
print([name for name, shape in tf.contrib.framework.list_variables("./kept-6")][:5])
tf.reset_default_graph()
with tf.Session() as sess:
    again = tf.train.import_meta_graph("./kept-6.meta")
    again.restore(sess, tf.train.latest_checkpoint("."))
    graph = tf.get_default_graph()
    print(np.allclose(sess.run("y:0", feed), before, atol=1e-6))
    print(len(tf.trainable_variables()), len(tf.get_collection(tf.GraphKeys.GLOBAL_VARIABLES)))
    sess.run(graph.get_operation_by_name("train"), feed)
    print(sess.run("global_step:0"), sess.run("loss:0", feed) < 1.0)
