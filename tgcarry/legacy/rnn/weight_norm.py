"""The LSTM with normalised weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.cells import arguments
from tgcarry.cells.lstm import LSTMStateTuple
from tgcarry.legacy.rnn.base import ScopeCell, clipped, static_width


class WeightNormLSTMCell(ScopeCell):
    """Runs one step of the LSTM whose kernel's columns have learnt lengths.

        W = [g_0 * Wx / |Wx|, g_1 * Wh / |Wh|],     column by column

    and otherwise as `LSTMCell` with the same arguments. Wx and Wh are the rows of `kernel`,
    g_0 and g_1 `norm_0` and `norm_1` `[4H]`, all in `wn_lstm_cell`.

    Args:
      num_units: int, H.
      norm: whether to normalise.
      use_peepholes, cell_clip, initializer, num_proj, proj_clip, forget_bias, activation,
        reuse: as `LSTMCell`'s.

    Raises:
      CellError, TypeError: a bad argument.

    Source: Salimans and Kingma 2016, "Weight normalization", arXiv:1602.07868; TensorFlow 1.15
      `tensorflow.contrib.rnn.python.ops.rnn_cell.WeightNormLSTMCell`.
    """

    def __init__(
        self,
        num_units: int,
        norm: bool = True,
        use_peepholes: bool = False,
        cell_clip: Any = None,
        initializer: Any = None,
        num_proj: int | None = None,
        proj_clip: Any = None,
        forget_bias: float = 1,
        activation: Any = None,
        reuse: Any = None,
    ) -> None:
        super().__init__(num_units, reuse, num_proj, pair=True, name="wn_lstm_cell")
        self._norm = norm
        self._use_peepholes = use_peepholes
        self._cell_clip = cell_clip
        self._initializer = initializer
        self._num_proj = num_proj
        self._proj_clip = proj_clip
        self._forget_bias = forget_bias
        self._activation = arguments.activation_from(activation)

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Computes `(h', (c', h'))` from `[B, I]` and the state."""
        with tf.variable_scope("wn_lstm_cell", initializer=self._initializer):
            return self._step(inputs, *state)

    def _step(self, inputs: Any, c: Any, h: Any) -> tuple[Any, Any]:
        units, dtype = self._num_units, inputs.dtype.base_dtype
        product = self._product([inputs, h], 4 * units)
        bias = tf.get_variable("bias", [4 * units], dtype, tf.constant_initializer(0.0))
        i, j, f, o = tf.split(tf.nn.bias_add(product, bias), 4, axis=1)
        if self._use_peepholes:
            f_diag, i_diag, o_diag = (
                tf.get_variable(f"w_{gate}_diag", [units], dtype) for gate in "fio"
            )
        f = f + self._forget_bias
        if self._use_peepholes:
            f, i = f + f_diag * c, i + i_diag * c
        new_c = c * tf.sigmoid(f) + tf.sigmoid(i) * self._activation(j)
        new_c = clipped(new_c, self._cell_clip)
        if self._use_peepholes:
            o = o + o_diag * new_c
        new_h = tf.sigmoid(o) * self._activation(new_c)
        if self._num_proj is not None:
            with tf.variable_scope("projection"):
                new_h = clipped(self._product([new_h], self._num_proj), self._proj_clip)
        return new_h, LSTMStateTuple(new_c, new_h)

    def _product(self, args: Sequence[Any], wide: int) -> Any:
        widths = [static_width(self._name, x) for x in args]
        dtype = args[0].dtype.base_dtype
        kernel = tf.get_variable("kernel", [sum(widths), wide], dtype)
        if self._norm:
            # A loop's steps share one normalised kernel.
            with tf.control_dependencies(None):
                kernel = self._normalized(kernel, widths, wide)
        return tf.matmul(args[0] if len(args) == 1 else tf.concat(list(args), 1), kernel)

    def _normalized(self, kernel: Any, widths: Sequence[int], wide: int) -> Any:
        parts, start = [], 0
        for number, width in enumerate(widths):
            part = kernel[start : start + width, :]
            length = tf.get_variable(f"norm_{number}", [wide], kernel.dtype.base_dtype)
            parts.append(tf.math.l2_normalize(part, axis=0) * length)
            start += width
        return tf.concat(parts, axis=0)
