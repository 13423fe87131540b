"""What `tf.contrib.data` had for `Dataset.apply`, and `tf.data.experimental` has not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.errors import DataError

_Apply = Callable[[Any], Any]


def batch_and_drop_remainder(batch_size: Any) -> _Apply:
    """Makes minibatches of one size; leaves out the last rows if they are fewer."""
    return lambda dataset: dataset.batch(batch_size, drop_remainder=True)


def padded_batch_and_drop_remainder(
    batch_size: Any, padded_shapes: Any, padding_values: Any = None
) -> _Apply:
    """Makes padded minibatches of one size; leaves out the last rows if they are fewer."""

    def apply(dataset: Any) -> Any:
        return dataset.padded_batch(batch_size, padded_shapes, padding_values, drop_remainder=True)

    return apply


def sliding_window_batch(
    window_size: int,
    stride: int | None = None,
    window_shift: int | None = None,
    window_stride: int = 1,
) -> _Apply:
    """Makes minibatches of `window_size` elements, each starting a bit later.

    Args:
      window_size: int.
      stride: older name of `window_shift`.
      window_shift: how many elements later; 1 by default.
      window_stride: distance of the elements in a window.

    Raises:
      DataError: both `stride` and `window_shift`.

    Source: TensorFlow 1.15 `tf.contrib.data.sliding_window_batch`.
    """
    if stride is not None and window_shift is not None:
        raise DataError(f"stride {stride} and window_shift {window_shift}: give one")
    shift = window_shift or stride or 1

    def together(*parts: Any) -> Any:
        batches = tuple(part.batch(window_size) for part in parts)
        return tf.data.Dataset.zip(batches) if len(batches) > 1 else batches[0]

    def apply(dataset: Any) -> Any:
        windows = dataset.window(window_size, shift, window_stride, drop_remainder=True)
        return windows.flat_map(together)

    return apply


def sloppy_interleave(
    map_func: Callable[..., Any], cycle_length: int, block_length: int = 1
) -> _Apply:
    """Interleaves data sets, in whatever order they are ready."""
    return tf.data.experimental.parallel_interleave(
        map_func, cycle_length, block_length, sloppy=True
    )


def reduce_dataset(dataset: Any, reducer: Any) -> Any:
    """Returns the one element that a reducer makes of a data set."""
    grouped = dataset.apply(
        tf.data.experimental.group_by_reducer(lambda *_: tf.constant(0, tf.int64), reducer)
    )
    return tf.data.experimental.get_single_element(grouped)


def assert_element_shape(expected_shapes: Any) -> _Apply:
    """Sets the shapes of a data set's elements, and checks them."""

    def checked(*element: Any) -> Any:
        shapes = tf.nest.flatten(expected_shapes)
        tensors = [
            tf.ensure_shape(tensor, shape)
            for tensor, shape in zip(tf.nest.flatten(element), shapes, strict=True)
        ]
        packed = tf.nest.pack_sequence_as(element, tensors)
        return packed if len(element) > 1 else packed[0]

    return lambda dataset: dataset.map(checked)


def read_batch_features(
    file_pattern: Any,
    batch_size: int,
    features: Any,
    reader: Any = tf.data.TFRecordDataset,
    reader_args: Any = None,
    randomize_input: bool = True,
    num_epochs: int | None = None,
    capacity: int = 10000,
) -> Any:
    """Returns the next minibatch of parsed examples of files, by name."""
    dataset = tf.data.experimental.make_batched_features_dataset(
        file_pattern,
        batch_size,
        features,
        reader=reader,
        reader_args=reader_args,
        num_epochs=num_epochs,
        shuffle=randomize_input,
        shuffle_buffer_size=capacity,
    )
    return tf.data.make_one_shot_iterator(dataset).get_next()
