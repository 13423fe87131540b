"""How a snapshot is read: its manifest first, and then every byte of its files."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import NamedTuple

from tgcarry.data.wording import because, named
from tgcarry.errors import LogError
from tgcarry.store import disk
from tgcarry.store.manifest import LARGEST, MANIFEST, DamagedError, Snapshot, decode
from tgcarry.store.names import Entry

Stamps = tuple[tuple[int, ...], ...]

# These say nothing about a snapshot: to pass it by for them would be to lose work silently.
_NO_DAMAGE = (errno.EACCES, errno.EPERM, errno.EMFILE, errno.ENFILE, errno.ENOMEM)


class Damage(NamedTuple):
    """A snapshot that cannot be used: its folder's name, and the reason in one line."""

    name: str
    reason: str


def read_manifest(folder: Path, entry: Entry) -> Snapshot:
    """Reads what a snapshot claims to hold; its files are not looked at.

    Raises:
      DamagedError: its manifest is damaged.
      LogError: it cannot be read, for a reason that is not its own.
    """
    path = folder / entry.name
    try:
        if path.is_symlink() or not path.is_dir():
            raise DamagedError("not a folder")
        snapshot = decode(_content(path / MANIFEST), path)
    except FileNotFoundError as error:
        raise DamagedError(f"{MANIFEST} is missing") from error
    except OSError as error:
        raise _unreadable(error, path, MANIFEST) from error
    if snapshot.step != entry.step:
        raise DamagedError(f"{MANIFEST} is of step {snapshot.step}: the folder was renamed")
    return snapshot


def verify(snapshot: Snapshot) -> None:
    """Compares every file of a snapshot with its manifest.

    Raises:
      DamagedError: one is missing, is no file of its own, or is not as it was written.
      LogError: it cannot be read, for a reason that is not its own.
    """
    name = ""
    try:
        there = set(disk.listing(snapshot.path).files)
        for name, size, _ in snapshot.files:
            if name not in there:
                raise DamagedError(f"{named(name)} is missing")
            found = disk.stamp(snapshot.path / name)[1]
            if found != size:
                raise DamagedError(f"{named(name)} has {found} bytes instead of {size}")
        # After all sizes, which cost nothing.
        for name, size, sha in snapshot.files:
            if disk.digest(snapshot.path / name)[:2] != (size, sha):
                raise DamagedError(f"{named(name)} is not as it was written")
    except FileNotFoundError as error:
        raise DamagedError(f"{named(name)} disappeared") from error
    except OSError as error:
        raise _unreadable(error, snapshot.path, name) from error


def stamps(snapshot: Snapshot) -> Stamps:
    """Returns the stamps of a snapshot's files and of its manifest, in this order."""
    names = (*(file.name for file in snapshot.files), MANIFEST)
    return tuple(disk.stamp(snapshot.path / name) for name in names)


def _content(path: Path) -> bytes:
    handle = disk.open_file(path)
    with os.fdopen(handle, "rb") as file:
        if os.fstat(handle).st_size > LARGEST:
            raise DamagedError(f"{MANIFEST} is damaged")
        return file.read(LARGEST)


def _unreadable(error: OSError, path: Path, name: str) -> Exception:
    if error.errno in _NO_DAMAGE:
        return LogError(
            f"{named(path)}: {named(name)} cannot be read: {because(error)}: check its rights "
            f"and this process's limits (ulimit -a)"
        )
    return DamagedError(f"{named(name)} cannot be read: {because(error)}")
