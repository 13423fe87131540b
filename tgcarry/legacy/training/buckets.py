"""Minibatches of elements that belong together: one queue a bucket, one for the minibatches."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tgcarry import tf1
from tgcarry.errors import DataError


def bucket(
    tensors: Any,
    which_bucket: Any,
    batch_size: Any,
    num_buckets: int,
    num_threads: int = 1,
    capacity: int = 32,
    bucket_capacities: Sequence[int] | None = None,
    shapes: Sequence[Any] | None = None,
    dynamic_pad: bool = False,
    allow_smaller_final_batch: bool = False,
    keep_input: Any = True,
    shared_name: str | None = None,
    name: str | None = None,
) -> tuple[Any, Any]:
    """Gathers elements into minibatches of one bucket each, by queue runners.

    Args:
      tensors: list or dict of tensors, dense or sparse, one element.
      which_bucket: int32 scalar, of the element.
      batch_size: int, or one per bucket.
      num_buckets: int.
      num_threads: int, how many threads put elements into buckets.
      capacity: int, minibatches that wait at most.
      bucket_capacities: ints, elements that wait in each bucket; `capacity` by default.
      shapes: of the tensors; by default their own.
      dynamic_pad: whether unknown dimensions are padded to the longest of the minibatch.
      allow_smaller_final_batch: whether to give what is left when the input ends.
      keep_input: bool scalar, whether to take the element at all.
      shared_name: str, shares the queues between sessions.
      name: str, of the operations.

    Returns:
      int32 scalar, the bucket, and the minibatch, as `tensors`.

    Raises:
      DataError: no tensors, or lists of sizes that are not one per bucket.

    Source: TensorFlow 1.15 `tf.contrib.training.bucket`.
    """
    elements = _flat(tensors)
    sizes = _per_bucket("batch_size", batch_size, num_buckets)
    capacities = _per_bucket("bucket_capacities", bucket_capacities or capacity, num_buckets)
    with tf.name_scope(name, "bucket", elements):
        elements = [tf.convert_to_tensor_or_sparse_tensor(element) for element in elements]
        if not elements:
            raise DataError("tensors is empty: give at least one tensor to put into buckets")
        keep_input = tf.convert_to_tensor(keep_input, tf.bool, name="keep_input")
        elements, kinds = tf1.stored_sparse(elements, keep_input)
        which_bucket = tf.convert_to_tensor(which_bucket, tf.int32, name="which_bucket")
        types = [element.dtype for element in elements]
        shapes = [element.shape for element in elements] if shapes is None else list(shapes)
        create = tf.PaddingFIFOQueue if dynamic_pad else tf.FIFOQueue
        queues = [
            create(
                capacities[number],
                types,
                shapes,
                shared_name=None if shared_name is None else f"{shared_name}_{number}",
                name=f"bucket_queue_{number}",
            )
            for number in range(num_buckets)
        ]
        same = not allow_smaller_final_batch and not isinstance(batch_size, (list, tuple))
        static = tf.get_static_value(sizes[0]) if same and tf.is_tensor(sizes[0]) else sizes[0]
        top = tf.PaddingFIFOQueue(
            capacity,
            [tf.int32, *types],
            [
                tf.TensorShape([]),
                *(
                    tf.TensorShape([static if same else None]).concatenate(shape)
                    for shape in queues[0].shapes
                ),
            ],
            shared_name=shared_name,
            name="top_queue",
        )
        put = _conditional(keep_input, functools.partial(_put, queues, which_bucket, elements))
        _add_runners(queues, top, [put] * num_threads, sizes, allow_smaller_final_batch)
        for queue in queues:
            tf.summary.scalar(f"bucket/{queue.name}/size", tf.cast(top.size(), tf.float32))
        tf.summary.scalar(
            f"bucket/{top.name}/fraction_of_{capacity}_full",
            tf.cast(top.size(), tf.float32) * (1.0 / capacity),
        )
        number, *batch = top.dequeue(name="dequeue_top")
        return number, _as(tensors, tf1.restored_sparse(batch, kinds))


def bucket_by_sequence_length(
    input_length: Any,
    tensors: Any,
    batch_size: Any,
    bucket_boundaries: Sequence[int],
    num_threads: int = 1,
    capacity: int = 32,
    bucket_capacities: Sequence[int] | None = None,
    shapes: Sequence[Any] | None = None,
    dynamic_pad: bool = False,
    allow_smaller_final_batch: bool = False,
    keep_input: Any = True,
    shared_name: str | None = None,
    name: str | None = None,
) -> tuple[Any, Any]:
    """Gathers sequences of similar length into minibatches; see `bucket`.

    Args:
      input_length: int32 scalar, the length of the element.
      tensors: list or dict of tensors, one element.
      batch_size: int, or one per bucket.
      bucket_boundaries: increasing ints; bucket i has lengths from boundary i-1 up to, and
        without, boundary i, and there is one bucket more than boundaries.
      num_threads: int, how many threads put elements into buckets.
      capacity: int, minibatches that wait at most.
      bucket_capacities: ints, elements that wait in each bucket.
      shapes: of the tensors.
      dynamic_pad: whether to pad unknown dimensions.
      allow_smaller_final_batch: whether to give what is left when the input ends.
      keep_input: bool scalar, whether to take the element at all.
      shared_name: str, shares the queues between sessions.
      name: str, of the operations.

    Returns:
      int32 `[B]`, the lengths, and the minibatch, as `tensors`.

    Raises:
      TypeError: boundaries that are not ints.
      DataError: none, or not increasing.

    Source: TensorFlow 1.15 `tf.contrib.training.bucket_by_sequence_length`.
    """
    boundaries = _checked(bucket_boundaries)
    elements = _flat(tensors)
    with tf.name_scope(name, "bucket_by_sequence_length", [input_length, *elements]):
        input_length = tf.convert_to_tensor(input_length, tf.int32, name="input_length")
        least, most = np.iinfo(np.int32).min, np.iinfo(np.int32).max
        inside = tf.logical_and(
            tf.less_equal([least, *boundaries], input_length),
            tf.less(input_length, [*boundaries, most]),
        )
        which = tf.cast(tf.reduce_min(tf.where_v2(inside)), tf.int32)
        _, (lengths, *batch) = bucket(
            [input_length, *elements],
            which,
            batch_size,
            len(boundaries) + 1,
            num_threads,
            capacity,
            bucket_capacities,
            None if shapes is None else [tf.TensorShape([]), *shapes],
            dynamic_pad,
            allow_smaller_final_batch,
            keep_input,
            shared_name,
        )
        return lengths, _as(tensors, batch)


def _flat(tensors: Any) -> list[Any]:
    return (
        [tensors[key] for key in sorted(tensors)] if isinstance(tensors, dict) else list(tensors)
    )


def _as(original: Any, batch: list[Any]) -> Any:
    """Returns a minibatch in the way the element was given; a single tensor comes alone."""
    if isinstance(original, dict):
        return dict(zip(sorted(original), batch, strict=True))
    return batch if len(batch) > 1 else batch[0]


def _per_bucket(name: str, given: Any, num_buckets: int) -> list[Any]:
    values = list(given) if isinstance(given, (list, tuple)) else [given] * num_buckets
    if len(values) != num_buckets:
        raise DataError(f"{name} {given} must have exactly num_buckets = {num_buckets} elements")
    return values


def _checked(boundaries: Sequence[int]) -> list[int]:
    if not isinstance(boundaries, (list, tuple)):
        raise TypeError(f"bucket_boundaries {boundaries!r}: give a list of ints")
    if not boundaries:
        raise DataError("bucket_boundaries is empty: give at least one length")
    if not all(isinstance(boundary, int) for boundary in boundaries) and len(boundaries) > 1:
        raise TypeError(f"bucket_boundaries {boundaries!r}: give ints")
    if list(boundaries) != sorted(set(boundaries)):
        raise DataError(f"bucket_boundaries {boundaries!r}: give increasing lengths")
    return list(boundaries)


def _put(queues: Sequence[Any], which: Any, elements: Sequence[Any]) -> Any:
    def into(queue: Any) -> Any:
        return queue.enqueue(elements)

    puts = [
        tf.cond(tf.equal(which, number), functools.partial(into, queue), tf.no_op)
        for number, queue in enumerate(queues)
    ]
    return tf.group(*puts, name="group_enqueues")


def _conditional(keep: Any, make: Callable[[], Any]) -> Any:
    known = tf.get_static_value(keep) if tf.is_tensor(keep) else keep
    if known is None:
        return tf.cond(keep, make, tf.no_op)
    return make() if known else tf.no_op()


def _add_runners(
    queues: Sequence[Any], top: Any, puts: list[Any], sizes: Sequence[Any], smaller: bool
) -> None:
    passed = []
    for number, (queue, size) in enumerate(zip(queues, sizes, strict=True)):
        take = queue.dequeue_up_to if smaller else queue.dequeue_many
        batch = take(size, name=f"read_bucket_{number}")
        batch = list(batch) if isinstance(batch, (list, tuple)) else [batch]
        passed.append(
            top.enqueue([tf.constant(number), *batch], name=f"enqueue_from_bucket_{number}")
        )
    ends = (tf.errors.OutOfRangeError, tf.errors.CancelledError)
    tf.train.add_queue_runner(
        tf.train.QueueRunner(
            queues[0],
            passed,
            close_op=top.close(),
            cancel_op=top.close(cancel_pending_enqueues=True),
            queue_closed_exception_types=ends,
        )
    )
    tf.train.add_queue_runner(
        tf.train.QueueRunner(
            top,
            puts,
            close_op=tf.group(*[queue.close() for queue in queues]),
            cancel_op=tf.group(*[queue.close(cancel_pending_enqueues=True) for queue in queues]),
            queue_closed_exception_types=ends,
        )
    )
