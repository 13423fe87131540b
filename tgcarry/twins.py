"""A final state's twin: the same values from a run that keeps nothing for a reverse pass.

A forward sweep fetches the twin and so computes the last state and nothing else. The two are
tied by name, which survives a graph's export.
"""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

_STATE, _ALONE = "final_state", "final_state_alone"


def with_twin(final: Any, alone: Any) -> Any:
    """Returns `final` under names by which `twin` finds `alone`; nests of one structure."""
    leaves, others = tf.nest.flatten(final), tf.nest.flatten(alone)
    named = []
    for leaf, other in zip(leaves, others, strict=True):
        with tf.name_scope("carried") as scope:
            named.append(tf.identity(leaf, scope + _STATE))
            tf.identity(other, scope + _ALONE)
    return tf.nest.pack_sequence_as(final, named)


def twin(final: Any) -> Any:
    """Returns the nest of twins of a final state; leaves without one are their own.

    So are leaves that the others' twins are computed from anyway: those of a model whose outputs
    another one reads.
    """
    leaves = tf.nest.flatten(final)
    twins = [_twin(leaf) for leaf in leaves]
    lowest = _operations_before(twins)
    taken = [
        leaf if other is not leaf and _made_of(leaf) <= lowest else other
        for leaf, other in zip(leaves, twins, strict=True)
    ]
    return tf.nest.pack_sequence_as(final, taken)


def _twin(leaf: tf.Tensor) -> tf.Tensor:
    scope, _, name = leaf.op.name.rpartition("/")
    if name != _STATE or leaf.op.type != "Identity":
        return leaf
    try:
        return leaf.graph.get_tensor_by_name(f"{scope}/{_ALONE}:0")
    except KeyError:
        return leaf


def _operations_before(tensors: list[tf.Tensor]) -> set[tf.Operation]:
    """Returns all operations that tensors are computed by."""
    seen: set[tf.Operation] = set()
    waiting = [tensor.op for tensor in tensors]
    while waiting:
        op = waiting.pop()
        if op not in seen:
            seen.add(op)
            waiting += [tensor.op for tensor in op.inputs] + list(op.control_inputs)
    return seen


def _made_of(leaf: tf.Tensor) -> set[tf.Operation]:
    """Returns the operations whose results a leaf only passes on or puts side by side."""
    if leaf.op.type == "Identity":
        return _made_of(leaf.op.inputs[0])
    if leaf.op.type == "ConcatV2":
        return set().union(*(_made_of(part) for part in leaf.op.inputs[:-1]))
    return {leaf.op}
