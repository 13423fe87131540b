"""How a run stands, judged from what its folder holds.

Like `tgcarry.folder`, this file needs the standard library alone and can be executed by itself.
"""

from __future__ import annotations

import math
import os
import socket
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from tgcarry.folder import Contents, Worker

FINISHED, RUNNING, STOPPED = "finished", "running", "stopped"
# Lines of training that the speed is taken over.
_RECENT = 20
# Where the configuration has the steps that a run may take.
_STEPS = ("options", "steps")
# A run is given this many of its steps' times to write the next line.
_MISSED = 20


class Status(NamedTuple):
    """Tells how a run stands; None is what its folder does not say."""

    state: str
    step: int
    chunks: int | None
    of_chunks: int | None
    training_loss: float | None
    validation_loss: float | None
    best_validation_loss: float | None
    chunks_per_second: float | None
    """Of training, over the last lines; validation takes time besides."""
    seconds_since_line: float
    seconds_left: float | None
    """Of training, at the speed of the last lines; only of a run that is running."""
    checkpoints: int
    newest_checkpoint: int | None
    bad_numbers: int
    """Events in which a loss or gradient was not finite."""
    newest_bad: str | None
    """The chunk of the last of them, and what was done."""


def judge(
    contents: Contents,
    now: float,
    *,
    patience: float = 120.0,
    host: str | None = None,
    is_alive: Callable[[Worker], bool] | None = None,
) -> Status:
    """Judges how a run stands.

    A process that the folder's lock names on this computer decides alone whether the run is
    running. Without one a run whose last attempt has ended is not; one with a summary has
    finished, and another is running as long as its last line is not older than `patience` or
    twenty of its steps, whichever is longer.

    Args:
      contents: what the folder holds.
      now: seconds since the epoch.
      patience: seconds.
      host: this computer; by default asked for.
      is_alive: tells whether a process is there; by default asked for.
    """
    losses = contents.figures("train", "loss")
    held = [loss for loss in contents.figures("validation", "loss") if loss is not None]
    bad = [entry for entry in contents.entries if entry.get("kind") == "bad"]
    chunks = _last(contents.figures("train", "chunks"))
    steps = [n for kind in ("train", "validation") for n in contents.figures(kind, "step")]
    since = max(0.0, now - contents.written)
    busy = _is_busy(contents.worker, host or socket.gethostname(), is_alive or worker_is_alive)
    if busy is None and contents.attempts and contents.attempts[-1].get("event") == "end":
        busy = False
    if busy is None and contents.summary is None:
        busy = since <= max(patience, _MISSED * _step_seconds(contents))
    idle = STOPPED if contents.summary is None else FINISHED
    return Status(
        state=RUNNING if busy else idle,
        step=int(max((step for step in steps if step is not None), default=0)),
        chunks=_whole(chunks),
        of_chunks=_whole(contents.configured("chunks")),
        training_loss=_last(losses),
        validation_loss=_last(held),
        best_validation_loss=min(held, default=None),
        chunks_per_second=_chunks_per_second(contents),
        seconds_since_line=since,
        seconds_left=_seconds_left(contents) if busy else None,
        checkpoints=len(contents.checkpoints),
        newest_checkpoint=contents.checkpoints[-1] if contents.checkpoints else None,
        bad_numbers=len(bad),
        newest_bad=_bad_text(bad[-1]) if bad else None,
    )


def worker_is_alive(worker: Worker) -> bool:
    """Says whether a process of this computer is there, and is no later one of its number."""
    started = _kernel_says(f"/proc/{worker.pid}/stat")
    if worker.started is None or started is None:
        return process_is_alive(worker.pid)
    boot = _kernel_says("/proc/sys/kernel/random/boot_id")
    # The program's name, in brackets, may hold anything; the state follows it.
    state, *fields = started.rpartition(")")[2].split()
    return state not in "ZX" and fields[18:19] == [str(worker.started)] and boot == worker.boot


