"""LSTMs with layer normalisation."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.cells import arguments
from tgcarry.cells.lstm import LSTMStateTuple
from tgcarry.legacy.rnn.base import ScopeCell, clipped, static_width
from tgcarry.legacy.rnn.linear import linear
from tgcarry.legacy.rnn.norm import layer_norm


class LayerNormBasicLSTMCell(ScopeCell):
    """Runs one step of the LSTM with normalised gates and recurrent dropout.

        [i, j, f, o] = [x, h] W,     each normalised over its units
        c' = norm(sigmoid(f + forget_bias) * c + sigmoid(i) * dropout(activation(j)))
        h' = activation(c') * sigmoid(o),     output = h'

    W is `kernel` `[I+H, 4H]`; each normalisation has `gamma` and `beta` `[H]`, in `input`,
    `transform`, `forget`, `output` and `state`. Without normalisation `bias` `[4H]` is added.

    Args:
      num_units: int, H.
      forget_bias: float.
      input_size: not used.
      activation: function or 1.15's name for one.
      layer_norm: bool.
      norm_gain, norm_shift: `gamma` and `beta` at first.
      dropout_keep_prob: float or tensor; the float 1.0 for no dropout.
      dropout_prob_seed: int, its seed.
      reuse: True takes existing variables.

    Raises:
      CellError, TypeError: a bad argument.

    Source: Ba, Kiros and Hinton 2016, arXiv:1607.06450; Semeniuta, Severyn and Barth 2016,
      "Recurrent dropout without memory loss", arXiv:1603.05118; TensorFlow 1.15
      `tf.contrib.rnn.LayerNormBasicLSTMCell`.
    """

    def __init__(
        self,
        num_units: int,
        forget_bias: float = 1.0,
        input_size: Any = None,
        activation: Any = tf.tanh,
        layer_norm: bool = True,
        norm_gain: float = 1.0,
        norm_shift: float = 0.0,
        dropout_keep_prob: Any = 1.0,
        dropout_prob_seed: int | None = None,
        reuse: Any = None,
    ) -> None:
        super().__init__(num_units, reuse, pair=True)
        self._forget_bias = forget_bias
        self._activation = arguments.activation_from(activation)
        self._layer_norm = layer_norm
        self._norm_gain = norm_gain
        self._norm_shift = norm_shift
        self._keep_prob = dropout_keep_prob
        self._seed = dropout_prob_seed

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Computes `(h', (c', h'))` from `[B, I]` and the state."""
        c, h = state
        gates = tf.split(self._product(tf.concat([inputs, h], 1)), 4, axis=1)
        names = ("input", "transform", "forget", "output")
        i, j, f, o = (self._norm(gate, name) for gate, name in zip(gates, names, strict=True))
        candidate = self._activation(j)
        if not isinstance(self._keep_prob, float) or self._keep_prob < 1:
            candidate = tf.nn.dropout(candidate, self._keep_prob, seed=self._seed)
        new_c = c * tf.sigmoid(f + self._forget_bias) + tf.sigmoid(i) * candidate
        new_c = self._norm(new_c, "state")
        new_h = self._activation(new_c) * tf.sigmoid(o)
        return new_h, LSTMStateTuple(new_c, new_h)

    def _product(self, x: Any) -> Any:
        dtype, wide = x.dtype.base_dtype, 4 * self._num_units
        kernel = tf.get_variable("kernel", [static_width(self._name, x), wide], dtype=dtype)
        product = tf.matmul(x, kernel)
        if self._layer_norm:
            return product
        return tf.nn.bias_add(product, tf.get_variable("bias", [wide], dtype=dtype))

    def _norm(self, x: Any, scope: str) -> Any:
        if not self._layer_norm:
            return x
        return layer_norm(x, scope, self._norm_gain, self._norm_shift, x.dtype.base_dtype)


class LayerNormLSTMCell(ScopeCell):
    """Runs one step of the LSTM with optional peepholes, projection, clips and normalisation.

        [i, j, f, o] = [x, h] W + b,     or normalised instead of b
        c' = sigmoid(f + forget_bias + pf * c) * c + sigmoid(i + pi * c) * activation(j)
        c' = clip(norm(c'), cell_clip)
        h' = clip((sigmoid(o + po * c') * activation(c')) P, proj_clip),     output = h'

    W is `kernel`, b `bias` (there even where it is not used), pf, pi, po `w_f_diag`,
    `w_i_diag`, `w_o_diag` and P `projection/kernel`; the normalisations' variables are as
    `LayerNormBasicLSTMCell`'s.

    Args: see `tf.nn.rnn_cell.LSTMCell` and `LayerNormBasicLSTMCell`.

    Raises:
      CellError, TypeError: a bad argument.

    Source: TensorFlow 1.15 `tensorflow.contrib.rnn.python.ops.rnn_cell.LayerNormLSTMCell`.
    """

    def __init__(
        self,
        num_units: int,
        use_peepholes: bool = False,
        cell_clip: Any = None,
        initializer: Any = None,
        num_proj: int | None = None,
        proj_clip: Any = None,
        forget_bias: float = 1.0,
        activation: Any = None,
        layer_norm: bool = False,
        norm_gain: float = 1.0,
        norm_shift: float = 0.0,
        reuse: Any = None,
    ) -> None:
        super().__init__(num_units, reuse, num_proj, pair=True)
        self._use_peepholes = use_peepholes
        self._cell_clip = cell_clip
        self._initializer = initializer
        self._num_proj = num_proj
        self._proj_clip = proj_clip
        self._forget_bias = forget_bias
        self._activation = arguments.activation_from(activation)
        self._layer_norm = layer_norm
        self._norm_gain = norm_gain
        self._norm_shift = norm_shift

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Computes `(h', (c', h'))` from `[B, I]` and the state."""
        with tf.variable_scope(tf.get_variable_scope(), initializer=self._initializer):
            return self._step(inputs, *state)

    def _step(self, inputs: Any, c: Any, h: Any) -> tuple[Any, Any]:
        i, j, f, o = self._gates([inputs, h])
        if self._use_peepholes:
            f_diag, i_diag, o_diag = (
                tf.get_variable(f"w_{gate}_diag", [self._num_units], dtype=inputs.dtype.base_dtype)
                for gate in "fio"
            )
        f = f + self._forget_bias
        if self._use_peepholes:
            f, i = f + f_diag * c, i + i_diag * c
        new_c = tf.sigmoid(f) * c + tf.sigmoid(i) * self._activation(j)
        new_c = clipped(self._norm(new_c, "state"), self._cell_clip)
        if self._use_peepholes:
            o = o + o_diag * new_c
        new_h = tf.sigmoid(o) * self._activation(new_c)
        if self._num_proj is not None:
            with tf.variable_scope("projection"):
                new_h = clipped(linear(new_h, self._num_proj, False), self._proj_clip)
        return new_h, LSTMStateTuple(new_c, new_h)

    def _gates(self, args: list[Any]) -> list[Any]:
        wide = 4 * self._num_units
        product = linear(args, wide, not self._layer_norm)
        if self._layer_norm:
            # 1.15 makes the bias and leaves it out: checkpoints hold it.
            zeros = tf.zeros_initializer()
            tf.get_variable("bias", [wide], product.dtype.base_dtype, zeros, partitioner=None)
        names = ("input", "transform", "forget", "output")
        gates = tf.split(product, 4, axis=1)
        return [self._norm(gate, name) for gate, name in zip(gates, names, strict=True)]

    def _norm(self, x: Any, scope: str) -> Any:
        if not self._layer_norm:
            return x
        return layer_norm(x, scope, self._norm_gain, self._norm_shift)
