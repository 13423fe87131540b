"""Trains under one policy for a budget, and notes the held-out loss on the way."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tgcarry.data import Chunk, epochs
from tgcarry.dataset import DataOptions, open_dataset
from tgcarry.errors import DataError, NumericsError, RunError
from tgcarry.laboratory.forward import load_forward, sum_of
from tgcarry.model import build_model
from tgcarry.options import TrainOptions, make_policy, spec_for
from tgcarry.policies import ExactSweep, Policy
from tgcarry.reports import Evaluation
from tgcarry.runner import Runner
from tgcarry.scores import peak_memory, score

_EPOCHS = 1 << 20
_MIB = 2**20


@dataclass(frozen=True)
class Trial:
    """Says what one process trains, and for how long."""

    name: str
    """Of the policy, as the user wrote it."""
    options: TrainOptions
    seconds: float | None = None
    """Of training, without validation; None for no limit."""
    points: int = 20
    """Validations on the way, besides the one before the first step."""
    held_chunk: int = 50
    """Steps of a chunk of the held-out data: the same whatever is trained with."""
    data_sum: str = ""
    """Checksum of the data: a result of other data of the same name is none of these."""
    model: str | None = None
    """"file.py:function" that builds the model; None for the one that options describe."""
    model_sum: str = ""
    """Checksum of that file, likewise."""

    def to_json(self) -> dict[str, Any]:
        """Turns it into what `from_json` reads."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Trial:
        """Makes it of what `to_json` gave, lists in place of tuples."""
        options = dict(values["options"])
        data = dict(options["data"])
        if data["features"] is not None:
            data["features"] = tuple(data["features"])
        options |= {"data": DataOptions(**data), "units": tuple(options["units"])}
        return cls(**{**values, "options": TrainOptions(**options)})


def run_trial(trial: Trial) -> dict[str, Any]:
    """Trains, and says what came of it. For a process of its own, whose peak memory it tells.

    The clock runs while the runner takes steps. It starts behind a first visit that changes
    nothing, so that what is compiled before is not counted, and stands still for validations.

    Args:
      trial: what to train.

    Returns:
      "points": a dict each of "step", "chunks", "seconds" and the figures of
      `tgcarry.scores.score` on the held-out data; "steps", "chunks", "seconds", "time_steps";
      "peak_mib" of the process; "grown_mib", how much of that came with training; and "failed",
      why it ended early, or None.

    Raises:
      DataError: the data cannot be read, or nothing is held out.
      RunError: there is no budget; or the model's file is not the one that it was.
    """
    options = trial.options
    if trial.model_sum and sum_of(trial.model) != trial.model_sum:
        raise RunError(
            f"model {trial.model}: has changed since the comparison began: start it anew, and "
            f"only what is another model's is trained again"
        )
    if trial.seconds is None and options.steps is None:
        raise RunError("neither seconds nor steps to train for: give one of them")
    dataset = open_dataset(options.data)
    held = open_dataset(replace(options.data, chunk=trial.held_chunk)).validation
    if held is None:
        raise DataError("nothing is held out to compare policies on: give --validation above 0")
    policy = make_policy(
        options.policy,
        options.window,
        options.decay,
        cut=options.cut,
        seed=options.seed,
        trunk=options.trunk,
    )
    with tf.Graph().as_default():
        model = build_model(spec_for(options, dataset), forward=load_forward(trial.model))
        with Runner(model.chunk, policy, reduce=options.reduce, seed=options.seed) as runner:
            limits = Limits(options.steps, trial.seconds, trial.points)

            def figures(evaluation: Evaluation) -> dict[str, float]:
                return score(evaluation, dataset.kind)

            return Course(runner, dataset.train, held, limits, figures).run(policy)


class Limits(NamedTuple):
    """Says for how long to train, and how often to look."""

    steps: int | None
    """Optimiser steps; None for no limit."""
    seconds: float | None
    """Of training; None for no limit."""
    points: int
    """Validations on the way, besides the one before the first step."""


class Course:
    """Is one training under way.

    Args:
      runner: open, with the policy to train under.
      chunks: to train on, over and over.
      held: to validate on.
      limits: for how long; one of both limits at least.
      score: turns a validation into figures, "loss" among them.
    """

    def __init__(
        self,
        runner: Runner,
        chunks: Sequence[Chunk],
        held: Sequence[Chunk],
        limits: Limits,
        score: Callable[[Evaluation], dict[str, float]],
    ) -> None:
        self._runner, self._limits, self._score = runner, limits, score
        self._chunks, self._held = chunks, held
        self._points: list[dict[str, float]] = []
        self._steps = self._read = self._time_steps = 0
        self._seconds = 0.0

    def run(self, policy: Policy) -> dict[str, Any]:
        """Trains to the end of the budget; returns what `run_trial` does."""
        self._validate()
        before = peak_memory()
        failed = None
        try:
            # Two chunks without a cut in between: forward visits are compiled here, too.
            first = ExactSweep() if policy.revisits else policy
            self._runner.gradients(self._chunks[:2], policy=first)
            self._train()
        except NumericsError as error:
            failed = " ".join(str(error).split())
        if not failed and self._points[-1]["step"] != self._steps:
            self._validate()
        peak = peak_memory()
        return {
            "points": self._points,
            "steps": self._steps,
            "chunks": self._read,
            "seconds": self._seconds,
            "time_steps": self._time_steps,
            "peak_mib": peak / _MIB,
            "grown_mib": (peak - before) / _MIB,
            "failed": failed,
        }

    def _train(self) -> None:
        reports = self._runner.run(epochs(self._chunks, _EPOCHS))
        while not self._is_over():
            begun = time.perf_counter()
            report = next(reports)
            self._seconds += time.perf_counter() - begun
            self._steps, self._read = report.step, report.chunks.stop
            self._time_steps += report.time_steps
            if self._is_due():
                self._validate()

    def _is_over(self) -> bool:
        return self._done() >= 1

    def _is_due(self) -> bool:
        return self._done() * self._limits.points >= len(self._points)

    def _done(self) -> float:
        """Returns the share of the budget that is used up."""
        return max(_shares(self._limits, self._steps, self._seconds))

    def _validate(self) -> None:
        values = self._score(self._runner.evaluate(self._held))
        if not math.isfinite(values["loss"]):
            raise NumericsError("the held-out loss is not finite: give a lower --learning_rate")
        place = {"step": self._steps, "chunks": self._read, "seconds": self._seconds}
        self._points.append({**place, **values})


def _shares(limits: Limits, steps: int, seconds: float) -> Iterator[float]:
    if limits.steps is not None:
        yield steps / limits.steps
    if limits.seconds is not None:
        yield seconds / limits.seconds
