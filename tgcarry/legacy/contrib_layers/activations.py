"""Functions of `tf.contrib.nn`."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

_SCALE = 1.0507009873554804934193349852946
_ALPHA = 1.6732632423543772848170429916717


def alpha_dropout(
    x: Any, keep_prob: Any, noise_shape: Any = None, seed: int | None = None, name: Any = None
) -> Any:
    """Sets entries to the value that `selu` saturates at, and keeps mean and variance.

    Source: Klambauer et al. 2017, arXiv:1706.02515; `tf.contrib.nn.alpha_dropout` of
      TensorFlow 1.15.
    """
    with tf.name_scope(name, "alpha_dropout", [x]):
        x = tf.convert_to_tensor(x)
        keep = tf.convert_to_tensor(keep_prob, dtype=x.dtype)
        if tf.get_static_value(keep) == 1:
            return x
        shape = tf.shape(x) if noise_shape is None else noise_shape
        drawn = tf.random_uniform(shape, seed=seed, dtype=x.dtype)
        kept = tf.cast(tf.floor(keep + drawn), x.dtype)
        low = -_SCALE * _ALPHA
        scale = tf.rsqrt(keep + low**2 * keep * (1 - keep))
        shift = -scale * low * (1 - keep)
        outputs = scale * (x * kept + low * (1 - kept)) + shift
        outputs.set_shape(x.shape)
        return outputs


def scaled_softplus(x: Any, alpha: Any, clip: Any = None, name: str | None = None) -> Any:
    """Computes alpha log(1 + exp(x / alpha)), at most `clip`.

    Source: `tf.contrib.nn.scaled_softplus` of TensorFlow 1.15.
    """
    with tf.name_scope(name, "scaled_softplus", [x, alpha]):
        x = tf.convert_to_tensor(x)
        alpha = tf.convert_to_tensor(alpha, dtype=x.dtype)
        y = alpha * tf.nn.softplus(x / alpha)
        return y if clip is None else tf.minimum(y, tf.cast(clip, x.dtype))


def flipped_softmax_cross_entropy(
    logits: Any, labels: Any, dim: int = -1, name: str | None = None
) -> Any:
    """Is `tf.nn.softmax_cross_entropy_with_logits` with the logits first."""
    return tf.nn.softmax_cross_entropy_with_logits(
        labels=labels, logits=logits, axis=dim, name=name
    )


def flipped_sparse_softmax_cross_entropy(logits: Any, labels: Any, name: str | None = None) -> Any:
    """Is `tf.nn.sparse_softmax_cross_entropy_with_logits` with the logits first."""
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits, name=name)


def flipped_sigmoid_cross_entropy(logits: Any, targets: Any, name: str | None = None) -> Any:
    """Is `tf.nn.sigmoid_cross_entropy_with_logits` with the logits first."""
    return tf.nn.sigmoid_cross_entropy_with_logits(labels=targets, logits=logits, name=name)
