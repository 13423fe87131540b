"""What an export is asked for: tensors and names, checked against the graph."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tgcarry import states, tf1
from tgcarry.chunk import ChunkGraph
from tgcarry.data.wording import shown
from tgcarry.errors import ChunkError


class Asked(NamedTuple):
    """Holds the tensors to export by the names that clients see."""

    graph: tf.Graph
    inputs: dict[str, tf.Tensor]
    initial: dict[str, tf.Tensor]
    final: dict[str, tf.Tensor]
    outputs: dict[str, tf.Tensor]
    constants: dict[str, Any]
    """Values by the name of the placeholder that they take the place of."""


def state_names(nest: Any) -> list[str]:
    """Names the leaves of a state for a signature: "state", "state_0", "state_1_c", ...

    TensorFlow 2 makes arguments of them, and warns of names that Python would not take.
    """
    parts = (re.findall(r"\w+", name) for name in states.leaf_names(nest))
    return ["_".join(["state", *part]) for part in parts]


def asked_model(
    chunk: Any,
    inputs: Mapping[str, tf.Tensor] | None,
    outputs: Mapping[str, tf.Tensor],
    feed_dict: Mapping[tf.Tensor, Any],
) -> Asked:
    """Sorts out the arguments of `export_saved_model`, which says what they are.

    Raises:
      ChunkError: tensors or names that do not fit, or a placeholder that nothing fills.
    """
    if isinstance(chunk, ChunkGraph):
        initial, final = chunk.ports.initial_state, chunk.final_state
    elif isinstance(chunk, tuple) and len(chunk) == 2:
        initial, final = chunk
        states.check_like("final_state", final, "initial_state", initial)
    else:
        raise ChunkError(
            f"export_saved_model(chunk={shown(chunk)}): give what build_chunk returned, or a "
            f"pair (initial_state, final_state)"
        )
    names = state_names(initial)
    if len(set(names)) < len(names):
        raise ChunkError(
            f"export_saved_model: leaves of the state would share a name among "
            f"{', '.join(names)}: rename the keys of its nest"
        )
    _check_tensors("outputs", outputs)
    if not outputs:
        raise ChunkError("export_saved_model(outputs={}): name at least one output")
    leaves = dict(zip(names, tf.nest.flatten(initial), strict=True))
    lasts = dict(zip(names, tf.nest.flatten(final), strict=True))
    graph = next(iter(outputs.values())).graph
    constants = {tensor.op.name: value for tensor, value in feed_dict.items()}
    needed = tf1.operations_before([*outputs.values(), *lasts.values()])
    if inputs is None:
        if not isinstance(chunk, ChunkGraph):
            raise ChunkError("export_saved_model: with a pair of states, give inputs=")
        inputs = {
            name: tensor
            for name, tensor in chunk.feeds.items()
            if tensor.op in needed and tensor.op.name not in constants
        }
    _check_tensors("inputs", inputs)
    model = Asked(graph, dict(inputs), leaves, lasts, dict(outputs), constants)
    _check_places(model)
    _check_names(model)
    _check_filled(model)
    return model


def _check_tensors(what: str, tensors: Any) -> None:
    if not isinstance(tensors, Mapping):
        raise ChunkError(
            f"export_saved_model({what}={shown(tensors)}): give a dict of tensors by name"
        )
    for name, tensor in tensors.items():
        if not isinstance(name, str) or not name or not isinstance(tensor, tf.Tensor):
            raise ChunkError(
                f"export_saved_model({what}={{{shown(name)}: {shown(tensor)}}}): give tensors by "
                f"name"
            )


def _check_places(model: Asked) -> None:
    groups = (model.inputs, model.initial, model.final, model.outputs)
    for name, tensor in [pair for group in groups for pair in group.items()]:
        if tensor.graph is not model.graph:
            raise ChunkError(f"export_saved_model: {name!r} belongs to another graph")
    for name, tensor in [*model.inputs.items(), *model.initial.items()]:
        if not tf1.is_placeholder(tensor):
            raise ChunkError(
                f"export_saved_model: {name!r} is {tensor.name!r}, a {tensor.op.type}: only a "
                f"placeholder can be an input; take carry_ports(cell).initial_state for a state"
            )
    for name, leaf in model.initial.items():
        dims = leaf.shape.as_list() if leaf.shape.rank else None
        if dims is None or None in dims[1:]:
            raise ChunkError(
                f"export_saved_model: {name!r} has shape {leaf.shape}: give a placeholder [B, H] "
                f"whose H is known, as of carry_ports(cell)"
            )


def _check_names(model: Asked) -> None:
    for group in (model.inputs, model.outputs):
        taken = sorted(set(group) & set(model.initial))
        if taken:
            raise ChunkError(
                f"export_saved_model: {taken[0]!r} is the name of a leaf of the state: choose "
                f"another"
            )


def _check_filled(model: Asked) -> None:
    fed = {t.op.name for t in (*model.inputs.values(), *model.initial.values())}
    both = sorted(fed & set(model.constants))
    if both:
        raise ChunkError(
            f"export_saved_model: {both[0]!r} is an input and in feed_dict: leave one out"
        )
    for tensor in tf1.placeholders_before([*model.outputs.values(), *model.final.values()]):
        if tensor.op.name not in fed | set(model.constants):
            raise ChunkError(
                f"export_saved_model: the outputs need the placeholder {tensor.name!r}: give it "
                f"in inputs=, or a value for good in feed_dict="
            )


def asked_batch(model: Asked, given: Any) -> tf.Tensor:
    """Returns the scalar that says how many streams there are, or an input that begins with them.

    Raises:
      ChunkError: `given` is no scalar of the graph, or no input has an axis of streams.
    """
    if given is not None:
        known = isinstance(given, tf.Tensor) and given.graph is model.graph
        if not known or given.shape.rank not in (0, None) or not given.dtype.is_integer:
            raise ChunkError(
                f"export_saved_model(batch_size={shown(given)}): give a scalar int tensor of the "
                f"graph, such as tf.shape(x)[1]"
            )
        return given
    for tensor in model.inputs.values():
        if (tensor.shape.rank or 0) >= 2:
            return tensor
    raise ChunkError(
        f"export_saved_model: no input among {', '.join(model.inputs) or 'none'} has a batch "
        f"axis: give batch_size=, such as tf.shape(x)[0]"
    )
