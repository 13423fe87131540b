"""Attention that scores a memory by a small network over query and keys."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.legacy.seq2seq.mechanism import MemoryAttention, without_state
from tgcarry.legacy.seq2seq.monotonic import MonotonicAttention, monotonic_probability_fn
from tgcarry.legacy.seq2seq.projection import dense


def bahdanau_score(
    processed_query: Any,
    keys: Any,
    attention_v: Any,
    attention_g: Any = None,
    attention_b: Any = None,
) -> Any:
    """Computes v · tanh(k_i + q), or g v/|v| · tanh(k_i + q + b); see `BahdanauAttention`.

    Args:
      processed_query: q, `[B, U]`.
      keys: k, `[B, L, U]`.
      attention_v: v, `[U]`.
      attention_g: g, `[]`, or None.
      attention_b: b, `[U]`, or None.

    Returns:
      `[B, L]`.
    """
    query = tf.expand_dims(processed_query, 1)
    if attention_g is None or attention_b is None:
        return tf.reduce_sum(attention_v * tf.tanh(keys + query), [2])
    norm = tf.rsqrt(tf.reduce_sum(tf.square(attention_v)))
    direction = attention_g * attention_v * norm
    return tf.reduce_sum(direction * tf.tanh(keys + query + attention_b), [2])


def _score(mechanism: Any, query: Any) -> tuple[Any, Any]:
    """Makes a mechanism's variables and returns its score and the processed query."""
    units, layer = mechanism._num_units, mechanism.query_layer
    processed = query if layer is None else layer(query)
    v = tf.get_variable("attention_v", [units], dtype=query.dtype)
    g = b = None
    if mechanism._normalize:
        g = tf.get_variable(
            "attention_g",
            dtype=query.dtype,
            initializer=tf.constant_initializer(math.sqrt(1.0 / int(units))),
            shape=(),
        )
        b = tf.get_variable(
            "attention_b", [units], dtype=query.dtype, initializer=tf.zeros_initializer()
        )
    return bahdanau_score(processed, mechanism._keys, v, g, b), processed


class BahdanauAttention(MemoryAttention):
    """Attends by a small network over the query and the keys.

        alignments = softmax(v · tanh(W m_i + Q q))
        alignments = softmax(g v/|v| · tanh(W m_i + Q q + b))     with normalize

    W is `memory_layer/kernel` `[M, U]`, under the scope where the mechanism is made. Under
    the decoder's, in `bahdanau_attention`, are Q `query_layer/kernel` `[H, U]`, v `attention_v`
    `[U]`, g `attention_g` `[]`, sqrt(1/U) at first, and b `attention_b` `[U]`, zero at first.

    Args:
      num_units: int U.
      memory: `[B, L, M]`.
      memory_sequence_length: int `[B]`, or None for all L.
      normalize: whether v is learned as a length and a direction.
      probability_fn: function of the scores instead of softmax.
      score_mask_value: float; -inf by default.
      dtype: of the layers; float32 by default.
      custom_key_value_fn: function of (keys, values) to both, or None.
      name: of the operations' scope.

    Raises:
      TypeError, CellError: a bad argument.

    Source: Bahdanau et al. 2015, "Neural machine translation by jointly learning to align and
      translate", arXiv:1409.0473; Salimans and Kingma 2016, "Weight normalization",
      arXiv:1602.07868; TensorFlow 1.15 `tf.contrib.seq2seq.BahdanauAttention`.
    """

    def __init__(
        self,
        num_units: Any,
        memory: Any,
        memory_sequence_length: Any = None,
        normalize: bool = False,
        probability_fn: Callable[[Any], Any] | None = None,
        score_mask_value: Any = None,
        dtype: Any = None,
        custom_key_value_fn: Callable[[Any, Any], Any] | None = None,
        name: str = "BahdanauAttention",
    ) -> None:
        super().__init__(
            query_layer=dense(num_units, "query_layer", dtype or tf.float32),
            memory_layer=dense(num_units, "memory_layer", dtype or tf.float32),
            memory=memory,
            probability_fn=without_state(probability_fn),
            memory_sequence_length=memory_sequence_length,
            score_mask_value=score_mask_value,
            custom_key_value_fn=custom_key_value_fn,
            name=name,
        )
        self._num_units = num_units
        self._normalize = normalize
        self._name = name

    def __call__(self, query: Any, state: Any) -> tuple[Any, Any]:
        """Computes `(alignments, next_state)`, both `[B, L]`, from `[B, H]` and `[B, L]`."""
        with tf.variable_scope(None, "bahdanau_attention", [query]):
            score, _ = _score(self, query)
        alignments = self._probability_fn(score, state)
        return alignments, alignments


class BahdanauMonotonicAttention(MonotonicAttention):
    """Attends by a small network over the query and the keys, and only moves forward.

        score = v · tanh(W m_i + Q q) + r;   see `monotonic_attention`

    r is `bahdanau_monotonic_attention/attention_score_bias` `[]`; see `BahdanauAttention`.

    Args:
      num_units: int U.
      memory: `[B, L, M]`.
      memory_sequence_length: int `[B]`, or None for all L.
      normalize: whether v is learned as a length and a direction.
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
      `tf.contrib.seq2seq.BahdanauMonotonicAttention`.
    """

    def __init__(
        self,
        num_units: Any,
        memory: Any,
        memory_sequence_length: Any = None,
        normalize: bool = False,
        score_mask_value: Any = None,
        sigmoid_noise: float = 0.0,
        sigmoid_noise_seed: int | None = None,
        score_bias_init: float = 0.0,
        mode: str = "parallel",
        dtype: Any = None,
        name: str = "BahdanauMonotonicAttention",
    ) -> None:
        super().__init__(
            query_layer=dense(num_units, "query_layer", dtype or tf.float32),
            memory_layer=dense(num_units, "memory_layer", dtype or tf.float32),
            memory=memory,
            probability_fn=monotonic_probability_fn(sigmoid_noise, mode, sigmoid_noise_seed),
            memory_sequence_length=memory_sequence_length,
            score_mask_value=score_mask_value,
            name=name,
        )
        self._num_units = num_units
        self._normalize = normalize
        self._score_bias_init = score_bias_init
        self._name = name

    def __call__(self, query: Any, state: Any) -> tuple[Any, Any]:
        """Computes `(alignments, next_state)`, both `[B, L]`, from `[B, H]` and `[B, L]`."""
        with tf.variable_scope(None, "bahdanau_monotonic_attention", [query]):
            score, processed = _score(self, query)
            score += tf.get_variable(
                "attention_score_bias", dtype=processed.dtype, initializer=self._score_bias_init
            )
        alignments = self._probability_fn(score, state)
        return alignments, alignments
