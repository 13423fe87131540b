"""The LSTM's recurrence for few streams, where what counts is how many operations a step has.

Up to eight of them, XLA runs a turn of the loop as it is written; from nine on it keeps book of
what each one waits for, which takes longer than such small operations do.
"""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.kernels.recurrence import Tensors


class FewLSTM:
    """Runs the equations of `LSTMRecurrence` with tanh; whatever can wait is left to whole arrays.

    With sigmoid(z) = (1 + tanh(z / 2)) / 2, one tanh yields y, of which the gates and j follow.
    Given y and the memories, the reverse is linear in the slopes:

        dz = P dc + Q dh,      dc = f dc + f o (1 - tanh(c')^2) dh
    """

    def __init__(self, units: int) -> None:
        self._units = units
        self.written = (units, 4 * units)
        self.written_back = 4 * units

    def scaled(self, arrays: Tensors) -> Tensors:
        """Halves what belongs to the gates, in columns i, f, o, j."""
        columns = tf.concat(arrays, -1)
        factors = tf.constant([[0.5], [0.5], [0.5], [1.0]], columns.dtype)
        return (columns * tf.reshape(tf.tile(factors, [1, self._units]), [4 * self._units]),)

    def step(self, z: Tensors, state: Tensors, u: Tensors, b: Tensors) -> tuple[Tensors, Tensors]:
        """Returns c' and h', and what to write, c' and y; z, u and b are `scaled`."""
        c, h = state
        y = tf.tanh(z[0] + tf.matmul(h, u[0]) + b[0])
        i, f, o, j = _parts(y, 1)
        c = f * c + i * j
        return (c, o * tf.tanh(c)), (c, y)

    def finished(
        self, initial: Tensors, written: Tensors, z: Tensors, u: Tensors, b: Tensors
    ) -> tuple[Tensors, Tensors]:
        """Returns the states before the first step and after each, and what the reverse needs."""
        c, y = written
        shown = tf.tanh(c)
        _, _, o, _ = _parts(y, 2)
        pairs = zip(initial, (c, o * shown), strict=True)
        return tuple(tf.concat([s[tf.newaxis], a], 0) for s, a in pairs), (y, shown)

    def slopes(self, kept: Tensors, before: Tensors) -> Tensors:
        """Returns P and Q, `[L, B, 4, H]`, and what dc is of dh and of itself, `[L, B, H]`."""
        y, shown = kept
        i, f, o, j = _parts(y, 2)
        # Chosen by row and not concatenated, which XLA would do number by number.
        row = tf.range(4)[:, tf.newaxis]
        of_o = tf.equal(row, 2)
        others = _chosen(row, (j, before[0], shown, i))
        values = tf.reshape(y, tf.concat([tf.shape(y)[:2], [4, self._units]], 0))
        # A gate's slope is a quarter of its tanh's: half of the argument, half of the value.
        share = tf.constant([[0.25], [0.25], [0.25], [1.0]], y.dtype)
        factor = share * (1.0 - values * values) * others
        through = o * (1.0 - shown * shown)
        p = tf.where_v2(of_o, tf.zeros_like(factor), factor)
        q = tf.where_v2(of_o, factor, factor * tf.expand_dims(through, 2))
        return p, q, through * f, f

    def back(self, at: Tensors, slopes: Tensors, u: Tensors) -> tuple[Any, Tensors]:
        """Returns dz, and dc and dh, from those of the step behind; `at` is its `slopes`."""
        (dc, dh), (p, q, of_dh, of_dc) = slopes, at
        dz = p * tf.expand_dims(dc, 1) + q * tf.expand_dims(dh, 1)
        dz = tf.reshape(dz, [-1, 4 * self._units])
        return dz, (dc * of_dc + dh * of_dh, tf.matmul(dz, u[0], transpose_b=True))

    def sums(self, written: Any, at: Tensors, u: Tensors, slopes: tuple[Any, Tensors]) -> Tensors:
        """Returns dz of all steps, which is what was written."""
        return (written,)

    def beside(self, at: Tensors, before: Tensors) -> Tensors:
        """Returns nothing."""
        return ()


def _parts(y: Any, axis: int) -> Tensors:
    i, f, o, j = tf.split(y, 4, axis=axis)
    return (*(0.5 + 0.5 * gate for gate in (i, f, o)), j)


def _chosen(row: Any, arrays: Tensors) -> Any:
    """Puts four arrays `[L, B, H]` side by side, `[L, B, 4, H]`."""
    chosen = tf.expand_dims(arrays[3], 2)
    for n in range(3):
        chosen = tf.where_v2(tf.equal(row, n), tf.expand_dims(arrays[n], 2), chosen)
    return chosen
