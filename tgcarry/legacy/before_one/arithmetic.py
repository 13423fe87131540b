"""Arithmetic under its names of before version 1.0."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf


def select(condition: Any, t: Any, e: Any, name: str | None = None) -> Any:
    """Takes each entry, or each row, from `t` where a condition holds, else from `e`.

    Args:
      condition: bool tensor of the shape of `t`, or `[B]` for whole rows.
      t: tensor `[B, ...]`.
      e: tensor of the same shape.
      name: of the operation.

    Returns:
      Tensor of that shape.

    Source: TensorFlow 0.12 `tf.select`.
    """
    return tf.where(condition, x=t, y=e, name=name)


def batch_matmul(
    x: Any, y: Any, adj_x: bool = False, adj_y: bool = False, name: str | None = None
) -> Any:
    """Multiplies the matrices in two stacks of them.

    Args:
      x: `[..., R, K]`.
      y: `[..., K, C]`, the same leading dimensions.
      adj_x: whether to take the adjoint of each matrix of `x`.
      adj_y: the same for `y`.
      name: of the operation.

    Returns:
      `[..., R, C]`.

    Source: TensorFlow 0.12 `tf.batch_matmul`.
    """
    return tf.matmul(x, y, adjoint_a=adj_x, adjoint_b=adj_y, name=name)


def inv(x: Any, name: str | None = None) -> Any:
    """Computes `1 / x`. Source: TensorFlow 0.12 `tf.inv`."""
    return tf.reciprocal(x, name=name)
