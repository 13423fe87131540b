"""From gradients to an optimiser's step: norms, clipping, shared variables, one operation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf


class Group(NamedTuple):
    """Holds the gradients of one loss and how they are to be applied."""

    gradients: Sequence[Any]
    """A tensor or `tf.IndexedSlices` per variable."""
    variables: Sequence[tf.Variable]
    optimizer: tf.train.Optimizer | None
    clip_norm: float | None
    """Largest global norm of this group's gradients; None for no limit."""


def accumulator(name: str, like: Any) -> tf.Variable:
    """Makes a local variable of zeros, to add up what is like a tensor or a variable."""
    shape, dtype = like.shape, like.dtype.base_dtype
    return tf.Variable(
        lambda: tf.zeros(shape, dtype),
        trainable=False,
        collections=[tf.GraphKeys.LOCAL_VARIABLES],
        name=f"accumulated/{name}",
        dtype=dtype,
        use_resource=True,
    )


def widest_dtype(variables: Iterable[tf.Variable]) -> tf.DType:
    """Returns the dtype with the most bits among variables."""
    return max((v.dtype.base_dtype for v in variables), key=lambda dtype: dtype.size)


def once_per_row(gradient: Any) -> Any:
    """Adds up the slices of a sparse gradient that belong to the same row.

    A norm over slices counts a row that was read twice as two rows.
    """
    if not isinstance(gradient, tf.IndexedSlices):
        return gradient
    rows, places = tf.unique(gradient.indices)
    values = tf.unsorted_segment_sum(gradient.values, places, tf.size(rows))
    return tf.IndexedSlices(values, rows, gradient.dense_shape)


def global_norm(gradients: Iterable[Any], dtype: tf.DType) -> tf.Tensor:
    """Returns `sqrt(sum |g|^2)` in `dtype`, whatever the dtypes; rows must be unique."""
    squares = [2 * tf.cast(tf.nn.l2_loss(_values(g)), dtype) for g in gradients]
    return tf.sqrt(tf.add_n(squares))


def clipped(group: Group) -> Group:
    """Scales a group's gradients to a global norm of `clip_norm` at most."""
    if group.clip_norm is None:
        return group
    norm = global_norm(group.gradients, widest_dtype(group.variables))
    # A norm of zero gives infinity here, and a factor of one.
    factor = tf.minimum(tf.ones_like(norm), tf.constant(group.clip_norm, norm.dtype) / norm)
    return group._replace(gradients=[scaled(gradient, factor) for gradient in group.gradients])


def scaled(gradient: Any, factor: tf.Tensor) -> Any:
    """Multiplies a dense or sparse gradient by a scalar of any float dtype."""
    if isinstance(gradient, tf.IndexedSlices):
        values = gradient.values * tf.cast(factor, gradient.values.dtype)
        return tf.IndexedSlices(values, gradient.indices, gradient.dense_shape)
    return gradient * tf.cast(factor, gradient.dtype)


def merged(groups: Iterable[Group]) -> list[tuple[Any, tf.Variable, Any]]:
    """Lists (gradient, variable, optimiser) once per variable; those of several groups summed."""
    found: dict[str, tuple[list[Any], tf.Variable, Any]] = {}
    for group in groups:
        for gradient, variable in zip(group.gradients, group.variables, strict=True):
            entry = found.setdefault(variable.op.name, ([], variable, group.optimizer))
            entry[0].append(gradient)
    return [(_sum(parts), variable, optimizer) for parts, variable, optimizer in found.values()]


def apply_all(
    pairs: Sequence[tuple[Any, tf.Variable, tf.train.Optimizer]],
    global_step: tf.Variable | None,
    name: str,
) -> tf.Operation:
    """Makes one operation that applies every gradient with its own optimiser.

    All gradients are computed before any variable moves. `global_step` is counted up once.
    """
    with tf.control_dependencies([_values(gradient) for gradient, _, _ in pairs]):
        held = [(_identity(gradient), variable, opt) for gradient, variable, opt in pairs]
    optimizers = list({id(opt): opt for _, _, opt in held}.values())
    steps: list[tf.Operation] = []
    for number, optimizer in enumerate(optimizers):
        mine = [(gradient, variable) for gradient, variable, opt in held if opt is optimizer]
        last = number == len(optimizers) - 1
        with tf.control_dependencies(steps if last else []):
            step = optimizer.apply_gradients(mine, global_step=global_step if last else None)
        steps.append(step)
    return tf.group(*steps, name=name)


def _values(gradient: Any) -> tf.Tensor:
    return gradient.values if isinstance(gradient, tf.IndexedSlices) else gradient


def _identity(gradient: Any) -> Any:
    if isinstance(gradient, tf.IndexedSlices):
        values = tf.identity(gradient.values)
        return tf.IndexedSlices(values, gradient.indices, gradient.dense_shape)
    return tf.identity(gradient)


def _sum(parts: Sequence[Any]) -> Any:
    if len(parts) == 1:
        return parts[0]
    if all(isinstance(part, tf.IndexedSlices) for part in parts):
        values = tf.concat([part.values for part in parts], 0)
        rows = tf.concat([part.indices for part in parts], 0)
        return once_per_row(tf.IndexedSlices(values, rows, parts[0].dense_shape))
    return tf.add_n([tf.convert_to_tensor(part) for part in parts])
