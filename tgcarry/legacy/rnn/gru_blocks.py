"""GRUs that 1.15 computed by one kernel."""

from __future__ import annotations

from typing import Any, ClassVar

import tensorflow.compat.v1 as tf

from tgcarry.cells.matrix import MatrixCell
from tgcarry.errors import CellError
from tgcarry.legacy import numbering


class GRUBlockCell(MatrixCell):
    """Runs one step of the gated recurrent unit; equations as `GRUCell`'s.

        [r, u] = sigmoid([x, h] Wg + bg)
        h'     = u * h + (1 - u) * tanh([x, r * h] Wc + bc),     output = h'

    Wg is `w_ru` `[I+H, 2H]`, bg `b_ru` `[2H]`, one at first, Wc `w_c` `[I+H, H]` and bc `b_c`
    `[H]`, in `gru_cell`.

    Args:
      num_units: int, H.
      cell_size: an older name of `num_units`.
      reuse: True takes existing variables.
      name: str, the variable scope.

    Raises:
      CellError, TypeError: a bad argument, or not exactly one of the first two.

    Source: TensorFlow 1.15 `tf.contrib.rnn.GRUBlockCell`.
    """

    _names: ClassVar[tuple[str, ...]] = ("w_ru", "b_ru", "w_c", "b_c")

    def __init__(
        self,
        num_units: int | None = None,
        cell_size: int | None = None,
        reuse: Any = None,
        name: str | None = "gru_cell",
    ) -> None:
        if (num_units is None) == (cell_size is None):
            raise CellError(
                f"num_units={num_units!r} and cell_size={cell_size!r}: pass one, num_units"
            )
        super().__init__(num_units or cell_size, None, reuse, name, None)
        self._variables: list[Any] = []

    def build(self, inputs_shape: Any) -> None:
        """Makes the four variables for inputs of the given shape `[B, I]`."""
        units = self._num_units
        rows = self._take_width(inputs_shape) + units
        shapes = [[rows, 2 * units], [2 * units], [rows, units], [units]]
        starts = [None, tf.constant_initializer(1.0), None, tf.constant_initializer(0.0)]
        self._variables = [
            self.add_variable(name, shape, initializer=start)
            for name, shape, start in zip(self._names, shapes, starts, strict=True)
        ]
        self.built = True

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Computes `(h', h')` from `[B, I]` and `[B, H]`."""
        # 1.15's kernel was one operation.
        with numbering.as_many(1):
            output = self._step(inputs, state)
        return output, output

    def _step(self, inputs: Any, state: Any) -> Any:
        gate_kernel, gate_bias, candidate_kernel, candidate_bias = self._variables
        gates = tf.matmul(tf.concat([inputs, state], 1), gate_kernel)
        reset, update = tf.split(tf.sigmoid(tf.nn.bias_add(gates, gate_bias)), 2, axis=1)
        candidate = tf.matmul(tf.concat([inputs, reset * state], 1), candidate_kernel)
        candidate = tf.tanh(tf.nn.bias_add(candidate, candidate_bias))
        return update * state + (1 - update) * candidate


class GRUBlockCellV2(GRUBlockCell):
    """Runs one step of `GRUBlockCell` with the variable names of `GRUCell`.

    Source: TensorFlow 1.15 `tf.contrib.rnn.GRUBlockCellV2`.
    """

    _names: ClassVar[tuple[str, ...]] = (
        "gates/kernel",
        "gates/bias",
        "candidate/kernel",
        "candidate/bias",
    )
