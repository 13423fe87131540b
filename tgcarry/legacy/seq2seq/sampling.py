"""Draws from distributions, operation for operation as 1.15's helpers make them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow.compat.v1 as tf


def draw_bernoulli(probs: Any, dtype: Any, sample_shape: Any, seed: int | None) -> Any:
    """Draws ones with the probability `probs`, `sample_shape + shape of probs`."""
    probs = tf.convert_to_tensor(probs, name="probs")
    batch = tf.shape(probs)

    def draw(count: Any) -> Any:
        uniform = tf.random_uniform(tf.concat([[count], batch], 0), seed=seed, dtype=probs.dtype)
        return tf.cast(tf.less(uniform, probs), dtype)

    return _shaped(draw, sample_shape)


def draw_categorical(logits: Any, seed: int | None = None) -> Any:
    """Draws a class for each row of logits `[..., V]`; int32 `[...]`."""
    logits = tf.convert_to_tensor(logits, name="logits")
    classes = tf.shape(logits)[-1]
    batch = tf.shape(logits)[:-1]

    def draw(count: Any) -> Any:
        rows = logits if logits.shape.rank == 2 else tf.reshape(logits, [-1, classes])
        kind = tf.int64 if logits.dtype.size > 4 else tf.int32
        draws = tf.multinomial(rows, count, seed=seed, output_dtype=kind)
        draws = tf.reshape(tf.transpose(draws), tf.concat([[count], batch], 0))
        return tf.cast(draws, tf.int32)

    return _shaped(draw, ())


def _shaped(draw: Callable[[Any], Any], sample_shape: Any) -> Any:
    """Draws as many as `sample_shape` holds: a number, or a vector of dimensions."""
    with tf.name_scope(None, "call_sampler", [sample_shape]):
        dims = tf.convert_to_tensor(sample_shape, dtype=tf.int32, name="sample_shape")
        missing = tf.cast(tf.equal(tf.rank(dims), 0), tf.int32)
        padded = tf.pad(tf.shape(dims), paddings=[[missing, 0]], constant_values=1)
        dims = tf.reshape(dims, padded)
        samples = draw(tf.reduce_prod(dims))
        return tf.reshape(samples, tf.concat([dims, tf.shape(samples)[1:]], 0))
