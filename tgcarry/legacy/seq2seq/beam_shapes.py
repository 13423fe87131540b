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

    def maybe_merge(self, t: Any, size: Any) -> Any:
        """Merges a leaf of a state, unless it has no beams: a time or a `TensorArray`."""
        return self.merge(t, size) if _rank(t) >= 2 else t

    def maybe_split(self, t: Any, size: Any) -> Any:
        """Splits a leaf of a state, unless it has no beams."""
        return self.split(t, size) if _rank(t) >= 1 else t

    def pick(self, t: Any, beams: Any, name: str | None = None) -> Any:
        """Takes, from `[B, N, ...]`, the places `[B, K]` of each row; `[B, K, ...]`."""
        with tf.name_scope(name, "tensor_gather_helper"):
            picked = tf.gather(t, beams, batch_dims=1, name="output")
            picked.set_shape(
                tf.TensorShape([self.static_batch, self.beam_width]).concatenate(t.shape[2:])
            )
            return picked

    def maybe_pick(self, t: Any, beams: Any) -> Any:
        """Takes the beams of a leaf of a state, unless it has none."""
        return self.pick(t, beams) if _rank(t) >= 2 else t


def _rank(t: Any) -> int:
    if isinstance(t, tf.TensorArray):
        return 0
    if t.shape.rank is None:
        raise CellError(f"{t.name} has an unknown rank: give it a shape with set_shape")
    return int(t.shape.rank)


def _shape(size: Any) -> tf.TensorShape:
    return tf.TensorShape(tf.get_static_value(size) if tf.is_tensor(size) else size)
