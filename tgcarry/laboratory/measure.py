"""Measures gradients at two sets of weights: as drawn, and after some exact training."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import tensorflow.compat.v1 as tf

from tgcarry.data import epochs
from tgcarry.laboratory.asked import Asked
from tgcarry.laboratory.bias import Measured, exact_gradient, measure_bias
from tgcarry.laboratory.chunkings import draw_chunkings
from tgcarry.laboratory.lags import LagFigures, measure_lags, open_lags
from tgcarry.laboratory.stretch import Stretch
from tgcarry.laboratory.subject import Subject
from tgcarry.policies import ExactSweep, Policy, Synthetic
from tgcarry.runner import Runner

# Times that the training data may be read; nobody comes to the end.
_EPOCHS = 1 << 20


class Plan(NamedTuple):
    """Says what is measured of the gradients."""

    policies: tuple[Asked, ...]
    lengths: tuple[int, ...]
    """Steps of a chunk, each in its turn."""
    chunkings: int = 16
    """Random chunkings of each length."""
    steps: int = 100
    """Optimiser steps of exact training before the second measurement; 0 to leave it out."""
    most_lag: int = 0
    """The largest lag; 0 for four of the longest chunks."""
    lessons: int = 300
    """Chunks from which what predicts a synthetic gradient learns, the weights at rest."""
    seed: int = 0


class Gradients(NamedTuple):
    """Holds what was measured at one set of weights."""

    weights: str
    """Which: "start", or "trained"."""
    steps: int
    """Optimiser steps that led there."""
    loss: float
    """Of the stretch, per scored step."""
    settings: list[Measured]
    lags: list[LagFigures]
    reach: list[tuple[int, float]]
    """Lag k and |u_k| / |u_0| of the exact gradient: how far back the loss reaches."""


def window_for(stretch_steps: int, length: int) -> int:
    """Counts the chunks of a stretch: the window of policies that have none of their own."""
    return -(-stretch_steps // length)


def measure_gradients(
    subject: Subject,
    stretch: Stretch,
    plan: Plan,
    on_text: Callable[[str], None] = lambda text: None,
) -> list[Gradients]:
    """Measures every policy at every chunk length, at the first weights and at trained ones.

    Training is under the exact policy, over windows of the stretch's length, in chunks of the
    greatest length that is compared.

    Args:
      subject: the model with its training data. Single losses can be followed back only where
        "weight" and "lengths" are fed: without these there are no lags.
      stretch: what gradients are compared on.
      plan: what to measure.
      on_text: called with a line on each part.

    Returns:
      A `Gradients` for each set of weights.

    Raises:
      NumericsError: as `measure_bias`.
      DataError: the data cannot be read.
    """
    longest = max(plan.lengths)
    found = []
    with _runner(subject, ExactSweep(window_for(stretch.steps, longest))) as runner:
        found.append(_measure(runner, subject, stretch, plan, "start", 0, on_text))
        if plan.steps:
            on_text(f"training {plan.steps} steps under exact in chunks of {longest}")
            chunks = epochs(subject.chunks(longest), _EPOCHS)
            steps = sum(1 for _ in islice(runner.run(chunks), plan.steps))
            found.append(_measure(runner, subject, stretch, plan, "trained", steps, on_text))
    return found


def _measure(
    runner: Runner,
    subject: Subject,
    stretch: Stretch,
    plan: Plan,
    weights: str,
    steps: int,
    on_text: Callable[[str], None],
) -> Gradients:
    exact = exact_gradient(runner, stretch)
    alone = {"weight", "lengths"} <= set(runner.chunk.feeds)
    most = plan.most_lag or 4 * max(plan.lengths)
    lags = open_lags(runner, stretch, most) if alone else []
    settings: list[Measured] = []
    carried: list[LagFigures] = []
    plain = [asked for asked in plan.policies if asked.kind != "synthetic"]
    for length in plan.lengths:
        on_text(f"gradients at the {weights} weights in chunks of {length}")
        drawn = draw_chunkings(length, plan.chunkings, plan.seed)
        settings += measure_bias(runner, stretch, exact, plain, drawn)
        carried += measure_lags(runner, lags, plain, drawn) if alone else []
        predicted = [asked for asked in plan.policies if asked.kind == "synthetic"]
        if predicted:
            with _taught(subject, length, plan.lessons, _values(runner)) as other:
                settings += measure_bias(other, stretch, exact, predicted, drawn)
    loss = subject.score(runner.evaluate(stretch.chunks([stretch.steps])))["loss"]
    reach = [(lag.steps, lag.size) for lag in lags]
    return Gradients(weights, steps, loss, settings, carried, reach)


@contextmanager
def _runner(subject: Subject, policy: Policy, **how: bool) -> Iterator[Runner]:
    with (
        tf.Graph().as_default(),
        Runner(subject.build(**how), policy, reduce="mean") as runner,
    ):
        yield runner


@contextmanager
def _taught(
    subject: Subject,
    length: int,
    lessons: int,
    values: Mapping[str, np.ndarray],
) -> Iterator[Runner]:
    """Opens a runner at given weights, whose predictor has learnt from so many chunks."""
    with _runner(subject, Synthetic(), predicting=True, still=True) as runner:
        for variable in runner.chunk.variables:
            variable.load(values[variable.op.name], runner.session)
        _exhaust(islice(runner.run(epochs(subject.chunks(length), _EPOCHS)), lessons))
        yield runner


def _values(runner: Runner) -> dict[str, np.ndarray]:
    named = {variable.op.name: variable for variable in runner.chunk.variables}
    found: dict[str, np.ndarray] = runner.session.run(named)
    return found


def _exhaust(items: Iterable[Any]) -> None:
    for _ in items:
        pass
