"""A network that predicts a gradient from a state, and the scale of what it predicts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow.compat.v1 as tf

# How much of the mean square of the targets is kept from one lesson to the next.
_MEMORY = 0.99


class Predictor:
    """Is one predictor: its variables, and what it makes of a state.

        M(s) = r (W_n a_{n-1} + b_n),   a_i = relu(W_i a_{i-1} + b_i),   a_0 = s

    Args:
      hidden: units of each hidden layer.
      width: of the state, and of what is predicted.
      dtype: of both.

    Attributes:
      width: as given.
      weights: the W and b.
      variables: these, and what r is made of.
    """

    def __init__(self, hidden: Any, width: int, dtype: tf.DType) -> None:
        sizes = [width, *hidden, width]
        last = len(sizes) - 2

        def variable(name: str, shape: Sequence[int], initializer: Any) -> tf.Variable:
            return tf.get_variable(name, shape, dtype, initializer, trainable=False)

        zeros = tf.zeros_initializer()
        with tf.variable_scope(None, "synthetic", use_resource=True):
            # From 0, so that another model's variables in the graph change no first weights.
            glorot = tf.glorot_uniform_initializer(seed=0)
            self._layers = [
                (
                    variable(f"kernel_{n}", sizes[n : n + 2], zeros if n == last else glorot),
                    variable(f"bias_{n}", sizes[n + 1 : n + 2], zeros),
                )
                for n in range(last + 1)
            ]
            self._square = variable("square", [], zeros)
            self._weight = variable("weight", [], zeros)
        self.width = width
        self.weights = [v for layer in self._layers for v in layer]
        self.variables = [*self.weights, self._square, self._weight]

    def outputs(self, state: tf.Tensor) -> tf.Tensor:
        """Returns `M(s) / r`, `[B, sum of H]`."""
        *before, (kernel, bias) = self._layers
        for hidden, shift in before:
            state = tf.nn.relu(tf.matmul(state, hidden) + shift)
        return tf.matmul(state, kernel) + bias

    def scale(self) -> tf.Tensor:
        """Returns r, 1 before there was anything to predict."""
        return _root(self._square.read_value(), self._weight.read_value())

    def moved_scale(
        self, rows: tf.Tensor, squares: tf.Tensor
    ) -> tuple[tf.Tensor, Callable[[], tf.Operation]]:
        """Returns r with new targets in it, and a function that makes its assignment.

        Args:
          rows: scalar, how many targets; with none of them r stays.
          squares: scalar, the sum of their squares.
        """
        some = tf.cast(rows > 0, squares.dtype)
        numbers = tf.maximum(rows, 1) * self.width
        kept, new = 1 - some * (1 - _MEMORY), some * (1 - _MEMORY)
        square = kept * self._square.read_value() + new * (squares / numbers)
        total = kept * self._weight.read_value() + new

        def assign() -> tf.Operation:
            return tf.group(self._square.assign(square), self._weight.assign(total))

        return _root(square, total), assign


def _root(square: tf.Tensor, weight: tf.Tensor) -> tf.Tensor:
    one = tf.ones_like(square)
    some = square > 0
    return tf.where_v2(some, tf.sqrt(tf.where_v2(some, square / weight, one)), one)
