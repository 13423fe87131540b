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
    """Returns the nest of twins of a final state; leaves without one are their own."""
    return tf.nest.map_structure(_twin, final)


def _twin(leaf: tf.Tensor) -> tf.Tensor:
    scope, _, name = leaf.op.name.rpartition("/")
    if name != _STATE or leaf.op.type != "Identity":
        return leaf
    try:
        return leaf.graph.get_tensor_by_name(f"{scope}/{_ALONE}:0")
    except KeyError:
        return leaf
