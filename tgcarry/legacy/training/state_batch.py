"""Segments of sequences in minibatches, with the states that the segments before them left."""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tgcarry.errors import DataError


class Received(NamedTuple):
    """Holds what is taken from a barrier at once; B is the batch, U the steps of a segment."""

    insertion_index: Any
    key: Any
    length: Any
    total_length: Any
    next_key: Any
    sequence: Any
    sequence_count: Any
    sequences: dict[str, Any]
    context: dict[str, Any]
    states: dict[str, Any]
    done: Any
    """bool `[B]`, whether a segment is the last one of its sequence."""


class NextQueuedSequenceBatch:
    """Gives the tensors of the next minibatch of segments, and saves states for the next.

    Made by `SequenceQueueingStateSaver.next_batch`.

    Source: TensorFlow 1.15 `tf.contrib.training.NextQueuedSequenceBatch`.
    """

    def __init__(self, received: Received, barrier: Any, state_places: dict[str, int]) -> None:
        self._received = received
        self._barrier = barrier
        self._places = state_places

    @property
    def total_length(self) -> Any:
        """int32 `[B]`, lengths of the whole sequences."""
        return self._received.total_length

    @property
    def length(self) -> Any:
        """int32 `[B]`, lengths of the segments, U but for the last ones."""
        return self._received.length

    @property
    def batch_size(self) -> Any:
        """int32 scalar, B."""
        return tf.squeeze(tf.shape(self._received.length))

    @property
    def insertion_index(self) -> Any:
        """int64 `[B]`, growing in the order in which sequences came."""
        return self._received.insertion_index

    @property
    def key(self) -> Any:
        """String `[B]`, "SEGMENT_of_SEGMENTS:KEY" with five digits each."""
        return self._received.key

    @property
    def next_key(self) -> Any:
        """String `[B]`, the next segment's key, or "STOP:KEY"."""
        return self._received.next_key

    @property
    def sequence(self) -> Any:
        """int32 `[B]`, numbers of the segments from 0."""
        return self._received.sequence

    @property
    def sequence_count(self) -> Any:
        """int32 `[B]`, how many segments the sequences have."""
        return self._received.sequence_count

    @property
    def context(self) -> dict[str, Any]:
        """Name to `[B, ...]`, the same for all segments of a sequence."""
        return self._received.context

    @property
    def sequences(self) -> dict[str, Any]:
        """Name to `[B, U, ...]`."""
        return self._received.sequences

    def state(self, state_name: str) -> Any:
        """Returns a state `[B, ...]`: the initial one, or what the segment before saved.

        Raises:
          KeyError: there is no state of that name.
        """
        return self._received.states[state_name]

    def save_state(self, state_name: str, value: Any, name: str | None = None) -> Any:
        """Returns an operation that saves a state for the next segments.

        It has to be run with every minibatch, else the next segments never come.

        Raises:
          KeyError: there is no state of that name.
          DataError: a value of another rank than the state.
        """
        if state_name not in self._places:
            raise KeyError(f"state was not declared: {state_name}; initial_states names them all")
        with tf.name_scope(name, "InputQueueingStateSaver_SaveState", [value]):
            going_on = tf.reshape(tf.where_v2(tf.logical_not(self._received.done)), [-1])
            keys = tf.gather(self._received.next_key, going_on)
            value = tf.identity(value, name=f"convert_{state_name}")
            value = _like(value, self._received.states[state_name], state_name)
            return self._barrier.insert_many(
                self._places[state_name],
                keys,
                tf.gather(value, going_on),
                name=f"BarrierInsertState_{state_name}",
            )


def _like(value: Any, state: Any, name: str) -> Any:
    """Returns a value that is to have a state's rank, and shape when it is computed."""
    if value.shape.rank not in (None, state.shape.rank):
        raise DataError(
            f"Rank check failed for state {name!r}: it is of shape {state.shape}, but got "
            f"{value.shape} to save"
        )
    rank = tf.equal(tf.rank(value), tf.rank(state))
    same = tf.cond(
        rank, lambda: tf.reduce_all(tf.equal(tf.shape(value), tf.shape(state))), lambda: rank
    )
    told = [f"save_state({name!r}, value): value has the shape", tf.shape(value)]
    told += ["instead of", tf.shape(state)]
    with tf.control_dependencies([tf.Assert(same, told)]):
        checked = tf.identity(value, name="shape_checked")
    checked.set_shape(state.shape)
    return checked
