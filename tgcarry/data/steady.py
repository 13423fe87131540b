"""Files that have to stay as they are while they are read, and what is said if they do not."""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import NamedTuple

from tgcarry.data.wording import because, named
from tgcarry.errors import DataError


class Mark(NamedTuple):
    """Tells whether a file is as it was.

    Inode numbers are no part of it: some network file systems give a file a new one each time.
    """

    size: int
    """In bytes."""
    written: int
    """When it was last written to, in nanoseconds since the epoch."""

    def __str__(self) -> str:
        when = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(self.written // 10**9))
        return f"{self.size} bytes, written {when}"


def mark(path: Path) -> Mark:
    """Returns a file's mark.

    Raises:
      DataError: nothing is there, or it may not be looked at.
    """
    try:
        return _mark(path.stat())
    except OSError as error:
        raise unreadable(path, error) from error


@contextmanager
def opened(path: Path, before: Mark | None = None) -> Iterator[FileIO]:
    """Opens a file to read, and makes sure at the end that nothing wrote to it meanwhile.

    Reads are not buffered. Nothing is mapped into memory: when a mapped file is cut short, the
    kernel kills the process that reads it, and there is no time for a message.

    Args:
      path: a regular file; anything else is refused without waiting for it.
      before: the mark that the file has to have; None takes the one that it has now.

    Raises:
      DataError: the file cannot be opened or read, or is not as it was.
    """
    try:
        with open(path, "rb", buffering=0, opener=_regular) as file:
            before = before or _mark(os.fstat(file.fileno()))
            yield file
            now = _mark(os.fstat(file.fileno()))
    except OSError as error:
        raise unreadable(path, error) from error
    if now != before:
        raise DataError(
            f"{named(path)} was changed while it was in use (first {before}, now {now}): put it "
            "back as it was, leave it alone, and start again"
        )


def unreadable(path: Path, error: OSError) -> DataError:
    """Says that a file which could be read a moment ago cannot be read any more."""
    return DataError(
        f"{named(path)} cannot be read ({because(error)}): let it stay where it is, readable, "
        "while it is in use, and start again"
    )


def _mark(status: os.stat_result) -> Mark:
    return Mark(status.st_size, status.st_mtime_ns)


def _regular(path: str, flags: int) -> int:
    # A pipe that took the file's place would else have its opening wait for a writer.
    handle = os.open(path, flags | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "not a regular file", path)
    return handle
