"""Cells with light recurrences: SRU, MinimalRNN and the chaos-free network."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.cells import arguments
from tgcarry.cells.matrix import MatrixCell


class SRUCell(MatrixCell):
    """Runs one step of the simple recurrent unit, which multiplies only its inputs.

        [z, f, r, y] = x W,     [f, r] = sigmoid([f, r] + b)
        c' = f * c + (1 - f) * z,     output = r * activation(c') + (1 - r) * y

    W is `kernel` `[I, 4H]`, b `bias` `[2H]`; the state is c.

    Args:
      num_units: int, H.
      activation: function or 1.15's name for one; tanh by default.
      reuse: True takes existing variables.
      name: str, the variable scope instead of `sru_cell`.
      **kwargs: `dtype`, `trainable`.

    Raises:
      CellError, TypeError: a bad argument.

    Source: Lei, Zhang and Artzi 2017, "Training RNNs as fast as CNNs", arXiv:1709.02755;
      TensorFlow 1.15 `tf.contrib.rnn.SRUCell`.
    """

    def __init__(
        self,
        num_units: int,
        activation: Any = None,
        reuse: Any = None,
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(num_units, activation, reuse, name, dtype, **kwargs)
        self._kernel: Any = None
        self._bias: Any = None

    def build(self, inputs_shape: Any) -> None:
        """Makes `kernel` and `bias` for inputs of the given shape `[B, I]`."""
        units = self._num_units
        self._kernel = self.add_variable("kernel", [self._take_width(inputs_shape), 4 * units])
        self._bias = self.add_variable("bias", [2 * units], initializer=tf.zeros_initializer())
        self.built = True

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Computes `(output, c')` from `[B, I]` and `[B, H]`."""
        z, f, r, y = tf.split(tf.matmul(inputs, self._kernel), 4, axis=1)
        gates = tf.sigmoid(tf.nn.bias_add(tf.concat([f, r], 1), self._bias))
        f, r = tf.split(gates, 2, axis=1)
        c = f * state + (1.0 - f) * z
        return r * self._activation(c) + (1.0 - r) * y, c


class MinimalRNNCell(MatrixCell):
    """Runs one step of the minimal network.

        z = activation(x Wx),     u = sigmoid([z, h] V + b),     h' = u * h + (1 - u) * z

    `kernel` `[I+2H, H]` holds Wx and V, `bias` `[H]` is b; the output is h'.

    Args:
      units: int, H.
      activation: function or 1.15's name for one.
      kernel_initializer, bias_initializer: initialisers or 1.15's names for them.
      name: str, the variable scope instead of `minimal_rnn_cell`.
      dtype: of the variables; by default that of the first inputs.
      **kwargs: `trainable`.

    Raises:
      CellError, TypeError: a bad argument.

    Source: Chen, Pennington and Schoenholz 2018, arXiv:1806.05394; TensorFlow 1.15
      `tensorflow.contrib.rnn.python.ops.rnn_cell.MinimalRNNCell`.
    """

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "ones",
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(units, activation or "linear", None, name, dtype, **kwargs)
        self.units = self._num_units
        self.kernel_initializer = arguments.initializer_from(
            "kernel_initializer", kernel_initializer
        )
        self.bias_initializer = arguments.initializer_from("bias_initializer", bias_initializer)
        self.kernel: Any = None
        self.bias: Any = None

    def build(self, inputs_shape: Any) -> None:
        """Makes `kernel` and `bias` for inputs of the given shape `[B, I]`."""
        rows = self._take_width(inputs_shape) + 2 * self.units
        self.kernel = self.add_variable(
            "kernel", [rows, self.units], initializer=self.kernel_initializer
        )
        self.bias = self.add_variable("bias", [self.units], initializer=self.bias_initializer)
        self.built = True

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Computes `(h', h')` from `[B, I]` and `[B, H]`."""
        sizes = [self.input_width, 2 * self.units]
        forward, gate = tf.split(self.kernel, sizes, axis=0)
        z = self._activation(tf.matmul(inputs, forward))
        update = tf.matmul(tf.concat([z, state], 1), gate)
        update = tf.sigmoid(tf.nn.bias_add(update, self.bias))
        new = update * state + (1 - update) * z
        return new, new


class CFNCell(MinimalRNNCell):
    """Runs one step of the chaos-free network.

        [t, e] = sigmoid(h U + x V + b)
        h' = t * activation(h) + (1 - e) * activation(x W)

    `kernel` `[I, 3H]` holds V and W, `recurrent_kernel` `[H, 2H]` is U, `bias` `[2H]` b; the
    output is h'. Arguments as `MinimalRNNCell`'s.

    Source: Laurent and von Brecht 2017, "A recurrent neural network without chaos"; TensorFlow
      1.15 `tensorflow.contrib.rnn.python.ops.rnn_cell.CFNCell`.
    """

    def build(self, inputs_shape: Any) -> None:
        """Makes the three variables for inputs of the given shape `[B, I]`."""
        start, units = self.kernel_initializer, self.units
        width = self._take_width(inputs_shape)
        self.kernel = self.add_variable("kernel", [width, 3 * units], initializer=start)
        self.recurrent_kernel = self.add_variable(
            "recurrent_kernel", [units, 2 * units], initializer=start
        )
        self.bias = self.add_variable("bias", [2 * units], initializer=self.bias_initializer)
        self.built = True

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Computes `(h', h')` from `[B, I]` and `[B, H]`."""
        gate, forward = tf.split(self.kernel, [2 * self.units, self.units], axis=1)
        gates = tf.matmul(state, self.recurrent_kernel) + tf.matmul(inputs, gate)
        theta, eta = tf.split(tf.sigmoid(tf.nn.bias_add(gates, self.bias)), 2, axis=1)
        given = self._activation(tf.matmul(inputs, forward))
        new = theta * self._activation(state) + (1 - eta) * given
        return new, new
