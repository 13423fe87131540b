"""A cell that was found by a search."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.cells import arguments
from tgcarry.cells.lstm import LSTMStateTuple
from tgcarry.cells.matrix import MatrixCell


class NASCell(MatrixCell):
    """Runs one step of the cell of Zoph and Le.

        (x_0, ..., x_7) = x W,     (h_0, ..., h_7) = h U + b
        a = tanh(sigmoid(x_0 + h_0) * relu(x_1 + h_1)),    p = tanh(a + c)
        q = tanh(sigmoid(x_2 + h_2) + relu(x_3 * h_3))
        r = tanh(tanh(x_4 + h_4) * sigmoid(x_5 + h_5))
        s = sigmoid(tanh(x_6 + h_6) + sigmoid(x_7 + h_7))
        c' = p * q,     h' = tanh(c' * tanh(r + s)) P,     output = h'

    W is `kernel` `[I, 8H]`, U `recurrent_kernel` `[M, 8H]`, b `bias` `[8H]`, P
    `projection_weights` `[H, M]`.

    Args:
      num_units: int, H.
      num_proj: int M, or None for no projection.
      use_bias: whether there is b.
      reuse: True takes existing variables.
      **kwargs: `name`, `dtype`, `trainable`.

    Raises:
      CellError, TypeError: a bad argument.

    Source: Zoph and Le 2016, "Neural architecture search with reinforcement learning",
      arXiv:1611.01578; TensorFlow 1.15 `tf.contrib.rnn.NASCell`.
    """

    def __init__(
        self,
        num_units: int,
        num_proj: int | None = None,
        use_bias: bool = False,
        reuse: Any = None,
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(num_units, None, reuse, name, dtype, **kwargs)
        self._num_proj = None if num_proj is None else arguments.width("num_proj", num_proj)
        self._use_bias = use_bias
        self.recurrent_kernel: Any = None
        self.kernel: Any = None
        self.bias: Any = None
        self.projection_weights: Any = None

    @property
    def state_size(self) -> Any:
        """`LSTMStateTuple(H, M)`."""
        return LSTMStateTuple(self._num_units, self.output_size)

    @property
    def output_size(self) -> int:
        """M."""
        return self._num_units if self._num_proj is None else self._num_proj

    def build(self, inputs_shape: Any) -> None:
        """Makes the variables for inputs of the given shape `[B, I]`."""
        wide = 8 * self._num_units
        width = self._take_width(inputs_shape)
        self.recurrent_kernel = self.add_variable("recurrent_kernel", [self.output_size, wide])
        self.kernel = self.add_variable("kernel", [width, wide])
        if self._use_bias:
            self.bias = self.add_variable("bias", [wide], initializer=tf.zeros_initializer())
        if self._num_proj is not None:
            shape = [self._num_units, self._num_proj]
            self.projection_weights = self.add_variable("projection_weights", shape)
        self.built = True

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Computes `(h', (c', h'))` from `[B, I]` and the state."""
        c, h = state
        hidden = tf.matmul(h, self.recurrent_kernel)
        given = tf.matmul(inputs, self.kernel)
        if self._use_bias:
            hidden = tf.nn.bias_add(hidden, self.bias)
        hs, xs = tf.split(hidden, 8, axis=1), tf.split(given, 8, axis=1)
        sums = [None if n == 3 else xs[n] + hs[n] for n in range(8)]
        first = tf.tanh(tf.sigmoid(sums[0]) * tf.nn.relu(sums[1]))
        second = tf.tanh(tf.sigmoid(sums[2]) + tf.nn.relu(xs[3] * hs[3]))
        third = tf.tanh(tf.tanh(sums[4]) * tf.sigmoid(sums[5]))
        fourth = tf.sigmoid(tf.tanh(sums[6]) + tf.sigmoid(sums[7]))
        new_c = tf.tanh(first + c) * second
        new_h = tf.tanh(new_c * tf.tanh(third + fourth))
        if self._num_proj is not None:
            new_h = tf.matmul(new_h, self.projection_weights)
        return new_h, LSTMStateTuple(new_c, new_h)
