"""The simple recurrence and its reverse."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.cells.basic import BasicRNNCell
from tgcarry.kernels.recurrence import ACTIVATIONS, Tensors, flat_product, rows


class RNNRecurrence:
    """Runs `BasicRNNCell`'s equation, `h' = act(z + h U + b)`; keeps nothing but the states."""

    output = 0
    beside = ()
    projected = False
    few = None

    def __init__(self, cell: BasicRNNCell) -> None:
        self._cell = cell
        self._units = cell.num_units
        self._activation = ACTIVATIONS[cell.activation]
        self.widths = (cell.num_units,)

    def weights(self) -> Tensors:
        """Returns kernel and bias."""
        return tf.convert_to_tensor(self._cell.kernel), tf.convert_to_tensor(self._cell.bias)

    def inward(self, weights: Tensors) -> Tensors:
        """Returns W."""
        return (rows(weights[0], self._units)[0],)

    def recurrent(self, weights: Tensors) -> Tensors:
        """Returns U."""
        return (rows(weights[0], self._units)[1],)

    def biases(self, weights: Tensors) -> Tensors:
        """Returns b."""
        return (weights[1],)

    def step(self, z: Tensors, state: Tensors, u: Tensors, b: Tensors) -> tuple[Tensors, Tensors]:
        """Returns h'; there is nothing to keep."""
        return (self._activation.value(z[0] + tf.matmul(state[0], u[0]) + b[0]),), ()

    def back(
        self, slopes: Tensors, kept: Tensors, before: Tensors, after: Tensors, ut: Tensors
    ) -> tuple[Tensors, Tensors, Tensors]:
        """Returns dz and dh."""
        dz = slopes[0] * self._activation.slope(after[0])
        return (dz,), (), (tf.matmul(dz, ut[0]),)

    def gradients(
        self, x: Any, before: Tensors, beside: Tensors, dz: Tensors, totals: Tensors
    ) -> Tensors:
        """Returns the gradients of kernel and bias."""
        kernel = tf.concat([flat_product(x, dz[0]), flat_product(before[0], dz[0])], 0)
        return kernel, totals[0]
