"""Draws from distributions, operation for operation as 1.15's helpers make them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow.compat.v1 as tf


def bernoulli_sample(
    probs: Any = None,
    logits: Any = None,
    dtype: Any = tf.int32,
    sample_shape: Any = (),
    seed: int | None = None,
) -> Any:
    """Draws ones with the probability `probs`, and zeros otherwise.

    Args:
      probs: float tensor of any shape; None for sigmoid(logits).
      logits: float tensor, only used without `probs`.
      dtype: of the samples, e.g. `tf.bool`.
      sample_shape: int, or 1-D; the dimensions in front of those of `probs`.
      seed: int, of the random numbers.

    Returns:
      Tensor of the shape `sample_shape + shape of probs`.

    Source: TensorFlow 1.15 `helper.bernoulli_sample`.
    """
    if probs is None:
        probs = tf.sigmoid(logits, name="probs")
    else:
        probs = tf.convert_to_tensor(probs, name="probs")
    batch = tf.shape(probs)

    def draw(count: Any) -> Any:
        uniform = tf.random_uniform(tf.concat([[count], batch], 0), seed=seed, dtype=probs.dtype)
        return tf.cast(tf.less(uniform, probs), dtype)

    return call_sampler(draw, sample_shape)


def categorical_sample(
    logits: Any, dtype: Any = tf.int32, sample_shape: Any = (), seed: int | None = None
) -> Any:
    """Draws a class with the probabilities softmax(logits) for each row.

    V are the classes.

    Args:
      logits: float `[..., V]`.
      dtype: of the samples.
      sample_shape: int, or 1-D; the dimensions in front of those of the rows.
      seed: int, of the random numbers.

    Returns:
      Tensor of the shape `sample_shape + [...]`.

    Source: TensorFlow 1.15 `helper.categorical_sample`.
    """
    logits = tf.convert_to_tensor(logits, name="logits")
    classes = tf.shape(logits)[-1]
    batch = tf.shape(logits)[:-1]

    def draw(count: Any) -> Any:
        rows = logits if logits.shape.rank == 2 else tf.reshape(logits, [-1, classes])
        kind = tf.int64 if logits.dtype.size > 4 else tf.int32
        draws = tf.multinomial(rows, count, seed=seed, output_dtype=kind)
        draws = tf.reshape(tf.transpose(draws), tf.concat([[count], batch], 0))
        return tf.cast(draws, dtype)

    return call_sampler(draw, sample_shape)


def call_sampler(
    sample_n_fn: Callable[[Any], Any], sample_shape: Any, name: str | None = None
) -> Any:
    """Draws as many samples as `sample_shape` holds, and gives them that shape.

    Args:
      sample_n_fn: function of a number, an int32 `[]`, to that many samples `[number, ...]`.
      sample_shape: int, or 1-D.
      name: of the operations' scope.

    Returns:
      `[*sample_shape, ...]`.

    Source: TensorFlow 1.15 `helper._call_sampler`.
    """
    with tf.name_scope(name, "call_sampler", [sample_shape]):
        dims = tf.convert_to_tensor(sample_shape, dtype=tf.int32, name="sample_shape")
        missing = tf.cast(tf.equal(tf.rank(dims), 0), tf.int32)
        padded = tf.pad(tf.shape(dims), paddings=[[missing, 0]], constant_values=1)
        dims = tf.reshape(dims, padded)
        samples = sample_n_fn(tf.reduce_prod(dims))
        return tf.reshape(samples, tf.concat([dims, tf.shape(samples)[1:]], 0))
