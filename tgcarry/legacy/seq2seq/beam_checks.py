"""What beams may be: tensors of known rank, and arrays of them."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.legacy.seq2seq.beam_shapes import check_rank


def check_rank_of_tensor(t: Any) -> None:
    """Refuses a `TensorArray` and a tensor of unknown rank.

    Raises:
      TypeError: a `TensorArray`.
      CellError: an unknown rank.

    Source: TensorFlow 1.4 `beam_search_decoder._check_maybe`.
    """
    if isinstance(t, tf.TensorArray):
        raise TypeError(f"{t} is a TensorArray: a state of beams holds tensors")
    check_rank(t)


def may_hold_beams(shape: tf.TensorShape, batch_size: int | None, beam_width: int) -> bool:
    """Says whether elements of a `TensorArray` may be beams, as far as dimensions are known.

    Like 1.15, takes elements of a known second dimension for others unless they are
    `[batch_size, beam_width, ...]`.

    Source: TensorFlow 1.15 `beam_search_decoder._check_static_batch_beam_maybe`.
    """
    if not shape.rank:
        _warn_of_order(shape)
        return False
    rows, *rest = shape.as_list()
    if batch_size is None or rows is None:
        return True
    split = [batch_size, beam_width]
    if rows == batch_size * beam_width and (rest[:1] in ([], [None]) or [rows, rest[0]] == split):
        return True
    _warn_of_order(shape)
    return False


def _warn_of_order(shape: tf.TensorShape) -> None:
    tf.logging.warning(
        "A TensorArray of %s is left in the beams' own order, as TensorFlow 1 does where all "
        "shapes are known; leave the batch unknown to have it in order.",
        shape,
    )


def assert_beams(t: Any, batch_size: Any, beam_width: int) -> Any:
    """Makes an operation that fails unless `t` is `[L, B * K, ...]` or `[L, B, K, ...]`.

    Source: TensorFlow 1.15 `beam_search_decoder._check_batch_beam`.
    """
    dims = tf.shape(t)
    fits = tf.equal(dims[1], batch_size * beam_width)
    if t.shape.rank > 2:
        split = tf.logical_and(tf.equal(dims[1], batch_size), tf.equal(dims[2], beam_width))
        fits = tf.logical_or(fits, split)
    return tf.Assert(fits, [f"{t.name} has no row per beam: pass reorder_tensor_arrays=False"])
