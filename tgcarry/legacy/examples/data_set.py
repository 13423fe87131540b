"""Images and labels in batches, shuffled anew every epoch."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import tensorflow.compat.v1 as tf

from tgcarry.errors import DataError

_FAKE_EXAMPLES = 10000
_FAKE_PIXELS = 784


class Dataset(NamedTuple):
    """Holds features and targets.

    Source: TensorFlow 1.15 `tf.contrib.learn.datasets.base.Dataset`.
    """

    data: Any
    target: Any


class Datasets(NamedTuple):
    """Holds the three parts of a data set.

    Source: TensorFlow 1.15 `tf.contrib.learn.datasets.base.Datasets`.
    """

    train: Any
    validation: Any
    test: Any


class DataSet:
    """Gives examples in batches; every epoch in a new order of NumPy's global generator.

    Seeds that generator: with the graph's seed, else with `seed`, else from the system.

    Args:
      images: uint8 `[N, rows, columns, 1]`.
      labels: `[N]` or `[N, C]`.
      fake_data: whether there are no data, and `next_batch` is to be asked for fake ones.
      one_hot: whether fake labels are rows.
      dtype: `tf.float32` scales pixels to [0, 1], `tf.uint8` leaves them.
      reshape: whether to give images as rows `[N, rows * columns]`.
      seed: int.

    Raises:
      TypeError: another `dtype`.
      DataError: images and labels are not as many, or images of more than one channel are to
        be reshaped.

    Source: TensorFlow 1.15 `tf.contrib.learn.datasets.mnist.DataSet`.
    """

    def __init__(
        self,
        images: Any,
        labels: Any,
        fake_data: bool = False,
        one_hot: bool = False,
        dtype: Any = tf.float32,
        reshape: bool = True,
        seed: int | None = None,
    ) -> None:
        graph_seed, op_seed = tf.get_seed(seed)
        np.random.seed(graph_seed if seed is None else op_seed)
        dtype = tf.as_dtype(dtype).base_dtype
        if dtype not in (tf.uint8, tf.float32):
            raise TypeError(f"dtype {dtype!r} of images: use tf.uint8 or tf.float32")
        self.one_hot = one_hot
        if not fake_data:
            images = _prepared(images, labels, dtype, reshape)
        self._num_examples = _FAKE_EXAMPLES if fake_data else images.shape[0]
        self._images = images
        self._labels = labels
        self._epochs_completed = 0
        self._index_in_epoch = 0

    @property
    def images(self) -> Any:
        """The images, in the order of the current epoch."""
        return self._images

    @property
    def labels(self) -> Any:
        """The labels, in the order of the current epoch."""
        return self._labels

    @property
    def num_examples(self) -> int:
        """How many examples there are, N."""
        return int(self._num_examples)

    @property
    def epochs_completed(self) -> int:
        """How many epochs `next_batch` has been through."""
        return self._epochs_completed

    def next_batch(
        self, batch_size: int, fake_data: bool = False, shuffle: bool = True
    ) -> tuple[Any, Any]:
        """Returns the next images and labels; across the end of an epoch, of both epochs.

        Args:
          batch_size: int, B.
          fake_data: whether to return lists of ones instead.
          shuffle: whether to shuffle where an epoch starts.
        """
        if fake_data:
            label: Any = [1] + [0] * 9 if self.one_hot else 0
            return [[1] * _FAKE_PIXELS for _ in range(batch_size)], [label] * batch_size
        start = self._index_in_epoch
        if shuffle and start == 0 and self._epochs_completed == 0:
            self._shuffle()
        end = start + batch_size
        if end <= self._num_examples:
            self._index_in_epoch = end
            return self._images[start:end], self._labels[start:end]
        rest = self._images[start:], self._labels[start:]
        self._epochs_completed += 1
        if shuffle:
            self._shuffle()
        end -= self._num_examples
        self._index_in_epoch = end
        return (
            np.concatenate((rest[0], self._images[:end])),
            np.concatenate((rest[1], self._labels[:end])),
        )

    def _shuffle(self) -> None:
        order = np.arange(self._num_examples)
        np.random.shuffle(order)
        self._images = self._images[order]
        self._labels = self._labels[order]


def _prepared(images: Any, labels: Any, dtype: Any, reshape: bool) -> Any:
    if images.shape[0] != labels.shape[0]:
        raise DataError(
            f"images of shape {images.shape}, labels of {labels.shape}: give one label an image"
        )
    if reshape:
        if images.shape[3] != 1:
            raise DataError(f"images of shape {images.shape} with reshape: give one channel")
        images = images.reshape(images.shape[0], images.shape[1] * images.shape[2])
    if dtype == tf.float32:
        images = np.multiply(images.astype(np.float32), np.float32(1.0 / 255.0))
    return images
