"""A recurrence whose inputs were multiplied before: where one input is read at many steps."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.kernels.recurrence import Recurrence, Tensors


class Projected:
    """Runs a recurrence on z instead of x: its parts side by side, `[L, B, sum of k]`.

        z_t = x_t W        outside, where x may be multiplied once and read at several steps

    Its weights have only the state's rows of the kernels.

    Args:
      recurrence: the cell's arithmetic; its cell is built.
    """

    projected = True

    def __init__(self, recurrence: Recurrence) -> None:
        self._of = recurrence
        self.widths, self.output, self.few = recurrence.widths, recurrence.output, recurrence.few
        # How a cell computes a step does not depend on where its input was multiplied.
        self.inward, self.recurrent = recurrence.inward, recurrence.recurrent
        self.biases, self.step, self.back = recurrence.biases, recurrence.step, recurrence.back
        self.gradients, self.beside = recurrence.gradients, recurrence.beside

    def matrix(self) -> Any:
        """Returns W, all its parts side by side, `[I, sum of k]`."""
        return tf.concat(self._of.inward(self._of.weights()), 1)

    def weights(self) -> Tensors:
        """Returns the cell's variables as tensors, the kernels without the inputs' rows."""
        whole = self._of.weights()
        above = self._of.inward(whole)[0].shape.as_list()[0]
        return tuple(w[above:] if w.shape.rank == 2 else w for w in whole)
