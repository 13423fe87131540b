"""`tf.nn.dynamic_rnn` and its bidirectional form."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry import tf1
from tgcarry.legacy.unrolling.by_hand import by_hand


def dynamic_rnn(
    cell: Any,
    inputs: Any,
    sequence_length: Any = None,
    initial_state: Any = None,
    dtype: Any = None,
    parallel_iterations: int | None = None,
    swap_memory: bool = False,
    time_major: bool = False,
    scope: Any = None,
) -> tuple[Any, Any]:
    """Unrolls a cell over the time axis of its inputs; see `tgcarry.dynamic_rnn`.

    Returns:
      `(outputs, final_state)`.

    Raises:
      CarryError: the run's settings ask for an engine that cannot run the cell.
      TypeError, ValueError: as TensorFlow 1 raises them.

    Source: `tf.nn.dynamic_rnn` of TensorFlow 1.15.
    """
    looped = tf.nn.dynamic_rnn(
        cell,
        inputs,
        sequence_length,
        initial_state,
        dtype,
        parallel_iterations,
        swap_memory,
        time_major,
        scope,
    )
    return by_hand(cell, inputs, sequence_length, initial_state, dtype, time_major) or looped


def bidirectional_dynamic_rnn(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
    """Unrolls one cell forwards and another one backwards.

    Source: `tf.nn.bidirectional_dynamic_rnn` of TensorFlow 1.15, which see for the arguments.
    """
    with tf1.dynamic_rnn_replaced(dynamic_rnn):
        both: tuple[Any, Any] = tf.nn.bidirectional_dynamic_rnn(*args, **kwargs)
    return both
