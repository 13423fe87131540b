"""What predictors learn at an optimiser's step: from one chunk, or from all that was gathered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import tensorflow.compat.v1 as tf

from tgcarry import stepping
from tgcarry.predictor import Predictor
from tgcarry.stepping import Group


class Lesson(NamedTuple):
    """Holds how predictors learn in one optimiser step."""

    groups: list[Group]
    """Their gradients, one group per predictor."""
    guards: list[tuple[str, tf.Tensor]]
    """What has to be finite before anything is applied."""
    assigns: list[Callable[[], tf.Operation]]
    """A function per predictor that makes the operation which moves its scale."""
    error: tf.Tensor
    """Scalar: mean square of what the predictions miss, by that of their targets so far."""


class Learning(NamedTuple):
    """Holds how predictors learn from a chunk alone, and from visits that are gathered first."""

    alone: Lesson
    """In a step with this chunk's gradients alone."""
    together: Lesson
    """In a step with what `add` has gathered, here or on all ranks."""
    sums: tuple[tf.Variable, ...]
    """What is gathered: local variables, sums over streams."""
    add: tf.Operation
    """Gathers this chunk's."""
    rows: tf.Tensor
    """Scalar: how many predictions were gathered."""


class Target(NamedTuple):
    """Is what one predictor is to say of a chunk's start."""

    net: Predictor
    state: tf.Tensor
    """`[B, H]`, what it is asked with."""
    value: tf.Tensor
    """`[B, H]`, the gradient there; nothing flows back into it."""
    weight: tf.Tensor
    """`[B, 1]`: 1 for streams that it was asked for, 0 for others."""


def learning_from(targets: Sequence[Target], optimizer: tf.train.Optimizer) -> Learning:
    """Adds what predictors learn from a chunk.

        E = sum over streams |M(s) / r - d / r|^2 / 2 / streams

    with the scale r moved by these targets already. Sums over visits keep apart what depends on
    r, which is known at the step only:

        dE/dw = (sum of J^T M(s) / r  -  (sum of J^T d) / r) / streams,   J = d (M / r) / dw

    Args:
      targets: of each predictor.
      optimizer: that moves them all.
    """
    gathered = [_gathered(target) for target in targets]
    return Learning(
        _lesson([_alone(target) for target in targets], targets, optimizer),
        _lesson(
            [_together(s, t.net) for s, t in zip(gathered, targets, strict=True)],
            targets,
            optimizer,
        ),
        tuple(variable for one in gathered for variable in one.variables),
        tf.group(*(one.add for one in gathered), name="gather_lesson"),
        gathered[0].values[0],
    )


class _Part(NamedTuple):
    """Is one predictor's part of a lesson."""

    gradients: list[tf.Tensor]
    assign: Callable[[], tf.Operation]
    error: tf.Tensor


def _lesson(
    parts: Sequence[_Part], targets: Sequence[Target], optimizer: tf.train.Optimizer
) -> Lesson:
    groups, guards = [], []
    for part, (net, state, _, _) in zip(parts, targets, strict=True):
        groups.append(Group(part.gradients, net.weights, optimizer, None))
        norm = stepping.global_norm(part.gradients, state.dtype)
        guards.append(("predictor's gradient norm", norm))
    error = tf.add_n([part.error for part in parts]) / len(parts)
    return Lesson(groups, guards, [part.assign for part in parts], error)


def _alone(target: Target) -> _Part:
    net, state, value, weight = target
    rows = tf.reduce_sum(weight)
    scale, assign = net.moved_scale(rows, tf.reduce_sum(weight * value**2))
    missed = weight * (net.outputs(state) - value / scale)
    error = tf.reduce_sum(missed**2) / tf.maximum(rows, 1)
    return _Part(tf.gradients(error / 2, net.weights), assign, error / net.width)


class _Gathered(NamedTuple):
    """Holds one predictor's sums."""

    variables: list[tf.Variable]
    values: list[tf.Tensor]
    """What they hold: streams, sums of squares and products, and two sums per weight."""
    add: tf.Operation


def _gathered(target: Target) -> _Gathered:
    net, state, value, weight = target
    said = net.outputs(state)
    squares, products = tf.reduce_sum(weight * said**2), tf.reduce_sum(weight * said * value)
    sums = [
        tf.reduce_sum(weight),
        tf.reduce_sum(weight * value**2),
        squares,
        products,
        *tf.gradients(squares / 2, net.weights),
        *tf.gradients(products, net.weights),
    ]
    variables = [
        stepping.accumulator(f"{net.variables[0].op.name}/lesson_{n}", s)
        for n, s in enumerate(sums)
    ]
    added = [v.assign_add(one) for v, one in zip(variables, sums, strict=True)]
    return _Gathered(variables, [v.read_value() for v in variables], tf.group(*added))


def _together(gathered: _Gathered, net: Predictor) -> _Part:
    rows, wanted, said, products, *rest = gathered.values
    ours, theirs = rest[: len(net.weights)], rest[len(net.weights) :]
    scale, assign = net.moved_scale(rows, wanted)
    count = tf.maximum(rows, 1)
    gradients = [(a - b / scale) / count for a, b in zip(ours, theirs, strict=True)]
    # The difference of large numbers may come out a little below zero.
    error = tf.maximum(said - 2 * products / scale + wanted / scale**2, 0) / count
    return _Part(gradients, assign, error / net.width)
