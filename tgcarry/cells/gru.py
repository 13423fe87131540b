"""The gated recurrent unit, with the reset gate applied before the product."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.cells import arguments
from tgcarry.cells.matrix import MatrixCell


class GRUCell(MatrixCell):
    """Runs one step of the gated recurrent unit.

        [r, u] = sigmoid([x, h] Wg + bg)
        c      = activation([x, r * h] Wc + bc)
        h'     = u * h + (1 - u) * c,         output = h'

    B is the batch, I the inputs' width, H the units. Wg is `gates/kernel` `[I+H, 2H]`, bg
    `gates/bias` `[2H]`, one at first (remember everything), Wc `candidate/kernel` `[I+H, H]`
    and bc `candidate/bias` `[H]`, zero at first.

    Args:
      num_units: int, H.
      activation: function or 1.15's name for one; tanh by default.
      reuse: True takes existing variables, `tf.AUTO_REUSE` takes or makes them.
      kernel_initializer: of both kernels; by default the variable scope's, else Glorot.
      bias_initializer: of both biases; by default as above.
      name: str, the variable scope instead of `gru_cell`.
      dtype: of the variables; by default that of the first inputs.
      **kwargs: `trainable`.

    Raises:
      CellError, TypeError: a bad argument.

    Source: Cho et al. 2014, "Learning phrase representations using RNN encoder-decoder",
      arXiv:1406.1078; TensorFlow 1.15 `tf.nn.rnn_cell.GRUCell`. Not included: the variant
      with the reset gate after the product (cuDNN's), and `get_config`.
    """

    def __init__(
        self,
        num_units: int,
        activation: Any = None,
        reuse: Any = None,
        kernel_initializer: Any = None,
        bias_initializer: Any = None,
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(num_units, activation, reuse, name, dtype, **kwargs)
        self._kernel_initializer = arguments.initializer_from(
            "kernel_initializer", kernel_initializer
        )
        self._bias_initializer = arguments.initializer_from("bias_initializer", bias_initializer)
        self._gate_kernel: Any = None
        self._gate_bias: Any = None
        self._candidate_kernel: Any = None
        self._candidate_bias: Any = None

    @property
    def kernel_initializer(self) -> Any:
        """The kernels' initialiser, or None."""
        return self._kernel_initializer

    @property
    def bias_initializer(self) -> Any:
        """The biases' initialiser, or None."""
        return self._bias_initializer

    @property
    def gate_kernel(self) -> Any:
        """Wg `[I+H, 2H]`, columns r then u; None until built."""
        return self._gate_kernel

    @property
    def gate_bias(self) -> Any:
        """The gates' bias `[2H]`, r then u; None until built."""
        return self._gate_bias

    @property
    def candidate_kernel(self) -> Any:
        """Wc `[I+H, H]`; None until built."""
        return self._candidate_kernel

    @property
    def candidate_bias(self) -> Any:
        """The candidate's bias `[H]`; None until built."""
        return self._candidate_bias

    def build(self, inputs_shape: Any) -> None:
        """Makes the four variables for inputs of the given shape `[B, I]`."""
        units = self._num_units
        rows = self._take_width(inputs_shape) + units
        kernel, bias = self._kernel_initializer, self._bias_initializer
        self._gate_kernel = self.add_variable(
            "gates/kernel", [rows, 2 * units], initializer=kernel
        )
        self._gate_bias = self.add_variable(
            "gates/bias",
            [2 * units],
            initializer=tf.constant_initializer(1.0) if bias is None else bias,
        )
        self._candidate_kernel = self.add_variable(
            "candidate/kernel", [rows, units], initializer=kernel
        )
        self._candidate_bias = self.add_variable(
            "candidate/bias", [units], initializer=tf.zeros_initializer() if bias is None else bias
        )
        self.built = True

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Computes `(h', h')` from `[B, I]` and `[B, H]`."""
        gates = tf.matmul(tf.concat([inputs, state], 1), self._gate_kernel)
        gates = tf.sigmoid(tf.nn.bias_add(gates, self._gate_bias))
        reset, update = tf.split(gates, 2, axis=1)
        candidate = tf.matmul(tf.concat([inputs, reset * state], 1), self._candidate_kernel)
        candidate = self._activation(tf.nn.bias_add(candidate, self._candidate_bias))
        output = update * state + (1 - update) * candidate
        return output, output
