"""The two placeholders through which a carry enters a chunk."""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tgcarry import states
from tgcarry.errors import CarryError


class CarryPorts(NamedTuple):
    """Holds the placeholders that a chunk's carry is fed through."""

    initial_state: Any
    """Nest of `[B, H]` placeholders: the state that enters the chunk."""
    upstream: Any
    """Nest of `[B, H]` placeholders: the gradient of later losses at the chunk's end. With
    several losses a tuple of such nests, one per loss."""


def carry_ports(
    cell: Any,
    batch_size: int | None = None,
    dtype: tf.DType = tf.float32,
    *,
    losses: int | None = None,
) -> CarryPorts:
    """Makes the placeholders for a cell's initial state and for its upstream gradient.

    Neither feeds itself: the runner, or your own loop, does. Not included: zeros as a default
    (a forgotten feed is TensorFlow's error, never a silent zero).

    B is the batch, H a leaf's width.

    Args:
      cell: any RNN cell; only its `state_size` is read.
      batch_size: B, or None to leave it open.
      dtype: a float dtype, the cell's.
      losses: how many partitions `build_chunk` will get; each carries a gradient of its own.

    Returns:
      `CarryPorts` of two nests like `cell.state_size`, leaves `[B, H]` of `dtype`; with `losses`
      the upstream is a tuple of so many nests.

    Raises:
      CarryError: `cell` has no `state_size`, the dtype is not a float, or B is not positive.

    Source: `tf.gradients(ys, xs, grad_ys)` of TensorFlow 1, fed through a placeholder.
    """
    size = getattr(cell, "state_size", None)
    if size is None or isinstance(cell, type):
        raise CarryError(
            f"carry_ports({cell!r}): it has no state_size; give an RNN cell such as GRUCell(64)"
        )
    dtype = tf.as_dtype(dtype)
    if not dtype.is_floating:
        raise CarryError(
            f"carry_ports(dtype={dtype.name}): a state that carries a gradient is a float; "
            f"give tf.float32 or tf.float64"
        )
    if batch_size is not None and batch_size < 1:
        raise CarryError(f"carry_ports(batch_size={batch_size}): give at least 1, or None")
    if losses is not None and losses < 1:
        raise CarryError(f"carry_ports(losses={losses}): give at least 1, or None")
    with tf.name_scope("carry"):
        initial = states.placeholders_like(size, batch_size, dtype, "initial_state")
        upstreams = tuple(
            states.placeholders_like(size, batch_size, dtype, "upstream")
            for _ in range(losses or 1)
        )
    return CarryPorts(initial, upstreams[0] if losses is None else upstreams)
