"""Tables of `tf.contrib.lookup`, whose argument names differ from today's."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry import tf1


def index_table_from_tensor(
    mapping: Any,
    num_oov_buckets: int = 0,
    default_value: int = -1,
    hasher_spec: Any = None,
    dtype: Any = tf.string,
    name: str | None = None,
) -> Any:
    """Makes the table from each entry of a vector to its place.

    Args:
      mapping: `[N]`.
      num_oov_buckets: numbers behind N for entries that are not in it.
      default_value: without such numbers.
      hasher_spec: which hash picks one of them.
      dtype: of the entries.
      name: of the operations.

    Source: `tf.contrib.lookup.index_table_from_tensor` of TensorFlow 1.15.
    """
    lookup = tf1.lookup_ops()
    return lookup.index_table_from_tensor(
        mapping, num_oov_buckets, default_value, hasher_spec or lookup.FastHashSpec, dtype, name
    )


def string_to_index_table_from_tensor(
    mapping: Any,
    num_oov_buckets: int = 0,
    default_value: int = -1,
    hasher_spec: Any = None,
    name: str | None = None,
) -> Any:
    """Makes the table from strings to places; the older name."""
    return index_table_from_tensor(
        mapping, num_oov_buckets, default_value, hasher_spec, tf.string, name
    )


def string_to_index_table_from_file(
    vocabulary_file: Any,
    num_oov_buckets: int = 0,
    vocab_size: int | None = None,
    default_value: int = -1,
    hasher_spec: Any = None,
    name: str | None = None,
) -> Any:
    """Makes the table from a file's lines to their numbers; the older name."""
    lookup = tf1.lookup_ops()
    return lookup.index_table_from_file(
        vocabulary_file,
        num_oov_buckets,
        vocab_size,
        default_value,
        hasher_spec or lookup.FastHashSpec,
        name=name,
    )


def index_to_string_table_from_tensor(
    mapping: Any, default_value: str = "UNK", name: str | None = None
) -> Any:
    """Makes the table from places to the strings of a vector.

    Source: `tf.contrib.lookup.index_to_string_table_from_tensor` of TensorFlow 1.15.
    """
    return tf1.lookup_ops().index_to_string_table_from_tensor(mapping, default_value, name)


def string_to_index(
    tensor: Any, mapping: Any, default_value: int = -1, name: str | None = None
) -> Any:
    """Looks strings up in a vector."""
    return index_table_from_tensor(mapping, default_value=default_value, name=name).lookup(tensor)


def index_to_string(
    tensor: Any, mapping: Any, default_value: str = "UNK", name: str | None = None
) -> Any:
    """Looks places up in a vector of strings."""
    return index_to_string_table_from_tensor(mapping, default_value, name).lookup(tensor)
