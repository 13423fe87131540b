"""Folders put in their place whole or not at all."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import tensorflow.compat.v1 as tf

from tgcarry.data.wording import because, named
from tgcarry.errors import LogError
from tgcarry.store import disk

_NUMBERS = {os.strerror(number): number for number in errno.errorcode}


def check_folder(target: Path, mark: str, overwrite: bool) -> None:
    """Refuses a place that is taken; one that holds no `mark` even with `overwrite`.

    Raises:
      LogError: it is.
    """
    with disk_errors(target):
        if not os.path.lexists(target) or (is_folder(target) and not disk.names(target)):
            return
        if not (is_folder(target) and (target / mark).is_file()):
            raise LogError(
                f"{named(target)}: is there already, and no folder with a {mark}, so that it is "
                f"not replaced: name another place"
            )
        if not overwrite:
            raise LogError(
                f"{named(target)}: is there already: name another place, or give --overwrite "
                f"(overwrite=True) to replace it"
            )


def write_folder(
    target: Path, mark: str, write: Callable[[Path], None], overwrite: bool = False
) -> None:
    """Writes a folder; when this returns it lasts, and until the last moment it is not there.

    An earlier one is moved aside just before, and removed just after: a kill between the two
    leaves it beside, as `.NAME.replaced-...`.

    Args:
      target: the folder to make, with those above it.
      mark: a file that such a folder holds; what holds none is never replaced.
      write: fills an empty folder.
      overwrite: whether to replace an earlier one.

    Raises:
      LogError: the place is taken or cannot be written; all is as it was.
    """
    check_folder(target, mark, overwrite)
    with disk_errors(target):
        disk.make_folder(target.parent)
        remove_leftovers(target)
        aside = beside(target, "saving")
        try:
            aside.mkdir()
            write(aside)
            sync(aside)
            _put(aside, target)
        except BaseException:
            disk.remove(aside)
            raise
        remove_leftovers(target, replaced=True)


def _put(aside: Path, target: Path) -> None:
    """Gives a finished folder its name."""
    if not os.path.lexists(target) or not disk.names(target):
        aside.rename(target)
    else:
        replaced = beside(target, "replaced")
        target.rename(replaced)
        try:
            aside.rename(target)
        except BaseException:
            replaced.rename(target)
            raise
    disk.sync_folder(target.parent)


def beside(target: Path, what: str) -> Path:
    """Gives a name in the same folder that nobody else has."""
    return target.with_name(f".{target.name}.{what}-{os.urandom(6).hex()}")


def remove_leftovers(target: Path, replaced: bool = False) -> None:
    """Removes what exports to this place that were killed have left."""
    starts = [f".{target.name}.saving-"] + ([f".{target.name}.replaced-"] if replaced else [])
    for name in disk.names(target.parent):
        if name.startswith(tuple(starts)):
            disk.remove(target.parent / name)


def is_folder(path: Path) -> bool:
    """Says whether a path is a folder, and no link to one."""
    return path.is_dir() and not path.is_symlink()


def sync(folder: Path) -> None:
    """Has all that is below a folder made to last."""
    inside = disk.listing(folder)
    for name in inside.files:
        handle = disk.open_file(folder / name)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    for name in (*reversed(inside.folders), ""):
        disk.sync_folder(folder / name)


@contextmanager
def disk_errors(target: Path) -> Iterator[None]:
    """Words what the disk refuses.

    Raises:
      LogError: it refused something.
    """
    try:
        yield
    except LogError:
        raise
    except (OSError, tf.errors.OpError) as error:
        reason, known = because(error), error
        if not isinstance(error, OSError):
            # "FILE; REASON", where the file has a passing name.
            reason = reason.rpartition("; ")[2]
            known = OSError(_NUMBERS.get(reason, 0), reason)
        raise LogError(
            f"{named(target)}: cannot be written: {reason}: {disk.remedy(known)}"
        ) from error
