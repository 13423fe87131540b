"""Beams beside the batch and within it."""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tgcarry.errors import CellError


class BeamShapes(NamedTuple):
    """Turns `[B, K, ...]` into `[B * K, ...]` and back."""

    batch_size: Any
    """Tensor `[]`."""
    beam_width: int

    @property
    def static_batch(self) -> int | None:
        """B if it is known now."""
        found = tf.get_static_value(self.batch_size)
        return None if found is None else int(found)

    def merge(self, t: Any, size: Any) -> Any:
        """Makes `[B * K, size]` of `[B, K, size]`."""
        dims = tf.shape(t)
        merged = tf.reshape(t, tf.concat(([self.batch_size * self.beam_width], dims[2:]), 0))
        rows = None if self.static_batch is None else self.static_batch * self.beam_width
        merged.set_shape(tf.TensorShape([rows]).concatenate(_shape(size)))
        return merged

    def split(self, t: Any, size: Any) -> Any:
        """Makes `[B, K, size]` of `[B * K, size]`.

        Raises:
          CellError: the rows are not B * K.
        """
        dims = tf.shape(t)
        parts = tf.reshape(t, tf.concat(([self.batch_size, self.beam_width], dims[1:]), 0))
        wanted = tf.TensorShape([self.static_batch, self.beam_width]).concatenate(_shape(size))
        if not parts.shape.is_compatible_with(wanted):
            raise CellError(
                f"{t.name} becomes {parts.shape} for the beams, but {wanted} is needed: make "
                f"the zero state with batch_size * beam_width, and tile_batch what is in it"
            )
        parts.set_shape(wanted)
        return parts


def check_rank(t: Any) -> None:
    """Refuses a tensor of unknown rank.

    Raises:
      CellError: that it is one.

    Source: TensorFlow 1.15 `beam_search_decoder._check_ndims`.
    """
    if t.shape.rank is None:
        raise CellError(f"{t.name} has an unknown rank: give it a shape with set_shape")


def has_rank(t: Any, rank: int) -> bool:
    """Says whether a leaf of a state is a tensor of that rank or more."""
    if isinstance(t, tf.TensorArray):
        return False
    check_rank(t)
    return int(t.shape.rank) >= rank


def _shape(size: Any) -> tf.TensorShape:
    return tf.TensorShape(tf.get_static_value(size) if tf.is_tensor(size) else size)
