"""Gradient accumulation in the graph, and the optimiser's step at the end of a sweep."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

NOT_FINITE = "is not finite"


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
    guards: Sequence[tuple[str, tf.Tensor]] = (),
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
      guards: names and tensors that have to be finite too for `step` (a chunk on its own); a
        sweep's chunks are looked at as they are gathered.

    Returns:
      `Updates`.
    """
    accumulators = tuple(_accumulator(variable) for variable in variables)
    gradients = [_once_per_row(gradient) for gradient in gradients]
    added = [_add(a, g) for a, g in zip(accumulators, gradients, strict=True)]
    scale = tf.placeholder_with_default(tf.ones([], _widest(variables)), [], "scale")
    sums = [tf.cast(scale, a.dtype.base_dtype) * a.read_value() for a in accumulators]
    norm, step_norm = _global_norm(sums, scale.dtype), _global_norm(gradients, scale.dtype)
    apply = step = None
    if optimizer is not None:
        stepping = _Stepping(optimizer, variables, clip_norm, global_step)
        apply = stepping.build(sums, norm, (), "apply")
        step = stepping.build(gradients, step_norm, guards, "step")
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


def _once_per_row(gradient: Any) -> Any:
    """Adds up the slices of a sparse gradient that belong to the same row.

    A norm over slices counts a row that was read twice as two rows.
    """
    if not isinstance(gradient, tf.IndexedSlices):
        return gradient
    rows, places = tf.unique(gradient.indices)
    values = tf.unsorted_segment_sum(gradient.values, places, tf.size(rows))
    return tf.IndexedSlices(values, rows, gradient.dense_shape)


def _add(accumulator: tf.Variable, gradient: Any) -> tf.Operation:
    if isinstance(gradient, tf.IndexedSlices):
        return accumulator.scatter_add(gradient)
    return accumulator.assign_add(gradient)


def _widest(variables: Sequence[tf.Variable]) -> tf.DType:
    return max((v.dtype.base_dtype for v in variables), key=lambda dtype: dtype.size)


def _values(gradient: Any) -> tf.Tensor:
    return gradient.values if isinstance(gradient, tf.IndexedSlices) else gradient


def _global_norm(gradients: Sequence[Any], dtype: tf.DType) -> tf.Tensor:
    """Returns sqrt(sum |g|^2) in `dtype`, whatever the dtypes of the gradients."""
    squares = [2 * tf.cast(tf.nn.l2_loss(_values(g)), dtype) for g in gradients]
    return tf.sqrt(tf.add_n(squares))


class _Stepping(NamedTuple):
    """Clips gradients and applies them, if they are finite."""

    optimizer: tf.train.Optimizer
    variables: Sequence[tf.Variable]
    clip_norm: float | None
    global_step: tf.Variable | None

    def build(
        self,
        gradients: Sequence[Any],
        norm: tf.Tensor,
        guards: Sequence[tuple[str, tf.Tensor]],
        name: str,
    ) -> tf.Operation:
        """Makes the operation that steps with `gradients`, whose global norm is `norm`."""
        guarded = [("gradient's global norm", norm), *guards]
        checks = [tf.debugging.check_numerics(t, f"the {n} {NOT_FINITE}") for n, t in guarded]
        with tf.control_dependencies(checks):
            factor = tf.ones_like(norm)
            if self.clip_norm is not None:
                # A norm of zero gives infinity here, and a factor of one.
                factor = tf.minimum(factor, tf.constant(self.clip_norm, norm.dtype) / norm)
            scaled = [_scaled(gradient, factor) for gradient in gradients]
        pairs = list(zip(scaled, self.variables, strict=True))
        return self.optimizer.apply_gradients(pairs, global_step=self.global_step, name=name)


def _scaled(gradient: Any, factor: tf.Tensor) -> Any:
    if isinstance(gradient, tf.IndexedSlices):
        values = gradient.values * tf.cast(factor, gradient.values.dtype)
        return tf.IndexedSlices(values, gradient.indices, gradient.dense_shape)
    return gradient * tf.cast(factor, gradient.dtype)
