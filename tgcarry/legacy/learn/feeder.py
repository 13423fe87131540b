"""Rows of arrays in minibatches, fed to placeholders."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tgcarry.errors import DataError

# TensorFlow 1 shuffles with a generator of its own that starts here.
_SEED = 42


class DataFeeder:
    """Feeds rows of `x` and `y`, in order or shuffled anew every epoch.

    Args:
      x: array `[N, ...]`, pandas' table, or a dict of such.
      y: array `[N, ...]`, pandas' series or table, a list, a dict of such, or None.
      batch_size: int, B; None for all rows.
      shuffle: bool.
      epochs: int, how often to go through the rows; None for ever.

    Raises:
      DataError: `batch_size` is not positive.

    Source: TensorFlow 1.15 `tf.contrib.learn` `DataFeeder`. Not included: classes to one-hot
      rows, iterators as data.
    """

    def __init__(
        self, x: Any, y: Any, batch_size: int | None, shuffle: bool, epochs: int | None
    ) -> None:
        if batch_size is not None and batch_size <= 0:
            raise DataError(f"batch_size {batch_size}: give a positive number")
        self._x = _features(x)
        self._y = None if y is None else _each(y, _labels)
        self._length = len(_any(self._x))
        self._batch = self._length if batch_size is None else batch_size
        self._shuffle = shuffle
        self._random = np.random.RandomState(_SEED)
        self._epochs = epochs
        self._epoch = 0
        self._place = 0
        self._order = self._new_order()
        self._inputs: Any = None
        self._targets: Any = None

    def input_builder(self) -> tuple[Any, Any]:
        """Makes placeholders for features and labels."""
        self._inputs = _placeholders(self._x, "input")
        self._targets = None if self._y is None else _placeholders(self._y, "output")
        return self._inputs, self._targets

    def feed(self) -> dict[Any, Any]:
        """Returns the next feeds, by name of the placeholder.

        Raises:
          StopIteration: the epochs are over.
        """
        if self._epochs is not None and self._epoch >= self._epochs:
            raise StopIteration
        rows = self._order[self._place : self._place + self._batch]
        self._place += self._batch
        if self._place >= self._length:
            self._order, self._place = self._new_order(), 0
            self._epoch += 1
        feeds = _feeds(self._inputs, self._x, rows)
        return feeds if self._y is None else {**feeds, **_feeds(self._targets, self._y, rows)}

    def _new_order(self) -> Any:
        return self._random.permutation(self._length) if self._shuffle else np.arange(self._length)


def input_functions(
    x: Any, y: Any, batch_size: int | None, shuffle: bool = False, epochs: int | None = 1
) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """Returns the function that makes placeholders, and that which gives feeds for them."""
    feeder = DataFeeder(x, y, batch_size, shuffle, epochs)
    return feeder.input_builder, feeder.feed


def _features(x: Any) -> Any:
    if isinstance(x, list):
        raise TypeError("x is a list: give a NumPy array, np.array(x)")
    return _each(x, lambda values: _column(_array(values)))


def _each(data: Any, change: Callable[[Any], Any]) -> Any:
    if isinstance(data, Mapping):
        return {name: change(values) for name, values in data.items()}
    return change(data)


def _array(values: Any) -> Any:
    return values.to_numpy() if hasattr(values, "to_numpy") else np.asarray(values)


def _column(values: Any) -> Any:
    return values[:, np.newaxis] if values.ndim == 1 else values


def _labels(values: Any) -> Any:
    """Returns labels `[N]` of `[N, 1]`, others as they are."""
    values = _array(values)
    return values[:, 0] if values.ndim > 1 and values.shape[1] == 1 else values


def _any(data: Any) -> Any:
    return next(iter(data.values())) if isinstance(data, dict) else data


def _placeholders(data: Any, name: str) -> Any:
    if isinstance(data, dict):
        return {key: _placeholder(values, f"{name}_{key}") for key, values in data.items()}
    return _placeholder(data, name)


def _placeholder(values: Any, name: str) -> Any:
    return tf.placeholder(tf.as_dtype(values.dtype), [None, *values.shape[1:]], name=name)


def _feeds(placeholders: Any, data: Any, rows: Any) -> dict[Any, Any]:
    if isinstance(data, dict):
        return {placeholders[name].name: values[rows] for name, values in data.items()}
    return {placeholders.name: data[rows]}


def like_placeholders(labels: Any) -> Any:
    """Returns placeholders of the labels' types and shapes: models look at these."""
    if isinstance(labels, dict):
        return {name: like_placeholders(each) for name, each in labels.items()}
    return None if labels is None else tf.placeholder(labels.dtype, labels.shape)


def check_source(x: Any, input_fn: Any, batch_size: Any) -> None:
    """Raises `DataError` unless there are either arrays or an input function."""
    if (x is None) == (input_fn is None):
        raise DataError("give either arrays x and y, or input_fn")
    if input_fn is not None and batch_size is not None:
        raise DataError(f"batch_size {batch_size} with input_fn: make such batches in input_fn")
