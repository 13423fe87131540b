"""Which engine takes over from TensorFlow's loop in an old program, and where none does."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry import tf1
from tgcarry.engines import choose_engine
from tgcarry.legacy import settings
from tgcarry.stack import leaves_of

# Compiled layers were measured to be slower than TensorFlow's loop on less than this.
_STEPS, _STREAMS = 4, 8
# But so many steps pay for themselves whatever the batch.
_MANY_STEPS = 50


def engine_for(cell: Any, x: Any, dtype: Any, unrolled: bool) -> str:
    """Returns "fused", "loop" or "stock" for a cell without idle wrappers.

    Args:
      cell: see `plain`.
      x: its inputs, `[L, B, I]`, or something else that only TensorFlow's loop takes.
      dtype: of the state.
      unrolled: whether the program asked for a graph with every step in it.

    Raises:
      CarryError: the run's settings ask for an engine that cannot run the cell.
    """
    asked = settings.current().engine
    if asked == "stock" or tf1.inside_control_flow():
        return "stock"
    if not all(_holds_variables(leaf.cell) for leaf in leaves_of(cell)):
        return "stock"
    taken = choose_engine(asked, cell, x, dtype).name
    if asked != "auto" or taken == "stock":
        return taken
    steps, streams = x.shape.as_list()[:2]
    return taken if _worth_it(steps, streams, unrolled) else "stock"


def _worth_it(steps: int | None, streams: int | None, unrolled: bool) -> bool:
    """Says whether compiling was measured to pay for inputs of these static sizes."""
    if steps is None:
        # Batches as long as their longest sequence: each length would be compiled, and
        # without compiling the passes are no faster than TensorFlow's loop.
        return False
    if streams is None:
        # The streams cannot be shared out over the cores, the steps' operations can.
        return steps >= _STEPS and not unrolled
    return steps >= (_STEPS if streams >= _STREAMS else _MANY_STEPS)


def _holds_variables(cell: Any) -> bool:
    """Says whether a built cell multiplies by variables as they are.

    A scope's getter may have put a tensor in their place, or several parts.
    """
    weights: list[Any] = list(getattr(cell, "weights", []))
    return bool(weights) and all(isinstance(weight, tf.Variable) for weight in weights)
