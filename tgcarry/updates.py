"""Gradient accumulation in the graph, and the optimiser's step at the end of a sweep."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tgcarry import stepping
from tgcarry.lessons import Learning, Lesson
from tgcarry.stepping import Group

NOT_FINITE = "is not finite"


class Updates(NamedTuple):
    """Holds the operations that gather gradients and step.

    The accumulators are local variables: no Saver of global variables writes them.
    """

    accumulators: tuple[tf.Variable, ...]
    """One per group and variable, group after group."""
    initialize: tf.Operation
    """Makes the accumulators and sets them to zero."""
    accumulate: tf.Operation
    """Adds this chunk's gradients to the accumulators; runs its backward pass."""
    clear: tf.Operation
    """Sets the accumulators to zero."""
    scale: tf.Tensor
    """Scalar placeholder, 1 by default: multiplies the sum before `apply`."""
    norm: tf.Tensor
    """Scalar: global norm of the scaled sum, before clipping; fetch it with `apply`."""
    apply: tf.Operation | None
    """Steps with the accumulated gradients; None without an optimiser."""
    step: tf.Operation | None
    """Steps with this chunk's gradients alone; None without an optimiser."""
    step_norm: tf.Tensor
    """Scalar: global norm of this chunk's gradients, before clipping; fetch it with `step`."""
    learn: tf.Operation | None = None
    """As `step`, and has what predicts the upstream learn; None without either."""
    apply_and_learn: tf.Operation | None = None
    """As `apply`, and has it learn from what was gathered for it; likewise."""
    sums: tuple[tf.Variable, ...] = ()
    """Accumulators of what it learns from; made, and set to zero, with the others."""


def build_updates(
    groups: Sequence[Group],
    *,
    global_step: tf.Variable | None,
    guards: Sequence[tuple[str, tf.Tensor]] = (),
    learning: Learning | None = None,
) -> Updates:
    """Makes accumulators for gradients and the operations that gather and apply them.

        A <- A + g          accumulate, once per chunk
        z <- optimiser(z, clip(scale * A))          apply, once per sweep

    each group clipped by its own norm. A gradient with a global norm that is not finite is
    never applied: the step fails instead.

    Args:
      groups: the gradients of each loss, their variables, optimiser and limit. Nothing can be
        applied unless every group has an optimiser.
      global_step: counted up once by both ways to step.
      guards: names and tensors that have to be finite too for `step` (a chunk on its own); a
        sweep's chunks are looked at as they are gathered.
      learning: how predictors learn; None without any.

    Returns:
      `Updates`.
    """
    groups = [
        g._replace(gradients=[stepping.once_per_row(x) for x in g.gradients]) for g in groups
    ]
    accumulators = [
        [stepping.accumulator(v.op.name, v) for v in group.variables] for group in groups
    ]
    every = [a for row in accumulators for a in row]
    added = [
        _add(accumulator, gradient)
        for row, group in zip(accumulators, groups, strict=True)
        for accumulator, gradient in zip(row, group.gradients, strict=True)
    ]
    dtype = stepping.widest_dtype(v for group in groups for v in group.variables)
    scale = tf.placeholder_with_default(tf.ones([], dtype), [], "scale")
    sums = [
        group._replace(gradients=[stepping.scaled(a.read_value(), scale) for a in row])
        for row, group in zip(accumulators, groups, strict=True)
    ]
    norm, step_norm = _norm(sums, dtype), _norm(groups, dtype)
    apply = step = learn = apply_and_learn = None
    if all(group.optimizer is not None for group in groups):
        apply = _stepping(sums, norm, (), global_step, "apply")
        step = _stepping(groups, step_norm, guards, global_step, "step")
        if learning is not None:
            learn = _teaching(
                groups, learning.alone, step_norm, guards, global_step, "step_and_learn"
            )
            apply_and_learn = _teaching(
                sums, learning.together, norm, (), global_step, "apply_and_learn"
            )
    gathered = () if learning is None else learning.sums
    made = [*every, *gathered]
    return Updates(
        accumulators=tuple(every),
        initialize=tf.group(*[a.initializer for a in made], name="initialize"),
        accumulate=tf.group(*added, name="accumulate"),
        clear=tf.group(*[a.assign(tf.zeros_like(a)) for a in made], name="clear"),
        scale=scale,
        norm=norm,
        apply=apply,
        step=step,
        step_norm=step_norm,
        learn=learn,
        apply_and_learn=apply_and_learn,
        sums=gathered,
    )


def _add(accumulator: tf.Variable, gradient: Any) -> tf.Operation:
    if isinstance(gradient, tf.IndexedSlices):
        return accumulator.scatter_add(gradient)
    return accumulator.assign_add(gradient)


def _norm(groups: Sequence[Group], dtype: tf.DType) -> tf.Tensor:
    """Returns the norm of what the groups would apply together without clipping."""
    merged = stepping.merged(groups)
    return stepping.global_norm((gradient for gradient, _, _ in merged), dtype)


def _stepping(
    groups: Sequence[Group],
    norm: tf.Tensor,
    guards: Sequence[tuple[str, tf.Tensor]],
    global_step: tf.Variable | None,
    name: str,
) -> tf.Operation:
    guarded = [("gradient's global norm", norm), *guards]
    checks = [tf.debugging.check_numerics(t, f"the {n} {NOT_FINITE}") for n, t in guarded]
    with tf.control_dependencies(checks):
        pairs = stepping.merged(stepping.clipped(group) for group in groups)
        return stepping.apply_all(pairs, global_step, name)


def _teaching(
    groups: Sequence[Group],
    lesson: Lesson,
    norm: tf.Tensor,
    guards: Sequence[tuple[str, tf.Tensor]],
    global_step: tf.Variable | None,
    name: str,
) -> tf.Operation:
    """Steps as `_stepping`, and moves the predictors with the same numbers."""
    every_guard = [*guards, *lesson.guards]
    step = _stepping([*lesson.groups, *groups], norm, every_guard, global_step, name)
    # The step has read the scales before: its gradients were made with them.
    with tf.control_dependencies([step]):
        return tf.group(*(assign() for assign in lesson.assigns), name=f"{name}_scales")
