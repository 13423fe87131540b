"""What is looked at together in a chunk, and the names that it has in a message."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tgcarry import states, tf1
from tgcarry.chunk import ChunkGraph


class Stage(NamedTuple):
    """Is what the graph computes at one point between cause and effect."""

    name: str
    tensors: Mapping[str, Any]
    rows: bool = False
    """Their first axis is that of the streams."""
    forward: bool = False
    """Computed forwards, so that there is a first step at which they go bad."""
    alone: bool = False
    """The chunk's data have nothing to do with them."""


def leaves(what: str, structure: Any, nest: Any) -> dict[str, Any]:
    """Names the leaves of a nest."""
    given = tf.nest.flatten(nest) if tf.nest.is_nested(structure) else [nest]
    return {
        f"{what}{name}": leaf
        for name, leaf in zip(states.leaf_names(structure), given, strict=True)
    }


def variables(chunk: ChunkGraph) -> list[tf.Variable]:
    """Lists the variables that the chunk's loss, state and metrics depend on, each once."""
    ends = [chunk.loss, *tf.nest.flatten(chunk.final_state), *chunk.metrics.values()]
    needed = tf1.operations_before(ends)
    keys = (tf.GraphKeys.GLOBAL_VARIABLES, tf.GraphKeys.LOCAL_VARIABLES)
    known = [v for key in keys for v in chunk.graph.get_collection(key)]
    found = {v.op.name: v for v in [*chunk.variables, *known] if v.op in needed}
    return [v for v in found.values() if v.dtype.is_floating or v.dtype.is_complex]


def losses(chunk: ChunkGraph) -> dict[str, tf.Tensor]:
    """Names the losses of a chunk's partitions, or its loss."""
    parts = len(tf.nest.flatten(chunk.ports.upstream)) // len(
        tf.nest.flatten(chunk.ports.initial_state)
    )
    inputs = list(chunk.loss.op.inputs)
    if parts > 1 and len(inputs) == parts:
        return {f"loss {place} ({t.name!r})": t for place, t in enumerate(inputs)}
    return {"loss": chunk.loss}


def gradients(pairs: Any) -> dict[str, Any]:
    """Names gradients by variable; with a number where several losses train the same one."""
    found: dict[str, Any] = {}
    for variable, gradient in pairs:
        name = f"gradient of {variable.op.name}"
        count = sum(known.split(" (")[0] == name for known in found)
        found[f"{name} ({count + 1})" if count else name] = gradient
    return found


def dense(tensor: Any) -> Any:
    """Returns what can be fetched of a gradient: a sparse one's slices."""
    return tensor.values if isinstance(tensor, tf.IndexedSlices) else tensor
