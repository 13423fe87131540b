"""Random numbers of many kinds under one graph seed and under seeds of their own."""
import numpy as np
import tensorflow as tf

tf.set_random_seed(99)
logits = tf.constant([[0.1, 0.5, 0.2, 0.9]])
draws = [
    tf.random_normal([2, 2]), tf.random_uniform([3], -1, 1), tf.truncated_normal([3], stddev=2.0),
    tf.multinomial(logits, 6), tf.random_shuffle(tf.range(6)), tf.nn.dropout(tf.ones([8]), 0.5),
    tf.random_uniform([4], maxval=10, dtype=tf.int32), tf.random_normal([2], seed=5),
    tf.random_gamma([2], 2.0), tf.layers.dropout(tf.ones([8]), 0.3, training=True),
    tf.contrib.layers.dropout(tf.ones([8]), 0.6), tf.random_crop(tf.range(10), [3]),
]
cell = tf.nn.rnn_cell.DropoutWrapper(tf.nn.rnn_cell.GRUCell(3), 0.7, 0.6, state_keep_prob=0.5)
out, _ = cell(tf.ones([2, 4]), cell.zero_state(2, tf.float32))
draws.append(out)
draws.append(tf.Variable(tf.random_normal([2, 3], stddev=0.1)))
draws.append(tf.get_variable("g", [2, 2]))
draws.append(tf.get_variable("o", [2, 2], initializer=tf.orthogonal_initializer()))
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for draw in draws:
        print(np.round(sess.run(draw), 4).tolist())
