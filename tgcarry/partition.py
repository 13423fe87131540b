"""Losses that each train their own variables, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tgcarry import stepping
from tgcarry.data.wording import listed, shown
from tgcarry.errors import ChunkError
from tgcarry.reach import Reach
from tgcarry.stepping import Group


class Partition(NamedTuple):
    """Says which variables a loss trains, and how; `(loss, var_list)` will do, too."""

    loss: tf.Tensor
    """Scalar float tensor."""
    var_list: Any
    """A variable, a list of them, or the start (a regular expression) of their names."""
    optimizer: tf.train.Optimizer | None = None
    """The partition's own; the common one if None."""
    clip_norm: float | None = None
    """Largest global norm of this partition's gradients."""


class GradientPairs(list[tuple[Any, tf.Variable]]):
    """Is the list of (gradient, variable) pairs that `apply_gradients` takes.

    Attributes:
      train_op: applies them all, with every partition's own optimiser; None without one.
    """

    train_op: tf.Operation | None = None


def partition_gradients(
    partitions: Sequence[Any],
    optimizer: tf.train.Optimizer | None = None,
    *,
    sum_shared: bool = False,
    global_step: tf.Variable | None = None,
) -> GradientPairs:
    """Differentiates each loss by its own variables and by nothing else.

        g_v = sum over the partitions i with v in var_list_i of  clip_i(d loss_i / d v)

    Gradients that other losses have at v do not enter. Losses may build on one another's
    outputs: nothing is stopped on the way, only what is asked for is computed. Not included:
    weights between losses (multiply a loss), and the carry (give `build_chunk` the partitions).

    Args:
      partitions: `(loss, var_list)` or `Partition` each. `var_list` is a variable, a list (or
        slice of `tf.trainable_variables()`), or a string or pattern that the names of trainable
        variables start with, as in `tf.trainable_variables(scope)`.
      optimizer: for partitions without one of their own; None to return the pairs only.
      sum_shared: whether a variable may be in several partitions, its gradients being summed.
      global_step: counted up once by `train_op`.

    Returns:
      `GradientPairs`: a pair per variable, in the order of the partitions. Gradients have the
      variables' shapes and dtypes; sparse ones stay `tf.IndexedSlices`, each row once.

    Raises:
      ChunkError: no partition, an empty or unknown `var_list`, a variable twice, a loss that is
        not a scalar, or one that cannot reach a variable; names the variable and the loss.

    Source: `tf.train.Optimizer.compute_gradients(loss, var_list)` of TensorFlow 1.15.
    """
    checked = check_partitions(partitions, optimizer, sum_shared)
    graph = checked[0].loss.graph
    with graph.as_default():
        return _pairs(checked, Reach(graph), global_step)


def _pairs(
    checked: Sequence[Partition], reach: Reach, global_step: tf.Variable | None
) -> GradientPairs:
    groups = []
    for number, part in enumerate(checked):
        reached = {v.op.name for v in reach.variables([part.loss], part.var_list)}
        gradients = tf.gradients(part.loss, part.var_list)
        for variable, gradient in zip(part.var_list, gradients, strict=True):
            if gradient is None or variable.op.name not in reached:
                raise ChunkError(
                    f"partition {number}: the loss {part.loss.name!r} cannot reach "
                    f"{variable.op.name}: leave it out, or mend the graph"
                )
        rows = [stepping.once_per_row(gradient) for gradient in gradients]
        groups.append(stepping.clipped(Group(rows, part.var_list, part.optimizer, part.clip_norm)))
    merged = stepping.merged(groups)
    pairs = GradientPairs((gradient, variable) for gradient, variable, _ in merged)
    if all(own is not None for _, _, own in merged):
        pairs.train_op = stepping.apply_all(merged, global_step, "train")
    return pairs


