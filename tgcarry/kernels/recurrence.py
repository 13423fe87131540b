"""What the unrolling loops need to know of a cell: one step, its reverse, and its products.

A recurrence is cut so that only what depends on the state before stays in the loop:

    z_t = x_t W                            before the loop, one product for all steps;
                                            in the loop where a step has many streams
    s_t, kept_t = step(z_t, s_{t-1}, U, b)  in the loop
    dz_t, ds_{t-1} = back(ds_t, ..., U)     in the reverse loop, and what else dU needs
    dW, dU, dx  from all dz_t               behind the loop, one product each; dx like z
    db = sum of dz_t                        in the reverse loop

N is steps times streams, B the streams, I the input width, H the units.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import tensorflow.compat.v1 as tf

Tensors = tuple[Any, ...]


class Activation(NamedTuple):
    """Pairs a function with its slope, written in terms of its value."""

    value: Callable[[Any], Any]
    slope: Callable[[Any], Any]


# Only functions whose slope follows from their value: nothing else needs to be kept.
ACTIVATIONS: dict[Any, Activation] = {
    tf.tanh: Activation(tf.tanh, lambda y: 1.0 - y * y),
    tf.sigmoid: Activation(tf.sigmoid, lambda y: y * (1.0 - y)),
    tf.nn.relu: Activation(tf.nn.relu, lambda y: tf.cast(y > 0, y.dtype)),
    tf.identity: Activation(tf.identity, tf.ones_like),
}


class Recurrence(Protocol):
    """Describes one cell's arithmetic to the loops; all tensors of one float dtype."""

    widths: tuple[int, ...]
    """Width of each state leaf."""
    output: int
    """Which state leaf is the output."""
    beside: tuple[int, ...]
    """Widths of what `back` finds of a step for the weights' gradients, beside dz."""
    projected: bool
    """Whether the inputs come as z, see `Projected`."""
    few: Any
    """The same for few streams, see `FewLSTM`; None if there is nothing better."""

    def weights(self) -> Tensors:
        """Returns the cell's variables as tensors, in the order of `weight_gradients`."""
        ...

    def inward(self, weights: Tensors) -> Tensors:
        """Returns W, the matrices that the inputs are multiplied with; z is `x W`, each."""
        ...

    def recurrent(self, weights: Tensors) -> Tensors:
        """Returns U, the matrices that the state is multiplied with."""
        ...

    def biases(self, weights: Tensors) -> Tensors:
        """Returns b, `[k]` each, to be added to z in the loop, where it costs nothing."""
        ...

    def step(self, z: Tensors, state: Tensors, u: Tensors, b: Tensors) -> tuple[Tensors, Tensors]:
        """Returns the new state and what `back` wants kept, from z and s_{t-1}, `[B, k]`."""
        ...

    def back(
        self, slopes: Tensors, kept: Tensors, before: Tensors, after: Tensors, ut: Tensors
    ) -> tuple[Tensors, Tensors, Tensors]:
        """Returns dz, `beside` and the gradient at s_{t-1}, from that at s_t; `ut` is U^T."""
        ...

    def gradients(
        self, x: Any, before: Tensors, beside: Tensors, dz: Tensors, totals: Tensors
    ) -> Tensors:
        """Returns the weights' gradients, from all steps `[N, k]`; `totals` are dz summed up."""
        ...


def rows(kernel: Any, units: int) -> tuple[Any, Any]:
    """Splits a kernel `[I+H, k]` into the inputs' rows and the state's."""
    return kernel[:-units], kernel[-units:]


def flat_product(a: Any, b: Any) -> Any:
    """Computes `a^T b` over all steps: `[N, i]`, `[N, j]` to `[i, j]`."""
    return tf.matmul(a, b, transpose_a=True)


def over_steps(a: Any, matrix: Any) -> Any:
    """Computes `a matrix` at all steps by one product: `[L, B, i]`, `[i, j]` to `[L, B, j]`."""
    flat = tf.matmul(tf.reshape(a, [-1, a.shape.as_list()[-1]]), matrix)
    return tf.reshape(flat, tf.concat([tf.shape(a)[:2], tf.shape(matrix)[1:]], 0))


def transposed(matrices: Sequence[Any]) -> Tensors:
    """Transposes each matrix."""
    return tuple(tf.transpose(matrix) for matrix in matrices)
