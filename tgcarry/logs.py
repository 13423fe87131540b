"""Log folders: the configuration, one JSON line per event, and TensorBoard's event files."""

from __future__ import annotations

import json
import math
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tgcarry.data.wording import because
from tgcarry.errors import LogError
from tgcarry.events import EventFile
from tgcarry.folder import (
    ATTEMPTS,
    BAD_NUMBERS,
    CHECKPOINTS,
    CONFIG,
    EVENTS,
    METRICS,
    SUMMARY,
    Contents,
    read_contents,
    read_entries,
    read_object,
)
from tgcarry.lines import LineFile

PLOTS = ("loss.png", "carry.png")


class LogWriter:
    """Writes a run's log folder.

    Every line of `metrics.jsonl` is written at once, whole or not at all. Nothing is written
    before `config` is known to be writable; an earlier run's folder is refused, unless it is to
    be gone on with.

    Args:
      folder: made if missing.
      config: JSON-ready configuration, written to `config.json`.
      overwrite: remove an earlier run's files first.
      resume: go on with an earlier run's files.
      keep: bytes of its `metrics.jsonl` that stay; what it logged later is done again.
      step: the optimiser steps that it goes on from.

    Raises:
      LogError: the folder holds a run, or cannot be written.
    """

    def __init__(
        self,
        folder: Path,
        config: Mapping[str, Any],
        overwrite: bool = False,
        *,
        resume: bool = False,
        keep: int = 0,
        step: int = 0,
    ) -> None:
        self.folder = folder
        try:
            check_free(folder, overwrite or resume)
            if overwrite:
                _clear(folder)
            folder.mkdir(parents=True, exist_ok=True)
            # From here on the run has not finished, whatever it had.
            (folder / SUMMARY).unlink(missing_ok=True)
            _write_json(folder / CONFIG, config)
            self._lines = LineFile(folder / METRICS, keep if resume else 0)
            self._events = EventFile(folder / EVENTS, step if resume else None)
        except (OSError, tf.errors.OpError) as error:
            if isinstance(error, LogError):
                raise
            raise LogError(f"{folder}: cannot be written: {because(error)}") from error

    def __enter__(self) -> LogWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # What could not be written was said when it was written; do not let the last flush
        # of a full disk take its place.
        with suppress(OSError):
            self._lines.close()
        with suppress(OSError, tf.errors.OpError):
            self._events.close()

    def write(self, kind: str, step: int, values: Mapping[str, float]) -> None:
        """Adds one line to `metrics.jsonl` and its scalars to the event file.

        Args:
          kind: "train" or "validation".
          step: optimiser steps so far.
          values: numbers; those that are not finite become null.
        """
        with self._writing(METRICS):
            self._append(kind, step, {name: _number(value) for name, value in values.items()})
        with self._writing(EVENTS):
            self._events.scalars(step, {f"{kind}/{name}": v for name, v in values.items()})

    def note(self, kind: str, step: int, values: Mapping[str, Any]) -> None:
        """Adds one line to `metrics.jsonl` alone; `values` is what JSON can hold."""
        with self._writing(METRICS):
            self._append(kind, step, values)

    def histograms(self, step: int, values: Mapping[str, np.ndarray]) -> None:
        """Adds histograms to the event file, one per tag."""
        with self._writing(EVENTS):
            self._events.histograms(step, values)

    @property
    def size(self) -> int:
        """Bytes of `metrics.jsonl`, to `keep` them later."""
        return self._lines.size

    def sync(self) -> None:
        """Has what was written made to last."""
        with self._writing(EVENTS):
            self._events.flush()
        with self._writing(METRICS):
            self._lines.sync()

    def _append(self, kind: str, step: int, values: Mapping[str, Any]) -> None:
        self._lines.append(json.dumps({"kind": kind, "step": step, **values}))

    @contextmanager
    def _writing(self, name: str) -> Iterator[None]:
        try:
            yield
        except (OSError, tf.errors.OpError) as error:
            raise LogError(f"{self.folder / name}: cannot be written: {because(error)}") from error

    def finish(self, summary: Mapping[str, Any]) -> None:
        """Writes `summary.json`, which marks a run as finished."""
        with self._writing(SUMMARY):
            self._lines.sync()
            self._events.flush()
            _write_json(self.folder / SUMMARY, summary)


def check_free(folder: Path, overwrite: bool) -> None:
    """Refuses a folder that holds a run, or that is not a folder.

    Raises:
      LogError: it does.
    """
    if not str(folder) or folder == Path():
        raise LogError("the log folder has no name; give one, such as --logdir=runs/first")
    if folder.exists() and not folder.is_dir():
        raise LogError(f"{folder}: not a folder; name another --logdir")
    if (folder / CONFIG).exists() and not overwrite:
        raise LogError(
            f"{folder}: holds a run already; name another --logdir, or give --overwrite to "
            f"remove it"
        )


def read_config(folder: Path) -> dict[str, Any]:
    """Reads `config.json`.

    Raises:
      LogError: it is missing or damaged.
    """
    with _log_errors():
        return read_object(folder / CONFIG)


def read_summary(folder: Path) -> dict[str, Any]:
    """Reads `summary.json`, which only a finished run has.

    Raises:
      LogError: it is missing or damaged.
    """
    with _log_errors():
        return read_object(folder / SUMMARY)


def read_metrics(folder: Path, kind: str) -> list[dict[str, Any]]:
    """Reads the lines of `metrics.jsonl` of one kind; a torn last line is left out.

    Raises:
      LogError: the file is missing, or a line before the last is damaged.
    """
    with _log_errors():
        entries = read_entries(folder / METRICS)
    return [entry for entry in entries if entry.get("kind") == kind]


def read_run(folder: Path) -> Contents:
    """Reads all of a run's folder, whether the run has finished or not.

    Raises:
      LogError: there is no run, or a file of it is damaged.
    """
    with _log_errors():
        return read_contents(folder)


@contextmanager
def _log_errors() -> Iterator[None]:
    """Turns the errors of reading a folder into a `LogError`."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise LogError(str(error)) from error


def _clear(folder: Path) -> None:
    """Removes what a run writes, and nothing else."""
    # The configuration last: as long as it is there, it is a run that was to be removed.
    for name in (CHECKPOINTS, EVENTS, BAD_NUMBERS):
        shutil.rmtree(folder / name, ignore_errors=True)
    for name in (METRICS, SUMMARY, ATTEMPTS, *PLOTS, CONFIG):
        (folder / name).unlink(missing_ok=True)


def _write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Writes a file that is there whole or not at all, and lasts."""
    aside = path.with_name(f".{path.name}.new")
    try:
        with aside.open("w", encoding="utf-8") as file:
            file.write(json.dumps(values, indent=2, sort_keys=True) + "\n")
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except BaseException:
        with suppress(OSError):
            aside.unlink()
        raise


def _number(value: float) -> float | None:
    if isinstance(value, int):
        return value
    return float(value) if math.isfinite(value) else None
