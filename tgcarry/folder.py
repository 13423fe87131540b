"""What a run's folder holds, read with the standard library alone.

Nothing of tgcarry is imported, so that this file can be executed by itself: importing the
package takes TensorFlow's seconds. Errors are therefore the built-in ones; `tgcarry.logs` turns
them into a `LogError`.
"""

from __future__ import annotations

import errno
import json
import math
import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

CONFIG, METRICS, SUMMARY = "config.json", "metrics.jsonl", "summary.json"
# Where a job may say who it is, as JSON with "pid" and "host".
LOCKS = (".lock", "job.lock")
# Who worked on the run, and what was kept of chunks whose numbers went bad.
ATTEMPTS, BAD_NUMBERS = "attempts.jsonl", "bad_numbers"
CHECKPOINTS, EVENTS = "checkpoints", "events"
# A snapshot's folder, which its manifest makes whole; a step that is saved again gets a number.
_SNAPSHOT, _MANIFEST = re.compile(r"step-([0-9]{10,})(?:-[0-9]+)?"), "manifest.json"


class Worker(NamedTuple):
    """Names the process that works on a run."""

    pid: int
    host: str
    boot: str = ""
    """What the kernel called its start; empty if the lock does not say."""
    started: int | None = None
    """When the process started, in the kernel's own count; None if the lock does not say."""


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
    attempts: list[dict[str, Any]]
    """The lines of `attempts.jsonl`, of processes that worked on the run."""

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
        raise OSError(f"{_named(folder)}: {'a file' if folder.exists() else 'no such folder'}")
    config = read_object(folder / CONFIG)
    metrics, summary, attempts = folder / METRICS, folder / SUMMARY, folder / ATTEMPTS
    lines = [path for path in (metrics, attempts) if path.exists()]
    return Contents(
        config=config,
        entries=read_entries(metrics) if metrics.exists() else [],
        summary=read_object(summary) if summary.exists() else None,
        worker=_read_worker(folder),
        written=max(path.stat().st_mtime for path in lines or [folder / CONFIG]),
        checkpoints=checkpoint_steps(folder / CHECKPOINTS),
        attempts=read_entries(attempts) if attempts.exists() else [],
    )


def read_object(path: Path) -> dict[str, Any]:
    """Reads a JSON file that holds an object.

    Raises:
      OSError: it is missing, or cannot be read.
      ValueError: it is damaged.
    """
    try:
        values = _parsed(_content(path))
    except FileNotFoundError as error:
        raise OSError(f"{_named(path)}: no such file; is this a log folder of a run?") from error
    except (OSError, ValueError) as error:
        raise ValueError(f"{_named(path)}: cannot be read: {error}") from error
    if not isinstance(values, dict):
        raise ValueError(f"{_named(path)}: holds no configuration")
    return values


def read_entries(path: Path) -> list[dict[str, Any]]:
    """Reads a file of JSON objects, one a line; a torn last line is left out.

    Raises:
      ValueError: it cannot be read, or a line before the last is damaged.
    """
    try:
        lines = _content(path).splitlines()
    except OSError as error:
        raise ValueError(f"{_named(path)}: cannot be read: {error}") from error
    found = []
    for number, line in enumerate(lines, 1):
        try:
            # A machine that stopped may have left anything at the end.
            entry = _parsed(line)
        except ValueError as error:
            if number == len(lines):
                break
            reason = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
            raise ValueError(f"{_named(path)}: line {number} is damaged: {reason}") from error
        if not isinstance(entry, dict):
            raise ValueError(f"{_named(path)}: line {number} is damaged: it holds no event")
        found.append(entry)
    return found


def checkpoint_steps(folder: Path) -> list[int]:
    """Lists the steps of the checkpoints in a folder, ascending, each once.

    Checkpoints are folders of a name such as `step-0000000012` with a manifest, or, as earlier
    versions saved them, files that end in `-12.index`. Whether they are damaged is not looked at.
    """
    endings = [path.stem.rpartition("-")[2] for path in folder.glob("*.index")]
    steps = {int(digits) for digits in endings if digits.isdecimal()}
    for path in folder.glob(f"step-*/{_MANIFEST}"):
        if match := _SNAPSHOT.fullmatch(path.parent.name):
            steps.add(int(match[1]))
    return sorted(steps)


def number(values: Mapping[str, Any], key: str) -> float | None:
    """Returns a finite number, or None for what is missing, null or something else."""
    value = values.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return value if math.isfinite(value) else None
    except OverflowError:  # A whole number beyond what a float holds.
        return None


def _named(path: Path) -> str:
    """Writes a path as a message repeats it, escaped only where it would break the line."""
    text = str(path)
    return text if text.isprintable() else repr(text)


def _content(path: Path) -> bytes:
    """Reads a file, but no pipe, which would wait, and no device, which has no end.

    Raises:
      OSError: it cannot be read.
    """
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        return file.read()


def _parsed(raw: bytes) -> Any:
    """Reads JSON.

    Raises:
      ValueError: it is none, or nested deeper than Python follows.
    """
    try:
        return json.loads(raw.decode("utf-8"))
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def _read_worker(folder: Path) -> Worker | None:
    """Reads who works on a run; a lock that is empty or damaged says nothing."""
    for name in LOCKS:
        try:
            values = _parsed(_content(folder / name))
            boot, started = values.get("boot"), values.get("started")
            worker = Worker(
                int(values["pid"]),
                str(values["host"]),
                boot if isinstance(boot, str) else "",
                started if isinstance(started, int) else None,
            )
        except (OSError, ValueError, TypeError, KeyError, AttributeError, OverflowError):
            continue
        if worker.pid > 0:
            return worker
    return None
