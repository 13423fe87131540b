"""Shapes as the decoders need them: batch and time swapped, zeros, steps one by one."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.legacy import numbering


def static_or_dynamic(tensor: Any, axis: int) -> Any:
    """Returns the length of an axis: an int if it is known now and not 0, else a tensor."""
    return tf.dimension_value(tensor.shape[axis]) or tf.shape(tensor)[axis]


def swap_batch_and_time(tensor: Any) -> Any:
    """Turns `[B, L, ...]` into `[L, B, ...]` and back; anything below rank 2 stays.

    Source: TensorFlow 1.15 `rnn._transpose_batch_time`.
    """
    shape = tensor.get_shape()
    if shape.rank is not None and shape.rank < 2:
        return tensor
    rest = tf.range(2, tf.rank(tensor))
    swapped = tf.transpose(tensor, tf.concat(([1, 0], rest), axis=0))
    if shape.rank is not None:
        first, second, *others = shape.as_list()
        swapped.set_shape([second, first, *others])
    return swapped


def zeros_like_sizes(sizes: Any, batch_size: Any, dtype: Any) -> Any:
    """Makes zeros `[B, size]` for each leaf of a nest.

    Args:
      sizes: nest of ints, `tf.TensorShape` or integer tensors (a memory's length).
      batch_size: int or integer tensor `[]`.
      dtype: of the zeros.

    Source: TensorFlow 1.15 `rnn_cell_impl._zero_state_tensors`.
    """

    def zeros(size: Any) -> Any:
        # 1.15 turns both into vectors twice, once for the static shape.
        with numbering.as_many(2 * (_operations(batch_size) + _operations(size)) + 4):
            dims = tf.concat((_vector(batch_size), _vector(size)), 0)
            made = tf.zeros(dims, dtype)
        made.set_shape(_static(batch_size).concatenate(_static(size)))
        return made

    return tf.nest.map_structure(zeros, sizes)


def _vector(size: Any) -> Any:
    if tf.is_tensor(size):
        return tf.expand_dims(size, 0) if size.shape.rank == 0 else size
    return tf.constant(tf.TensorShape(size).as_list(), dtype=tf.int32)


def _operations(size: Any) -> int:
    if not tf.is_tensor(size):
        return 1
    return 2 if size.shape.rank == 0 else 0


def _static(size: Any) -> tf.TensorShape:
    if not tf.is_tensor(size):
        return tf.TensorShape(size)
    known = tf.get_static_value(size)
    if known is not None:
        return tf.TensorShape(known)
    return tf.TensorShape([None] if size.shape.rank == 0 else None)


def zero_outputs(size: Any, dtype: Any, batch_size: Any) -> Any:
    """Makes zeros `[B, size]` for each size and dtype of two nests alike.

    Source: TensorFlow 1.15 `decoder._create_zero_outputs`.
    """
    return tf.nest.map_structure(
        lambda one, kind: zeros_like_sizes(one, batch_size, kind), size, dtype
    )


def step_array(tensor: Any) -> Any:
    """Puts `[L, ...]` into a `TensorArray` of L elements."""
    array = tf.TensorArray(
        dtype=tensor.dtype, size=tf.shape(tensor)[0], element_shape=tensor.get_shape()[1:]
    )
    return array.unstack(tensor)
