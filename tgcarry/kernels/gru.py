"""The gated recurrent unit's recurrence and its reverse."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.cells.gru import GRUCell
from tgcarry.kernels.gru_few import FewGRU
from tgcarry.kernels.recurrence import ACTIVATIONS, Tensors, flat_product, rows


class GRURecurrence:
    """Runs `GRUCell`'s equations; keeps both gates and the candidate.

    [r, u] = sigmoid(zg + h Ug + bg)
    c      = act(zc + (r * h) Uc + bc)
    h'     = u * h + (1 - u) * c
    """

    output = 0
    projected = False

    def __init__(self, cell: GRUCell) -> None:
        self._cell = cell
        self._units = cell.num_units
        self._activation = ACTIVATIONS[cell.activation]
        self.widths = self.beside = (cell.num_units,)
        self.few = FewGRU(cell.num_units) if cell.activation is tf.tanh else None

    def weights(self) -> Tensors:
        """Returns both kernels, each with its bias behind it."""
        cell = self._cell
        held = (cell.gate_kernel, cell.gate_bias, cell.candidate_kernel, cell.candidate_bias)
        return tuple(tf.convert_to_tensor(variable) for variable in held)

    def inward(self, weights: Tensors) -> Tensors:
        """Returns Wg and Wc."""
        return tuple(rows(weights[i], self._units)[0] for i in (0, 2))

    def recurrent(self, weights: Tensors) -> Tensors:
        """Returns Ug and Uc."""
        return rows(weights[0], self._units)[1], rows(weights[2], self._units)[1]

    def biases(self, weights: Tensors) -> Tensors:
        """Returns bg and bc."""
        return weights[1], weights[3]

    def step(self, z: Tensors, state: Tensors, u: Tensors, b: Tensors) -> tuple[Tensors, Tensors]:
        """Returns h', and the gates and candidate to keep."""
        (h,) = state
        gates = tf.sigmoid(z[0] + tf.matmul(h, u[0]) + b[0])
        reset, update = tf.split(gates, 2, axis=1)
        candidate = self._activation.value(z[1] + tf.matmul(reset * h, u[1]) + b[1])
        return (update * h + (1.0 - update) * candidate,), (reset, update, candidate)

    def back(
        self, slopes: Tensors, kept: Tensors, before: Tensors, after: Tensors, ut: Tensors
    ) -> tuple[Tensors, Tensors, Tensors]:
        """Returns dzg and dzc, r * h and dh."""
        (dh,), (h,), (reset, update, candidate) = slopes, before, kept
        dzc = dh * (1.0 - update) * self._activation.slope(candidate)
        through = tf.matmul(dzc, ut[1])
        dzr = through * h * reset * (1.0 - reset)
        dzu = dh * (h - candidate) * update * (1.0 - update)
        dzg = tf.concat([dzr, dzu], 1)
        earlier = dh * update + through * reset + tf.matmul(dzg, ut[0])
        return (dzg, dzc), (reset * h,), (earlier,)

    def gradients(
        self, x: Any, before: Tensors, beside: Tensors, dz: Tensors, totals: Tensors
    ) -> Tensors:
        """Returns the gradients of kernels and biases."""
        (dzg, dzc), (h,), (cut,) = dz, before, beside
        return (
            tf.concat([flat_product(x, dzg), flat_product(h, dzg)], 0),
            totals[0],
            tf.concat([flat_product(x, dzc), flat_product(cut, dzc)], 0),
            totals[1],
        )
