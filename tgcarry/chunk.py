"""One chunk's graph: what is fed, what is fetched, and the optimiser's two ways to step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry import gradients, states, tf1
from tgcarry.data.wording import shown
from tgcarry.errors import ChunkError
from tgcarry.ports import CarryPorts
from tgcarry.reach import check_reach
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
    variables: tuple[tf.Variable, ...]
    gradients: gradients.ChunkGradients
    updates: Updates
    random_ops: tuple[str, ...]
    """Operations that would give something else at a second visit."""
    unfed: tuple[tf.Tensor, ...]
    """Placeholders that the loss needs and that no feed or port fills."""

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
        lines += [f"random {name}" for name in self.random_ops]
        lines.append("engine stock")
        return "\n".join(lines)


def build_chunk(
    loss: tf.Tensor,
    ports: CarryPorts,
    final_state: Any,
    feeds: Mapping[str, tf.Tensor],
    optimizer: tf.train.Optimizer | None = None,
    *,
    var_list: Sequence[tf.Variable] | None = None,
    clip_norm: float | None = None,
    global_step: tf.Variable | None = None,
    metrics: Mapping[str, tf.Tensor] | None = None,
) -> ChunkGraph:
    """Adds a chunk's gradients and optimiser steps to the graph, in one backward pass.

        g = d/dz [ loss + <upstream, final_state> ]   for z in the variables and initial state

    accumulated over chunks in the graph, clipped by the global norm and applied once per
    sweep. Not included: regularisers that do not depend on the chunk (they would be counted
    once per chunk), and the choice of upstream, which is the runner's policy.

    B is the batch, L the chunk length, H a leaf's width.

    Args:
      loss: scalar float tensor, a sum over the chunk's steps.
      ports: of `carry_ports`; the graph was unrolled from `ports.initial_state`.
      final_state: nest like `ports.initial_state` of `[B, H]`.
      feeds: placeholder per name of an array in the data, `[B, L, ...]`. The names "lengths"
        (int `[B]`), "mask" (float `[B, L]`) and "seed" (int `[2]`) are filled by the runner.
      optimizer: a `tf.train.Optimizer`; None for gradients only.
      var_list: variables to train; all trainable ones by default. Each must be reached.
      clip_norm: largest global norm of an applied gradient; None for no limit.
      global_step: variable that the optimiser counts up.
      metrics: scalars to be summed over chunks and reported beside the loss.

    Returns:
      A `ChunkGraph`.

    Raises:
      ChunkError: the loss, a feed, a metric or a variable does not fit.
      CarryError: a state or upstream does not fit, or cannot reach the loss.
      TypeError, ValueError: `final_state` and the ports differ in structure.

    Source: `tf.gradients(grad_ys=)`; global-norm clipping as in Pascanu et al. 2013,
      "On the difficulty of training recurrent neural networks", ICML.
    """
    _check_loss(loss)
    _check_feeds(feeds, ports, loss.graph)
    _check_clip(clip_norm)
    _check_optimizer(optimizer)
    states.check_like("final_state", final_state, "ports.initial_state", ports.initial_state)
    states.check_like("ports.upstream", ports.upstream, "final_state", final_state)
    with loss.graph.as_default():
        totals = _checked_metrics(metrics or {})
        variables = tuple(tf.trainable_variables() if var_list is None else var_list)
        _check_variables(variables)
        check_reach(loss, ports.initial_state, final_state)
        random_ops = tuple(tf1.random_ops_before([loss, *tf.nest.flatten(final_state)]))
        with tf.name_scope("carry"):
            known = {t.name for t in [*feeds.values(), *tf.nest.flatten(ports)]}
            needed = tf1.placeholders_before([loss, *tf.nest.flatten(final_state)])
            unfed = [tensor for tensor in needed if tensor.name not in known]
            weight = tf.placeholder_with_default(tf.ones([], loss.dtype), [], "loss_weight")
            found = gradients.chunk_gradients(
                loss, weight, final_state, ports.upstream, variables, ports.initial_state
            )
            updates = build_updates(
                found.variables,
                variables,
                optimizer,
                clip_norm=clip_norm,
                global_step=global_step,
                guards=[
                    ("loss", loss),
                    *(("state gradient", g) for g in tf.nest.flatten(found.initial_state)),
                ],
            )
    return ChunkGraph(
        loss.graph,
        loss,
        weight,
        ports,
        final_state,
        dict(feeds),
        totals,
        variables,
        found,
        updates,
        random_ops,
        tuple(unfed),
    )


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


def _check_variables(variables: Sequence[tf.Variable]) -> None:
    if not variables:
        raise ChunkError(
            "build_chunk: there is no variable to train; build the model first, or give var_list="
        )
    for variable in variables:
        if not (hasattr(variable, "assign") and hasattr(variable, "op")):
            raise ChunkError(
                f"build_chunk(var_list=): {shown(variable)} is no variable; give the objects, as "
                f"tf.trainable_variables('scope') lists them"
            )
    names = [variable.op.name for variable in variables]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ChunkError(f"build_chunk(var_list=): {', '.join(twice)} named twice; name it once")
