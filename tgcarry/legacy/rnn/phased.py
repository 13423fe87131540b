"""The LSTM whose units open and close in a rhythm."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.cells.lstm import LSTMStateTuple
from tgcarry.legacy.rnn.base import ScopeCell
from tgcarry.legacy.rnn.linear import linear


class PhasedLSTMCell(ScopeCell):
    """Runs one step of the phased LSTM; the inputs are a time and features.

        [i, f] = sigmoid([x, h, c] Wm + bm),    j = tanh([x, h] Wn + bn)
        c~ = f * c + i * j,     h~ = tanh(c~) * sigmoid([x, h, c~] Wo + bo)
        r  = ((t - phase) mod period) / period
        k  = 2 r / on             where r < on / 2
             2 - 2 r / on         where r < on
             leak * r             elsewhere
        c' = k * c~ + (1 - k) * c,     h' = k * h~ + (1 - k) * h,     output = h'

    c and c~ enter the products only with `use_peepholes`. Wm, bm are `kernel` and `bias` in
    `mask_gates`, Wn, bn in `new_input`, Wo, bo in `output_gate`; `period`, `phase` and
    `ratio_on` are `[H]`.

    Args:
      num_units: int, H.
      use_peepholes: bool.
      leak: float.
      ratio_on: float, `ratio_on` at first.
      trainable_ratio_on: bool.
      period_init_min, period_init_max: floats, between which `period` starts, evenly in its
        logarithm.
      reuse: True takes existing variables.

    Raises:
      CellError, TypeError: a bad argument.

    Source: Neil, Pfeiffer and Liu 2016, "Phased LSTM", arXiv:1610.09513; TensorFlow 1.15
      `tf.contrib.rnn.PhasedLSTMCell`.
    """

    def __init__(
        self,
        num_units: int,
        use_peepholes: bool = False,
        leak: Any = 0.001,
        ratio_on: Any = 0.1,
        trainable_ratio_on: bool = True,
        period_init_min: Any = 1.0,
        period_init_max: Any = 1000.0,
        reuse: Any = None,
    ) -> None:
        super().__init__(num_units, reuse, pair=True)
        self._use_peepholes = use_peepholes
        self._leak = leak
        self._ratio_on = ratio_on
        self._trainable_ratio_on = trainable_ratio_on
        self._period_range = period_init_min, period_init_max

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Computes `(h', (c', h'))` from the inputs `([B, 1], [B, I])` and the state."""
        (time, x), (c, h) = inputs, state
        units = self._num_units
        with tf.variable_scope("mask_gates"):
            gates = tf.sigmoid(linear(self._seen(x, h, c), 2 * units, True))
            i, f = tf.split(gates, 2, axis=1)
        with tf.variable_scope("new_input"):
            j = tf.tanh(linear([x, h], units, True))
        open_c = c * f + i * j
        with tf.variable_scope("output_gate"):
            o = tf.sigmoid(linear(self._seen(x, h, open_c), units, True))
        open_h = tf.tanh(open_c) * o
        k = self._openness(time)
        new_c = k * open_c + (1 - k) * c
        new_h = k * open_h + (1 - k) * h
        return new_h, LSTMStateTuple(new_c, new_h)

    def _seen(self, x: Any, h: Any, c: Any) -> list[Any]:
        return [x, h, c] if self._use_peepholes else [x, h]

    def _openness(self, time: Any) -> Any:
        units = [self._num_units]
        period = tf.get_variable("period", units, initializer=log_uniform(*self._period_range))
        phase = tf.get_variable(
            "phase",
            units,
            initializer=tf.random_uniform_initializer(0.0, period.initial_value),
        )
        ratio_on = tf.get_variable(
            "ratio_on",
            units,
            initializer=tf.constant_initializer(self._ratio_on),
            trainable=self._trainable_ratio_on,
        )
        shifted = time - tf.cast(phase, time.dtype)
        whole = tf.cast(period, time.dtype)
        # The remainder's gradient is taken to be the time's own.
        rest = tf.stop_gradient(tf.math.floormod(shifted, whole) - shifted) + shifted
        ratio = tf.cast(rest / whole, tf.float32)
        rising = 2 * ratio / ratio_on
        k = tf.where(ratio < ratio_on, 2 - rising, self._leak * ratio)
        return tf.where(ratio < 0.5 * ratio_on, rising, k)


def log_uniform(minval: Any, maxval: Any, seed: Any = None, dtype: Any = tf.float32) -> Any:
    """Returns an initialiser whose values' logarithms are even between those of two limits.

    Args:
      minval: the lower limit, a number or a scalar above 0.
      maxval: the upper one.
      seed: int, or None.
      dtype: of the values, where the variable does not say.

    Source: TensorFlow 1.15
      `tensorflow.contrib.rnn.python.ops.rnn_cell._random_exp_initializer`.
    """

    def initializer(shape: Any, dtype: Any = dtype, partition_info: Any = None) -> Any:
        low, high = tf.math.log(minval), tf.math.log(maxval)
        return tf.exp(tf.random_uniform(shape, low, high, dtype, seed))

    return initializer
