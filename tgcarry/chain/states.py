"""What passes between the chunks of two chained models, and its ports."""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tgcarry.errors import CarryError
from tgcarry.ports import CarryPorts, carry_ports

MODES = ("carry", "reset")


class ChainState(NamedTuple):
    """Holds the state of two chained models."""

    outer: Any
    """Nest like the outer cell's `state_size` of `[B, H]`."""
    inner: Any
    """The same of the inner cell's; `()` where nothing of it passes from step to step."""


class _Sizes(NamedTuple):
    """Is what `carry_ports` wants of a cell."""

    state_size: ChainState


def chain_ports(
    outer_cell: Any,
    inner_cell: Any,
    inner_state: str = "carry",
    batch_size: int | None = None,
    dtype: tf.DType = tf.float32,
    *,
    losses: int | None = None,
) -> CarryPorts:
    """Makes the placeholders for two chained models' states and for their upstream gradients.

    With `inner_state="reset"` the inner model starts from zeros at each outer step, so nothing
    of it is carried and its part of the ports is `()`.

    B is the batch, H a leaf's width.

    Args:
      outer_cell: the first model's cell.
      inner_cell: the second model's.
      inner_state: as for `chained_rnn`.
      batch_size: B, or None to leave it open.
      dtype: a float dtype, the cells'.
      losses: as for `carry_ports`.

    Returns:
      `CarryPorts` of two `ChainState`, leaves `[B, H]`; with `losses` the upstream is a tuple.

    Raises:
      CarryError: an unknown `inner_state`, or as `carry_ports` raises it.
    """
    check_mode("chain_ports", inner_state)
    for name, cell in {"outer_cell": outer_cell, "inner_cell": inner_cell}.items():
        if isinstance(cell, type) or getattr(cell, "state_size", None) is None:
            raise CarryError(
                f"chain_ports({name}={cell!r}): it has no state_size; give an RNN cell such as "
                f"GRUCell(64)"
            )
    inner_size = inner_cell.state_size if inner_state == "carry" else ()
    sizes = _Sizes(ChainState(outer_cell.state_size, inner_size))
    return carry_ports(sizes, batch_size, dtype, losses=losses)


def check_mode(where: str, inner_state: Any) -> None:
    """Refuses anything but the two modes of an inner state."""
    if not isinstance(inner_state, str) or inner_state not in MODES:
        raise CarryError(
            f"{where}(inner_state={inner_state!r}): choose from {', '.join(MODES)}: whether the "
            f"inner model's state goes on from one outer step to the next, or starts from zeros"
        )


def split_state(state: Any, inner_state: str) -> tuple[Any, Any]:
    """Returns an initial state's parts, None for zeros.

    Raises:
      CarryError: it is not a pair, or has an inner part that nothing would read.
    """
    if state is None:
        return None, None
    if not isinstance(state, tuple) or len(state) != 2:
        raise CarryError(
            f"chained_rnn(initial_state=): {type(state).__name__} is not a pair: give "
            f"ChainState(outer, inner), as chain_ports(...).initial_state is"
        )
    outer, inner = state
    nothing = inner is None or tf.nest.flatten(inner) == []
    if inner_state == "reset" and not nothing:
        raise CarryError(
            "chained_rnn(inner_state='reset', initial_state=): each outer step starts the inner "
            "model from zeros, so an initial state of its own would never be read: give "
            "ChainState(outer, ()), or take inner_state='carry'"
        )
    return outer, None if nothing else inner
