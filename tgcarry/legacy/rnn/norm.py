"""Layer normalisation of a gate."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

# 1.15's `tf.contrib.layers.layer_norm` uses these.
_EPSILON = 1e-12
_EPSILON_HALF = 1e-3


def layer_norm(x: Any, scope: str, gain: float, shift: float, dtype: Any = tf.float32) -> Any:
    """Normalises each row of a tensor to `gamma * (x - mean) / std + beta`.

    Args:
      x: `[B, H]`.
      scope: of the variables `gamma` and `beta` `[H]`.
      gain: gamma at first.
      shift: beta at first.
      dtype: theirs.

    Returns:
      `[B, H]`.

    Source: Ba, Kiros and Hinton 2016, "Layer normalization", arXiv:1607.06450; TensorFlow 1.15
      `tf.contrib.layers.layer_norm`.
    """
    shape = x.shape[-1:]
    with tf.variable_scope(scope):
        gamma = tf.get_variable(
            "gamma", shape, initializer=tf.constant_initializer(gain), dtype=dtype
        )
        beta = tf.get_variable(
            "beta", shape, initializer=tf.constant_initializer(shift), dtype=dtype
        )
        mean, variance = tf.nn.moments(x, [1], keep_dims=True)
        epsilon = _EPSILON_HALF if x.dtype.base_dtype == tf.float16 else _EPSILON
        return tf.nn.batch_normalization(x, mean, variance, beta, gamma, epsilon)


def gate_norm(g: float, b: float, inp: Any, scope: str) -> Any:
    """Does what `layer_norm` does, with the arguments in the order that 1.15's `_norm` has."""
    return layer_norm(inp, scope, g, b)
