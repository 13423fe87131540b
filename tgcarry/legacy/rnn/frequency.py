"""Windows over a spectrum, and the LSTM that walks over them."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.cells import arguments
from tgcarry.cells.base import RNNCell
from tgcarry.errors import CellError
from tgcarry.legacy import numbering
from tgcarry.legacy.rnn.base import clipped, static_or_dynamic_rows, static_width
from tgcarry.legacy.rnn.sharding import sharded_variable


def windows(inputs: Any, start: int, count: int, skip: int, size: int) -> list[Any]:
    """Cuts `count` windows `[B, size]` from inputs `[B, I]`, each `skip` after the last."""
    return [tf.slice(inputs, [0, start + n * skip], [-1, size]) for n in range(count)]


def window_count(width: int, size: int, skip: int) -> int:
    """Returns how many windows fit into a width."""
    return int((width - size) / skip) + 1


class TimeFreqLSTMCell(RNNCell):
    """Runs one step of an LSTM through time and, inside the step, along the frequencies.

    For each window x_k of the inputs, with h_{-1} = 0:

        [i, j, f, o] = [x_k, h_k, m_{k-1}] W + b
        c_k' = clip(sigmoid(f + forget_bias + pf * c_k) * c_k + sigmoid(i + pi * c_k) * tanh(j))
        m_k  = sigmoid(o + po * c_k') * tanh(c_k')

    The output is `[m_0, m_1, ...]`, the state `[c_0, m_0, c_1, m_1, ...]`. W is `W_0`, ... in
    shards, b `B` `[4H]`, pf, pi, po `W_F_diag`, `W_I_diag`, `W_O_diag` `[H]`.

    Args:
      num_units: int, H.
      use_peepholes: bool.
      cell_clip: limit of c', or None.
      initializer: not used, as in 1.15.
      num_unit_shards: int, into how many variables W is split.
      forget_bias: float.
      feature_size: int, the windows' width.
      frequency_skip: int, from one window to the next.
      reuse: True takes existing variables.

    Raises:
      CellError, TypeError: a bad argument.

    Source: Sainath and Li 2016, "Modeling time-frequency patterns with LSTM vs. convolutional
      architectures for LVCSR tasks"; TensorFlow 1.15 `tf.contrib.rnn.TimeFreqLSTMCell`. As
      there, `state_size` is 2H, the state of one window.
    """

    def __init__(
        self,
        num_units: int,
        use_peepholes: bool = False,
        cell_clip: Any = None,
        initializer: Any = None,
        num_unit_shards: int = 1,
        forget_bias: float = 1.0,
        feature_size: int | None = None,
        frequency_skip: int = 1,
        reuse: Any = None,
    ) -> None:
        super().__init__(_reuse=reuse)
        self._num_units = arguments.width("num_units", num_units)
        self._use_peepholes = use_peepholes
        self._cell_clip = cell_clip
        self._num_unit_shards = num_unit_shards
        self._forget_bias = forget_bias
        self._feature_size = feature_size
        self._frequency_skip = frequency_skip

    @property
    def state_size(self) -> int:
        """2H."""
        return 2 * self._num_units

    @property
    def output_size(self) -> int:
        """H."""
        return self._num_units

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Computes `(output, state')` from `[B, I]` and the state."""
        if self._feature_size is None:
            raise CellError(f"{self._name} has feature_size=None: pass the windows' width")
        units, dtype = self._num_units, inputs.dtype.base_dtype
        size, skip = self._feature_size, self._frequency_skip
        count = window_count(static_width(self._name, inputs), size, skip)
        parts = windows(inputs, 0, count, skip, size)
        shape = [size + 2 * units, 4 * units]
        weights = sharded_variable("W", shape, dtype, self._num_unit_shards)
        bias = tf.get_variable("B", [4 * units], dtype, tf.zeros_initializer())
        diagonals = self._diagonals(dtype)
        below = tf.zeros([static_or_dynamic_rows(inputs), units], dtype)
        outputs, states = [], []
        for number, window in enumerate(parts):
            c, h = (tf.slice(state, [0, (2 * number + n) * units], [-1, units]) for n in (0, 1))
            product = tf.matmul(tf.concat([window, h, below], 1), weights)
            c, below = self._lstm(tf.nn.bias_add(product, bias), c, diagonals)
            outputs.append(below)
            states += [c, below]
        # 1.15 put each window's behind the others' in turn.
        with numbering.as_many(4 * count - 2):
            return tf.concat(outputs, 1), tf.concat(states, 1)

    def _diagonals(self, dtype: Any) -> dict[str, Any]:
        gates = "FIO" if self._use_peepholes else ""
        return {
            gate: tf.get_variable(f"W_{gate}_diag", [self._num_units], dtype) for gate in gates
        }

    def _lstm(self, product: Any, c: Any, diagonals: dict[str, Any]) -> tuple[Any, Any]:
        i, j, f, o = tf.split(product, 4, axis=1)
        f = f + self._forget_bias
        if diagonals:
            f, i = f + diagonals["F"] * c, i + diagonals["I"] * c
        new_c = clipped(tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(j), self._cell_clip)
        if diagonals:
            o = o + diagonals["O"] * new_c
        return new_c, tf.sigmoid(o) * tf.tanh(new_c)
