"""Sequences, one at a time, into minibatches of segments, by queue runners."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.errors import DataError
from tgcarry.legacy.training import state_sparse
from tgcarry.legacy.training.state_batch import NextQueuedSequenceBatch
from tgcarry.legacy.training.state_saver import SequenceQueueingStateSaver

_UNIQUE = 100000000


def batch_sequences_with_states(
    input_key: Any,
    input_sequences: Mapping[str, Any],
    input_context: Mapping[str, Any],
    input_length: Any,
    initial_states: Mapping[str, Any],
    num_unroll: int,
    batch_size: Any,
    num_threads: int = 3,
    capacity: int = 1000,
    allow_small_batch: bool = True,
    pad: bool = True,
    make_keys_unique: bool = False,
    make_keys_unique_seed: int | None = None,
    name: str | None = None,
) -> NextQueuedSequenceBatch:
    """Makes a `SequenceQueueingStateSaver` and the queue runner that feeds it.

    Args:
      input_key: string scalar, unique to the sequence.
      input_sequences: name to `[T, ...]`, dense or sparse.
      input_context: name to `[...]`, dense or sparse.
      input_length: int32 scalar; None takes the sequences' own length, if `pad`.
      initial_states: name to `[...]`.
      num_unroll: int, the steps of a segment.
      batch_size: int or int32 scalar.
      num_threads: int, how many threads take in sequences.
      capacity: int, sequences that are under way at most.
      allow_small_batch: whether the last minibatches may be smaller.
      pad: whether to pad sequences with zeros to whole segments.
      make_keys_unique: whether to add a random number to the key.
      make_keys_unique_seed: int, of that number.
      name: str, of the operations.

    Returns:
      The next minibatch.

    Raises:
      DataError: see `SequenceQueueingStateSaver`; or no length, and nothing to take it from.

    Source: TensorFlow 1.15 `tf.contrib.training.batch_sequences_with_states`.
    """
    with tf.name_scope(name, "batch_sequences_with_states"):
        sequences = state_sparse.tensors_of(input_sequences)
        if pad and sequences:
            length, sequences = _padded(sequences, num_unroll)
            input_length = length if input_length is None else input_length
        if input_length is None:
            raise DataError("input_length is None and pad false: give the sequences' length")
        if make_keys_unique:
            number = tf.random_uniform((), 0, _UNIQUE, tf.int32, seed=make_keys_unique_seed)
            input_key = tf.strings.join([input_key, tf.strings.as_string(number)])
        sequences, sparse_sequences = state_sparse.serialized_sequences(sequences)
        context, sparse_context = state_sparse.serialized_context(
            state_sparse.tensors_of(input_context)
        )
        saver = SequenceQueueingStateSaver(
            batch_size,
            num_unroll,
            input_length=input_length,
            input_key=input_key,
            input_sequences=sequences,
            input_context=context,
            initial_states=initial_states,
            capacity=capacity,
            allow_small_batch=allow_small_batch,
        )
        ready = tf.cast(saver.barrier.ready_size(), tf.float32)
        tf.summary.scalar(f"queue/{saver.barrier.name}/ready_segment_batches_", ready)
        ends = (tf.errors.OutOfRangeError, tf.errors.CancelledError)
        runner = tf.train.QueueRunner(
            saver, [saver.prefetch_op] * num_threads, queue_closed_exception_types=ends
        )
        tf.train.add_queue_runner(runner)
        batch = saver.next_batch
        state_sparse.restore(batch.sequences, sparse_sequences)
        state_sparse.restore(batch.context, sparse_context)
        return batch


def _padded(tensors: Mapping[str, Any], num_unroll: int) -> tuple[Any, dict[str, Any]]:
    """Returns the length, and the sequences `[T, ...]` with zeros up to a multiple."""
    length = _length(tensors)
    missing = -length % num_unroll
    padded = {}
    for name, tensor in tensors.items():
        if isinstance(tensor, tf.SparseTensor):
            padded[name] = state_sparse.padded(tensor, length + missing)
            continue
        zero = tf.constant("" if tensor.dtype == tf.string else 0, tensor.dtype)
        zeros = tf.fill(tf.concat([[missing], tf.shape(tensor)[1:]], 0), zero)
        padded[name] = tf.concat([tensor, zeros], 0)
        padded[name].set_shape([None, *tensor.shape.as_list()[1:]])
    return length, padded


def _length(tensors: Mapping[str, Any]) -> Any:
    """Returns the dense sequences' one length; without any, the longest sparse one's."""
    dense = [t for t in tensors.values() if not isinstance(t, tf.SparseTensor)]
    if not dense:
        lengths = [tf.cast(tensor.dense_shape[0], tf.int32) for tensor in tensors.values()]
        return tf.reduce_max(tf.stack(lengths))
    first, *others = (tf.shape(tensor)[0] for tensor in dense)
    same = [tf.assert_equal(other, first, message="one length") for other in others]
    with tf.control_dependencies(same):
        return tf.identity(first)