def process_is_alive(pid: int) -> bool:
    """Says whether this computer runs a process of that number."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass  # Somebody else's.
    return True


def to_text(name: str, status: Status, more: Sequence[tuple[str, str]] = ()) -> str:
    """Writes a block: the run's name and state, and a line for each figure that is known.

    Args:
      name: of the run.
      status: how it stands.
      more: further lines, with a name for each.
    """
    rows: list[tuple[str, str | None]] = [("step", str(status.step))]
    rows += [("chunks", _chunks_text(status))]
    rows += [("training loss", _amount(status.training_loss)), ("validation loss", _held(status))]
    rows += [
        ("speed", _amount(status.chunks_per_second, " chunks/s")),
        ("last line", f"{duration(status.seconds_since_line)} ago"),
        ("time to the end", None if status.seconds_left is None else _about(status)),
        ("checkpoints", _checkpoints_text(status)),
        ("bad numbers", _bad_count(status)),
        *more,
    ]
    lines = [f"  {label:<17}{value}" for label, value in rows if value is not None]
    return "\n".join([f"{name}: {status.state}", *lines])


def duration(seconds: float) -> str:
    """Writes a time in its two largest units: "2 h 5 min"."""
    left = round(seconds)
    parts: list[str] = []
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count or parts or unit == "s":
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2])


def _is_busy(worker: Worker | None, host: str, is_alive: Callable[[Worker], bool]) -> bool | None:
    """Says whether the process in the lock is there; None if that cannot be told from here."""
    if worker is None or worker.host != host:
        return None
    return is_alive(worker)


def _kernel_says(path: str) -> str | None:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return None


def _seconds_left(contents: Contents) -> float | None:
    """Estimates the time to the run's end: that of its chunks or of its steps, which is first."""
    ends = []
    chunks, all_chunks = _last(contents.figures("train", "chunks")), contents.configured("chunks")
    speed = _chunks_per_second(contents)
    if speed is not None and chunks is not None and all_chunks is not None:
        ends.append((float(all_chunks) - float(chunks)) / speed)
    step, all_steps = _last(contents.figures("train", "step")), contents.configured(*_STEPS)
    if step is not None and all_steps is not None and (each := _step_seconds(contents)):
        ends.append((float(all_steps) - float(step)) * each)
    known = [end for end in ends if math.isfinite(end)]
    return max(0.0, min(known)) if known else None


def _chunks_per_second(contents: Contents) -> float | None:
    # One more than the times, for where the first of them began; a run begins at 0.
    chunks = [0.0, *contents.figures("train", "chunks")][-_RECENT - 1 :]
    seconds = contents.figures("train", "seconds")[-_RECENT:]
    first, last, spent = chunks[0], chunks[-1], [s for s in seconds if s is not None]
    if first is None or last is None or len(spent) < len(seconds):
        return None
    # As floats, which become infinite where whole numbers and `fsum` would raise an error.
    total = sum(map(float, spent))
    speed = (float(last) - float(first)) / total if total > 0 else 0.0
    return speed if 0 < speed < math.inf else None


def _step_seconds(contents: Contents) -> float:
    """Takes the median time of the last steps; 0 if they do not say."""
    seconds = contents.figures("train", "seconds")[-_RECENT:]
    return statistics.median([float(s) for s in seconds if s is not None] or [0.0])


def _last(values: Sequence[float | None]) -> float | None:
    return values[-1] if values else None


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)


def _amount(value: float | None, unit: str = "") -> str | None:
    return None if value is None else f"{value:.4g}{unit}"


def _chunks_text(status: Status) -> str | None:
    if status.chunks is None or status.of_chunks is None:
        return None if status.chunks is None else str(status.chunks)
    return f"{status.chunks} of {status.of_chunks}"


def _held(status: Status) -> str | None:
    best = _amount(status.best_validation_loss)
    return None if best is None else f"{_amount(status.validation_loss)} (best {best})"


def _about(status: Status) -> str:
    return f"about {duration(status.seconds_left or 0.0)}"


def _bad_text(entry: dict[str, Any]) -> str:
    chunk, action = entry.get("chunk"), entry.get("action")
    known = isinstance(chunk, int) and chunk >= 0
    where = f"chunk {chunk}" if known else f"step {entry.get('step')}"
    return f"{where}: {action}" if isinstance(action, str) else where


def _bad_count(status: Status) -> str | None:
    if not status.bad_numbers:
        return None
    return f"{status.bad_numbers}, the last in {status.newest_bad}"


def _checkpoints_text(status: Status) -> str:
    if status.newest_checkpoint is None:
        return "none"
    return f"{status.checkpoints}, the newest of step {status.newest_checkpoint}"
