"""Which engine unrolls a cell: what was asked for, what the cell allows, what suits the place."""

from __future__ import annotations

import platform
from typing import Any, NamedTuple

import tensorflow as tf2
import tensorflow.compat.v1 as tf

from tgcarry.errors import CarryError
from tgcarry.stack import leaves_of, whole_reason

ENGINES = ("auto", "fused", "loop", "stock")

# With fewer steps TensorFlow's loop was measured to be as fast, and compiles nothing: at 4 steps
# fused took 0.7 to 1.2 times as long (GRU and LSTM of 32 units, 1 to 32 streams), at 8 steps 0.4
# to 0.8 times.
_WORTH_IT = 5

_PADDED = "steps padded to a multiple of"

# Strings in a graph collection survive its export.
_NOTES = "tgcarry/engines"


class Engine(NamedTuple):
    """Names the engine that was taken, and says why where it was not asked for."""

    name: str
    why: str


def choose_engine(
    asked: str, cell: Any, inputs: Any, dtype: Any, steps: int | None = None
) -> Engine:
    """Chooses among `ENGINES`.

    Args:
      asked: one of `ENGINES`.
      cell: the cell.
      inputs: its inputs, `[B, L, I]` or `[L, B, I]`, or a nest.
      dtype: of a zero initial state, or None.
      steps: L, if it is known.

    Raises:
      CarryError: "fused" or "loop" was asked for, and not one layer can run so.
    """
    if asked == "stock":
        return Engine("stock", "")
    reason = _inputs_reason(inputs, dtype) or whole_reason(cell)
    if reason is None:
        rest = [leaf.reason for leaf in leaves_of(cell) if leaf.reason]
        why = f"except: {rest[0]}" if rest else ""
        taken = _by_platform() if asked == "auto" else asked
        if asked == "auto" and taken == "fused" and steps is not None and steps < _WORTH_IT:
            return Engine("stock", f"too short to be worth compiling, L = {steps}")
        return Engine(taken, why)
    if asked == "auto":
        return Engine("stock", reason)
    raise CarryError(
        f"dynamic_rnn(engine={asked!r}): {reason}: take engine='auto' or engine='stock'"
    )


def note_engine(scope: Any, engine: Engine) -> None:
    """Writes into the graph which engine unrolled which scope."""
    name = getattr(scope, "name", scope) or "rnn"
    around = tf.get_variable_scope().name
    place = f"{around}/{name}" if around and not hasattr(scope, "name") else name
    because = f" ({engine.why})" if engine.why else ""
    tf.add_to_collection(_NOTES, f"engine {engine.name} {place}{because}")


def engine_notes(graph: tf.Graph) -> list[str]:
    """Returns what `note_engine` wrote, in the order of the calls."""
    return list(graph.get_collection(_NOTES))


def compiles_each_length(graph: tf.Graph) -> bool:
    """Says whether some scope is compiled anew for every length of its inputs."""
    notes = engine_notes(graph)
    return any(n.startswith("engine fused") and _PADDED not in n for n in notes)


def padded_to(engine: Engine, multiple: int | None) -> Engine:
    """Adds to the reason for an engine that steps are padded; those of a loop are not."""
    if multiple is None or engine.name == "stock":
        return engine
    told = f"{_PADDED} {multiple}"
    return engine._replace(why=f"{engine.why}; {told}" if engine.why else told)


def _inputs_reason(inputs: Any, dtype: Any) -> str | None:
    if tf.nest.is_nested(inputs):
        return "the inputs are a nest"
    if inputs.shape.rank != 3 or inputs.shape.as_list()[2] is None:
        return f"the inputs have shape {inputs.shape}, not [batch, time, width]"
    if 0 in inputs.shape.as_list():
        return f"there is nothing to unroll in inputs of shape {inputs.shape}"
    if inputs.dtype.base_dtype not in (tf.float32, tf.float64):
        return f"the inputs are {inputs.dtype.name}"
    if dtype is not None and tf.as_dtype(dtype) != inputs.dtype.base_dtype:
        return f"the state's dtype is {tf.as_dtype(dtype).name}, the inputs' {inputs.dtype.name}"
    return None


def _by_platform() -> str:
    # XLA was tried on Linux's CPUs only; elsewhere the same passes run without it.
    if tf2.config.list_physical_devices("GPU") or platform.system() != "Linux":
        return "loop"
    return "fused"
