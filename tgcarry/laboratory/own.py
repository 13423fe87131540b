"""The comparison for a chunk graph and data of one's own, in one process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import tensorflow.compat.v1 as tf

from tgcarry.data import Chunk
from tgcarry.errors import RunError
from tgcarry.laboratory.asked import Asked, read_policies
from tgcarry.laboratory.compare import check_question, outcome
from tgcarry.laboratory.curves import Course, Limits
from tgcarry.laboratory.measure import Plan, measure_gradients, window_for
from tgcarry.laboratory.recommend import Budget
from tgcarry.laboratory.report import Report, Trained, best_rates
from tgcarry.laboratory.stretch import to_stretch
from tgcarry.laboratory.subject import Build, Own, Weighted
from tgcarry.runner import Runner

POLICIES = ("truncated", "stale", "exact", "exact:2", "random:0.3", "synthetic")
"""What is compared where nothing else is asked for."""


def compare_own(
    build: Build,
    chunks: Callable[[int], Sequence[Chunk]],
    held: Sequence[Chunk],
    *,
    policies: Sequence[str] = POLICIES,
    lengths: Sequence[int] = (5, 10),
    budget: Budget,
    stretch: int = 0,
    rates: Sequence[float] = (1e-3,),
    synthetic: int | Sequence[int] = 64,
    synthetic_rate: float = 1e-2,
    chunkings: int = 16,
    warm_steps: int = 100,
    most_lag: int = 0,
    lessons: int = 300,
    points: int = 20,
    seed: int = 0,
    on_text: Callable[[str], None] = lambda text: None,
) -> Report:
    """Compares policies on a graph of your own: their gradients, and what training gains.

    As `scripts/compare_policies.py` does it, but in this process: the peak memory that is told is
    the process's so far, and no policy's own. All trainings use Adam.

    Args:
      build: called with an optimiser and with predictors (or None), in a fresh default graph each
        time; gives both to `build_chunk` and returns its graph. The graph has to take chunks of
        any length, and any number of streams. Its loss is a sum over steps, divided by constants
        only. Where it is fed "weight" `[B, L]`, which multiplies the steps' losses, and "lengths"
        `[B]`, credit is followed by lag, too.
      chunks: cuts the training data into chunks of a length.
      held: held-out data, cut in any way.
      policies: as the script takes them, "exact:2" say.
      lengths: steps of a chunk, each in its turn.
      budget: what each training may spend: seconds, optimiser steps or both. No memory: one
        process has one peak, whatever it trains.
      stretch: steps that gradients are compared on, from the start of the training data; 0 for
        four of the longest chunks. No stream may start anew inside.
      rates: learning rates that each setting is trained with; the best one counts.
      synthetic: hidden units of what a synthetic policy predicts with.
      synthetic_rate: Adam's, for that.
      chunkings: random chunkings to take means over.
      warm_steps: exact steps before gradients are compared again; 0 for at the start only.
      most_lag: the largest lag; 0 for four of the longest chunks.
      lessons: chunks that a predictor learns from before its gradient is measured.
      points: validations in each training.
      seed: of weights, chunkings and cuts.
      on_text: called with a line on each part.

    Returns:
      A `Report`: `tables(report)` yields its tables, and `recommend(to_figures(report), budget)`
      says what follows.

    Raises:
      TgcarryError: arguments out of range, data that do not fit, or an exact policy that is not
        exact, as where a loss is a mean over the steps of its chunk.
    """
    asked = read_policies(policies)
    plan = Plan(asked, tuple(lengths), chunkings, warm_steps, most_lag, lessons, seed)
    check_question(plan, budget, rates, points, stretch)
    if budget.memory_mib is not None:
        raise RunError(
            f"compare_own(budget=): memory_mib={budget.memory_mib:g}, but all trainings are one "
            f"process with one peak: leave it out, or give scripts/compare_policies.py a --model"
        )
    subject = Own(build, chunks, rates[0], synthetic, synthetic_rate, seed)
    longest = max(plan.lengths)
    whole = to_stretch(chunks(stretch or 4 * longest)[0])
    on_text(f"gradients are compared on {whole.steps} steps of {len(whole.lengths)} streams")
    gradients = measure_gradients(subject, whole, plan, on_text)
    trained = []
    for length in plan.lengths:
        for one in asked:
            for rate in rates:
                on_text(f"training {one.name} in chunks of {length}, rate {rate:g}")
                limits = Limits(budget.steps, budget.seconds, points)
                made = replace(subject, rate=rate)
                window = window_for(whole.steps, length)
                trained.append(_train(made, one, length, window, held, limits))
                on_text(f"  {outcome(trained[-1].result)}")
    best, others = best_rates(trained)
    streams = len(whole.lengths)
    return Report(
        "data of one's own", whole.steps, streams, asked, gradients, best, others, budget
    )


def _train(
    subject: Own, asked: Asked, length: int, window: int, held: Sequence[Chunk], limits: Limits
) -> Trained:
    policy = asked.policy(subject.seed, window)
    predicting = asked.kind == "synthetic"
    with tf.Graph().as_default():
        graph = subject.build(predicting=predicting)
        with Runner(graph, policy, reduce="mean", seed=subject.seed) as runner:
            train = subject.chunks(length)
            course = Course(runner, train, Weighted(held), limits, subject.score)
            result = course.run(policy)
    size = (asked.window if asked.bounded else window) if asked.windowed else None
    told = subject.synthetic_rate if predicting else None
    return Trained(asked.name, length, size, subject.rate, result, told)
