"""`tf.nn.static_rnn`, whose steps are a Python list, and the functions around it."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry import tf1
from tgcarry.legacy import numbering
from tgcarry.legacy.unrolling.by_hand import by_hand


def static_rnn(
    cell: Any,
    inputs: Any,
    initial_state: Any = None,
    dtype: Any = None,
    sequence_length: Any = None,
    scope: Any = None,
) -> tuple[Any, Any]:
    """Unrolls a cell over a list of inputs.

    Args:
      cell: an RNN cell.
      inputs: list of L tensors `[B, I]`.
      initial_state: nest like `cell.state_size` of `[B, H]`; zeros of `dtype` if None.
      dtype: of the zero state.
      sequence_length: int `[B]`, the real steps of each stream; None for all.
      scope: variable scope, "rnn" by default.

    Returns:
      `(outputs, final_state)`: list of L tensors `[B, H]`, nest like the state.

    Raises:
      CarryError: the run's settings ask for an engine that cannot run the cell.
      TypeError, ValueError: as TensorFlow 1 raises them.

    Source: `tf.nn.static_rnn` of TensorFlow 1.15.
    """
    unrolled: tuple[Any, Any] = tf.nn.static_rnn(
        cell, inputs, initial_state, dtype, sequence_length, scope
    )
    if any(tf.nest.is_nested(step) for step in inputs) or not _fed_together(inputs):
        return unrolled
    with numbering.uncounted(), tf.name_scope("tgcarry/"):
        x = tf.stack([tf.convert_to_tensor(step) for step in inputs])
    run = by_hand(cell, x, sequence_length, initial_state, dtype, True, unrolled=True)
    if run is None:
        return unrolled
    with numbering.uncounted(), tf.name_scope("tgcarry/"):
        return tf.unstack(run[0], len(inputs)), run[1]


def _fed_together(inputs: Any) -> bool:
    """Says whether all steps' inputs come from the same placeholders.

    Where each step has its own, a program may feed the first ones alone and ask for what
    follows from them, which separate steps can give.
    """
    ops = {step.op for step in inputs if tf.is_tensor(step)}
    return len({frozenset(_placeholders(op)) for op in ops}) <= 1


def _placeholders(op: Any) -> Any:
    return (one for one in tf1.operations_before([op]) if one.type.startswith("Placeholder"))


def static_bidirectional_rnn(*args: Any, **kwargs: Any) -> tuple[Any, Any, Any]:
    """Unrolls one cell forwards and another one backwards over a list of inputs.

    Source: `tf.nn.static_bidirectional_rnn` of TensorFlow 1.15, which see for the arguments.
    """
    with tf1.static_rnn_replaced(static_rnn):
        both: tuple[Any, Any, Any] = tf.nn.static_bidirectional_rnn(*args, **kwargs)
    return both


def static_state_saving_rnn(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
    """Unrolls a cell from a saved state over a list of inputs.

    Source: `tf.nn.static_state_saving_rnn` of TensorFlow 1.15, which see for the arguments.
    """
    with tf1.static_rnn_replaced(static_rnn):
        saved: tuple[Any, Any] = tf.nn.static_state_saving_rnn(*args, **kwargs)
    return saved