def check_partitions(
    partitions: Any, optimizer: tf.train.Optimizer | None, sum_shared: bool
) -> list[Partition]:
    """Returns partitions with lists of variables and optimisers filled in.

    Raises:
      ChunkError: as `partition_gradients`, but for what only gradients can tell.
    """
    if isinstance(partitions, tf.Tensor | Partition) or not isinstance(partitions, Iterable):
        raise ChunkError(
            f"partitions are {shown(partitions)}: give a list of (loss, var_list) pairs"
        )
    given = list(partitions)
    if not given:
        raise ChunkError("there is no partition: give a list of (loss, var_list) pairs")
    checked = [_checked(number, entry, optimizer) for number, entry in enumerate(given)]
    _check_shared(checked, sum_shared)
    return checked


def _checked(number: int, entry: Any, optimizer: tf.train.Optimizer | None) -> Partition:
    if not isinstance(entry, tuple) or len(entry) not in (2, 4):
        raise ChunkError(
            f"partition {number} is {shown(entry)}: give (loss, var_list) or a tgcarry.Partition"
        )
    part = Partition(*entry)
    loss = part.loss
    if not isinstance(loss, tf.Tensor) or not loss.dtype.is_floating:
        raise ChunkError(f"partition {number}: the loss is {shown(loss)}; give a float tensor")
    if loss.shape.rank not in (0, None):
        raise ChunkError(
            f"partition {number}: the loss {loss.name!r} has shape {loss.shape}; sum it to a "
            f"scalar with tf.reduce_sum"
        )
    limit = part.clip_norm
    if limit is not None and not 0 < limit < float("inf"):
        raise ChunkError(
            f"partition {number}: clip_norm {limit!r}: give a finite number above 0, or None"
        )
    with loss.graph.as_default():
        variables = find_variables(part.var_list, f"partition {number} of the loss {loss.name!r}")
    for variable in variables:
        if variable.graph is not loss.graph:
            raise ChunkError(
                f"partition {number}: {variable.op.name} is not in the graph of the loss "
                f"{loss.name!r}"
            )
    return part._replace(var_list=variables, optimizer=part.optimizer or optimizer)


def find_variables(var_list: Any, where: str) -> list[tf.Variable]:
    """Returns the variables that a `var_list` names; `where` is how a message begins.

    Raises:
      ChunkError: nothing is named, an entry is no variable, or one is named twice.
    """
    if isinstance(var_list, str | re.Pattern):
        pattern = re.compile(var_list)
        found = [v for v in tf.trainable_variables() if pattern.match(v.op.name)]
        if not found:
            there = listed(v.op.name for v in tf.trainable_variables())
            raise ChunkError(
                f"{where}: no trainable variable's name starts with {pattern.pattern!r}; there "
                f"are {there}"
            )
        return found
    single = _is_variable(var_list) or not isinstance(var_list, Iterable)
    found = [var_list] if single else list(var_list)
    if not found:
        raise ChunkError(f"{where}: it holds no variable; name at least one")
    for variable in found:
        if not _is_variable(variable):
            raise ChunkError(f"{where}: {shown(variable)} is no variable; give the object itself")
    names = [variable.op.name for variable in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ChunkError(f"{where}: {', '.join(twice)} named twice; name it once")
    return found


def _is_variable(value: Any) -> bool:
    return hasattr(value, "assign") and hasattr(value, "op")


def _check_shared(partitions: Sequence[Partition], sum_shared: bool) -> None:
    first: dict[str, int] = {}
    for number, part in enumerate(partitions):
        for variable in part.var_list:
            name = variable.op.name
            before = first.setdefault(name, number)
            if before == number:
                continue
            one, other = partitions[before], part
            if not sum_shared:
                raise ChunkError(
                    f"{name} is in partition {before} (loss {one.loss.name!r}) and in partition "
                    f"{number} (loss {other.loss.name!r}): leave it out of one, or give "
                    f"sum_shared=True to add up its gradients"
                )
            if one.optimizer is not other.optimizer:
                raise ChunkError(
                    f"{name} is in the partitions {before} and {number}, which have optimisers of "
                    f"their own: give both the same object"
                )
