"""Who worked on a run and how that ended: a line per start and end of a process.

    {"event": "start", "time": 1763740000.0, "pid": 12, "host": "a", "step": 0, "chunks": 0}
    {"event": "end", "time": 1763740900.0, "step": 40, "chunks": 80, "reason": "stopped", ...}

A process that was killed leaves no end. Like `tgcarry.folder`, which reads the lines, this file
needs the standard library alone and can be executed by itself.
"""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

FINISHED, STOPPED, FAILED = "finished", "stopped", "failed"
_BLOCK = 1 << 16


class Attempts(NamedTuple):
    """Counts a run's starts by how they ended."""

    starts: int
    finished: int
    stopped: int
    """Asked to stop, to be started again."""
    failed: int
    killed: int
    """Ended without a word, and were followed by another start."""
    open: bool
    """The last start has no end: it is still at work, or was killed."""
    lost_chunks: int
    """Chunks that were read again after an interruption, as far as the lines say so."""
    uncounted: int
    """Interruptions of which the lines do not say what they cost."""
    last_end: str | None
    """How the last start ended, with its message; None while it has no end."""


def log_start(path: Path, step: int, chunks: int, *, reached: int | None = None) -> None:
    """Adds the line of a process that starts, or goes on with, a run.

    Args:
      path: the file; made if missing.
      step: optimiser steps that it goes on from.
      chunks: chunks that it goes on from.
      reached: chunks that the run had reached before, if anything says so: what lies between
        is read again.

    Raises:
      OSError: the line could not be written; nothing of it is there.
    """
    found = {} if reached is None else {"reached": reached}
    who = {"pid": os.getpid(), "host": socket.gethostname()}
    position = {"step": step, "chunks": chunks, **found}
    append(path, {"event": "start", "time": time.time(), **who, **position})


def log_end(path: Path, step: int, chunks: int, reason: str, message: str = "") -> None:
    """Adds the line of a process that ends: "finished", "stopped" or "failed".

    Raises:
      OSError: the line could not be written; nothing of it is there.
    """
    position = {"step": step, "chunks": chunks}
    append(
        path,
        {"event": "end", "time": time.time(), **position, "reason": reason, "message": message},
    )


def append(path: Path, entry: Mapping[str, Any]) -> None:
    """Adds a line that is on disk when this returns.

    Half a line at the end, of a process or machine that stopped in its middle, is cut off
    first. What a full disk cuts short is taken back.

    Raises:
      OSError: it could not be written.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
    try:
        whole, end = _whole_lines(handle)
        os.ftruncate(handle, whole)
        left = memoryview(end + json.dumps(entry).encode("ascii") + b"\n")
        try:
            while left:
                left = left[os.write(handle, left) :]
            os.fsync(handle)
        except BaseException:
            with suppress(OSError):
                os.ftruncate(handle, whole)
            raise
    finally:
        os.close(handle)
    if not whole:
        _sync_folder(path.parent)


def summed_up(entries: Iterable[Mapping[str, Any]]) -> Attempts | None:
    """Counts attempts; None if there is none.

    An interruption is an end other than "finished", or none, with a start behind it. It cost
    `reached - chunks` of that start where the start says what was reached, or else the
    `chunks` of the end before it less those of the start.
    """
    counts = dict.fromkeys((FINISHED, STOPPED, FAILED), 0)
    starts = killed = lost = uncounted = 0
    last: Mapping[str, Any] | None = None
    is_open = False
    for entry in entries:
        if entry.get("event") == "start":
            killed += is_open
            if starts:
                cost = _cost(entry, None if is_open else last)
                lost, uncounted = lost + (cost or 0), uncounted + (cost is None)
            starts, is_open, last = starts + 1, True, None
        # An end whose start is missing says nothing about the others.
        elif entry.get("event") == "end" and is_open:
            is_open, last = False, entry
            counts[_reason(entry)] += 1
    if not starts:
        return None
    return Attempts(
        starts,
        counts[FINISHED],
        counts[STOPPED],
        counts[FAILED],
        killed,
        is_open,
        lost,
        uncounted,
        None if last is None else _ending(last),
    )


def settled(found: Attempts, running: bool) -> Attempts:
    """Counts a last start without an end as killed, unless it is still at work."""
    if running or not found.open:
        return found
    return found._replace(open=False, killed=found.killed + 1)


def rows(found: Attempts) -> list[tuple[str, str]]:
    """Lists what there is to say, with a name for each: `3 (1 killed, 1 stopped)`."""
    rows = [("attempts", f"{found.starts}{_in_brackets(interruptions(found))}")]
    if found.starts > 1 and (found.lost_chunks or not found.uncounted):
        least = "at least " if found.uncounted else ""
        rows.append(("read again", f"{least}{found.lost_chunks} chunks"))
    if found.last_end not in (None, FINISHED):
        rows.append(("last attempt", str(found.last_end)))
    return rows


def interruptions(found: Attempts) -> str:
    """Says how often the run was interrupted, and how: `1 killed, 1 stopped`; or nothing."""
    named = {"killed": found.killed, STOPPED: found.stopped, FAILED: found.failed}
    return ", ".join(f"{count} {name}" for name, count in named.items() if count)


def _in_brackets(text: str) -> str:
    return f" ({text})" if text else ""


def _cost(start: Mapping[str, Any], end: Mapping[str, Any] | None) -> int | None:
    chunks = _count(start, "chunks")
    reached = _count(start, "reached")
    if reached is None and end is not None:
        reached = _count(end, "chunks")
    return None if chunks is None or reached is None else max(0, reached - chunks)


def _count(entry: Mapping[str, Any], key: str) -> int | None:
    value = entry.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _reason(end: Mapping[str, Any]) -> str:
    reason = end.get("reason")
    return reason if reason in (FINISHED, STOPPED) else FAILED


def _ending(end: Mapping[str, Any]) -> str:
    message = end.get("message")
    told = " ".join(message.split()) if isinstance(message, str) else ""
    return f"{_reason(end)}: {told}" if told else _reason(end)


def _whole_lines(handle: int) -> tuple[int, bytes]:
    """Finds where the whole lines end.

    Returns:
      their bytes, and what is still to be written for the last one to end, if anything.
    """
    size = os.fstat(handle).st_size
    tail, start = b"", size
    while start and b"\n" not in tail:
        stop, start = start, max(0, start - _BLOCK)
        tail = os.pread(handle, stop - start, start) + tail
    torn = tail[tail.rfind(b"\n") + 1 :]
    if not torn:
        return size, b""
    try:
        # Nothing is missing but the line's end, and readers take the line for whole.
        if isinstance(json.loads(torn), dict):
            return size, b"\n"
    except ValueError:
        pass
    return size - len(torn), b""


def _sync_folder(folder: Path) -> None:
    """Has a new file's name made to last, where the file system can be asked to."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with suppress(OSError):
            os.fsync(handle)
    finally:
        os.close(handle)
