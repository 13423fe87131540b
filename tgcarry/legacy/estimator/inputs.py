"""Input functions that give rows of NumPy arrays or of pandas' tables in minibatches."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tgcarry.errors import DataError


def numpy_input_fn(
    x: Any,
    y: Any = None,
    batch_size: int = 128,
    num_epochs: int | None = 1,
    shuffle: bool | None = None,
    queue_capacity: int = 1000,
    num_threads: int = 1,
) -> Callable[[], Any]:
    """Returns an input function over arrays.

    Args:
      x: array `[N, ...]`, or a dict of such.
      y: array `[N, ...]`, or a dict of such, or None.
      batch_size: int, B; the last minibatch of the last epoch may be smaller.
      num_epochs: int; None goes on for ever.
      shuffle: bool; has to be given.
      queue_capacity: int, among how many rows to shuffle.
      num_threads: ignored.

    Returns:
      Function without arguments; returns features, or (features, labels).

    Raises:
      DataError: `shuffle` is not given, or arrays of different lengths.

    Source: TensorFlow 1.15 `tf.estimator.inputs.numpy_input_fn`.
    """
    if not isinstance(shuffle, bool):
        raise DataError(f"shuffle {shuffle!r}: give True or False")

    def input_fn() -> Any:
        features = _arrays(x, "x")
        labels = {} if y is None else _arrays(y, "y")
        columns = [*features.values(), *labels.values()]
        lengths = {len(column) for column in columns}
        if len(lengths) != 1:
            shapes = {"x": _shapes(features), "y": _shapes(labels)}
            raise DataError(f"arrays of different lengths {shapes}: give one row an example")
        batch = _batches(columns, lengths.pop(), batch_size, num_epochs, shuffle, queue_capacity)
        first = _like(x, features, batch[: len(features)])
        return first if y is None else (first, _like(y, labels, batch[len(features) :]))

    return input_fn


def pandas_input_fn(
    x: Any,
    y: Any = None,
    batch_size: int = 128,
    num_epochs: int | None = 1,
    shuffle: bool | None = None,
    queue_capacity: int = 1000,
    num_threads: int = 1,
    target_column: str = "target",
) -> Callable[[], Any]:
    """Returns an input function over a `pandas.DataFrame`; see `numpy_input_fn`.

    Args:
      x: table, one feature a column.
      y: `pandas.Series`, table, or None.
      batch_size: int, B.
      num_epochs: int; None goes on for ever.
      shuffle: bool; has to be given.
      queue_capacity: int, among how many rows to shuffle.
      num_threads: ignored.
      target_column: ignored; a name for the labels that is not among the features.

    Source: TensorFlow 1.15 `tf.estimator.inputs.pandas_input_fn`.
    """
    features = {str(column): x[column].to_numpy() for column in x.columns}
    if y is not None and hasattr(y, "columns"):
        labels: Any = {str(column): y[column].to_numpy() for column in y.columns}
    else:
        labels = None if y is None else y.to_numpy()
    return numpy_input_fn(
        features, labels, batch_size, num_epochs, shuffle, queue_capacity, num_threads
    )


def _arrays(given: Any, name: str) -> dict[str, Any]:
    if isinstance(given, Mapping):
        if not given:
            raise DataError(f"{name} is an empty dict: give at least one array")
        return {key: np.asarray(given[key]) for key in sorted(given)}
    if not isinstance(given, np.ndarray):
        raise TypeError(f"{name} of type {type(given).__name__}: give a NumPy array or a dict")
    return {name: given}


def _shapes(arrays: Mapping[str, Any]) -> dict[str, Any]:
    return {name: array.shape for name, array in arrays.items()}


def _like(given: Any, arrays: Mapping[str, Any], batch: list[Any]) -> Any:
    return dict(zip(arrays, batch, strict=True)) if isinstance(given, Mapping) else batch[0]


def _batches(
    columns: list[Any],
    length: int,
    batch_size: int,
    epochs: int | None,
    shuffle: bool,
    capacity: int,
) -> list[Any]:
    """Returns the next rows of all columns: tensors `[B, ...]`."""
    types = [tf.as_dtype(column.dtype) for column in columns]

    def rows(numbers: Any) -> list[Any]:
        return [column[numbers] for column in columns]

    def read(numbers: Any) -> tuple[Any, ...]:
        values = tf.py_func(rows, [numbers], types)
        for value, column in zip(values, columns, strict=True):
            value.set_shape([None, *column.shape[1:]])
        return tuple(values)

    order = tf.data.Dataset.range(length)
    if shuffle:
        order = order.shuffle(max(2, min(length, capacity)))
    batches = order.repeat(epochs).batch(batch_size).map(read)
    iterator = tf.data.make_one_shot_iterator(batches)
    return list(iterator.get_next())
