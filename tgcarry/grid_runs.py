"""The runs of a grid on disk: what each was asked to do, whether it is done, and its figures.

In the grid's folder, a run called NAME has its log folder NAME/, its process's output in
NAME.log, and in NAME.json what it was started with, so that the same settings are recognised.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from tgcarry.data.wording import because, named
from tgcarry.errors import LogError
from tgcarry.fleet import BUSY, DONE, FINISHED, READY, STOPPED, WAITING
from tgcarry.folder import CONFIG, SUMMARY, Contents, number, read_contents
from tgcarry.grid import Run
from tgcarry.locks.folder_lock import NAME as LOCK
from tgcarry.locks.owner import LARGEST, decode
from tgcarry.store import disk

RUNNING = "running"
# Flags that say how a job is looked after; none of its numbers follows from them.
CARE = frozenset({"checkpoint_every", "keep", "on_nan", "on_storage_error"})
# Figures that are no validation results, in a line of `metrics.jsonl`.
_NO_FIGURES = ("kind", "step", "chunks", "seconds", "memory_mib")


class Record(NamedTuple):
    """Holds what a run was started with, and how its last process ended."""

    settings: dict[str, str]
    threads: int
    state: str = RUNNING
    message: str = ""
    attempts: int = 0
    """Processes that were started for it, in all."""


class Row(NamedTuple):
    """Tells how a run of a grid stands."""

    name: str
    settings: dict[str, str]
    state: str
    step: int | None = None
    validation: Mapping[str, float] = MappingProxyType({})
    """The last figures."""
    best_validation_loss: float | None = None
    seconds: float | None = None
    """Of training, without validation."""
    peak_memory_mib: float | None = None
    """Of the largest of its processes."""
    attempts: int = 0
    message: str = ""


def log_folder(folder: Path, run: Run) -> Path:
    """Names the log folder of a run."""
    return folder / run.name


def log_file(folder: Path, run: Run) -> Path:
    """Names the file of a run's output."""
    return folder / f"{run.name}.log"


def read_record(folder: Path, run: Run) -> Record | None:
    """Reads what a run was started with; None if it never was.

    Raises:
      LogError: it is damaged.
    """
    path = _record_file(folder, run)
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        record = Record(**values)
        settings = {str(name): str(value) for name, value in record.settings.items()}
        return record._replace(settings=settings, threads=int(record.threads))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise LogError(
            f"{named(path)}: cannot be read: {because(error)}: remove it together with "
            f"{named(log_folder(folder, run))}, or name another --logdir"
        ) from error


def write_record(folder: Path, run: Run, record: Record) -> None:
    """Writes what a run was started with; the file is there whole or not at all."""
    write_whole(_record_file(folder, run), json.dumps(record._asdict(), indent=2) + "\n")


def write_whole(path: Path, text: str) -> None:
    """Puts a file in the place of an earlier one.

    Raises:
      LogError: it could not be written; the earlier one is still there.
    """
    new = path.with_name(f".{path.name}.new")
    try:
        new.unlink(missing_ok=True)
        disk.write_file(new, text.encode("utf-8"))
        new.replace(path)
        disk.sync_folder(path.parent)
    except OSError as error:
        raise LogError(
            f"{named(path)}: cannot be written: {because(error)}: {disk.remedy(error)}"
        ) from error


def check_same(folder: Path, runs: Sequence[Run]) -> None:
    """Makes sure that whatever was begun under the runs' names had the runs' settings.

    Raises:
      LogError: it had not; nothing was started.
    """
    for run in runs:
        where = log_folder(folder, run)
        if where.exists() and not where.is_dir():
            raise LogError(f"{named(where)}: not a folder: remove it, or name another --logdir")
        record = read_record(folder, run)
        if record is None or not (where / CONFIG).exists():
            continue
        if names := _differing(record, run):
            before, now = (_told(each, names[0]) for each in (record.settings, run.settings))
            raise LogError(
                f"{named(where)}: was begun with {before}, not {now}: name another --logdir, or "
                f"remove that folder"
            )


def look(folder: Path, run: Run) -> str:
    """Says whether a run is DONE, BUSY (a process of this machine works on it), or READY."""
    where = log_folder(folder, run)
    if _is_held(where):
        return BUSY
    record = read_record(folder, run)
    same = record is not None and not _differing(record, run)
    return DONE if same and (where / SUMMARY).exists() else READY


def row(folder: Path, run: Run) -> Row:
    """Reads how a run stands; what cannot be read is said in its message."""
    where, found = log_folder(folder, run), look(folder, run)
    record = read_record(folder, run)
    if record is None or _differing(record, run):
        return Row(run.name, run.settings, RUNNING if found == BUSY else WAITING)
    state = {DONE: FINISHED, BUSY: RUNNING}.get(found, record.state)
    if found == READY and record.state in (RUNNING, FINISHED):
        # Whoever had started it was killed, or its summary was removed.
        state = STOPPED
    known = Row(run.name, run.settings, state, attempts=record.attempts)
    if state not in (FINISHED, RUNNING):
        known = known._replace(message=record.message)
    if not (where / CONFIG).exists():
        return known
    try:
        return _with_figures(known, read_contents(where))
    except (OSError, ValueError) as error:
        return known._replace(message=" ".join(str(error).split()))


def best_first(rows: Sequence[Row]) -> list[Row]:
    """Sorts by the last validation loss: those that have finished, then the others."""

    def key(row: Row) -> tuple[bool, float]:
        return row.state != FINISHED, row.validation.get("loss", math.inf)

    return sorted(rows, key=key)


def _record_file(folder: Path, run: Run) -> Path:
    return folder / f"{run.name}.json"


def _differing(record: Record, run: Run) -> list[str]:
    """Lists the flags in which a run is another than the one that was begun."""
    before, now = record.settings, run.settings
    names = [name for name in dict.fromkeys([*now, *before]) if name not in CARE]
    return [name for name in names if now.get(name) != before.get(name)]


def _told(settings: dict[str, str], name: str) -> str:
    return f"--{name}={settings[name]}" if name in settings else f"no --{name}"


def _is_held(where: Path) -> bool:
    try:
        with (where / LOCK).open("rb") as file:
            owner = decode(file.read(LARGEST))
    except OSError:
        return False
    return owner is not None and owner.pid != os.getpid() and owner.lives()


def _with_figures(known: Row, contents: Contents) -> Row:
    held = [entry for entry in contents.entries if entry.get("kind") == "validation"]
    losses = [loss for loss in contents.figures("validation", "loss") if loss is not None]
    steps = [step for step in contents.figures("train", "step") if step is not None]
    summary: dict[str, Any] = contents.summary or {}
    seconds = contents.figures("train", "seconds")
    peaks = [number(entry, "memory_mib") for entry in held]
    peaks.append(number(summary, "peak_memory_mib"))
    return known._replace(
        step=int(max(steps, default=0)),
        validation=_figures(held[-1]) if held else {},
        best_validation_loss=min(losses, default=None),
        seconds=math.fsum(second or 0.0 for second in seconds),
        peak_memory_mib=max((most for most in peaks if most is not None), default=None),
    )


def _figures(entry: dict[str, Any]) -> dict[str, float]:
    found = {name: number(entry, name) for name in entry if name not in _NO_FIGURES}
    return {name: value for name, value in found.items() if value is not None}
