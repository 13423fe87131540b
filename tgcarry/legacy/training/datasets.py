"""Data sets as `tf.contrib.data` had them in TensorFlow 1.2 and 1.3, before `tf.data`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry import tf1

_SAME = (
    "apply",
    "batch",
    "cache",
    "concatenate",
    "enumerate",
    "flat_map",
    "interleave",
    "padded_batch",
    "prefetch",
    "repeat",
    "shard",
    "shuffle",
    "skip",
    "take",
)
_SOURCES = (
    "from_generator",
    "from_sparse_tensor_slices",
    "from_tensor_slices",
    "from_tensors",
    "list_files",
    "range",
    "zip",
)


class Dataset(tf1.DatasetAdapter):
    """Is a data set with the methods of before `tf.data`; all others are those of today.

    Args:
      dataset: `tf.data.Dataset`.

    Source: TensorFlow 1.3 `tf.contrib.data.Dataset`.
    """

    def __init__(self, dataset: Any) -> None:
        super().__init__(dataset)

    def map(
        self,
        map_func: Callable[..., Any],
        num_threads: int | None = None,
        output_buffer_size: int | None = None,
        num_parallel_calls: int | None = None,
        **others: Any,
    ) -> Dataset:
        """Maps elements.

        Args:
          map_func: function of an element.
          num_threads: older name of `num_parallel_calls`.
          output_buffer_size: elements to read ahead.
          num_parallel_calls: int.
          **others: of `tf.data.Dataset.map`.
        """
        mapped = super().map(map_func, num_parallel_calls or num_threads, **others)
        return Dataset(mapped.prefetch(output_buffer_size) if output_buffer_size else mapped)

    def filter(self, predicate: Callable[..., Any], **others: Any) -> Dataset:
        """Keeps the elements for which `predicate` is true."""
        return Dataset(super().filter(predicate, **others))

    def group_by_window(
        self, key_func: Callable[..., Any], reduce_func: Callable[..., Any], window_size: int
    ) -> Dataset:
        """Reduces windows of elements of one key; see `tf.data.experimental`."""
        group = tf.data.experimental.group_by_window(key_func, reduce_func, window_size)
        return Dataset(super().apply(group))

    def dense_to_sparse_batch(self, batch_size: int, row_shape: Any) -> Dataset:
        """Makes minibatches of sparse tensors; see `tf.data.experimental`."""
        sparse = tf.data.experimental.dense_to_sparse_batch(batch_size, row_shape)
        return Dataset(super().apply(sparse))

    def unbatch(self, **others: Any) -> Dataset:
        """Gives the rows of elements one by one."""
        return Dataset(super().unbatch(**others))

    def ignore_errors(self, **others: Any) -> Dataset:
        """Leaves out elements that cannot be computed."""
        return Dataset(super().apply(tf.data.experimental.ignore_errors(**others)))


def _wrapped(name: str) -> Any:
    """Makes the method `name`, whose result has the older methods again."""
    original = getattr(tf.data.Dataset, name)

    def method(self: Any, *args: Any, **kwargs: Any) -> Dataset:
        return Dataset(original(self, *args, **kwargs))

    method.__name__, method.__doc__ = name, original.__doc__
    return method


def _source(name: str) -> Any:
    """Makes the constructor `name`, whose result has the older methods."""
    original = getattr(tf.data.Dataset, name)

    def construct(*args: Any, **kwargs: Any) -> Dataset:
        return Dataset(original(*args, **kwargs))

    construct.__name__, construct.__doc__ = name, original.__doc__
    return staticmethod(construct)


for _name in _SAME:
    setattr(Dataset, _name, _wrapped(_name))
for _name in _SOURCES:
    setattr(Dataset, _name, _source(_name))


def text_line_dataset(*args: Any, **kwargs: Any) -> Dataset:
    """Makes a data set of the lines of files; see `tf.data.TextLineDataset`."""
    return Dataset(tf.data.TextLineDataset(*args, **kwargs))


def tf_record_dataset(*args: Any, **kwargs: Any) -> Dataset:
    """Makes a data set of the records of files; see `tf.data.TFRecordDataset`."""
    return Dataset(tf.data.TFRecordDataset(*args, **kwargs))


def fixed_length_record_dataset(*args: Any, **kwargs: Any) -> Dataset:
    """Makes a data set of records of one length; see `tf.data.FixedLengthRecordDataset`."""
    return Dataset(tf.data.FixedLengthRecordDataset(*args, **kwargs))
