"""Gradient accumulation in the graph, and the optimiser's step at the end of a sweep."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf


class Updates(NamedTuple):
    """Holds the operations that gather gradients and step.

    The accumulators are local variables: no Saver of global variables writes them.
    """

    accumulators: tuple[tf.Variable, ...]
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


def build_updates(
    gradients: Sequence[Any],
    variables: Sequence[tf.Variable],
    optimizer: tf.train.Optimizer | None,
    *,
    clip_norm: float | None,
    global_step: tf.Variable | None,
) -> Updates:
    """Makes accumulators for `gradients` and the operations that gather and apply them.

        A <- A + g          accumulate, once per chunk
        z <- optimiser(z, clip(scale * A))          apply, once per sweep

    A gradient with a global norm that is not finite is never applied: the step fails instead.

    Args:
      gradients: a tensor or `tf.IndexedSlices` per variable.
      variables: the variables themselves.
      optimizer: or None, to gather only.
      clip_norm: largest global norm, or None.
      global_step: counted up by both ways to step.

    Returns:
      `Updates`.
    """
    accumulators = tuple(_accumulator(variable) for variable in variables)
    added = [_add(a, g) for a, g in zip(accumulators, gradients, strict=True)]
    dtype = variables[0].dtype.base_dtype
    scale = tf.placeholder_with_default(tf.ones([], dtype), [], "scale")
    sums = [tf.cast(scale, a.dtype.base_dtype) * a.read_value() for a in accumulators]
    apply, norm = _stepping(sums, variables, optimizer, clip_norm, global_step, "apply")
    step, step_norm = _stepping(gradients, variables, optimizer, clip_norm, global_step, "step")
    return Updates(
        accumulators=accumulators,
        initialize=tf.group(*[a.initializer for a in accumulators], name="initialize"),
        accumulate=tf.group(*added, name="accumulate"),
        clear=tf.group(*[a.assign(tf.zeros_like(a)) for a in accumulators], name="clear"),
        scale=scale,
        norm=norm,
        apply=apply,
        step=step,
        step_norm=step_norm,
    )


def _accumulator(variable: tf.Variable) -> tf.Variable:
    dtype = variable.dtype.base_dtype
    shape = variable.shape
    return tf.Variable(
        lambda: tf.zeros(shape, dtype),
        trainable=False,
        collections=[tf.GraphKeys.LOCAL_VARIABLES],
        name=f"accumulated/{variable.op.name}",
        dtype=dtype,
        use_resource=True,
    )


def _add(accumulator: tf.Variable, gradient: Any) -> tf.Operation:
    if isinstance(gradient, tf.IndexedSlices):
        return accumulator.scatter_add(gradient)
    return accumulator.assign_add(gradient)


def _stepping(
    gradients: Sequence[Any],
    variables: Sequence[tf.Variable],
    optimizer: tf.train.Optimizer | None,
    clip_norm: float | None,
    global_step: tf.Variable | None,
    name: str,
) -> tuple[tf.Operation | None, tf.Tensor]:
    norm = tf.global_norm(gradients)
    if optimizer is None:
        return None, norm
    finite = tf.debugging.check_numerics(norm, "the gradient's global norm is not finite")
    gradients = list(gradients)
    if clip_norm is not None:
        gradients, _ = tf.clip_by_global_norm(gradients, clip_norm, use_norm=finite)
    with tf.control_dependencies([finite]):
        gradients = [_after(gradient) for gradient in gradients]
    pairs = list(zip(gradients, variables, strict=True))
    return optimizer.apply_gradients(pairs, global_step=global_step, name=name), norm


def _after(gradient: Any) -> Any:
    """Holds a gradient back until the control dependencies in force are met."""
    if isinstance(gradient, tf.IndexedSlices):
        return tf.IndexedSlices(
            tf.identity(gradient.values), tf.identity(gradient.indices), gradient.dense_shape
        )
    return tf.identity(gradient)
