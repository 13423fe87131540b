"""Shapes by name."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf


def scalar() -> tf.TensorShape:
    """Returns the shape `[]`. Source: TensorFlow 1.15 `tensor_shape.scalar`."""
    return tf.TensorShape([])


def vector(length: Any) -> tf.TensorShape:
    """Returns the shape `[length]`. Source: TensorFlow 1.15 `tensor_shape.vector`."""
    return tf.TensorShape([length])


def matrix(rows: Any, cols: Any) -> tf.TensorShape:
    """Returns the shape `[rows, cols]`. Source: TensorFlow 1.15 `tensor_shape.matrix`."""
    return tf.TensorShape([rows, cols])
