"""Runs a cell that TensorFlow's loop has built by the hand-written passes instead."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.legacy import numbering
from tgcarry.legacy.unrolling.choice import engine_for
from tgcarry.legacy.unrolling.plain import plain
from tgcarry.stack import unroll_stack
from tgcarry.unroll import checked_lengths


def by_hand(
    cell: Any,
    inputs: Any,
    lengths: Any,
    initial_state: Any,
    dtype: Any,
    time_major: bool,
    unrolled: bool = False,
) -> tuple[Any, Any] | None:
    """Unrolls a built cell with the engine that suits, outside the count of operations.

    Args:
      cell: the program's cell, built.
      inputs: `[B, L, I]`, or `[L, B, I]` if `time_major`.
      lengths: int `[B]`, or None.
      initial_state: nest like `cell.state_size`, or None for zeros.
      dtype: of the zeros.
      time_major: whether time comes first.
      unrolled: whether the program asked for a graph with every step in it.

    Returns:
      `(outputs, final_state)`, or None where TensorFlow's loop has to do.

    Raises:
      CarryError: the run's settings ask for an engine that cannot run the cell.
    """
    with numbering.uncounted(), tf.name_scope("tgcarry/"):
        bare = plain(cell)
        if tf.nest.is_nested(inputs):
            return None
        x = tf.convert_to_tensor(inputs)
        if x.shape.rank == 3 and not time_major:
            x = tf.transpose(x, [1, 0, 2])
        engine = engine_for(bare, x, dtype if initial_state is None else None, unrolled)
        if engine == "stock":
            return None
        if initial_state is None:
            batch = x.shape.as_list()[1]
            state = cell.zero_state(tf.shape(x)[1] if batch is None else batch, dtype or x.dtype)
        else:
            state = _sized(tf.nest.map_structure(tf.convert_to_tensor, initial_state), bare, x)
        lengths = checked_lengths(lengths, x)
        # TensorFlow 1's loop has no gradients of gradients, its separate steps have.
        run = unroll_stack(bare, x, state, lengths, None, engine == "fused", twice=unrolled)
        outputs = run.outputs if time_major else tf.transpose(run.outputs, [1, 0, 2])
        steps, streams = x.shape.as_list()[:2]
        sizes = (steps, streams) if time_major else (streams, steps)
        outputs.set_shape([*sizes, cell.output_size])
        return outputs, run.final


def _sized(state: Any, cell: Any, x: Any) -> Any:
    """Gives a state fed without its sizes those of the cell and the batch.

    TensorFlow's loop finds them in the cell's own products.
    """
    streams = x.shape.as_list()[1]
    leaves = tf.nest.flatten(state)
    sizes = tf.nest.flatten(cell.state_size)
    if len(leaves) != len(sizes):
        return state
    wanted = [tf.TensorShape([streams]).concatenate(tf.TensorShape(size)) for size in sizes]
    sized = [
        leaf if leaf.shape.is_fully_defined() else tf.ensure_shape(leaf, shape)
        for leaf, shape in zip(leaves, wanted, strict=True)
    ]
    return tf.nest.pack_sequence_as(state, sized)
