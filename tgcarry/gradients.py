"""Gradients across one chunk: the state's alone, and all of a chunk's in one backward pass."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tgcarry import states
from tgcarry.errors import CarryError, ChunkError


def state_gradients(final_state: Any, initial_state: Any, upstream: Any) -> Any:
    """Carries a gradient backwards across one chunk, from its end to its start.

    A chunk is a map `s_end = F(s_start, inputs; weights)`. This returns

        d_start = (dF / ds_start)^T  upstream

    the part of the gradient at `s_start` owed to losses *after* this chunk. Losses inside
    the chunk are not included: add `tf.gradients(loss, s_start)`, or let `build_chunk` take
    both in one pass.

    B is the batch, H a leaf's width.

    Args:
      final_state: nest of `[B, H]` float tensors, the state after the chunk.
      initial_state: nest of `[B, H]` float tensors (normally placeholders) that the chunk
        was unrolled from. Need not match `final_state` in structure.
      upstream: nest like `final_state`, same dtypes: d(later loss)/d(s_end), in loss per
        unit of state. Reduce the loss alike in every chunk: a mean over a ragged chunk
        mis-scales the carry.

    Returns:
      Nest like `initial_state`, same shapes and dtypes, in `upstream`'s unit.

    Raises:
      TypeError, ValueError: `upstream` and `final_state` differ in structure.
      CarryError: a leaf has the wrong dtype or static shape, or a leaf of `initial_state`
        cannot reach `final_state` (never a silent zero).

    Source: Werbos 1990, "Backpropagation through time: what it does and how to do it",
      Proc. IEEE 78(10).
    """
    states.check_like("upstream", upstream, "final_state", final_state)
    flat = tf.gradients(
        tf.nest.flatten(final_state),
        tf.nest.flatten(initial_state),
        grad_ys=tf.nest.flatten(upstream),
    )
    _refuse_missing_states(flat, initial_state, "final_state")
    return tf.nest.pack_sequence_as(initial_state, flat)


class ChunkGradients(NamedTuple):
    """Holds what one backward pass over a chunk gives."""

    variables: list[Any]
    """One tensor, or `tf.IndexedSlices`, per variable."""
    initial_state: Any
    """Nest like the initial state."""


def chunk_gradients(
    loss: tf.Tensor,
    loss_weight: tf.Tensor,
    final_state: Any,
    upstream: Any,
    variables: Sequence[tf.Variable],
    initial_state: Any,
) -> ChunkGradients:
    """Takes a chunk's gradients in one backward pass, with the losses after it counted in.

        d/dz [ loss_weight * loss + <upstream, s_end> ]   for z in variables and s_start

    Not included: clipping, accumulation over chunks, and cutting at sequence starts.

    Args:
      loss: scalar float tensor, summed over the chunk.
      loss_weight: scalar of the same dtype; 1, or 0 for the carry of later losses alone.
      final_state: nest of `[B, H]` tensors.
      upstream: nest like `final_state`.
      variables: the variables to differentiate by.
      initial_state: nest of `[B, H]` placeholders.

    Returns:
      A `ChunkGradients`.

    Raises:
      ChunkError: a variable reaches neither the loss nor the final state.
      CarryError: a leaf of the initial state does not.
    """
    states.check_like("upstream", upstream, "final_state", final_state)
    flat_state = tf.nest.flatten(initial_state)
    flat = tf.gradients(
        [loss, *tf.nest.flatten(final_state)],
        [*variables, *flat_state],
        grad_ys=[loss_weight, *tf.nest.flatten(upstream)],
    )
    by_variable, by_state = flat[: len(variables)], flat[len(variables) :]
    missing = [v.op.name for v, g in zip(variables, by_variable, strict=True) if g is None]
    if missing:
        raise ChunkError(
            f"no gradient reaches {', '.join(missing)}: neither the loss {loss.name!r} nor the "
            f"final state depends on it. Leave it out with var_list=, or mend the graph"
        )
    _refuse_missing_states(by_state, initial_state, f"the loss {loss.name!r} or final_state")
    return ChunkGradients(by_variable, tf.nest.pack_sequence_as(initial_state, by_state))


def _refuse_missing_states(flat: Iterable[Any], initial_state: Any, target: str) -> None:
    for name, leaf, gradient in zip(
        states.leaf_names(initial_state), tf.nest.flatten(initial_state), flat, strict=True
    ):
        if gradient is None:
            raise CarryError(
                f"initial_state{name} ({leaf.name!r}, shape {leaf.shape}) cannot reach {target}: "
                f"pass it to the unroll as initial_state= and keep tf.stop_gradient off its path"
            )
