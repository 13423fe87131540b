"""The kinds of session call: what each fetches, runs, and is fed besides data and constants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tgcarry.chunk import ChunkGraph


class Kind(NamedTuple):
    """Says what a kind of session call fetches, and is fed besides data and constants."""

    fetches: Sequence[tf.Tensor]
    targets: Sequence[tf.Operation] = ()
    feeds: Sequence[tf.Tensor] = ()


def plain_kinds(graph: ChunkGraph) -> dict[Any, Kind]:
    """Lists every kind of call, with its tensors in the order of its values."""
    updates = graph.updates
    start = tf.nest.flatten(graph.ports.initial_state)
    both = [*start, *tf.nest.flatten(graph.ports.upstream)]
    figures = [graph.loss, *graph.metrics.values()]
    final = tf.nest.flatten(graph.final_state)
    gradient = tf.nest.flatten(graph.gradients.initial_state)
    kinds: dict[Any, Kind] = {
        "forward": Kind(tf.nest.flatten(graph.forward_state), feeds=start),
        "evaluate": Kind([*figures, *final], feeds=start),
        "own": Kind(gradient, feeds=both),
        "carry back": Kind(gradient, feeds=[*both, graph.loss_weight]),
        "apply": Kind([updates.norm], [updates.apply], [updates.scale]),
        "back": Kind([updates.step_norm], [updates.accumulate], [*both, graph.loss_weight]),
    }
    for advance in (False, True):
        fetches = [*figures, *gradient, *(final if advance else ())]
        # The norm tells a gather, too, in which chunk a gradient stops being finite.
        kinds["gather", advance] = Kind([*fetches, updates.step_norm], [updates.accumulate], both)
        kinds["step", advance] = Kind([*fetches, updates.step_norm], [updates.step], both)
    return kinds | _predicting_kinds(graph, kinds)


def _predicting_kinds(graph: ChunkGraph, kinds: Mapping[Any, Kind]) -> dict[Any, Kind]:
    """Lists the kinds of call whose upstream is predicted; none without a predictor."""
    found: dict[Any, Kind] = {}
    predictors, learning = graph.synthetic, graph.learning
    if predictors is None or learning is None:
        return found
    ahead = [predictors.ahead]
    upstream = tf.nest.flatten(predictors.upstreams)
    found["upstream"] = Kind(upstream, feeds=[*kinds["own"].feeds, *ahead])
    found["missed"] = Kind(
        tf.nest.flatten(graph.missed), feeds=[*kinds["own"].feeds, predictors.behind]
    )
    updates = graph.updates
    found["apply and learn"] = Kind(
        [updates.norm, learning.together.error, learning.rows],
        [updates.apply_and_learn],
        [updates.scale],
    )
    for advance in (False, True):
        plain = kinds["gather", advance]
        gather = plain._replace(
            fetches=[*plain.fetches, predictors.norm], feeds=[*plain.feeds, *ahead]
        )
        found["gather predicted", advance] = gather
        found["step predicted", advance] = Kind(
            [*gather.fetches, learning.alone.error],
            [updates.learn],
            [*gather.feeds, predictors.behind],
        )
        found["learn predicted", advance] = gather._replace(
            targets=[updates.accumulate, learning.add], feeds=[*gather.feeds, predictors.behind]
        )
    return found


def keeping_kinds(graph: ChunkGraph, residuals: Sequence[tf.Tensor]) -> dict[Any, Kind]:
    """Lists the kinds of call that keep residuals, and that are fed them."""
    kinds = plain_kinds(graph)
    figures, backward = kinds["evaluate"], kinds["own"]
    return {
        "keep": figures._replace(fetches=[*figures.fetches, *residuals]),
        "gather kept": backward._replace(
            fetches=[*backward.fetches, graph.updates.step_norm],
            targets=[graph.updates.accumulate],
            feeds=[*backward.feeds, *residuals],
        ),
    }
