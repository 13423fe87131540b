"""How a snapshot comes to be: filled aside, sealed, and given its name in one go."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tgcarry.data.wording import because, listed, named
from tgcarry.errors import LogError
from tgcarry.store import disk
from tgcarry.store.manifest import MANIFEST, SavedFile, Snapshot, encode
from tgcarry.store.names import SAVING, Entry
from tgcarry.store.reading import Stamps


def write_snapshot(
    folder: Path,
    entry: Entry,
    write: Callable[[Path], None],
    score: float | None,
    notes: Mapping[str, Any],
) -> Stamps:
    """Writes a snapshot; when it returns, it lasts, and until the last moment it is not there.

    Returns:
      its files' stamps, and the manifest's.

    Raises:
      LogError: it cannot be written, or `write` left what cannot be part of one.
    """
    aside, final = folder / entry.passing(SAVING), folder / entry.name
    try:
        try:
            aside.mkdir()
            write(aside)
            stamps = _seal(aside, entry.step, score, dict(notes))
            aside.rename(final)
        except BaseException:
            disk.remove(aside)
            raise
        disk.sync_folder(folder)
    except OSError as error:
        if isinstance(error, LogError):
            raise
        raise LogError(_failed(folder, aside, entry, error)) from error
    return stamps


def _seal(aside: Path, step: int, score: float | None, notes: dict[str, Any]) -> Stamps:
    """Has all files and names below `aside` made to last, and the manifest after them."""
    inside = disk.listing(aside)
    problem = _problem(aside, inside)
    if problem is not None:
        raise LogError(f"{named(aside.parent)}: cannot save a snapshot of step {step}: {problem}")
    files, stamps = [], []
    for name in inside.files:
        size, sha, stamp = disk.digest(aside / name, sync=True)
        if disk.stamp(aside / name) != stamp or stamp[1] != size:
            raise LogError(
                f"{named(aside.parent)}: cannot save a snapshot of step {step}: {named(name)} "
                f"changed meanwhile: let write() end its threads before it returns"
            )
        files.append(SavedFile(name, size, sha))
        stamps.append(stamp)
    disk.write_file(aside / MANIFEST, encode(Snapshot(aside, step, score, notes, tuple(files))))
    for name in (*reversed(inside.folders), ""):
        disk.sync_folder(aside / name)
    return (*stamps, disk.stamp(aside / MANIFEST))


def _problem(aside: Path, inside: disk.Listing) -> str | None:
    """Says what cannot be part of a snapshot, and what to do about it."""
    if inside.others:
        return (
            f"{listed(inside.others)}: neither a file nor a folder: let write() copy what a "
            f"link leads to, and leave out pipes and devices"
        )
    if MANIFEST in inside.files or MANIFEST in inside.folders:
        return f"{MANIFEST} is the name of the snapshot's own file: give yours another"
    still_open = [name for name in disk.being_written(aside) if name in inside.files]
    if still_open:
        return (
            f"{listed(still_open)}: still open for writing, and may be missing its end: let "
            f"write() close its files before it returns"
        )
    return None


def _failed(folder: Path, aside: Path, entry: Entry, error: OSError) -> str:
    """Words an error with the file that it happened to, by its name in the snapshot."""
    where = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else ""
    inside = where.removeprefix(f"{aside}{os.sep}")
    at = f"{named(inside)}: " if inside and inside not in (str(aside), str(folder)) else ""
    return (
        f"{named(folder)}: cannot save a snapshot of step {entry.step}: {at}{because(error)}: "
        f"{disk.remedy(error)}"
    )
