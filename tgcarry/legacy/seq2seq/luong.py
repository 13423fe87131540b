"""Attention that scores a memory by products with the query."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.errors import CellError
from tgcarry.legacy.seq2seq.mechanism import MemoryAttention, without_state
from tgcarry.legacy.seq2seq.monotonic import MonotonicAttention, monotonic_probability_fn
from tgcarry.legacy.seq2seq.projection import dense


def luong_score(query: Any, keys: Any, scale: Any) -> Any:
    """Computes scale * keys · query, `[B, L]` from `[B, U]` and `[B, L, U]`.

    Raises:
      CellError: query and keys differ in width.
    """
    depth = tf.dimension_value(query.get_shape()[-1])
    units = tf.dimension_value(keys.get_shape()[-1])
    if depth != units and None not in (depth, units):
        raise CellError(
            f"the query has {depth} units and the keys have {units}: make num_units the "
            f"cell's, {depth}"
        )
    score = tf.squeeze(tf.matmul(tf.expand_dims(query, 1), keys, transpose_b=True), [1])
    return score if scale is None else scale * score


def _scale_variable(wanted: bool, dtype: Any) -> Any:
    if not wanted:
        return None
    return tf.get_variable("attention_g", dtype=dtype, initializer=tf.ones_initializer(), shape=())


class LuongAttention(MemoryAttention):
    """Attends by products of the query and the keys.

        alignments = softmax(g * (W m_i) · q)

    W is `memory_layer/kernel` `[M, U]`, under the scope where the mechanism is made; g, with
    `scale`, is `luong_attention/attention_g` `[]` under the decoder's, one at first.

    Args:
      num_units: int U, the query's width.
      memory: `[B, L, M]`.
      memory_sequence_length: int `[B]`, or None for all L.
      scale: whether to learn g.
      probability_fn: function of the scores instead of softmax.
      score_mask_value: float; -inf by default.
      dtype: of the layers; float32 by default.
      custom_key_value_fn: function of (keys, values) to both, or None.
      name: of the operations' scope.

    Raises:
      TypeError, CellError: a bad argument.

    Source: Luong et al. 2015, "Effective approaches to attention-based neural machine
      translation", arXiv:1508.04025; TensorFlow 1.15 `tf.contrib.seq2seq.LuongAttention`.
    """

    def __init__(
        self,
        num_units: Any,
        memory: Any,
        memory_sequence_length: Any = None,
        scale: bool = False,
        probability_fn: Callable[[Any], Any] | None = None,
        score_mask_value: Any = None,
        dtype: Any = None,
        custom_key_value_fn: Callable[[Any, Any], Any] | None = None,
        name: str = "LuongAttention",
    ) -> None:
        super().__init__(
            query_layer=None,
            memory_layer=dense(num_units, "memory_layer", dtype or tf.float32),
            memory=memory,
            probability_fn=without_state(probability_fn),
            memory_sequence_length=memory_sequence_length,
            score_mask_value=score_mask_value,
            custom_key_value_fn=custom_key_value_fn,
            name=name,
        )
        self._num_units = num_units
        self._scale = scale
        self._name = name

    def __call__(self, query: Any, state: Any) -> tuple[Any, Any]:
        """Computes `(alignments, next_state)`, both `[B, L]`, from `[B, U]` and `[B, L]`."""
        with tf.variable_scope(None, "luong_attention", [query]):
            score = luong_score(query, self._keys, _scale_variable(self._scale, query.dtype))
        alignments = self._probability_fn(score, state)
        return alignments, alignments


class LuongMonotonicAttention(MonotonicAttention):
    """Attends by products of the query and the keys, and only moves forward.

        score = g * (W m_i) · q + r;   see `monotonic_attention`

    r is `luong_monotonic_attention/attention_score_bias` `[]`; see `LuongAttention`.

    Args:
      num_units: int U, the query's width.
      memory: `[B, L, M]`.
      memory_sequence_length: int `[B]`, or None for all L.
      scale: whether to learn g.
      score_mask_value: float; -inf by default.
      sigmoid_noise: float, deviation of the noise on the scores.
      sigmoid_noise_seed: int.
      score_bias_init: float, r at first.
      mode: see `monotonic_attention`.
      dtype: of the layers; float32 by default.
      name: of the operations' scope.

    Raises:
      TypeError, CellError: a bad argument.

    Source: Raffel et al. 2017, arXiv:1704.00784; TensorFlow 1.15
      `tf.contrib.seq2seq.LuongMonotonicAttention`.
    """

    def __init__(
        self,
        num_units: Any,
        memory: Any,
        memory_sequence_length: Any = None,
        scale: bool = False,
        score_mask_value: Any = None,
        sigmoid_noise: float = 0.0,
        sigmoid_noise_seed: int | None = None,
        score_bias_init: float = 0.0,
        mode: str = "parallel",
        dtype: Any = None,
        name: str = "LuongMonotonicAttention",
    ) -> None:
        super().__init__(
            query_layer=None,
            memory_layer=dense(num_units, "memory_layer", dtype or tf.float32),
            memory=memory,
            probability_fn=monotonic_probability_fn(sigmoid_noise, mode, sigmoid_noise_seed),
            memory_sequence_length=memory_sequence_length,
            score_mask_value=score_mask_value,
            name=name,
        )
        self._num_units = num_units
        self._scale = scale
        self._score_bias_init = score_bias_init
        self._name = name

    def __call__(self, query: Any, state: Any) -> tuple[Any, Any]:
        """Computes `(alignments, next_state)`, both `[B, L]`, from `[B, U]` and `[B, L]`."""
        with tf.variable_scope(None, "luong_monotonic_attention", [query]):
            score = luong_score(query, self._keys, _scale_variable(self._scale, query.dtype))
            score += tf.get_variable(
                "attention_score_bias", dtype=query.dtype, initializer=self._score_bias_init
            )
        alignments = self._probability_fn(score, state)
        return alignments, alignments
