"""The manifest: what a snapshot consists of, with a checksum of each file and of itself."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from tgcarry.data.wording import shown
from tgcarry.errors import LogError

MANIFEST = "manifest.json"
LARGEST = 1 << 26
"""Bytes of a manifest at most, so that a damaged one cannot fill the memory."""

_VERSION = 1
# A JSON object for everybody else. Taken apart by position here, so that its bytes are checked
# before anything looks for a meaning in them.
_START, _MIDDLE, _END = b'{"sha256": "', b'",\n"snapshot": ', b"}\n"
_DIGITS = 64


class SavedFile(NamedTuple):
    """One file of a snapshot; `name` is relative to it, with slashes."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Snapshot:
    """A snapshot as its manifest describes it.

    Attributes:
      path: the folder with the files.
      step: the step it was saved at.
      score: the score it was saved with; lower is better.
      notes: the notes it was saved with.
      files: its files, by name. Others in its folder are no part of it.
    """

    path: Path
    step: int
    score: float | None
    notes: dict[str, Any]
    files: tuple[SavedFile, ...]


class DamagedError(Exception):
    """Says in one line what is wrong with a snapshot; stays inside `tgcarry.store`."""


def check_notes(notes: Mapping[str, Any]) -> None:
    """Refuses notes that would not come back as they are.

    Raises:
      LogError: they hold something that JSON has no word for, or changes.
    """
    # One by one, to name the one at fault, which may be too odd to be shown itself.
    for key, value in notes.items():
        reason = _changed({key: value})
        if reason is not None:
            raise LogError(
                f"the note {shown(key)} would not come back from JSON as it is{reason}: give "
                f"dicts with str keys, lists, str, int, finite float, bool and None"
            )


def _changed(note: dict[str, Any]) -> str | None:
    try:
        return None if json.loads(json.dumps(note, allow_nan=False)) == note else ""
    except (TypeError, ValueError, RecursionError) as error:
        return f" ({error})"


def encode(snapshot: Snapshot) -> bytes:
    """Writes a manifest.

    Raises:
      LogError: it is too large.
    """
    content = {
        "format": _VERSION,
        "step": snapshot.step,
        "score": snapshot.score,
        "notes": snapshot.notes,
        "files": {name: {"size": size, "sha256": sha} for name, size, sha in snapshot.files},
    }
    body = json.dumps(content).encode("ascii")
    if len(body) > LARGEST - 1000:
        raise LogError(
            f"notes and names of {len(body)} bytes are more than a manifest of {LARGEST} bytes "
            f"takes: put them into a file of the snapshot"
        )
    return _START + _checksum(body) + _MIDDLE + body + _END


def decode(data: bytes, path: Path) -> Snapshot:
    """Reads a manifest of the folder `path`.

    Raises:
      DamagedError: a byte is not as it was written, or this version cannot read it.
    """
    head = len(_START) + _DIGITS
    body = data[head + len(_MIDDLE) : -len(_END)]
    if data != _START + _checksum(body) + _MIDDLE + body + _END:
        raise DamagedError(f"{MANIFEST} is damaged")
    try:
        content = json.loads(body, parse_constant=float)
        version = content["format"]
        if version != _VERSION:
            raise DamagedError(
                f"{MANIFEST} is of format {shown(version)}, and this version reads {_VERSION}"
            )
        return Snapshot(
            path,
            _count(content["step"]),
            _score(content["score"]),
            _kind(content["notes"], dict),
            tuple(
                SavedFile(name, _count(entry["size"]), _kind(entry["sha256"], str))
                for name, entry in sorted(_kind(content["files"], dict).items())
            ),
        )
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
        raise DamagedError(f"{MANIFEST} is no manifest of a snapshot") from error


def finite(score: float | None) -> float | None:
    """Returns a score as JSON keeps it: one that is not finite is none, and never the best."""
    return None if score is None or not math.isfinite(score) else float(score)


def _checksum(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest().encode("ascii")


def _kind(value: Any, kind: type) -> Any:
    if not isinstance(value, kind):
        raise TypeError(f"not a {kind.__name__}")
    return value


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise TypeError("not a count")
    return value


def _score(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise TypeError("not a score")
    return float(value)
