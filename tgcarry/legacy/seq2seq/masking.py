"""The memory and its scores behind the end of each sequence."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.errors import CellError


def masked_memory(
    memory: Any, memory_sequence_length: Any = None, check_inner_dims_defined: bool = True
) -> Any:
    """Sets the memory to zero behind the end of each sequence.

    Args:
      memory: nest of `[B, L, ...]` tensors.
      memory_sequence_length: int `[B]`, or None to leave it alone.
      check_inner_dims_defined: whether all but the first two dimensions have to be known.

    Returns:
      Nest like `memory`.

    Raises:
      CellError: a dimension is unknown.
    """
    memory = tf.nest.map_structure(lambda m: tf.convert_to_tensor(m, name="memory"), memory)
    if memory_sequence_length is not None:
        memory_sequence_length = tf.convert_to_tensor(
            memory_sequence_length, name="memory_sequence_length"
        )
    if check_inner_dims_defined:
        for leaf in tf.nest.flatten(memory):
            if not leaf.get_shape()[2:].is_fully_defined():
                raise CellError(
                    f"the memory {leaf.name} has the shape {leaf.get_shape()}: all but batch "
                    f"and time have to be known, so set_shape([None, None, units])"
                )
    if memory_sequence_length is None:
        return memory
    first = tf.nest.flatten(memory)[0]
    mask = tf.sequence_mask(memory_sequence_length, maxlen=tf.shape(first)[1], dtype=first.dtype)
    return tf.nest.map_structure(lambda m: m * _with_rank_of(m, mask), memory)


def _with_rank_of(tensor: Any, mask: Any) -> Any:
    rank = tensor.get_shape().rank
    extra = tf.ones((tf.rank(tensor) if rank is None else rank) - 2, dtype=tf.int32)
    return tf.reshape(mask, tf.concat((tf.shape(mask), extra), 0))


def masked_score(score: Any, memory_sequence_length: Any, score_mask_value: Any) -> Any:
    """Sets `[B, L]` scores to a value behind the end of each sequence; None masks nothing."""
    if memory_sequence_length is None:
        return score
    positive = tf.assert_positive(
        memory_sequence_length,
        message="every memory_sequence_length has to be above zero: nothing else is attended to",
    )
    with tf.control_dependencies([positive]):
        mask = tf.sequence_mask(memory_sequence_length, maxlen=tf.shape(score)[1])
    return tf.where(mask, score, score_mask_value * tf.ones_like(score))
