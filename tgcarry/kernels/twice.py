"""Gradients of a layer's gradients, by TensorFlow's own through a graph with every step in it."""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tgcarry.kernels.recurrence import Recurrence, Tensors


class Sources(NamedTuple):
    """Holds what a layer's first gradients are computed from."""

    slopes: tuple[Any, Tensors]
    """At the outputs `[L, B, H]`, and at the final state, `[B, H]` each."""
    x: Any
    """`[L, B, I]`, L known."""
    initial: Tensors
    """`[B, H]` each."""
    weights: Tensors
    """Of the recurrence."""


def second_gradients(
    recurrence: Recurrence, sources: Sources, real: Any, fresh: Any, wanted: list[Any]
) -> list[Any]:
    """Differentiates the first gradients, g = d(outputs, final) / d(x, initial, weights).

        sum over g of  wanted . dg / d(sources)

    Args:
      recurrence: the cell's arithmetic.
      sources: of the first gradients.
      real: bool `[L, B, 1]`, False for padding; None for none.
      fresh: bool `[L, B, 1]`, True where a step starts from zeros; None for nowhere.
      wanted: gradients at the first gradients, those of x, of the initial state, and of the
        weights.

    Returns:
      One gradient for each leaf of `sources`, None where there is none.
    """
    # Copies, because what comes before one source may be another one's source, too: a cell
    # that runs twice has its weights behind its second inputs.
    own: Sources = tf.nest.map_structure(tf.identity, sources)
    outputs, final = _all_steps(recurrence, own, real, fresh)
    ends = [outputs, *final]
    starts = [own.x, *own.initial, *own.weights]
    first = tf.gradients(ends, starts, tf.nest.flatten(own.slopes))
    pairs = [(g, w) for g, w in zip(first, wanted, strict=True) if g is not None]
    return tf.gradients([g for g, _ in pairs], tf.nest.flatten(own), [w for _, w in pairs])


def _all_steps(
    recurrence: Recurrence, sources: Sources, real: Any, fresh: Any
) -> tuple[Any, Tensors]:
    """Returns the outputs `[L, B, H]` and the final state of steps written out."""
    inward, fixed = (
        recurrence.inward(sources.weights),
        (
            recurrence.recurrent(sources.weights),
            recurrence.biases(sources.weights),
        ),
    )
    state, outputs = sources.initial, []
    for t, row in enumerate(tf.unstack(sources.x)):
        if fresh is not None:
            state = tuple(tf.where_v2(fresh[t], tf.zeros_like(s), s) for s in state)
        new, _ = recurrence.step(tuple(tf.matmul(row, w) for w in inward), state, *fixed)
        output = new[recurrence.output]
        if real is not None:
            output = tf.where_v2(real[t], output, tf.zeros_like(output))
            new = tuple(tf.where_v2(real[t], n, s) for n, s in zip(new, state, strict=True))
        state = new
        outputs.append(output)
    return tf.stack(outputs), state
