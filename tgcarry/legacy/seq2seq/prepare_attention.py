"""The attention of TensorFlow 1.0: keys, values and two functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.errors import CellError
from tgcarry.legacy.seq2seq.bahdanau import bahdanau_score

_OPTIONS = ("bahdanau", "luong")


def prepare_attention(
    attention_states: Any, attention_option: str, num_units: int, reuse: Any = False
) -> tuple[Any, Any, Callable[..., Any], Callable[..., Any]]:
    """Makes what `attention_decoder_fn_train` and `..._inference` need.

        keys      = W states
        score     = v · tanh(keys_i + Q q) ("bahdanau"), keys_i · q ("luong")
        context   = sum_i softmax(score)[i] states_i
        attention = A [q, context]

    W is `attention_keys/weights` `[M, U]`, Q `attention_score/attnW` `[U, U]`, v
    `attention_score/attnV` `[U]` and A `attention_construct/weights` `[2U, U]`.

    Args:
      attention_states: `[B, L, M]`, M = U.
      attention_option: "bahdanau" or "luong".
      num_units: int U.
      reuse: whether the variables are there already.

    Returns:
      `(attention_keys, attention_values, attention_score_fn, attention_construct_fn)`; both
      functions take (query, keys, values).

    Raises:
      CellError: another option.

    Source: TensorFlow 1.0 `tf.contrib.seq2seq.prepare_attention`.
    """
    if attention_option not in _OPTIONS:
        raise CellError(
            f"attention_option={attention_option!r} is not known: pass one of {_OPTIONS}"
        )
    with tf.variable_scope("attention_keys", reuse=reuse):
        keys = _linear(attention_states, num_units)
    score = _score_fn(attention_option, num_units, reuse)

    def construct(query: Any, keys: Any, values: Any) -> Any:
        with tf.variable_scope("attention_construct", reuse=reuse):
            return _linear(tf.concat([query, score(query, keys, values)], 1), num_units)

    return keys, attention_states, score, construct


def _score_fn(option: str, units: int, reuse: Any) -> Callable[..., Any]:
    with tf.variable_scope("attention_score", reuse=reuse):
        if option == "bahdanau":
            weights = tf.get_variable("attnW", [units, units], dtype=tf.float32)
            direction = tf.get_variable("attnV", [units], dtype=tf.float32)

    def score(query: Any, keys: Any, values: Any) -> Any:
        if option == "bahdanau":
            scores = bahdanau_score(tf.matmul(query, weights), keys, direction)
        else:
            scores = tf.reduce_sum(keys * tf.reshape(query, [-1, 1, units]), [2])
        context = tf.reduce_sum(tf.expand_dims(tf.nn.softmax(scores), 2) * values, [1])
        context.set_shape([None, units])
        return context

    return score


def _linear(inputs: Any, units: int) -> Any:
    depth = tf.dimension_value(inputs.get_shape()[-1])
    weights = tf.get_variable(
        "weights", [depth, units], inputs.dtype, tf.glorot_uniform_initializer()
    )
    return tf.tensordot(inputs, weights, 1) if inputs.shape.rank > 2 else inputs @ weights
