"""tf.layers beside an RNN, HParams, collections, summaries and a monitored session."""
import numpy as np
import tensorflow as tf

hparams = tf.contrib.training.HParams(units=6, rate=0.05, layers=[3, 4], name="base")
hparams.parse("units=5,rate=0.02")
print(sorted(hparams.values().items()))
tf.set_random_seed(14)
x = tf.placeholder(tf.float32, [None, 10, 3], "x")
y = tf.placeholder(tf.float32, [None, 1], "y")
training = tf.placeholder_with_default(False, [], "training")
net = tf.layers.conv1d(x, 4, 3, padding="same", activation=tf.nn.relu,
                       kernel_regularizer=tf.contrib.layers.l2_regularizer(0.01))
net = tf.layers.batch_normalization(net, training=training)
net = tf.layers.max_pooling1d(net, 2, 2)
outputs, state = tf.nn.dynamic_rnn(tf.nn.rnn_cell.GRUCell(hparams.units), net, dtype=tf.float32)
net = tf.layers.flatten(outputs)
net = tf.layers.dropout(net, 0.5, training=training, seed=5)
for i, n in enumerate(hparams.layers):
    net = tf.layers.dense(net, n, tf.nn.tanh, kernel_initializer=tf.variance_scaling_initializer(), name="fc%d" % i)
p = tf.layers.dense(net, 1, name="out")
loss = tf.losses.mean_squared_error(y, p) + tf.losses.get_regularization_loss()
global_step = tf.train.get_or_create_global_step()
with tf.control_dependencies(tf.get_collection(tf.GraphKeys.UPDATE_OPS)):
    train = tf.train.MomentumOptimizer(hparams.rate, 0.9).minimize(loss, global_step)
tf.summary.scalar("loss", loss)
rng = np.random.RandomState(1)
data = rng.randn(16, 10, 3)
feed = {x: data, y: data.sum((1, 2))[:, None] * 0.1, training: True}
with tf.train.MonitoredTrainingSession(
        checkpoint_dir="monitored", save_summaries_steps=2,
        hooks=[tf.train.StopAtStepHook(last_step=6)]) as sess:
    while not sess.should_stop():
        value, _, step = sess.run([loss, train, global_step], feed)
        print(step, "%.4f" % value)
print([v.name for v in tf.trainable_variables()])
print(tf.train.latest_checkpoint("monitored"), tf.train.load_variable("monitored", "global_step"))
events = [f for f in tf.gfile.ListDirectory("monitored") if "tfevents" in f]
tags = [v.tag for e in tf.train.summary_iterator("monitored/" + events[0]) for v in e.summary.value]
print(sorted(set(tags)))
