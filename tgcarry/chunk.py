"""One chunk's graph: what is fed, what is fetched, and the optimiser's two ways to step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry import engines, gradients, states, tf1, twins
from tgcarry.data.wording import shown
from tgcarry.errors import ChunkError
from tgcarry.lessons import Learning
from tgcarry.partition import Partition, check_partitions, find_variables
from tgcarry.ports import CarryPorts
from tgcarry.reach import check_reach
from tgcarry.stepping import Group
from tgcarry.synthetic import Predictors, SyntheticGradient
from tgcarry.updates import Updates, build_updates

# Feeds that the runner makes itself when the graph asks for them by name.
DERIVED_FEEDS = {
    "lengths": "int [B], the real steps of each stream in this chunk",
    "mask": "float [B, L], 1 for a real step, 0 for padding",
    "seed": "int [2], the same at every visit of a chunk, for tf.random.stateless_*",
}


@dataclass(frozen=True)
class ChunkGraph:
    """Holds the tensors and operations of one chunk, ready for a `Runner`."""

    graph: tf.Graph
    loss: tf.Tensor
    loss_weight: tf.Tensor
    ports: CarryPorts
    final_state: Any
    feeds: Mapping[str, tf.Tensor]
    metrics: Mapping[str, tf.Tensor]
    slots: tuple[tf.Variable, ...]
    """The variable of each accumulator: those of the first loss, of the second, ..."""
    gradients: gradients.ChunkGradients
    """Those of `slots`, and of the initial state; with partitions a tuple of such nests."""
    updates: Updates
    random_ops: tuple[str, ...]
    """Operations that would give something else at a second visit."""
    unfed: tuple[tf.Tensor, ...]
    """Placeholders that the loss needs and that no feed or port fills."""
    forward_count: int
    """Operations that the graph had before gradients were added to it."""
    synthetic: Predictors | None = None
    """What predicts the upstream, if anything does."""
    learning: Learning | None = None
    """How that learns."""
    missed: Any = None
    """Like `ports.upstream`: the gradient of what it missed; these ports are fed the target."""

    @property
    def variables(self) -> tuple[tf.Variable, ...]:
        """The variables that are trained, each once."""
        return tuple({variable.op.name: variable for variable in self.slots}.values())

    @property
    def forward_state(self) -> Any:
        """The final state, from a run that keeps nothing for a reverse pass where there is one."""
        return twins.twin(self.final_state)

    def describe(self) -> str:
        """Writes out what the chunk carries, feeds and trains, a line each."""
        leaves = zip(
            states.leaf_names(self.final_state),
            tf.nest.flatten(self.ports.initial_state),
            strict=True,
        )
        lines = [f"loss {self.loss.name} {self.loss.dtype.name}"]
        lines += [f"carry state{name} {leaf.shape} {leaf.dtype.name}" for name, leaf in leaves]
        lines += [f"feed {name} {t.shape} {t.dtype.name}" for name, t in self.feeds.items()]
        lines += [f"train {v.op.name} {v.shape} {v.dtype.base_dtype.name}" for v in self.variables]
        if self.synthetic is not None:
            lines += [
                f"predict {v.op.name} {v.shape} {v.dtype.base_dtype.name}"
                for v in self.synthetic.variables
            ]
        lines += [f"random {name}" for name in self.random_ops]
        lines += engines.engine_notes(self.graph)
        return "\n".join(lines)


def build_chunk(
    loss: Any,
    ports: CarryPorts,
    final_state: Any,
    feeds: Mapping[str, tf.Tensor],
    optimizer: tf.train.Optimizer | None = None,
    *,
    var_list: Any = None,
    clip_norm: float | None = None,
    global_step: tf.Variable | None = None,
    metrics: Mapping[str, tf.Tensor] | None = None,
    sum_shared: bool = False,
    synthetic: SyntheticGradient | None = None,
) -> ChunkGraph:
    """Adds a chunk's gradients and optimiser steps to the graph, in one backward pass a loss.

        g = d/dz [ loss + <upstream, final_state> ]   for z in the variables and initial state

    accumulated over chunks in the graph, clipped by the global norm and applied once per
    sweep. With partitions, each loss has an upstream and a state gradient of its own, and its
    variables get that gradient and no other. Not included: regularisers that do not depend on
    the chunk (they would be counted once per chunk), and the choice of upstream, which is the
    runner's policy.

    B is the batch, L the chunk length, H a leaf's width.

    Args:
      loss: scalar float tensor, a sum over the chunk's steps; or a list of partitions,
        `(loss, var_list)` or `Partition` each, with `carry_ports(cell, losses=len(list))`.
      ports: of `carry_ports`; the graph was unrolled from `ports.initial_state`.
      final_state: nest like `ports.initial_state` of `[B, H]`.
      feeds: placeholder per name of an array in the data, `[B, L, ...]`. The names "lengths"
        (int `[B]`), "mask" (float `[B, L]`) and "seed" (int `[2]`) are filled by the runner.
      optimizer: a `tf.train.Optimizer`; None for gradients only.
      var_list: variables to train, as in `partition_gradients`; all trainable ones by default.
        Each must be reached. Not with partitions.
      clip_norm: largest global norm of an applied gradient; None for no limit. With partitions
        that of each one without a limit of its own.
      global_step: variable that is counted up once per optimiser step.
      metrics: scalars to be summed over chunks and reported beside the loss.
      sum_shared: whether a variable may be in several partitions, its gradients being summed.
      synthetic: predictors of the upstream to add for `Synthetic()`, one per loss; they have
        variables of their own, which are saved with the others. Other policies pass them by.

    Returns:
      A `ChunkGraph`.

    Raises:
      ChunkError: a loss, a feed, a metric or a variable does not fit.
      CarryError: a state or upstream does not fit, or cannot reach a loss.
      TypeError, ValueError: `final_state` and the ports differ in structure.

    Source: `tf.gradients(grad_ys=)`; global-norm clipping as in Pascanu et al. 2013,
      "On the difficulty of training recurrent neural networks", ICML.
    """
    _check_clip(clip_norm)
    _check_optimizer(optimizer)
    _check_synthetic(synthetic)
    alone = isinstance(loss, tf.Tensor) or not isinstance(loss, Sequence)
    if alone:
        _check_loss(loss)
        parts = [Partition(loss, None, optimizer, clip_norm)]
        graph, upstreams = loss.graph, (ports.upstream,)
    else:
        parts = _partitions(loss, optimizer, clip_norm, var_list, sum_shared)
        graph, upstreams = parts[0].loss.graph, _upstreams(ports, len(parts))
    _check_feeds(feeds, ports, graph)
    states.check_like("final_state", final_state, "ports.initial_state", ports.initial_state)
    for upstream in upstreams:
        states.check_like("ports.upstream", upstream, "final_state", final_state)
    with graph.as_default():
        if alone:
            parts = [parts[0]._replace(var_list=_variables(var_list))]
        losses = [part.loss for part in parts]
        total = losses[0] if alone else tf.add_n(losses, name="total_loss")
        totals = _checked_metrics(metrics or {})
        check_reach(parts, ports.initial_state, final_state)
        targets = [total, *tf.nest.flatten(final_state)]
        forward_count = len(graph.get_operations())
        with tf.name_scope("carry"):
            predictors = learning = missed = None
            if synthetic is not None:
                predictors = Predictors(synthetic, upstreams, final_state)
                missed = predictors.missed(ports.initial_state, upstreams)
                upstreams = predictors.upstreams
            weight = tf.placeholder_with_default(tf.ones([], total.dtype), [], "loss_weight")
            found = [
                gradients.chunk_gradients(
                    part.loss, weight, final_state, upstream, part.var_list, ports.initial_state
                )
                for part, upstream in zip(parts, upstreams, strict=True)
            ]
            starts = found[0].initial_state if alone else tuple(f.initial_state for f in found)
            guards = [("loss", total)]
            guards += [("state gradient", leaf) for leaf in tf.nest.flatten(starts)]
            if predictors is not None:
                each = [f.initial_state for f in found]
                learning = predictors.learning(ports.initial_state, each)
            updates = build_updates(
                [
                    Group(f.variables, part.var_list, part.optimizer, part.clip_norm)
                    for f, part in zip(found, parts, strict=True)
                ],
                global_step=global_step,
                guards=guards,
                learning=learning,
            )
    return ChunkGraph(
        graph=graph,
        loss=total,
        loss_weight=weight,
        ports=ports,
        final_state=final_state,
        feeds=dict(feeds),
        metrics=totals,
        slots=tuple(variable for part in parts for variable in part.var_list),
        gradients=gradients.ChunkGradients([g for f in found for g in f.variables], starts),
        updates=updates,
        random_ops=tuple(tf1.random_ops_before(targets)),
        unfed=_unfed(targets, feeds, ports),
        forward_count=forward_count,
        synthetic=predictors,
        learning=learning,
        missed=missed if missed is None or not alone else missed[0],
    )


def _partitions(
    loss: Any,
    optimizer: tf.train.Optimizer | None,
    clip_norm: float | None,
    var_list: Any,
    sum_shared: bool,
) -> list[Partition]:
    if var_list is not None:
        raise ChunkError(
            "build_chunk: with partitions, each names its own variables; leave var_list= out"
        )
    if not all(isinstance(entry, tuple) for entry in loss):
        raise ChunkError(
            f"build_chunk(loss={shown(loss)}): give one scalar tensor, or a list of "
            f"(loss, var_list) pairs"
        )
    parts = check_partitions(loss, optimizer, sum_shared)
    if len({part.loss.dtype for part in parts}) > 1:
        names = ", ".join(f"{part.loss.name!r} {part.loss.dtype.name}" for part in parts)
        raise ChunkError(f"build_chunk: the losses have different dtypes: {names}; cast them")
    return [
        part if part.clip_norm is not None else part._replace(clip_norm=clip_norm)
        for part in parts
    ]


def _upstreams(ports: CarryPorts, count: int) -> tuple[Any, ...]:
    """Returns the upstream of each of `count` losses."""
    given = ports.upstream
    try:
        tf.nest.assert_same_structure(given, (ports.initial_state,) * count)
    except (TypeError, ValueError) as error:
        raise ChunkError(
            f"build_chunk: {count} partitions need an upstream each, and the ports do not have "
            f"so many: make them with carry_ports(cell, losses={count})"
        ) from error
    return tuple(given)


def _variables(var_list: Any) -> list[tf.Variable]:
    if var_list is None:
        found = tf.trainable_variables()
        if not found:
            raise ChunkError(
                "build_chunk: there is no variable to train; build the model first, or give "
                "var_list="
            )
        return list(found)
    return find_variables(var_list, "build_chunk(var_list=)")


def _unfed(
    targets: Sequence[tf.Tensor], feeds: Mapping[str, tf.Tensor], ports: CarryPorts
) -> tuple[tf.Tensor, ...]:
    known = {t.name for t in [*feeds.values(), *tf.nest.flatten(ports)]}
    return tuple(t for t in tf1.placeholders_before(targets) if t.name not in known)


def _check_loss(loss: tf.Tensor) -> None:
    if not isinstance(loss, tf.Tensor):
        raise ChunkError(f"build_chunk(loss={loss!r}): give one scalar tensor")
    if loss.shape.rank not in (0, None):
        raise ChunkError(
            f"build_chunk: the loss {loss.name!r} has shape {loss.shape}; sum it to a scalar "
            f"with tf.reduce_sum"
        )
    if not loss.dtype.is_floating:
        raise ChunkError(f"build_chunk: the loss {loss.name!r} is {loss.dtype.name}, not a float")


def _check_feeds(feeds: Any, ports: CarryPorts, graph: tf.Graph) -> None:
    if not isinstance(feeds, Mapping):
        raise ChunkError(
            f"build_chunk(feeds={shown(feeds)}): give a dict of placeholders by the names of the "
            f"data's arrays"
        )
    carried = {port.name for port in tf.nest.flatten(ports)}
    for name, tensor in feeds.items():
        if not isinstance(tensor, tf.Tensor) or not tf1.is_placeholder(tensor):
            raise ChunkError(
                f"build_chunk(feeds={{{name!r}: {shown(tensor)}}}): give a placeholder"
            )
        if tensor.graph is not graph:
            raise ChunkError(f"build_chunk: the feed {name!r} belongs to another graph")
        if tensor.name in carried:
            raise ChunkError(
                f"build_chunk: the feed {name!r} is the port {tensor.name!r}, which the runner "
                f"fills; leave it out of feeds"
            )
        _check_feed_rank(name, tensor)


def _check_feed_rank(name: str, tensor: tf.Tensor) -> None:
    rank = {"lengths": 1, "mask": 2, "seed": 1}.get(name)
    if tensor.shape.rank is None:
        return
    if rank is not None and tensor.shape.rank != rank:
        raise ChunkError(
            f"build_chunk: the feed {name!r} has shape {tensor.shape}; it is filled with "
            f"{DERIVED_FEEDS[name]}: make the placeholder so, or call your own array otherwise"
        )
    if rank is None and tensor.shape.rank < 2:
        raise ChunkError(
            f"build_chunk: the feed {name!r} has shape {tensor.shape}; the data's arrays are "
            f"[batch, time, ...]. Feed constants with Runner(feed_dict=)"
        )


def _check_clip(clip_norm: Any) -> None:
    number = isinstance(clip_norm, Real) and not isinstance(clip_norm, bool)
    if clip_norm is not None and not (number and 0 < clip_norm < float("inf")):
        raise ChunkError(
            f"build_chunk(clip_norm={shown(clip_norm)}): give a finite number above 0, or None"
        )


def _check_optimizer(optimizer: Any) -> None:
    if optimizer is not None and not isinstance(optimizer, tf.train.Optimizer):
        raise ChunkError(
            f"build_chunk(optimizer={shown(optimizer)}): give one of TensorFlow 1's, such as "
            f"tf.train.AdamOptimizer(1e-3)"
        )


def _check_synthetic(synthetic: Any) -> None:
    if synthetic is not None and not isinstance(synthetic, SyntheticGradient):
        raise ChunkError(
            f"build_chunk(synthetic={shown(synthetic)}): give a tgcarry.SyntheticGradient(), or "
            f"None"
        )


def _checked_metrics(metrics: Any) -> dict[str, tf.Tensor]:
    if not isinstance(metrics, Mapping):
        raise ChunkError(f"build_chunk(metrics={shown(metrics)}): give a dict of scalar tensors")
    tensors = {}
    for name, value in metrics.items():
        if not isinstance(value, tf.Tensor):
            raise ChunkError(f"build_chunk: the metric {name!r} is {shown(value)}; give a tensor")
        if value.shape.rank not in (0, None):
            raise ChunkError(
                f"build_chunk: the metric {name!r} has shape {value.shape}; sum it to a scalar"
            )
        tensors[name] = value
    return tensors
