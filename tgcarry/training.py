"""The training job: opens data, builds the model, loops, logs, and sums up."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow.compat.v1 as tf

from tgcarry import data, logs
from tgcarry.calls import Visit
from tgcarry.checkpoints import Checkpoints
from tgcarry.dataset import DataOptions, Dataset, open_dataset
from tgcarry.errors import DataError, NumericsError, PolicyError, RunError
from tgcarry.model import ModelSpec, build_model
from tgcarry.policies import ExactSweep, Policy, Stale, Truncated
from tgcarry.reports import Evaluation, Report
from tgcarry.runner import Runner

# Boundaries that the plot of the carried gradient looks back over, at the most.
_CARRY_CHUNKS = 40


@dataclass(frozen=True)
class TrainOptions:
    """Says everything about a run; written to its log folder."""

    data: DataOptions = field(default_factory=DataOptions)
    cell: str = "gru"
    units: tuple[int, ...] = (64,)
    embedding: int = 32
    policy: str = "exact"
    window: int | None = 10
    decay: float = 1.0
    optimizer: str = "adam"
    learning_rate: float = 1e-3
    clip_norm: float | None = 1.0
    reduce: str = "mean"
    epochs: int = 1
    steps: int | None = None
    """Most optimiser steps; None for all epochs."""
    eval_every: int = 0
    """Chunks between validations; 0 for twenty in a run."""
    seed: int = 0


class Progress(NamedTuple):
    """Tells a progress display where a run is."""

    chunk: int
    chunks: int
    loss: float
    """Of the chunk, per scored step."""


def make_policy(name: str, window: int | None = None, decay: float = 1.0) -> Policy:
    """Makes the policy that a flag names: "truncated", "stale" or "exact".

    Raises:
      PolicyError: an unknown name, or an argument outside its range.
    """
    if name == "truncated":
        return Truncated()
    if name == "stale":
        return Stale(decay)
    if name == "exact":
        return ExactSweep(window)
    raise PolicyError(f"policy {name!r} is unknown: choose among truncated, stale, exact")


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
    policy = make_policy(options.policy, options.window, options.decay)
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
        model = build_model(spec_for(options, dataset))
        checkpoints = Checkpoints(log_dir / logs.CHECKPOINTS, graph)
    config = {
        "options": asdict(options),
        "model": asdict(spec_for(options, dataset)),
        "vocabulary": dataset.vocabulary,
        "classes": dataset.classes,
        "scale": _scale_to_json(dataset.scale),
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
        summary = job.run(runner, log)
        log.finish(summary)
    return summary


@contextmanager
def _named(part: str) -> Iterator[None]:
    """Says in the message of a bad chunk or number which part of the data it was in."""
    try:
        yield
    except (DataError, NumericsError) as error:
        raise type(error)(f"{part}: {error}") from error


def spec_for(options: TrainOptions, dataset: Dataset) -> ModelSpec:
    """Puts together the model that a run's options and data ask for."""
    return ModelSpec(
        kind=dataset.kind,
        inputs=dataset.inputs,
        outputs=dataset.outputs,
        flat_target=dataset.flat_target,
        weighted=dataset.weighted,
        scored=dataset.scored,
        cell=options.cell,
        units=tuple(options.units),
        embedding=options.embedding,
        optimizer=options.optimizer,
        learning_rate=options.learning_rate,
        clip_norm=options.clip_norm,
        seed=options.seed,
    )


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
        """Trains to the end and returns the summary."""
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
        train_seconds = training
        return {
            "policy": str(runner_policy(self._options)),
            "steps": step,
            "chunks": done,
            "validation": validation,
            "best_validation_loss": self._best,
            "milliseconds_per_step": 1e3 * float(np.median(step_times)),
            "milliseconds_per_chunk": 1e3 * train_seconds / max(1, done),
            "training_seconds": train_seconds,
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


def runner_policy(options: TrainOptions) -> Policy:
    """Makes the policy of a run's options."""
    return make_policy(options.policy, options.window, options.decay)


def score(evaluation: Evaluation, kind: str) -> dict[str, float]:
    """Turns an evaluation's sums into figures per scored step.

    Returns:
      "loss" (nats, or half the squared error, in the scaled units that were trained on), and
      "accuracy" for classes, "bits" per character for text, or "rmse" for a regression.
    """
    metrics = evaluation.metrics
    scored = max(metrics["scored"], 1.0)
    values = {"loss": metrics["total"] / scored}
    if kind == "regression":
        values["rmse"] = float(np.sqrt(metrics["correct"] / scored))
    else:
        values["accuracy"] = metrics["correct"] / scored
    if kind == "characters":
        values["bits"] = values["loss"] / float(np.log(2))
    return values


def peak_memory() -> int:
    """Returns the most memory that this process ever had resident, in bytes."""
    # On Linux ru_maxrss starts from the parent's peak; the high-water mark does not.
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(most) * (1 if sys.platform == "darwin" else 1024)


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


def _scale_to_json(scale: data.Scale | None) -> dict[str, Any] | None:
    if scale is None:
        return None
    return {
        part: {name: np.asarray(v).tolist() for name, v in getattr(scale, part).items()}
        for part in ("mean", "std")
    }


def scale_from_json(values: dict[str, Any] | None) -> data.Scale | None:
    """Reads back the scale that a run's `config.json` holds."""
    if values is None:
        return None
    return data.Scale(
        *({n: np.asarray(v) for n, v in values[part].items()} for part in ("mean", "std"))
    )
