"""Cells that compute what cuDNN computes."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.cells import arguments
from tgcarry.cells.matrix import MatrixCell
from tgcarry.legacy.rnn.lstm_blocks import LSTMBlockCell


class CudnnCompatibleLSTMCell(LSTMBlockCell):
    """Runs one step of cuDNN's LSTM: `LSTMBlockCell` without forget bias.

    Args:
      num_units: int, H.
      reuse: True takes existing variables.

    Source: TensorFlow 1.15 `tf.contrib.cudnn_rnn.CudnnCompatibleLSTMCell`.
    """

    def __init__(self, num_units: int, reuse: Any = None) -> None:
        super().__init__(num_units, forget_bias=0, reuse=reuse, name="cudnn_compatible_lstm_cell")


class CudnnCompatibleGRUCell(MatrixCell):
    """Runs one step of cuDNN's GRU, with the reset gate behind the product.

        [r, u] = sigmoid([x, h] Wg + bg)
        c      = tanh(x Wx + bx + r * (h Wh + bh))
        h'     = (1 - u) * c + u * h,     output = h'

    Wg, bg are `gates/kernel` `[I+H, 2H]` and `gates/bias`, Wx, bx and Wh, bh `kernel` and
    `bias` in `candidate/input_projection` and `candidate/hidden_projection`.

    Args:
      num_units: int, H.
      reuse: True takes existing variables.
      kernel_initializer: of the kernels; by default the scope's.

    Source: TensorFlow 1.15 `tf.contrib.cudnn_rnn.CudnnCompatibleGRUCell`.
    """

    def __init__(self, num_units: int, reuse: Any = None, kernel_initializer: Any = None) -> None:
        super().__init__(num_units, None, reuse, None, None)
        self._kernel_initializer = arguments.initializer_from(
            "kernel_initializer", kernel_initializer
        )
        self._kernels: list[Any] = []
        self._biases: list[Any] = []

    def build(self, inputs_shape: Any) -> None:
        """Makes the six variables for inputs of the given shape `[B, I]`."""
        units, width = self._num_units, self._take_width(inputs_shape)
        start = self._kernel_initializer
        given, hidden = "candidate/input_projection", "candidate/hidden_projection"
        gates = self.add_variable("gates/kernel", [width + units, 2 * units], initializer=start)
        gate_bias = self.add_variable(
            "gates/bias", [2 * units], initializer=tf.constant_initializer(1.0)
        )
        self._kernels = [
            gates,
            self.add_variable(f"{given}/kernel", [width, units], initializer=start),
            self.add_variable(f"{hidden}/kernel", [units, units], initializer=start),
        ]
        self._biases = [
            gate_bias,
            *(
                self.add_variable(f"{place}/bias", [units], initializer=tf.zeros_initializer())
                for place in (given, hidden)
            ),
        ]
        self.built = True

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Computes `(h', h')` from `[B, I]` and `[B, H]`."""
        gates, given, hidden = (
            tf.nn.bias_add(tf.matmul(x, kernel), bias)
            for x, kernel, bias in zip(
                [tf.concat([inputs, state], 1), inputs, state],
                self._kernels,
                self._biases,
                strict=True,
            )
        )
        reset, update = tf.split(tf.sigmoid(gates), 2, axis=1)
        candidate = self._activation(given + reset * hidden)
        output = (1 - update) * candidate + update * state
        return output, output
