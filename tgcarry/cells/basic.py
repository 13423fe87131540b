"""The plainest recurrence: one matrix product and one activation."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.cells.matrix import MatrixCell


class BasicRNNCell(MatrixCell):
    """Runs one step of the simple (Elman) recurrence.

        h' = activation([x, h] W + b),        output = h'

    B is the batch, I the inputs' width, H the units. W is `kernel` `[I+H, H]`, b is `bias`
    `[H]`, zero at first.

    Args:
      num_units: int, H.
      activation: function or 1.15's name for one; tanh by default.
      reuse: True takes existing variables, `tf.AUTO_REUSE` takes or makes them.
      name: str, the variable scope instead of `basic_rnn_cell`.
      dtype: of the variables; by default that of the first inputs.
      **kwargs: `trainable`.

    Raises:
      CellError, TypeError: a bad argument.

    Source: Elman 1990, "Finding structure in time", Cognitive Science 14(2);
      TensorFlow 1.15 `tf.nn.rnn_cell.BasicRNNCell`. Not included: `get_config`.
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

    @property
    def kernel(self) -> Any:
        """W `[I+H, H]`; None until built."""
        return self._kernel

    @property
    def bias(self) -> Any:
        """The bias `[H]`; None until built."""
        return self._bias

    def build(self, inputs_shape: Any) -> None:
        """Makes `kernel` and `bias` for inputs of the given shape `[B, I]`."""
        rows = self._take_width(inputs_shape) + self._num_units
        self._kernel = self.add_variable("kernel", [rows, self._num_units])
        self._bias = self.add_variable(
            "bias", [self._num_units], initializer=tf.zeros_initializer()
        )
        self.built = True

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Computes `(h', h')` from `[B, I]` and `[B, H]`."""
        total = tf.matmul(tf.concat([inputs, state], 1), self._kernel)
        output = self._activation(tf.nn.bias_add(total, self._bias))
        return output, output
