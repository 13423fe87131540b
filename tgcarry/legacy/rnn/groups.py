"""The LSTM in groups of units that do not see one another."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.cells import arguments
from tgcarry.cells.lstm import LSTMStateTuple
from tgcarry.errors import CellError
from tgcarry.legacy.rnn.base import ScopeCell, static_or_dynamic_rows, static_width
from tgcarry.legacy.rnn.linear import linear


class GLSTMCell(ScopeCell):
    """Runs one step of the group LSTM.

    Group g of G multiplies its part of the inputs and of h by a kernel of its own,
    `group{g}/kernel` `[(I+M)/G, 4H/G]`; with the biases `bias_i`, `bias_j`, `bias_f`, `bias_o`
    `[H]` the gates then work as in `LSTMCell`, and `projection/kernel` `[H, M]` follows.

    Args:
      num_units: int, H.
      initializer: of the groups' kernels; by default the scope's.
      num_proj: int M, or None for no projection.
      number_of_groups: int, G.
      forget_bias: float.
      activation: function or 1.15's name for one, of the output.
      reuse: True takes existing variables.

    Raises:
      CellError, TypeError: a bad argument, or G does not divide H, M or the inputs' width.

    Source: Kuchaiev and Ginsburg 2017, "Factorization tricks for LSTM networks",
      arXiv:1703.10722; TensorFlow 1.15 `tf.contrib.rnn.GLSTMCell`.
    """

    def __init__(
        self,
        num_units: int,
        initializer: Any = None,
        num_proj: int | None = None,
        number_of_groups: int = 1,
        forget_bias: float = 1.0,
        activation: Any = tf.tanh,
        reuse: Any = None,
    ) -> None:
        super().__init__(num_units, reuse, num_proj, pair=True)
        self._initializer = initializer
        self._num_proj = num_proj
        self._groups = arguments.width("number_of_groups", number_of_groups)
        self._forget_bias = forget_bias
        self._activation = arguments.activation_from(activation)
        self._check_divides("num_units", self._num_units)
        self._check_divides("num_proj", num_proj or 0)

    def _check_divides(self, what: str, size: int) -> None:
        if size % self._groups:
            raise CellError(
                f"{what}={size} cannot be split into {self._groups} groups: choose a multiple"
            )

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Computes `(h', (c', h'))` from `[B, I]` and the state."""
        c, h = state
        self._check_divides("the inputs' width", static_width(self._name, inputs))
        with tf.variable_scope(tf.get_variable_scope(), initializer=self._initializer):
            i, j, f, o = self._gates(inputs, h)
        new_c = tf.sigmoid(f + self._forget_bias) * c + tf.sigmoid(i) * tf.tanh(j)
        new_h = tf.sigmoid(o) * self._activation(new_c)
        if self._num_proj is not None:
            with tf.variable_scope("projection"):
                new_h = linear(new_h, self._num_proj, False)
        return new_h, LSTMStateTuple(new_c, new_h)

    def _gates(self, inputs: Any, h: Any) -> list[Any]:
        parts, rows = [], static_or_dynamic_rows(inputs)
        widths = [static_width(self._name, x) // self._groups for x in (inputs, h)]
        for group in range(self._groups):
            with tf.variable_scope(f"group{group}"):
                own = [
                    tf.slice(x, [0, group * width], [rows, width])
                    for x, width in zip((inputs, h), widths, strict=True)
                ]
                both = tf.concat(own, 1)
                product = linear(both, 4 * self._num_units // self._groups, False)
                parts.append(tf.split(product, 4, axis=1))
        dtype, zeros = inputs.dtype.base_dtype, tf.zeros_initializer()
        biases = [
            tf.get_variable(f"bias_{gate}", [self._num_units], dtype, zeros) for gate in "ijfo"
        ]
        return [
            tf.nn.bias_add(tf.concat(list(gate), 1), bias)
            for gate, bias in zip(zip(*parts, strict=True), biases, strict=True)
        ]
