"""Bidirectional layers on top of one another, each reading both directions of the one below."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.errors import CellError
from tgcarry.legacy import unrolling


def stack_bidirectional_rnn(
    cells_fw: list[Any],
    cells_bw: list[Any],
    inputs: Sequence[Any],
    initial_states_fw: list[Any] | None = None,
    initial_states_bw: list[Any] | None = None,
    dtype: Any = None,
    sequence_length: Any = None,
    scope: Any = None,
) -> tuple[Any, Any, Any]:
    """Unrolls bidirectional layers over a list of steps.

    Args:
      cells_fw: list of cells that read forwards, one a layer.
      cells_bw: list of as many that read backwards.
      inputs: list of T tensors `[B, I]`.
      initial_states_fw: list of states, one a layer; zeros by default.
      initial_states_bw: the same backwards.
      dtype: of the zero states.
      sequence_length: int `[B]`.
      scope: variable scope, `stack_bidirectional_rnn` by default.

    Returns:
      `(outputs, states_fw, states_bw)`: T tensors `[B, H_fw + H_bw]` of the last layer, and
      tuples of final states, one a layer.

    Raises:
      CellError: the lists do not fit one another.

    Source: TensorFlow 1.15 `tf.contrib.rnn.stack_bidirectional_rnn`.
    """
    layers = _layers(cells_fw, cells_bw, initial_states_fw, initial_states_bw)
    states: list[Any] = []
    outputs: Any = inputs
    with tf.variable_scope(scope or "stack_bidirectional_rnn"):
        for number, (forward, backward, start, end) in enumerate(layers):
            with tf.variable_scope(f"cell_{number}") as layer_scope:
                outputs, *state = unrolling.static_bidirectional_rnn(
                    forward,
                    backward,
                    outputs,
                    initial_state_fw=start,
                    initial_state_bw=end,
                    sequence_length=sequence_length,
                    dtype=dtype,
                    scope=layer_scope,
                )
            states.append(state)
    return outputs, tuple(fw for fw, _ in states), tuple(bw for _, bw in states)


def stack_bidirectional_dynamic_rnn(
    cells_fw: list[Any],
    cells_bw: list[Any],
    inputs: Any,
    initial_states_fw: list[Any] | None = None,
    initial_states_bw: list[Any] | None = None,
    dtype: Any = None,
    sequence_length: Any = None,
    parallel_iterations: int | None = None,
    time_major: bool = False,
    scope: Any = None,
    swap_memory: bool = False,
) -> tuple[Any, Any, Any]:
    """Unrolls bidirectional layers by loops.

    Args:
      cells_fw: list of cells that read forwards, one a layer.
      cells_bw: list of as many that read backwards.
      inputs: `[B, T, I]`, or `[T, B, I]` if `time_major`.
      initial_states_fw: list of states, one a layer; zeros by default.
      initial_states_bw: the same backwards.
      dtype: of the zero states.
      sequence_length: int `[B]`.
      parallel_iterations: passed to the loops.
      time_major: whether time comes first.
      scope: variable scope, `stack_bidirectional_rnn` by default.
      swap_memory: passed to the loops.

    Returns:
      `(outputs, states_fw, states_bw)`: `[B, T, H_fw + H_bw]` of the last layer (or time
      first), and tuples of final states, one a layer.

    Raises:
      CellError: the lists do not fit one another.

    Source: TensorFlow 1.15 `tf.contrib.rnn.stack_bidirectional_dynamic_rnn`.
    """
    layers = _layers(cells_fw, cells_bw, initial_states_fw, initial_states_bw)
    states: list[Any] = []
    outputs = inputs
    with tf.variable_scope(scope or "stack_bidirectional_rnn"):
        for number, (forward, backward, start, end) in enumerate(layers):
            with tf.variable_scope(f"cell_{number}"):
                both, state = unrolling.bidirectional_dynamic_rnn(
                    forward,
                    backward,
                    outputs,
                    initial_state_fw=start,
                    initial_state_bw=end,
                    sequence_length=sequence_length,
                    parallel_iterations=parallel_iterations,
                    dtype=dtype,
                    swap_memory=swap_memory,
                    time_major=time_major,
                )
                outputs = tf.concat(both, 2)
            states.append(state)
    return outputs, tuple(fw for fw, _ in states), tuple(bw for _, bw in states)


def _layers(
    cells_fw: Any, cells_bw: Any, states_fw: Any, states_bw: Any
) -> Iterator[tuple[Any, Any, Any, Any]]:
    for what, cells in (("cells_fw", cells_fw), ("cells_bw", cells_bw)):
        if not isinstance(cells, list) or not cells:
            raise CellError(f"{what}={cells!r} is not a list of cells: pass one a layer")
    depth = len(cells_fw)
    if len(cells_bw) != depth:
        raise CellError(f"{depth} cells forward, but {len(cells_bw)} backward: pass as many")
    starts = []
    for what, given in (("initial_states_fw", states_fw), ("initial_states_bw", states_bw)):
        if given is not None and (not isinstance(given, list) or len(given) != depth):
            raise CellError(f"{what}={given!r} is not a list of {depth} states: pass one a layer")
        starts.append(given or [None] * depth)
    return zip(cells_fw, cells_bw, *starts, strict=True)
