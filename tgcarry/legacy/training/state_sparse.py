"""Sparse tensors on their way through a state saver, which holds dense ones only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf


class Kind(NamedTuple):
    """Says what was serialized: a sparse tensor, or each row of one."""

    dtype: Any
    rank: int | None
    """Of the tensor or of a row; None if unknown."""


def tensors_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """Returns tensors, dense or sparse, by sorted name."""
    return {name: tf.convert_to_tensor_or_sparse_tensor(given[name]) for name in sorted(given)}


def serialized_sequences(tensors: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Kind]]:
    """Returns dense tensors, with strings `[T, 3]` for sparse sequences, and what these were."""
    return _serialized(tensors, tf.io.serialize_many_sparse, 1)


def serialized_context(tensors: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Kind]]:
    """Returns dense tensors, with strings `[3]` for sparse ones, and what these were."""
    return _serialized(tensors, tf.io.serialize_sparse, 0)


def _serialized(
    tensors: Mapping[str, Any], serialize: Callable[..., Any], rows: int
) -> tuple[dict[str, Any], dict[str, Kind]]:
    dense, kinds = {}, {}
    for name, tensor in tensors.items():
        if isinstance(tensor, tf.SparseTensor):
            rank = tensor.shape.rank
            kinds[name] = Kind(tensor.dtype, None if rank is None else rank - rows)
        dense[name] = serialize(tensor) if name in kinds else tensor
    return dense, kinds


def restore(tensors: dict[str, Any], kinds: Mapping[str, Kind]) -> None:
    """Puts sparse tensors `[B, ...]` or `[B, U, ...]` in the place of their serialized rows."""
    for name, kind in kinds.items():
        rows = tensors[name]
        indices, values, shape = tf.raw_ops.DeserializeSparse(
            serialized_sparse=rows, dtype=kind.dtype
        )
        rank = None if kind.rank is None else rows.shape.rank - 1 + kind.rank
        indices.set_shape([None, rank])
        shape.set_shape([rank])
        tensors[name] = tf.SparseTensor(indices, values, shape)


def padded(sequence: tf.SparseTensor, length: Any) -> tf.SparseTensor:
    """Returns a sparse sequence with empty steps up to `length`."""
    rest = sequence.dense_shape[1:]
    shape = tf.concat([[tf.cast(length, tf.int64)], rest], 0)
    return tf.SparseTensor(sequence.indices, sequence.values, shape)
