"""Beams taken from their places in the batch."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.legacy.seq2seq.beam_shapes import has_rank


def gather_beams(
    gather_indices: Any,
    gather_from: Any,
    batch_size: Any,
    range_size: Any,
    gather_shape: Any,
    name: str | None = None,
) -> Any:
    """Takes places out of each sequence's own stretch of a flat tensor.

        result[b, k] = reshape(gather_from, gather_shape)[range_size b + gather_indices[b, k]]

    Args:
      gather_indices: int `[B, K]`.
      gather_from: `[B, K, ...]`, or `[B, K, V]` with the places of all K V.
      batch_size: tensor `[]`.
      range_size: how long a sequence's stretch is.
      gather_shape: `[-1]`, or `[B * K, -1]` for what has more dimensions than beams.
      name: of the operations' scope.

    Returns:
      Tensor of the first `1 + len(gather_shape)` dimensions of `gather_from`.

    Source: TensorFlow 1.15 `beam_search_decoder._tensor_gather_helper`.
    """
    with tf.name_scope(name, "tensor_gather_helper"):
        starts = tf.expand_dims(tf.range(batch_size) * range_size, 1)
        places = tf.reshape(gather_indices + starts, [-1])
        picked = tf.gather(tf.reshape(gather_from, gather_shape), places)
        axes = 1 + len(gather_shape)
        picked = tf.reshape(picked, tf.shape(gather_from)[:axes], name="output")
        rows = tf.TensorShape([tf.get_static_value(batch_size)])
        picked.set_shape(rows.concatenate(gather_from.shape[1:axes]))
        return picked


def maybe_gather_beams(
    gather_indices: Any,
    gather_from: Any,
    batch_size: Any,
    range_size: Any,
    gather_shape: Any,
) -> Any:
    """Takes the beams of a leaf of a state, unless it has none; see `gather_beams`.

    Source: TensorFlow 1.15 `beam_search_decoder._maybe_tensor_gather_helper`.
    """
    if not has_rank(gather_from, len(gather_shape)):
        return gather_from
    if has_rank(gather_from, 4):
        return _gather_rows(gather_indices, gather_from, batch_size)
    return gather_beams(gather_indices, gather_from, batch_size, range_size, gather_shape)


def _gather_rows(gather_indices: Any, gather_from: Any, batch_size: Any) -> Any:
    """Takes beams of any rank, e.g. `[B, K, H, W]`, where 1.15 knows no way."""
    picked = tf.gather(gather_from, gather_indices, batch_dims=1)
    dims = tf.TensorShape([tf.get_static_value(batch_size)]).concatenate(gather_from.shape[1:])
    picked.set_shape(dims)
    return picked
