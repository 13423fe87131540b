"""Sequences cut into segments, whose states wait in a barrier for the segment before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry import tf1
from tgcarry.errors import DataError
from tgcarry.legacy.training.state_batch import NextQueuedSequenceBatch, Received

# The parts of an element in the barrier that every segment has, in its order.
_FIXED = {
    "length": tf.int32,
    "total_length": tf.int32,
    "next_key": tf.string,
    "sequence": tf.int32,
    "sequence_count": tf.int32,
}
_TOKEN = 1


class SequenceQueueingStateSaver:
    """Cuts sequences into segments and gives these in minibatches, in order, with states.

    U is `num_unroll`. A sequence of padded length n * U becomes n segments; segment i + 1 is
    given once the state behind segment i is saved.

    Args:
      batch_size: int or int32 scalar, B.
      num_unroll: int, U.
      input_length: int32 scalar, the sequence's length without padding.
      input_key: string scalar, unique to the sequence.
      input_sequences: name to `[T, ...]`, all of one T, a multiple of U.
      input_context: name to `[...]`, goes with every segment.
      initial_states: name to `[...]`, at least one.
      capacity: int, sequences that are under way at most; None for any number.
      allow_small_batch: whether the last minibatches may be smaller.
      name: str, of the operations.

    Raises:
      DataError: no states or sequences, shapes that are not known, or too small a capacity.
      TypeError: states or sequences that are no dict.

    Source: TensorFlow 1.15 `tf.contrib.training.SequenceQueueingStateSaver`.
    """

    def __init__(
        self,
        batch_size: Any,
        num_unroll: int,
        input_length: Any,
        input_key: Any,
        input_sequences: Mapping[str, Any],
        input_context: Mapping[str, Any],
        initial_states: Mapping[str, Any],
        capacity: int | None = None,
        allow_small_batch: bool = False,
        name: str | None = None,
    ) -> None:
        _check(batch_size, capacity, input_sequences, initial_states)
        if capacity is not None and tf.is_tensor(batch_size):
            enough = tf.assert_greater_equal(
                tf.cast(capacity, tf.int64),
                tf.cast(batch_size, tf.int64),
                message=f"capacity needs to be >= batch_size, but it is {capacity}",
            )
            with tf.control_dependencies([enough]):
                input_key = tf.identity(input_key)
        self._batch_size = batch_size
        self._num_unroll = num_unroll
        self._small = allow_small_batch
        self._tokens = tf.FIFOQueue(-1 if capacity is None else capacity, [tf.int32], [[]])
        with tf.name_scope(name, "InputQueueingStateSaver") as scope:
            self._name = scope
            self._length = tf.identity(tf.cast(input_length, tf.int32), name="length")
            self._key = tf.convert_to_tensor(input_key, name="key")
            self._sequences = _tensors(input_sequences, "sequence", 1)
            self._context = _tensors(input_context, "context", 0)
            self._states = _tensors(initial_states, "state", 0)
            self._padded, self._sequences = self._checked()
            self._barrier = self._make_barrier()
        self._prefetch: Any = None
        self._batch: NextQueuedSequenceBatch | None = None

    @property
    def name(self) -> str:
        """The scope of the operations."""
        return str(self._name)

    @property
    def barrier(self) -> Any:
        """The barrier that segments wait in."""
        return self._barrier

    @property
    def batch_size(self) -> Any:
        """B."""
        return self._batch_size

    @property
    def num_unroll(self) -> int:
        """U."""
        return self._num_unroll

    @property
    def prefetch_op(self) -> Any:
        """The operation that takes in one sequence; run it in a thread, by a queue runner."""
        if self._prefetch is None:
            with tf.name_scope(self._name):
                self._prefetch = self._make_prefetch()
        return self._prefetch

    @property
    def next_batch(self) -> NextQueuedSequenceBatch:
        """The next minibatch's tensors."""
        _ = self.prefetch_op
        if self._batch is None:
            with tf.name_scope(self._name):
                places = {key: self._place("state", key) for key in self._states}
                self._batch = NextQueuedSequenceBatch(self._read(), self._barrier, places)
        return self._batch

    def close(self, cancel_pending_enqueues: bool = False, name: str | None = None) -> Any:
        """Returns an operation that says that no sequence will come any more."""
        with tf.name_scope(name, "SQSSClose") as scope:
            barrier = self._barrier.close(cancel_pending_enqueues, "BarrierClose")
            tokens = self._tokens.close(cancel_pending_enqueues, "FIFOClose")
            return tf.group(barrier, tokens, name=scope)

    def _place(self, kind: str, name: str) -> int:
        names = [
            *(("", fixed) for fixed in _FIXED),
            *(("sequence", key) for key in self._sequences),
            *(("context", key) for key in self._context),
            *(("state", key) for key in self._states),
        ]
        return names.index((kind, name))

    def _checked(self) -> tuple[Any, dict[str, Any]]:
        """Returns the padded length and the sequences, behind the checks of their lengths."""
        lengths = {name: tf.shape(value)[0] for name, value in self._sequences.items()}
        first, length = next(iter(lengths.items()))
        whole = tf.strings.join(
            [
                f"length of sequence {first!r} should be a multiple of: {self._num_unroll}",
                tf.strings.as_string(length),
            ],
            separator=", but saw value: ",
        )
        same = [
            tf.assert_equal(other, length, message=f"lengths of {name} and {first}")
            for name, other in lengths.items()
        ]
        checks = [
            tf.Assert(tf.equal(length % self._num_unroll, 0) & (length > 0), [whole]),
            *same[1:],
            tf.assert_less_equal(self._length, length, message="input_length is too long"),
        ]
        with tf.control_dependencies(checks):
            return tf.identity(length, name="padded_length"), {
                name: tf.identity(value) for name, value in self._sequences.items()
            }

    def _make_barrier(self) -> Any:
        values = [*self._sequences.values(), *self._context.values(), *self._states.values()]
        segments = [value.shape.as_list()[1:] for value in self._sequences.values()]
        whole = [*self._context.values(), *self._states.values()]
        return tf1.barrier(
            [*_FIXED.values(), *(value.dtype for value in values)],
            [
                *(() for _ in _FIXED),
                *([self._num_unroll, *shape] for shape in segments),
                *(value.shape.as_list() for value in whole),
            ],
        )

    def _make_prefetch(self) -> Any:
        """Makes the operation that puts a sequence's segments, and the first state, in."""
        count = self._padded // self._num_unroll
        numbers = tf.range(count)
        keys = tf.strings.join([_digits(numbers), "_of_", _digits(count), ":", self._key])
        stop = tf.strings.join(["STOP:", self._key])
        ones = tf.ones([count], tf.int32)
        left = tf.maximum(0, self._length - self._num_unroll * numbers)
        fixed = {
            "length": tf.minimum(self._num_unroll, left),
            "total_length": self._length * ones,
            "next_key": tf.concat([keys[1:], [stop]], 0),
            "sequence": numbers,
            "sequence_count": count * ones,
        }
        puts = {key: self._put("", key, keys, value) for key, value in fixed.items()}
        enters = self._tokens.enqueue((_TOKEN,))
        for key, value in self._sequences.items():
            shape = [-1, self._num_unroll, *value.shape.as_list()[1:]]
            puts["s" + key] = self._put("sequence", key, keys, tf.reshape(value, shape))
        for key, value in self._context.items():
            copies = tf.tile(value[tf.newaxis], [count] + [1] * value.shape.ndims)
            puts["c" + key] = self._put("context", key, keys, copies)
        # All segments at once first: that gives them one index, so that they are given in turn.
        with tf.control_dependencies([puts["sequence"], enters]):
            starts = [
                self._put("state", key, keys[:1], value[tf.newaxis])
                for key, value in self._states.items()
            ]
        return tf.group(enters, *puts.values(), *starts, name="StateSaverPrefetchGroup")

    def _put(self, kind: str, name: str, keys: Any, values: Any) -> Any:
        return self._barrier.insert_many(
            self._place(kind, name), keys, values, name=f"BarrierInsert{kind.title()}_{name}"
        )

    def _read(self) -> Received:
        taken = self._barrier.take_many(self._batch_size, self._small, name="BarrierTakeMany")
        index, key, values = taken
        fixed = {name: values[self._place("", name)] for name in _FIXED}
        done = fixed["sequence"] + 1 >= fixed["sequence_count"]
        leaves = self._tokens.dequeue_many(tf.reduce_sum(tf.cast(done, tf.int32)))
        with tf.control_dependencies([leaves]):
            states = {k: tf.identity(values[self._place("state", k)]) for k in self._states}
        return Received(
            insertion_index=index,
            key=key,
            sequences={k: values[self._place("sequence", k)] for k in self._sequences},
            context={k: values[self._place("context", k)] for k in self._context},
            states=states,
            done=done,
            **fixed,
        )


