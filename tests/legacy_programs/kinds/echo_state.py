"""Echoes a bit stream: one placeholder holds all layers' LSTM states between truncated calls."""
from __future__ import print_function, division
import numpy as np
import tensorflow as tf

num_epochs = 2
total_series_length = 2000
truncated_backprop_length = 15
state_size = 4
num_classes = 2
echo_step = 3
batch_size = 5
num_batches = total_series_length // batch_size // truncated_backprop_length
num_layers = 3

np.random.seed(2)
tf.set_random_seed(2)


def generateData():
    x = np.array(np.random.choice(2, total_series_length, p=[0.5, 0.5]))
    y = np.roll(x, echo_step)
    y[0:echo_step] = 0
    return x.reshape((batch_size, -1)), y.reshape((batch_size, -1))


batchX_placeholder = tf.placeholder(tf.float32, [batch_size, truncated_backprop_length])
batchY_placeholder = tf.placeholder(tf.int32, [batch_size, truncated_backprop_length])
init_state = tf.placeholder(tf.float32, [num_layers, 2, batch_size, state_size])
state_per_layer_list = tf.unstack(init_state, axis=0)
rnn_tuple_state = tuple(
    [tf.nn.rnn_cell.LSTMStateTuple(state_per_layer_list[idx][0], state_per_layer_list[idx][1])
     for idx in range(num_layers)])
W2 = tf.Variable(np.random.rand(state_size, num_classes), dtype=tf.float32)
b2 = tf.Variable(np.zeros((1, num_classes)), dtype=tf.float32)
stacked = []
for _ in range(num_layers):
    stacked.append(tf.nn.rnn_cell.LSTMCell(state_size, state_is_tuple=True))
cell = tf.nn.rnn_cell.MultiRNNCell(stacked, state_is_tuple=True)
states_series, current_state = tf.nn.dynamic_rnn(
    cell, tf.expand_dims(batchX_placeholder, -1), initial_state=rnn_tuple_state)
states_series = tf.reshape(states_series, [-1, state_size])
logits = tf.matmul(states_series, W2) + b2
labels = tf.reshape(batchY_placeholder, [-1])
logits_series = tf.unstack(tf.reshape(logits, [batch_size, truncated_backprop_length, num_classes]), axis=1)
predictions_series = [tf.nn.softmax(logit) for logit in logits_series]
losses = tf.nn.sparse_softmax_cross_entropy_with_logits(logits=logits, labels=labels)
total_loss = tf.reduce_mean(losses)
train_step = tf.train.AdagradOptimizer(0.3).minimize(total_loss)

with tf.Session() as sess:
    sess.run(tf.initialize_all_variables())
    for epoch_idx in range(num_epochs):
        x, y = generateData()
        _current_state = np.zeros((num_layers, 2, batch_size, state_size))
        print("New data, epoch", epoch_idx)
        for batch_idx in range(num_batches):
            start = batch_idx * truncated_backprop_length
            end = start + truncated_backprop_length
            _total_loss, _train_step, _current_state, _predictions = sess.run(
                [total_loss, train_step, current_state, predictions_series],
                feed_dict={batchX_placeholder: x[:, start:end], batchY_placeholder: y[:, start:end],
                           init_state: _current_state})
            if batch_idx % 10 == 0:
                print("Step", batch_idx, "Batch loss", "%.4f" % _total_loss)
