"""Rows repeated, once for each beam."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.errors import CellError


def tile_batch(t: Any, multiplier: int, name: str | None = None) -> Any:
    """Repeats each row, `[B, ...]` to `[B * multiplier, ...]`: row 0, row 0, ..., row 1, ...

    Args:
      t: nest of tensors of known rank 1 or more.
      multiplier: int, how often.
      name: of the operations' scope.

    Returns:
      Nest like `t`.

    Raises:
      CellError: a rank is unknown or 0.

    Source: TensorFlow 1.15 `tf.contrib.seq2seq.tile_batch`.
    """
    with tf.name_scope(name, "tile_batch", [*tf.nest.flatten(t), multiplier]):
        return tf.nest.map_structure(lambda leaf: tile_rows(leaf, multiplier), t)


def tile_rows(t: Any, multiplier: int) -> Any:
    """Does what `tile_batch` does for a single tensor."""
    t = tf.convert_to_tensor(t, name="t")
    dims = tf.shape(t)
    if not t.shape.rank:
        raise CellError(f"{t.name} has the shape {t.shape}: a known rank of 1 or more is needed")
    times = [1, multiplier] + [1] * (t.shape.rank - 1)
    tiled = tf.tile(tf.expand_dims(t, 1), times)
    tiled = tf.reshape(tiled, tf.concat(([dims[0] * multiplier], dims[1:]), 0))
    rows, *rest = t.shape.as_list()
    tiled.set_shape([None if rows is None else rows * multiplier, *rest])
    return tiled