def _check(batch_size: Any, capacity: int | None, sequences: Any, states: Any) -> None:
    if capacity is not None and not tf.is_tensor(batch_size) and capacity < batch_size:
        raise DataError(f"capacity {capacity} needs to be >= batch_size {batch_size}")
    for name, given in (("initial_states", states), ("input_sequences", sequences)):
        if not isinstance(given, Mapping):
            raise TypeError(f"{name} is {given!r}: give a dict of tensors")
        if not given:
            raise DataError(f"{name} is empty: give at least one")
    if any(":" in name for name in states):
        raise DataError(f"initial_states {sorted(states)}: leave ':' out of the names")


def _tensors(given: Mapping[str, Any], kind: str, free: int) -> dict[str, Any]:
    """Returns tensors by sorted name, whose shapes are known but for `free` dimensions."""
    tensors = {}
    for name in sorted(given):
        tensor = tf.convert_to_tensor(given[name], name=f"{kind}_{name}")
        if tensor.shape.ndims is None or not tensor.shape[free:].is_fully_defined():
            raise DataError(f"{kind} {name!r} of shape {tensor.shape}: set_shape it before")
        tensors[name] = tensor
    return tensors


def _digits(number: Any) -> Any:
    return tf.strings.as_string(number, width=5, fill="0")
