"""Cells with few gates: one for time, or one for time and one for depth."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.cells import arguments
from tgcarry.errors import CellError
from tgcarry.legacy.rnn.base import ScopeCell, static_width
from tgcarry.legacy.rnn.linear import linear


class UGRNNCell(ScopeCell):
    """Runs one step of the update-gate network.

        [g, c] = [x, h] W + b
        h' = sigmoid(g + forget_bias) * h + (1 - sigmoid(g + forget_bias)) * activation(c)

    W is `kernel` `[I+H, 2H]`, b `bias` `[2H]`; the output is h'.

    Args:
      num_units: int, H.
      initializer: of W; by default the scope's.
      forget_bias: float.
      activation: function or 1.15's name for one.
      reuse: True takes existing variables.

    Raises:
      CellError, TypeError: a bad argument.

    Source: Collins, Sohl-Dickstein and Sussillo 2016, "Capacity and trainability in recurrent
      neural networks", arXiv:1611.09913; TensorFlow 1.15 `tf.contrib.rnn.UGRNNCell`.
    """

    def __init__(
        self,
        num_units: int,
        initializer: Any = None,
        forget_bias: float = 1.0,
        activation: Any = tf.tanh,
        reuse: Any = None,
    ) -> None:
        super().__init__(num_units, reuse)
        self._initializer = initializer
        self._forget_bias = forget_bias
        self._activation = arguments.activation_from(activation)

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Computes `(h', h')` from `[B, I]` and `[B, H]`."""
        static_width(self._name, inputs)
        with tf.variable_scope(tf.get_variable_scope(), initializer=self._initializer):
            both = linear(tf.concat([inputs, state], 1), 2 * self._num_units, True)
            gate, candidate = tf.split(both, 2, axis=1)
            candidate = self._activation(candidate)
            kept = tf.sigmoid(gate + self._forget_bias)
            new = kept * state + (1.0 - kept) * candidate
        return new, new


class IntersectionRNNCell(ScopeCell):
    """Runs one step of the intersection network, gated through time and through depth.

        x  = x Wi + bi,     if its width is not H
        [gh, h~, gy, y] = [x, h] W + b
        h' = sigmoid(gh + forget_bias) * h + (1 - sigmoid(gh + forget_bias)) * tanh(h~)
        output = sigmoid(gy + forget_bias) * x
                 + (1 - sigmoid(gy + forget_bias)) * y_activation(y)

    Wi, bi are `kernel` and `bias` in `in_projection`, W is `kernel` `[2H, 4H]`, b `bias`.

    Args:
      num_units: int, H.
      num_in_proj: int, given where the inputs' width is not H, or None.
      initializer: of the kernels; by default the scope's.
      forget_bias: float.
      y_activation: function or 1.15's name for one; relu by default.
      reuse: True takes existing variables.

    Raises:
      CellError, TypeError: a bad argument, or inputs of another width without projection.

    Source: as `UGRNNCell`; TensorFlow 1.15 `tf.contrib.rnn.IntersectionRNNCell`.
    """

    def __init__(
        self,
        num_units: int,
        num_in_proj: int | None = None,
        initializer: Any = None,
        forget_bias: float = 1.0,
        y_activation: Any = tf.nn.relu,
        reuse: Any = None,
    ) -> None:
        super().__init__(num_units, reuse)
        self._num_in_proj = num_in_proj
        self._initializer = initializer
        self._forget_bias = forget_bias
        self._y_activation = arguments.activation_from(y_activation)

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Computes `(output, h')` from `[B, I]` and `[B, H]`."""
        with tf.variable_scope(tf.get_variable_scope(), initializer=self._initializer):
            inputs = self._projected(inputs)
            whole = linear(tf.concat([inputs, state], 1), 4 * self._num_units, True)
            units = self._num_units
            parts = [whole[:, n * units : (n + 1) * units] for n in range(4)]
            time_gate, hidden, depth_gate, output = parts
            hidden, output = tf.tanh(hidden), self._y_activation(output)
            through_time = tf.sigmoid(time_gate + self._forget_bias)
            through_depth = tf.sigmoid(depth_gate + self._forget_bias)
            new_state = through_time * state + (1.0 - through_time) * hidden
            return through_depth * inputs + (1.0 - through_depth) * output, new_state

    def _projected(self, inputs: Any) -> Any:
        width = static_width(self._name, inputs)
        if width == self._num_units:
            return inputs
        if not self._num_in_proj:
            raise CellError(
                f"{self._name} has {self._num_units} units, but its inputs are {width} wide: "
                f"pass num_in_proj={self._num_units}"
            )
        with tf.variable_scope("in_projection"):
            return linear(inputs, self._num_units, True)
