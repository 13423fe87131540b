"""A convolution in front of an LSTM with slim, arg_scope, regularisers and batch norm."""
import numpy as np
import tensorflow as tf
import tensorflow.contrib.slim as slim

tf.set_random_seed(2)
x = tf.placeholder(tf.float32, [None, 12, 8, 1])
y = tf.placeholder(tf.int32, [None])
training = tf.placeholder(tf.bool)
with slim.arg_scope([slim.conv2d, slim.fully_connected], activation_fn=tf.nn.relu,
                    weights_initializer=tf.truncated_normal_initializer(0.0, 0.1),
                    weights_regularizer=slim.l2_regularizer(0.001)):
    with slim.arg_scope([slim.batch_norm], is_training=training, decay=0.9, updates_collections=None):
        net = slim.conv2d(x, 4, [3, 3], normalizer_fn=slim.batch_norm, scope="conv1")
        net = slim.max_pool2d(net, [1, 2], [1, 2], scope="pool1")
        net = tf.reshape(net, [-1, 12, 16])
        outputs, state = tf.nn.dynamic_rnn(tf.contrib.rnn.BasicLSTMCell(7), net, dtype=tf.float32)
        net = slim.fully_connected(state.h, 6, scope="fc1")
        net = slim.dropout(net, 0.9, is_training=False)
        logits = slim.fully_connected(net, 3, activation_fn=None, scope="logits")
slim.losses.sparse_softmax_cross_entropy(logits, y)
total = slim.losses.get_total_loss()
train_op = slim.learning.create_train_op(total, tf.train.AdamOptimizer(0.01))
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    rng = np.random.RandomState(5)
    feed = {x: rng.randn(10, 12, 8, 1), y: rng.randint(0, 3, 10), training: True}
    for i in range(5):
        print("%.4f" % sess.run(train_op, feed))
    feed[training] = False
    print(sess.run(logits, feed).shape, len(tf.losses.get_regularization_losses()))
for v in slim.get_model_variables():
    print(v.name, v.get_shape().as_list())
print(slim.get_variables_to_restore(exclude=["conv1"])[0].name)
