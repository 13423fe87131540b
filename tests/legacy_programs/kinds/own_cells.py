"""Cells of a program's own, as programs made them: subclasses, _linear, wrappers of cells."""
import numpy as np
import tensorflow as tf
from tensorflow.contrib.rnn import RNNCell
from tensorflow.python.ops import rnn_cell_impl
from tensorflow.python.ops.rnn_cell_impl import LSTMStateTuple
from tensorflow.contrib.rnn.python.ops import core_rnn_cell

tf.set_random_seed(77)


class Leaky(tf.nn.rnn_cell.RNNCell):
    """h' = (1-a) h + a tanh(W [x, h])"""

    def __init__(self, num_units, rate=0.5, reuse=None):
        super(Leaky, self).__init__(_reuse=reuse)
        self._num_units = num_units
        self._rate = rate

    @property
    def state_size(self):
        return self._num_units

    @property
    def output_size(self):
        return self._num_units

    def call(self, inputs, state):
        with tf.variable_scope("inner"):
            w = tf.get_variable("w", [inputs.get_shape()[1].value + self._num_units, self._num_units])
            new = tf.tanh(tf.matmul(tf.concat([inputs, state], 1), w))
        new = (1 - self._rate) * state + self._rate * new
        return new, new


class OldStyle(RNNCell):
    """An LSTM written out with __call__ and a scope, as before version 1.1."""

    def __init__(self, size):
        self.size = size

    @property
    def state_size(self):
        return LSTMStateTuple(self.size, self.size)

    @property
    def output_size(self):
        return self.size

    def __call__(self, x, state, scope=None):
        with tf.variable_scope(scope or type(self).__name__):
            c, h = state
            both = tf.concat([x, h], 1)
            w = tf.get_variable("W", [int(both.shape[1]), 4 * self.size], initializer=tf.orthogonal_initializer(seed=3))
            b = tf.get_variable("B", [4 * self.size], initializer=tf.constant_initializer(0.1))
            i, j, f, o = tf.split(tf.matmul(both, w) + b, 4, 1)
            new_c = c * tf.sigmoid(f + 1.0) + tf.sigmoid(i) * tf.tanh(j)
            new_h = tf.tanh(new_c) * tf.sigmoid(o)
            return new_h, LSTMStateTuple(new_c, new_h)


class Layered(rnn_cell_impl.LayerRNNCell):
    """build() and add_variable, as from version 1.6 on."""

    def __init__(self, num_units, name=None):
        super(Layered, self).__init__(name=name)
        self._num_units = num_units

    @property
    def state_size(self):
        return self._num_units

    @property
    def output_size(self):
        return self._num_units

    def build(self, inputs_shape):
        depth = inputs_shape[1].value
        self._kernel = self.add_variable("kernel", shape=[depth + self._num_units, self._num_units])
        self._bias = self.add_variable("bias", shape=[self._num_units], initializer=tf.zeros_initializer(dtype=self.dtype))
        self.built = True

    def call(self, inputs, state):
        gate = tf.matmul(tf.concat([inputs, state], 1), self._kernel)
        out = tf.nn.relu(tf.nn.bias_add(gate, self._bias))
        return out, out


class Linear(RNNCell):
    def __init__(self, n):
        super(Linear, self).__init__()
        self.n = n

    state_size = property(lambda self: self.n)
    output_size = property(lambda self: self.n)

    def call(self, inputs, state):
        out = tf.sigmoid(core_rnn_cell._linear([inputs, state], self.n, True))
        return out, out


x = tf.placeholder(tf.float32, [3, 4, 2])
value = np.linspace(-1, 1, 24).reshape(3, 4, 2)
results = []
for make in (Leaky, OldStyle, Layered, Linear):
    with tf.variable_scope(make.__name__):
        outputs, state = tf.nn.dynamic_rnn(make(5), x, dtype=tf.float32)
        results.append(outputs)
with tf.variable_scope("stack"):
    cell = tf.nn.rnn_cell.MultiRNNCell([Leaky(4), tf.nn.rnn_cell.GRUCell(3), Layered(2)])
    outputs, state = tf.nn.dynamic_rnn(cell, x, sequence_length=[4, 2, 1], dtype=tf.float32)
    results.append(outputs)
loss = tf.add_n([tf.reduce_sum(tf.square(r)) for r in results])
grads = tf.gradients(loss, tf.trainable_variables())
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for r in sess.run(results, {x: value}):
        print("%.5f %.5f" % (r.sum(), np.abs(r).max()))
    for v, g in zip(tf.trainable_variables(), sess.run(grads, {x: value})):
        print(v.name, v.get_shape().as_list(), "%.4f" % np.abs(g).sum())
