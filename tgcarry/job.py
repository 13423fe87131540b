"""A training job at work: reports logged, validations made, checkpoints saved when due."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import tensorflow.compat.v1 as tf

from tgcarry import data, logs, states
from tgcarry.calls import Visit
from tgcarry.checkpoints import Checkpoints, Restored
from tgcarry.cluster import Group
from tgcarry.data.lazy import LazySequence
from tgcarry.dataset import Dataset
from tgcarry.drive import OnBadNumbers
from tgcarry.errors import DataError, NumericsError, StoppedError
from tgcarry.joint_checkpoints import JointCheckpoints
from tgcarry.locks import FolderLock
from tgcarry.mishaps import Mishaps
from tgcarry.model import Model
from tgcarry.options import JobOptions, TrainOptions
from tgcarry.pipeline_meeting import PipelineReport
from tgcarry.pipeline_runner import PipelineRunner
from tgcarry.position import Position
from tgcarry.reports import Report
from tgcarry.runner import Runner
from tgcarry.scores import peak_memory, score

# Boundaries that the plot of the carried gradient looks back over, at the most.
_CARRY_CHUNKS = 40
# Seconds after which a job that has been silent says how far it is.
_SILENCE = 60.0


class Progress(NamedTuple):
    """Tells a progress display where a run is."""

    chunk: int
    chunks: int
    loss: float
    """Of the chunk, per scored step."""


class Tell(NamedTuple):
    """Holds whom a job tells what: texts, progress, and who is asked whether it is to stop."""

    text: Callable[[str], None]
    progress: Callable[[Progress], None] | None
    should_stop: Callable[[], bool]


class Job:
    """Trains to the end, or until it is asked to stop, and leaves nothing half done.

    Args:
      options: the run.
      care: how it is looked after.
      dataset: of the run.
      model: in whose graph nothing is missing.
      checkpoints: of its variables.
      lock: on the log folder, held.
      tell: whom to tell.
      group: the ranks that the job is shared out over; None for this process alone.
        They share out streams, of which `dataset` has this rank's, or chunks, as options say.
    """

    def __init__(
        self,
        options: TrainOptions,
        care: JobOptions,
        dataset: Dataset,
        model: Model,
        checkpoints: Checkpoints | JointCheckpoints,
        lock: FolderLock,
        tell: Tell,
        group: Group | None = None,
    ) -> None:
        self._group = group
        self._options = options
        self._care = care
        self._dataset = dataset
        self._model = model
        self._checkpoints = checkpoints
        self._lock = lock
        self._tell = tell
        self._chunks = len(dataset.train) * options.epochs
        self._every = options.eval_every or max(1, self._chunks // 20)
        self._seen = 0
        self._due = self._every
        self._validated = -1
        self._saved_at = (-1, -1)
        self._stopping = False
        self._validation: dict[str, float] | None = None
        self._best: float | None = None
        self._seconds = 0.0
        streams = options.parallel == "streams"
        self._saves_in_sweeps = streams and group is None
        self._mishaps = Mishaps(care, model, self._say, streams)

    def run(
        self, runner: Runner | PipelineRunner, log: logs.LogWriter, restored: Restored | None
    ) -> None:
        """Trains on from where a checkpoint says, or from the beginning.

        Raises:
          StoppedError: it was asked to, and has saved where it stands.
        """
        self._runner, self._log = runner, log
        self._mishaps.begin(runner.session, log, self._checkpoints)
        self._started = self._saved = self._spoken = time.monotonic()
        if self._group is not None:
            self._group.wish = self._is_due
        position = Position() if restored is None else restored.position
        if restored is not None:
            self._take_up(restored.notes)
        self._step, self._done = position.steps, position.applied
        self._seen = self._done + len(position.visits)
        chunks = data.epochs(self._dataset.train, self._options.epochs)
        reports = runner.run(chunks, resume=position)
        try:
            if self._validated < 0 or self._done >= self._due:
                self._validate()
            if not self._is_enough():
                self._train(reports)
            if self._validated != self._done:
                self._validate()
            if self._saved_at != self.where or self._is_to_try_again():
                self._save()
        except _StopError:
            self._save()
            self._mishaps.raise_unsaved()
            raise StoppedError(
                f"stopped as asked, at step {self._step}, chunk {self._done} of {self._chunks}: "
                f"run the same command again to go on"
            ) from None
        self._mishaps.raise_unsaved()

    @property
    def bad_numbers(self) -> OnBadNumbers:
        """What decides about numbers that are not finite."""
        return self._mishaps.bad_numbers

    @property
    def where(self) -> tuple[int, int]:
        """Optimiser steps, and the chunks behind them."""
        return self._step, self._done

    def figures(self) -> dict[str, Any]:
        """Returns the figures of the summary; the log is read for those of every step."""
        lines = logs.read_metrics(self._log.folder, "train")
        times = [line["seconds"] for line in lines if line["seconds"] is not None]
        idle = [line["bubble"] for line in lines if line.get("bubble") is not None]
        training = float(np.sum(times))
        return {
            "steps": self._step,
            "chunks": self._done,
            "validation": self._validation,
            "best_validation_loss": self._best,
            "skipped_sweeps": self._mishaps.skipped,
            "milliseconds_per_step": 1e3 * float(np.median(times)) if times else None,
            "milliseconds_per_chunk": 1e3 * training / max(1, self._done),
            "training_seconds": training,
            "seconds": self._all_seconds(),
            "peak_memory_mib": peak_memory() / 2**20,
            "carry_norms": self._carry_norms(),
            **({"bubble": float(np.median(idle))} if idle else {}),
        }

    def visited(self, index: int, visit: Visit) -> None:
        """Passes a backward visit on to the progress display."""
        self._show(self._seen + 1, _per_step(visit.metrics))

    def passed(self, chunks: int, visit: Visit) -> None:
        """Passes one on, of a run that has about so many chunks behind it."""
        self._show(chunks, _per_step(visit.metrics))

    def _show(self, seen: int, loss: float) -> None:
        self._seen = seen
        if self._tell.progress is not None:
            self._tell.progress(Progress(self._seen, self._chunks, loss))
        if time.monotonic() - self._spoken >= _SILENCE:
            self._say(f"step {self._step}  chunks {self._seen}/{self._chunks}  loss {loss:.4g}")

    def rested(self) -> None:
        """Saves between two visits of a sweep, if that is due, or has the run end there."""
        if self._is_to_stop():
            self._runner.stop()
        elif self._saves_in_sweeps and self._is_time_to_save():
            self._save()

    def _train(self, reports: Iterator[Report] | Iterator[PipelineReport]) -> None:
        for report in reports:
            self._step, self._done = report.step, report.chunks.stop
            self._mishaps.in_a_row = 0
            if self._seen < self._done:
                self._show(self._done, _per_step(report.metrics))
            with self._mishaps.tolerated():
                self._log.write("train", report.step, _to_values(report))
            if self._done >= self._due:
                self._validate()
            elif self._is_time_to_save():
                self._save()
            if self._is_enough():
                return
            if self._is_to_stop():
                self._runner.stop()
                # Other ranks have to be told; the run ends when they know.
                if self._group is None:
                    break
        # Sweeps that were left out have no report.
        self._done = self._runner.position.applied
        stopped = self._stopping or self._group is not None
        if stopped and self._done < self._chunks:
            raise _StopError

    def _take_up(self, notes: Mapping[str, Any]) -> None:
        """Goes on with the counts of a checkpoint."""
        self._due, self._validated = int(notes["due"]), int(notes["validated"])
        self._validation, self._best = notes["validation"], notes["best"]
        self._seconds = float(notes["seconds"])
        self._mishaps.skipped = int(notes["skipped"])
        self._mishaps.in_a_row = int(notes["skipped_in_a_row"])

    def _validate(self) -> None:
        """Scores the held-out data if there are any, and saves a milestone."""
        if self._dataset.validation is not None:
            with named("validation"):
                # A rank that left in the middle would leave the others alone.
                asked = self._is_to_stop if self._group is None else _never
                held = _Watched(self._dataset.validation, asked)
                values = score(self._runner.evaluate(held), self._dataset.kind)
            figures = {**values, "chunks": self._done, "memory_mib": peak_memory() / 2**20}
            with self._mishaps.tolerated():
                self._log.write("validation", self._step, figures)
            if self._best is None or values["loss"] < self._best:
                self._best = values["loss"]
            self._validation = values
            shown = "  ".join(f"{name} {value:.4g}" for name, value in values.items())
            self._say(f"step {self._step}  chunks {self._done}/{self._chunks}  validation {shown}")
        with self._mishaps.tolerated():
            self._log.histograms(self._step, _carried(self._runner.position))
        self._validated, self._due = self._done, self._done + self._every
        self._save(milestone=True)

    def _save(self, milestone: bool = False) -> None:
        self._saved, self._saved_at = time.monotonic(), self.where
        self._lock.check()
        scored = self._validation if self._validated == self._done else None
        with self._mishaps.tolerated():
            self._log.sync()
        self._mishaps.unsaved = None
        with self._mishaps.tolerated():
            self._checkpoints.save(
                self._runner.session,
                self._runner.position,
                score=None if scored is None else scored["loss"],
                notes=self._notes(),
                milestone=milestone or self._validated == self._done,
            )

    def _notes(self) -> dict[str, Any]:
        """Returns what a later attempt goes on with, besides weights and position."""
        return {
            "due": self._due,
            "validated": self._validated,
            "validation": self._validation,
            "best": self._best,
            "skipped": self._mishaps.skipped,
            "skipped_in_a_row": self._mishaps.in_a_row,
            "seconds": self._all_seconds(),
            "metrics_bytes": self._log.size,
        }

    def _is_to_stop(self) -> bool:
        # Once asked, always asked: a run that was ended for it has not come to its end.
        self._stopping = self._stopping or self._tell.should_stop()
        return self._stopping

    def _is_time_to_save(self) -> bool:
        """Says whether a save is due; to all ranks at the same step."""
        return self._is_due() if self._group is None else self._group.granted

    def _is_to_try_again(self) -> bool:
        # Others may have saved all that is theirs.
        return self._group is None and self._mishaps.unsaved is not None

    def _is_due(self) -> bool:
        return time.monotonic() - self._saved >= self._care.checkpoint_every

    def _is_enough(self) -> bool:
        return self._options.steps is not None and self._step >= self._options.steps

    def _all_seconds(self) -> float:
        return self._seconds + time.monotonic() - self._started

    def _say(self, text: str) -> None:
        self._spoken = time.monotonic()
        self._tell.text(text)

    def _carry_norms(self) -> list[float]:
        """Measures how far back the last chunk of the first sequences reaches."""
        first: list[data.Chunk] = []
        for chunk in self._dataset.train:
            if first and (chunk.starts_anew or len(first) == _CARRY_CHUNKS):
                break
            first.append(chunk)
        norms = [float(norm) for norm in self._runner.carry_norms(first)]
        if self._group is None or self._options.parallel != "streams":
            return norms
        # Each rank has measured its own streams.
        _, table = self._group.sum([], norms)
        return [float(norm) for norm in np.hypot.reduce(table, axis=0)]


class _StopError(Exception):
    """The job was asked to stop, and stands where it can be gone on from."""


class _Watched(LazySequence[data.Chunk]):
    """Is chunks that end with a `_StopError` when the job is to stop."""

    def __init__(self, chunks: Any, should_stop: Callable[[], bool]) -> None:
        self._chunks = chunks
        self._should_stop = should_stop

    def __len__(self) -> int:
        return len(self._chunks)

    def item(self, position: int) -> data.Chunk:
        """Returns the chunk at `position`."""
        if self._should_stop():
            raise _StopError
        chunk: data.Chunk = self._chunks[position]
        return chunk


@contextmanager
def named(part: str) -> Iterator[None]:
    """Says in the message of a bad chunk or number which part of the data it was in."""
    try:
        yield
    except (DataError, NumericsError) as error:
        raise type(error)(f"{part}: {error}") from error


def _never() -> bool:
    return False


def _carried(position: Position) -> dict[str, np.ndarray]:
    """Names what a position carries, for histograms."""
    found: dict[str, np.ndarray] = {}
    for tag, nest in (("state", position.head), ("carried_gradient", position.carry)):
        if nest is not None:
            leaves = zip(states.leaf_names(nest), tf.nest.flatten(nest), strict=True)
            found |= {f"{tag}{name}": leaf for name, leaf in leaves}
    return found


def _per_step(metrics: Mapping[str, float]) -> float:
    return metrics["total"] / metrics["scored"] if metrics["scored"] else float("nan")


def _to_values(report: Report | PipelineReport) -> dict[str, float]:
    values = {
        "loss": _per_step(report.metrics),
        "chunks": report.chunks.stop,
        "grad_norm": report.grad_norm,
        "seconds": report.seconds,
        "time_steps": report.time_steps,
    }
    if isinstance(report, PipelineReport):
        # No upstream is ever scaled down there.
        more = {"upstream_norm": report.upstream_norm, "clipped": 0, "bubble": report.bubble}
    else:
        more = {"upstream_norm": max(report.upstream_norms), "clipped": report.clipped}
    return values | more
