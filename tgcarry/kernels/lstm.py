"""The LSTM's recurrence and its reverse, without peepholes, projection and clipping."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.cells.lstm import BasicLSTMCell, LSTMCell
from tgcarry.kernels.lstm_few import FewLSTM
from tgcarry.kernels.recurrence import ACTIVATIONS, Tensors, flat_product, rows


class LSTMRecurrence:
    """Runs `BasicLSTMCell`'s equations; keeps each gate and the new memory's content.

        [i, f, o] = sigmoid(zs + h Us + bs),     j = act(zj + h Uj + bj)
        c' = f * c + i * j,                      h' = o * act(c')

    The kernel's columns i, j, f, o are taken apart as [i, f, o] and [j], so that one sigmoid
    covers what lies side by side; the forget bias goes into bs.
    """

    output = 1
    beside = ()
    projected = False

    def __init__(self, cell: BasicLSTMCell | LSTMCell) -> None:
        self._cell = cell
        self._units = cell.num_units
        self._activation = ACTIVATIONS[cell.activation]
        self.widths = (cell.num_units, cell.num_units)
        self.few = FewLSTM(cell.num_units) if cell.activation is tf.tanh else None

    def weights(self) -> Tensors:
        """Returns kernel and bias."""
        return tf.convert_to_tensor(self._cell.kernel), tf.convert_to_tensor(self._cell.bias)

    def inward(self, weights: Tensors) -> Tensors:
        """Returns `[Ws, Wj]` side by side, one matrix `[I, 4H]`."""
        return (tf.concat(_apart(rows(weights[0], self._units)[0]), 1),)

    def recurrent(self, weights: Tensors) -> Tensors:
        """Returns `[Us, Uj]` side by side, one matrix `[H, 4H]`."""
        return (tf.concat(_apart(rows(weights[0], self._units)[1]), 1),)

    def biases(self, weights: Tensors) -> Tensors:
        """Returns bs, with the forget bias in it, and bj."""
        gates, content = _apart(weights[1])
        forget = tf.convert_to_tensor(self._cell.forget_bias, gates.dtype)
        zero = tf.zeros([self._units], gates.dtype)
        return gates + tf.concat([zero, zero + forget, zero], 0), content

    def step(self, z: Tensors, state: Tensors, u: Tensors, b: Tensors) -> tuple[Tensors, Tensors]:
        """Returns c' and h', and i, f, o and j to keep.

        Each on its own: where the reverse takes several slices of one array's step, XLA works
        out the step at every number, and does not vectorise.
        """
        c, h = state
        sums = z[0] + tf.matmul(h, u[0])
        for_gates, for_content = tf.split(sums, [3 * self._units, self._units], axis=1)
        gates = tf.sigmoid(for_gates + b[0])
        content = self._activation.value(for_content + b[1])
        i, f, o = tf.split(gates, 3, axis=1)
        c = f * c + i * content
        return (c, o * self._activation.value(c)), (i, f, o, content)

    def back(
        self, slopes: Tensors, kept: Tensors, before: Tensors, after: Tensors, ut: Tensors
    ) -> tuple[Tensors, Tensors, Tensors]:
        """Returns dzs, dzj, dc and dh."""
        (dc, dh), (i, f, o, j) = slopes, kept
        shown = self._activation.value(after[0])
        dc += dh * o * self._activation.slope(shown)
        dzi = dc * j * i * (1.0 - i)
        dzf = dc * before[0] * f * (1.0 - f)
        dzo = dh * shown * o * (1.0 - o)
        dzj = dc * i * self._activation.slope(j)
        dz = tf.concat([dzi, dzf, dzo, dzj], 1)
        return (dz,), (), (dc * f, tf.matmul(dz, ut[0]))

    def gradients(
        self, x: Any, before: Tensors, beside: Tensors, dz: Tensors, totals: Tensors
    ) -> Tensors:
        """Returns the gradients of kernel and bias, columns i, j, f, o."""
        kernel = tf.concat([flat_product(x, dz[0]), flat_product(before[1], dz[0])], 0)
        return _together(kernel), _together(totals[0])


def _apart(columns: Any) -> tuple[Any, Any]:
    """Takes columns i, j, f, o apart as [i, f, o] and [j]."""
    i, j, f, o = tf.split(columns, 4, axis=-1)
    return tf.concat([i, f, o], -1), j


def _together(columns: Any) -> Any:
    """Puts columns i, f, o, j back into the kernel's order."""
    i, f, o, j = tf.split(columns, 4, axis=-1)
    return tf.concat([i, j, f, o], -1)
