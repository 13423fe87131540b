"""Runs the first of two chained models, over the sequence."""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tgcarry.data.wording import shown
from tgcarry.errors import CarryError
from tgcarry.unroll import dynamic_rnn


class OuterRun(NamedTuple):
    """Holds the first model's run, time first."""

    values: Any
    """`[T, B, O]`."""
    final: Any
    real: Any
    """Bool `[T, B]`, False behind a stream's length; None for none."""
    fresh: Any
    """Bool `[T, B]`, where both models start from zeros; None for nowhere."""


def run_outer(
    cell: Any, x: Any, initial: Any, lengths: Any, resets: Any, time_major: bool, engine: str
) -> OuterRun:
    """Unrolls the outer cell; arguments as for `chained_rnn`, but for `x`, `[T, B, I]`.

    Raises:
      CarryError: the cell's output is nothing that another one could read.
    """
    fresh = None
    if resets is not None:
        fresh = tf.convert_to_tensor(resets)
        fresh = fresh if time_major else tf.transpose(fresh)
    values, final = dynamic_rnn(
        cell,
        x,
        lengths,
        initial,
        x.dtype,
        time_major=True,
        scope="outer",
        engine=engine,
        resets=fresh,
    )
    if tf.nest.is_nested(values) or values.shape.rank != 3 or values.shape.as_list()[2] is None:
        raise CarryError(
            f"chained_rnn(outer_cell=): its output, {shown(values)}, is not one tensor of a known "
            f"width, which the inner model could read"
        )
    real = None
    if lengths is not None:
        real = tf.range(tf.shape(x)[0])[:, tf.newaxis] < tf.cast(lengths, tf.int32)
        fresh = None if fresh is None else fresh & real
    return OuterRun(values, final, real, fresh)
