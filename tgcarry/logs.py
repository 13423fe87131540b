"""Log folders: the configuration, one JSON line per event, and TensorBoard's event files."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.data.wording import because
from tgcarry.errors import LogError
from tgcarry.folder import (
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
    before `config` is known to be writable; an earlier run's folder is refused.

    Args:
      folder: made if missing.
      config: JSON-ready configuration, written to `config.json`.
      graph: needed by TensorFlow's event writer; nothing is added to it.
      overwrite: remove an earlier run's files first.

    Raises:
      LogError: the folder holds a run, or cannot be written.
    """

    def __init__(
        self,
        folder: Path,
        config: Mapping[str, Any],
        graph: tf.Graph,
        overwrite: bool = False,
    ) -> None:
        self.folder = folder
        try:
            check_free(folder, overwrite)
            if overwrite:
                _clear(folder)
            folder.mkdir(parents=True, exist_ok=True)
            _write_json(folder / CONFIG, config)
            self._lines = LineFile(folder / METRICS)
        except OSError as error:
            if isinstance(error, LogError):
                raise
            raise LogError(f"{folder}: cannot be written: {because(error)}") from error
        with graph.as_default():
            self._events = tf.summary.FileWriter(str(folder / EVENTS))

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
        line = {"kind": kind, "step": step, **{k: _number(v) for k, v in values.items()}}
        scalars = [
            tf.Summary.Value(tag=f"{kind}/{name}", simple_value=value)
            for name, value in values.items()
        ]
        try:
            self._lines.append(json.dumps(line))
            self._events.add_summary(tf.Summary(value=scalars), step)
        except (OSError, tf.errors.OpError) as error:
            raise LogError(
                f"{self.folder / METRICS}: cannot be written: {because(error)}"
            ) from error

    def finish(self, summary: Mapping[str, Any]) -> None:
        """Writes `summary.json`, which marks a run as finished."""
        try:
            self._events.flush()
            _write_json(self.folder / SUMMARY, summary)
        except (OSError, tf.errors.OpError) as error:
            raise LogError(
                f"{self.folder / SUMMARY}: cannot be written: {because(error)}"
            ) from error


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
    for name in (CONFIG, METRICS, SUMMARY, *PLOTS):
        (folder / name).unlink(missing_ok=True)
    for name in (CHECKPOINTS, EVENTS):
        shutil.rmtree(folder / name, ignore_errors=True)


def _write_json(path: Path, values: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(values, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _number(value: float) -> float | None:
    if isinstance(value, int):
        return value
    return float(value) if math.isfinite(value) else None
