"""The GRU's recurrence for few streams, where what counts is how many operations a step has.

See `lstm_few` for why. The loops write one array each, the states and their slopes; all else
follows from these by products over all steps, behind the loop.
"""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.kernels.recurrence import Tensors, over_steps


class FewGRU:
    """Runs the equations of `GRURecurrence` with tanh; given the states, the reverse is linear.

    dzc = A dh,    e = dzc Uc^T,    [dzr, dzu] = [D e, C dh]
    dh  = u dh + r e + [dzr, dzu] Ug^T
    """

    def __init__(self, units: int) -> None:
        self._units = units
        self.written = (units,)
        self.written_back = units

    def scaled(self, arrays: Tensors) -> Tensors:
        """Returns them as they are."""
        return arrays

    def step(self, z: Tensors, state: Tensors, u: Tensors, b: Tensors) -> tuple[Tensors, Tensors]:
        """Returns h', and h' to write; z, u and b are `scaled`."""
        (h,) = state
        reset, update = _gates(z[0] + tf.matmul(h, u[0]) + b[0])
        candidate = tf.tanh(z[1] + tf.matmul(reset * h, u[1]) + b[1])
        h = update * h + (1.0 - update) * candidate
        return (h,), (h,)

    def finished(
        self, initial: Tensors, written: Tensors, z: Tensors, u: Tensors, b: Tensors
    ) -> tuple[Tensors, Tensors]:
        """Returns the states before the first step and after each, and what the reverse needs."""
        states = tf.concat([initial[0][tf.newaxis], written[0]], 0)
        before = states[:-1]
        reset, update = _gates(z[0] + over_steps(before, u[0]) + b[0])
        candidate = tf.tanh(z[1] + over_steps(reset * before, u[1]) + b[1])
        return (states,), (reset, update, candidate)

    def slopes(self, kept: Tensors, before: Tensors) -> Tensors:
        """Returns A, C, D, u and r, `[L, B, H]` each."""
        (reset, update, candidate), (h,) = kept, before
        a = (1.0 - update) * (1.0 - candidate * candidate)
        c = (h - candidate) * update * (1.0 - update)
        d = h * reset * (1.0 - reset)
        return a, c, d, update, reset

    def back(self, at: Tensors, slopes: Tensors, u: Tensors) -> tuple[Any, Tensors]:
        """Returns dh of the step before, to write and to go on with; `at` is its `slopes`."""
        (dh,), (a, c, d, update, reset) = slopes, at
        through = tf.matmul(a * dh, u[1], transpose_b=True)
        dzg = self._side_by_side(d * through, c * dh)
        dh = update * dh + reset * through + tf.matmul(dzg, u[0], transpose_b=True)
        # What is written is not what is read: else XLA copies it at every step.
        return dh, (dh,)

    def sums(self, written: Any, at: Tensors, u: Tensors, slopes: tuple[Any, Tensors]) -> Tensors:
        """Returns dzg and dzc of all steps; `at` is `slopes` of all."""
        d_outputs, (d_final,) = slopes
        dh = d_outputs + tf.concat([written[1:], d_final[tf.newaxis]], 0)
        a, c, d, _, _ = at
        dzc = a * dh
        through = over_steps(dzc, tf.transpose(u[1]))
        return self._side_by_side(d * through, c * dh), dzc

    def beside(self, at: Tensors, before: Tensors) -> Tensors:
        """Returns r * h of all steps, see `GRURecurrence.back`; `at` is `slopes` of all."""
        return (at[-1] * before[0],)

    def _side_by_side(self, one: Any, other: Any) -> Any:
        """Puts two arrays side by side, `[..., 2 H]`."""
        # Chosen by row and not concatenated, which XLA would do number by number.
        first = tf.equal(tf.range(2)[:, tf.newaxis], 0)
        both = tf.where_v2(first, tf.expand_dims(one, -2), tf.expand_dims(other, -2))
        return tf.reshape(both, tf.concat([tf.shape(one)[:-1], [2 * self._units]], 0))


def _gates(sums: Any) -> list[Any]:
    gates: list[Any] = tf.split(tf.sigmoid(sums), 2, axis=-1)
    return gates
