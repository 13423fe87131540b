"""What a backward visit needs of the forward pass, so that it can be kept instead of recomputed.

The operations behind a chunk's gradients are the model's own (the forward pass) and those that
`build_chunk` added (the backward pass). The *residuals* are the tensors that cross from the one
to the other:

    forward:   feeds, weights             ->  loss, metrics, final state, residuals
    backward:  feeds, weights, residuals  ->  gradients

A tensor of a TensorFlow 1 graph can be fetched, and can be fed in place of what computes it: one
visit fetches the residuals, another is fed them, and computes nothing forwards.

No residual is what is fed anyway, what holds only weights and constants, and what moving data
about makes of these or of other residuals (a slice, a cast, an embedding looked up): it is made
again. Of what was only laid out otherwise (transposed, joined) the parts are kept, which take no
more memory and are often kept already. Of a tensor of which only the shape is needed, the shape
is kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import tensorflow.compat.v1 as tf

from tgcarry import tf1
from tgcarry.chunk import ChunkGraph

# Computes nothing; what is made so from tensors that are there need not be kept.
_CHEAP = tf1.STANDING | tf1.VIEWS | tf1.ARRANGING | tf1.TAKING | tf1.SHAPES_ONLY


class Residuals(NamedTuple):
    """Holds the tensors that a backward visit needs of the forward pass."""

    tensors: tuple[tf.Tensor, ...]
    """In the order in which the graph made them; none if there is an obstacle."""
    obstacle: str
    """Why they cannot be kept, or ""."""


def find_residuals(chunk: ChunkGraph, fed: Iterable[tf.Tensor] = ()) -> Residuals:
    """Finds what to keep of a chunk's forward pass for its backward visit.

    Args:
      chunk: the graph.
      fed: what is fed at every visit besides the chunk's feeds and ports.

    Returns:
      `Residuals`.
    """
    operations = chunk.graph.get_operations()
    gradients = tf.nest.flatten(chunk.gradients.initial_state)
    wanted = tf1.operations_before([chunk.updates.accumulate, *gradients])
    forward = [op for op in operations[: chunk.forward_count] if op in wanted]
    backward = [op for op in operations[chunk.forward_count :] if op in wanted]
    given = {t.name for t in [*fed, *chunk.feeds.values(), *tf.nest.flatten(chunk.ports)]}
    made = {t.name for op in forward for t in op.outputs}
    reads = [(op, t) for op in backward for t in op.inputs if t.name in made]
    values = [t for op, t in reads if op.type not in tf1.SHAPES_ONLY]
    kept, had = _kept(forward, _sources(values, given), given)
    shapes = {
        output.name: output
        for op, t in reads
        if op.type in tf1.SHAPES_ONLY and t.name not in had
        for output in op.outputs
    }
    kept += shapes.values()
    obstacle = _obstacle(kept, wanted)
    return Residuals(() if obstacle else tuple(kept), obstacle)


def _sources(tensors: Iterable[tf.Tensor], given: set[str]) -> set[str]:
    """Names `tensors`; instead of one that only lays values out, what it lays out."""
    waiting, seen, names = list(tensors), set(), set()
    while waiting:
        tensor = waiting.pop()
        if tensor.name in seen or tensor.name in given:
            continue
        seen.add(tensor.name)
        if _lays_out(tensor):
            waiting.extend(tensor.op.inputs)
        else:
            names.add(tensor.name)
    return names


def _lays_out(tensor: tf.Tensor) -> bool:
    """Says whether a tensor's values are those of its inputs, in no less memory."""
    op = tensor.op
    if op.type == "Cast":
        return bool(op.inputs[0].dtype.size <= tensor.dtype.size)
    return op.type in tf1.VIEWS | tf1.ARRANGING


def _kept(
    forward: Iterable[tf.Operation], needed: set[str], given: set[str]
) -> tuple[list[tf.Tensor], set[str]]:
    """Returns which needed tensors to keep, and the names of all that are had then.

    Had is what is given or kept, or can be made from that by moving data about.
    """
    kept, had = [], set(given)
    for op in forward:
        if op.type in _CHEAP and all(t.name in had for t in op.inputs):
            had.update(t.name for t in op.outputs)
        for tensor in op.outputs:
            if tensor.name in needed and tensor.name not in had:
                kept.append(tensor)
                had.add(tensor.name)
    return kept, had


def _obstacle(kept: Iterable[tf.Tensor], ops: set[tf.Operation]) -> str:
    old = sorted(str(op.name) for op in ops if op.type in tf1.OLD_CONTROL_FLOW)
    if old:
        return (
            f"{old[0]!r} is part of a loop or branch of TensorFlow 1, from which no tensor can be "
            f"taken"
        )
    for tensor in kept:
        if tensor.dtype in (tf.variant, tf.resource):
            return (
                f"{tensor.name!r} is {tensor.dtype.name}: what TensorFlow's own loop or branch "
                f"keeps cannot be taken out (the engines 'fused' and 'loop' of dynamic_rnn keep "
                f"plain tensors)"
            )
        if not (tensor.graph.is_fetchable(tensor) and tensor.graph.is_feedable(tensor)):
            return f"{tensor.name!r} cannot be fetched and fed again"
    return ""
