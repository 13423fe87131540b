"""The training job: opens data, builds the model, loops, logs, and sums up."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow.compat.v1 as tf

from tgcarry import data, logs
from tgcarry.calls import Visit
from tgcarry.checkpoints import Checkpoints
from tgcarry.dataset import Dataset, open_dataset
from tgcarry.errors import DataError, NumericsError, RunError
from tgcarry.model import build_model
from tgcarry.options import TrainOptions, make_policy, spec_for
from tgcarry.reports import Report
from tgcarry.runner import Runner
from tgcarry.scores import peak_memory, score

# Boundaries that the plot of the carried gradient looks back over, at the most.
_CARRY_CHUNKS = 40


class Progress(NamedTuple):
    """Tells a progress display where a run is."""

    chunk: int
    chunks: int
    loss: float
    """Of the chunk, per scored step."""


def train(
    options: TrainOptions,
    log_dir: Path,
    *,
    overwrite: bool = False,
    on_progress: Callable[[Progress], None] | None = None,
    on_text: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Trains a model and leaves its log folder.

    Everything that can be refused is refused before the log folder is touched.

    Args:
      options: the run.
      log_dir: its folder.
      overwrite: remove an earlier run there.
      on_progress: called after each backward visit.
      on_text: called with a line on validation and at the start.

    Returns:
      The summary, as written to `summary.json`.

    Raises:
      TgcarryError: bad options or data, a log folder in use, numbers gone bad.
    """
    policy = make_policy(options.policy, options.window, options.decay, options.memory_budget)
    if options.epochs < 1 or (options.steps is not None and options.steps < 1):
        raise RunError(f"epochs {options.epochs}, steps {options.steps}: give at least 1 of each")
    if options.eval_every < 0:
        raise RunError(f"eval_every {options.eval_every}: give a number of chunks, or 0")
    logs.check_free(log_dir, overwrite)
    dataset = open_dataset(options.data)
    for index, chunk in enumerate(dataset.validation or ()):
        with _named("validation"):
            data.check_chunk(chunk, index)
    with tf.Graph().as_default() as graph:
        spec = spec_for(options, dataset)
        model = build_model(spec)
        checkpoints = Checkpoints(log_dir / logs.CHECKPOINTS, graph)
    config = {
        "options": asdict(options),
        "model": asdict(spec),
        "chunks": len(dataset.train) * options.epochs,
        "vocabulary": dataset.vocabulary,
        "classes": dataset.classes,
        "scale": None if dataset.scale is None else dataset.scale.to_json(),
        "versions": {
            "python": sys.version.split()[0],
            "tensorflow": tf.__version__,
            "numpy": np.__version__,
        },
    }
    job = _Job(options, dataset, checkpoints, on_progress, on_text)
    runner = Runner(
        model.chunk, policy, reduce=options.reduce, seed=options.seed, on_visit=job.visited
    )
    on_text(dataset.description)
    with runner, logs.LogWriter(log_dir, config, graph, overwrite) as log:
        if options.memory_budget:
            on_text(str(runner.plan(dataset.train)))
        summary = {"policy": str(policy), **job.run(runner, log)}
        log.finish(summary)
    return summary


@contextmanager
def _named(part: str) -> Iterator[None]:
    """Says in the message of a bad chunk or number which part of the data it was in."""
    try:
        yield
    except (DataError, NumericsError) as error:
        raise type(error)(f"{part}: {error}") from error


class _Job:
    """Keeps what a running job counts."""

    def __init__(
        self,
        options: TrainOptions,
        dataset: Dataset,
        checkpoints: Checkpoints,
        on_progress: Callable[[Progress], None] | None,
        on_text: Callable[[str], None],
    ) -> None:
        self._options = options
        self._dataset = dataset
        self._checkpoints = checkpoints
        self._on_progress = on_progress
        self._on_text = on_text
        self._chunks = len(dataset.train) * options.epochs
        self._every = options.eval_every or max(1, self._chunks // 20)
        self._seen = 0
        self._best: float | None = None

    def visited(self, index: int, visit: Visit) -> None:
        """Passes a backward visit on to the progress display."""
        self._seen += 1
        if self._on_progress is not None:
            self._on_progress(Progress(self._seen, self._chunks, _per_step(visit.metrics)))

    def run(self, runner: Runner, log: logs.LogWriter) -> dict[str, Any]:
        """Trains to the end and returns the figures of the summary."""
        chunks = data.epochs(self._dataset.train, self._options.epochs)
        started, training, step, done = time.perf_counter(), 0.0, 0, 0
        validation = self._validate(runner, log, 0, 0)
        due, step_times = self._every, []
        for report in self._limited(runner.run(chunks)):
            step, done = report.step, report.chunks.stop
            training += report.seconds
            step_times.append(report.seconds)
            log.write("train", step, _to_values(report))
            if done >= due:
                validation = self._validate(runner, log, step, done)
                self._checkpoints.save(runner.session, step)
                due = done + self._every
        if done != due - self._every:
            validation = self._validate(runner, log, step, done)
            self._checkpoints.save(runner.session, step)
        return {
            "steps": step,
            "chunks": done,
            "validation": validation,
            "best_validation_loss": self._best,
            "milliseconds_per_step": 1e3 * float(np.median(step_times)),
            "milliseconds_per_chunk": 1e3 * training / max(1, done),
            "training_seconds": training,
            "seconds": time.perf_counter() - started,
            "peak_memory_mib": peak_memory() / 2**20,
            "carry_norms": self._carry_norms(runner),
        }

    def _limited(self, reports: Iterator[Report]) -> Iterator[Report]:
        for report in reports:
            yield report
            if self._options.steps is not None and report.step >= self._options.steps:
                return

    def _validate(
        self, runner: Runner, log: logs.LogWriter, step: int, chunks: int
    ) -> dict[str, float] | None:
        if self._dataset.validation is None:
            return None
        with _named("validation"):
            values = score(runner.evaluate(self._dataset.validation), self._dataset.kind)
        log.write("validation", step, {**values, "chunks": chunks})
        if self._best is None or values["loss"] < self._best:
            self._best = values["loss"]
        shown = "  ".join(f"{name} {value:.4g}" for name, value in values.items())
        self._on_text(f"step {step}  chunks {chunks}/{self._chunks}  validation {shown}")
        return values

    def _carry_norms(self, runner: Runner) -> list[float]:
        """Measures how far back the last chunk of the first sequences reaches."""
        first: list[data.Chunk] = []
        for chunk in self._dataset.train:
            if first and (chunk.resets.all() or len(first) == _CARRY_CHUNKS):
                break
            first.append(chunk)
        return [float(norm) for norm in runner.carry_norms(first)]


def _per_step(metrics: dict[str, float]) -> float:
    return metrics["total"] / metrics["scored"] if metrics["scored"] else float("nan")


def _to_values(report: Report) -> dict[str, float]:
    return {
        "loss": _per_step(report.metrics),
        "chunks": report.chunks.stop,
        "grad_norm": report.grad_norm,
        "upstream_norm": max(report.upstream_norms),
        "seconds": report.seconds,
        "time_steps": report.time_steps,
    }
