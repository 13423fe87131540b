"""Two losses over one trunk, each with variables of its own; compute and apply gradients."""
import numpy as np
import tensorflow as tf

tf.set_random_seed(1)
x = tf.placeholder(tf.float32, [None, 4, 2])
with tf.variable_scope("trunk"):
    trunk, _ = tf.nn.dynamic_rnn(tf.nn.rnn_cell.GRUCell(5), x, dtype=tf.float32)
with tf.variable_scope("one"):
    one = tf.layers.dense(trunk[:, -1], 1)
with tf.variable_scope("two"):
    two = tf.layers.dense(tf.reduce_mean(trunk, 1), 2, activation=tf.nn.sigmoid)
loss_one = tf.reduce_mean(tf.square(one - 2.0))
loss_two = tf.reduce_mean(tf.square(two - 0.2))
ones = tf.trainable_variables("one")
twos = tf.get_collection(tf.GraphKeys.TRAINABLE_VARIABLES, scope="two")
opt = tf.train.GradientDescentOptimizer(0.1)
train_one = opt.minimize(loss_one, var_list=ones)
train_two = opt.minimize(loss_two, var_list=twos)
both = opt.compute_gradients(loss_one + loss_two)
clipped = [(tf.clip_by_norm(g, 1.0), v) for g, v in both if g is not None]
train_both = opt.apply_gradients(clipped)
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    feed = {x: np.ones([3, 4, 2])}
    for op in (train_one, train_two, train_both):
        before = sess.run(tf.trainable_variables())
        sess.run(op, feed)
        after = sess.run(tf.trainable_variables())
        print([v.op.name for v, a, b in zip(tf.trainable_variables(), before, after) if (a != b).any()])
        print("%.5f %.5f" % tuple(sess.run([loss_one, loss_two], feed)))
    for g, v in clipped:
        print(v.name, "%.5f" % np.linalg.norm(sess.run(g, feed)))
