"""What a run's folder holds, read with the standard library alone.

Nothing of tgcarry is imported, so that this file can be executed by itself: importing the
package takes TensorFlow's seconds. Errors are therefore the built-in ones; `tgcarry.logs` turns
them into a `LogError`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

CONFIG, METRICS, SUMMARY = "config.json", "metrics.jsonl", "summary.json"
# Where a job may say who it is, as JSON with "pid" and "host".
LOCKS = (".lock", "job.lock")
CHECKPOINTS, EVENTS = "checkpoints", "events"


class Worker(NamedTuple):
    """Names the process that works on a run."""

    pid: int
    host: str


class Contents(NamedTuple):
    """Holds what was read of a run's folder."""

    config: dict[str, Any]
    entries: list[dict[str, Any]]
    """The lines of `metrics.jsonl`; none of a run that has just begun."""
    summary: dict[str, Any] | None
    """None before the run has finished."""
    worker: Worker | None
    """None if no lock says."""
    written: float
    """When the last line was written, in seconds since the epoch."""
    checkpoints: list[int]
    """Steps of the checkpoints, ascending."""

    def figures(self, kind: str, key: str) -> list[float | None]:
        """Lists a figure of the lines of one kind: "train" or "validation"."""
        return [number(entry, key) for entry in self.entries if entry.get("kind") == kind]

    def configured(self, *keys: str) -> float | None:
        """Returns a number of the configuration, or None: `configured("options", "steps")`."""
        values: Any = self.config
        for key in keys[:-1]:
            values = values.get(key) if isinstance(values, dict) else None
        return number(values, keys[-1]) if isinstance(values, dict) else None


def read_contents(folder: Path) -> Contents:
    """Reads all of a run's folder, whether the run has finished or not.

    Raises:
      OSError: there is no run, or it cannot be read.
      ValueError: a file is damaged.
    """
    if not folder.is_dir():
        raise OSError(f"{folder}: no such folder" if not folder.exists() else f"{folder}: a file")
    config = read_object(folder / CONFIG)
    metrics, summary = folder / METRICS, folder / SUMMARY
    return Contents(
        config=config,
        entries=read_entries(metrics) if metrics.exists() else [],
        summary=read_object(summary) if summary.exists() else None,
        worker=_read_worker(folder),
        written=(metrics if metrics.exists() else folder / CONFIG).stat().st_mtime,
        checkpoints=checkpoint_steps(folder / CHECKPOINTS),
    )


def read_object(path: Path) -> dict[str, Any]:
    """Reads a JSON file that holds an object.

    Raises:
      OSError: it is missing, or cannot be read.
      ValueError: it is damaged.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise OSError(f"{path}: no such file; is this a log folder of a run?") from error
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: cannot be read: {error}") from error
    if not isinstance(values, dict):
        raise ValueError(f"{path}: holds no configuration")
    return values


def read_entries(path: Path) -> list[dict[str, Any]]:
    """Reads a file of JSON objects, one a line; a torn last line is left out.

    Raises:
      ValueError: it cannot be read, or a line before the last is damaged.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: cannot be read: {error}") from error
    found = []
    for number, line in enumerate(lines, 1):
        try:
            entry = json.loads(line)
        except json.JSONDecodeError as error:
            if number == len(lines):
                break
            raise ValueError(f"{path}: line {number} is damaged: {error.msg}") from error
        if not isinstance(entry, dict):
            raise ValueError(f"{path}: line {number} is damaged: it holds no event")
        found.append(entry)
    return found


def checkpoint_steps(folder: Path) -> list[int]:
    """Lists the steps of the checkpoints in a folder, ascending."""
    endings = [path.stem.rpartition("-")[2] for path in folder.glob("*.index")]
    return sorted(int(digits) for digits in endings if digits.isdecimal())


def number(values: Mapping[str, Any], key: str) -> float | None:
    """Returns a finite number, or None for what is missing, null or something else."""
    value = values.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return value if math.isfinite(value) else None
    except OverflowError:  # A whole number beyond what a float holds.
        return None


def _read_worker(folder: Path) -> Worker | None:
    """Reads who works on a run; a lock that is empty or damaged says nothing."""
    for name in LOCKS:
        try:
            values = json.loads((folder / name).read_text(encoding="utf-8"))
            worker = Worker(int(values["pid"]), str(values["host"]))
        except (OSError, ValueError, TypeError, KeyError, OverflowError):
            continue
        if worker.pid > 0:
            return worker
    return None
