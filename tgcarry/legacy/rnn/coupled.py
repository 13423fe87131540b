"""The LSTM whose input gate is what its forget gate leaves."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.cells import arguments
from tgcarry.cells.lstm import LSTMStateTuple
from tgcarry.legacy.rnn.base import ScopeCell, clipped, columns, static_width
from tgcarry.legacy.rnn.norm import layer_norm
from tgcarry.legacy.rnn.sharding import sharded_variable


class CoupledInputForgetGateLSTMCell(ScopeCell):
    """Runs one step of the LSTM with coupled gates, optional peepholes and projection.

        [j, f, o] = [x, h] W + b,     or normalised instead of b
        f' = sigmoid(f + forget_bias + pf * c)
        c' = f' * c + (1 - f') * activation(j)
        h' = clip((sigmoid(o + po * c') * activation(c')) P, proj_clip),     output = h'

    W is `W_0`, ... `[I+M, 3H]` in shards, b `B` `[3H]`, pf and po `W_F_diag` and `W_O_diag`
    `[H]`, P `W_P_0`, ... `[H, M]` in shards.

    Args:
      num_units: int, H.
      use_peepholes: bool.
      initializer: not used, as in 1.15.
      num_proj: int M, or None for no projection.
      proj_clip: limit of h', or None.
      num_unit_shards, num_proj_shards: ints, into how many variables W and P are split.
      forget_bias: float.
      state_is_tuple: True for `LSTMStateTuple`, False for one `[B, H+M]` tensor.
      activation: function or 1.15's name for one.
      reuse: True takes existing variables.
      layer_norm: bool.
      norm_gain, norm_shift: the normalisations' `gamma` and `beta` at first.

    Raises:
      CellError, TypeError: a bad argument.

    Source: Greff et al. 2015, "LSTM: a search space odyssey", arXiv:1503.04069; TensorFlow
      1.15 `tf.contrib.rnn.CoupledInputForgetGateLSTMCell`.
    """

    def __init__(
        self,
        num_units: int,
        use_peepholes: bool = False,
        initializer: Any = None,
        num_proj: int | None = None,
        proj_clip: Any = None,
        num_unit_shards: int = 1,
        num_proj_shards: int = 1,
        forget_bias: float = 1.0,
        state_is_tuple: bool = True,
        activation: Any = tf.tanh,
        reuse: Any = None,
        layer_norm: bool = False,
        norm_gain: float = 1.0,
        norm_shift: float = 0.0,
    ) -> None:
        super().__init__(num_units, reuse, num_proj, pair=True)
        self._use_peepholes = use_peepholes
        self._num_proj = num_proj
        self._proj_clip = proj_clip
        self._num_unit_shards = num_unit_shards
        self._num_proj_shards = num_proj_shards
        self._forget_bias = forget_bias
        self._state_is_tuple = state_is_tuple
        self._activation = arguments.activation_from(activation)
        self._layer_norm = layer_norm
        self._norm_gain = norm_gain
        self._norm_shift = norm_shift

    @property
    def state_size(self) -> Any:
        """`LSTMStateTuple(H, M)`, or H + M."""
        return self._state_size if self._state_is_tuple else sum(self._state_size)

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Computes `(h', state')` from `[B, I]` and the state."""
        c, h = state if self._state_is_tuple else columns(state, self._state_size)
        dtype = inputs.dtype.base_dtype
        j, f, o = self._gates(inputs, h)
        if self._use_peepholes:
            f_diag, o_diag = (
                tf.get_variable(f"W_{gate}_diag", [self._num_units], dtype) for gate in "FO"
            )
        f = f + self._forget_bias
        if self._use_peepholes:
            f = f + f_diag * c
        kept = tf.sigmoid(f)
        new_c = self._norm(kept * c + (1 - kept) * self._activation(j), "state")
        if self._use_peepholes:
            o = o + o_diag * new_c
        new_h = tf.sigmoid(o) * self._activation(new_c)
        if self._num_proj is not None:
            shape = [self._num_units, self._num_proj]
            weights = sharded_variable("W_P", shape, dtype, self._num_proj_shards)
            new_h = clipped(tf.matmul(new_h, weights), self._proj_clip)
        if self._state_is_tuple:
            return new_h, LSTMStateTuple(new_c, new_h)
        return new_h, tf.concat([new_c, new_h], 1)

    def _gates(self, inputs: Any, h: Any) -> list[Any]:
        dtype, wide = inputs.dtype.base_dtype, 3 * self._num_units
        rows = static_width(self._name, inputs) + self._output_size
        weights = sharded_variable("W", [rows, wide], dtype, self._num_unit_shards)
        bias = tf.get_variable("B", [wide], dtype, tf.zeros_initializer())
        product = tf.matmul(tf.concat([inputs, h], 1), weights)
        if not self._layer_norm:
            product = tf.nn.bias_add(product, bias)
        names = ("transform", "forget", "output")
        gates = tf.split(product, 3, axis=1)
        return [self._norm(gate, name) for gate, name in zip(gates, names, strict=True)]

    def _norm(self, x: Any, scope: str) -> Any:
        if not self._layer_norm:
            return x
        return layer_norm(x, scope, self._norm_gain, self._norm_shift)
