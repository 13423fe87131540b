"""A file of lines, each of which is there whole or not at all."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path

_BLOCK = 1 << 16


class LineFile:
    """Appends lines to a file, each in one system call.

    What a full disk cuts short is taken back, so that a line that is written later starts where
    a line starts. Only the end of the process or of the machine in the middle of the call can
    leave half a line, and then at the end of the file.

    Args:
      path: the file; made if missing.
      keep: bytes at its beginning that stay, as far as they are whole lines; the rest is removed.

    Raises:
      OSError: it cannot be written.
    """

    def __init__(self, path: Path, keep: int = 0) -> None:
        self._file = open(  # noqa: SIM115 - kept open; `Path.open` takes no opener
            path, "r+b", buffering=0, opener=_open_to_append
        )
        try:
            self._whole = _whole_lines(self._file.fileno(), keep)
            self._take_back()
        except BaseException:
            self._file.close()
            raise

    def append(self, line: str) -> None:
        """Writes a line and its end.

        Raises:
          OSError: it could not be written; nothing of it is there.
        """
        # Where an earlier failure could not be taken back either.
        self._take_back()
        raw = f"{line}\n".encode()
        left = memoryview(raw)
        try:
            # A short write is no error: the next one says why.
            while left:
                written = self._file.write(left)
                if not written:
                    raise OSError(errno.EIO, "nothing could be written")
                left = left[written:]
        except BaseException:
            with suppress(OSError):
                self._take_back()
            raise
        self._whole += len(raw)

    @property
    def size(self) -> int:
        """Bytes of the lines that are there, to `keep` them later."""
        return self._whole

    def sync(self) -> None:
        """Has what was written made to last.

        Raises:
          OSError: it could not be.
        """
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Closes the file; there is nothing left to be written."""
        self._file.close()

    def _take_back(self) -> None:
        descriptor = self._file.fileno()
        if os.fstat(descriptor).st_size > self._whole:
            os.ftruncate(descriptor, self._whole)


def _open_to_append(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_APPEND | os.O_CREAT, 0o666)


def _whole_lines(descriptor: int, most: int) -> int:
    """Counts the bytes up to the end of the last whole line within the first `most`."""
    end = min(most, os.fstat(descriptor).st_size)
    while end:
        start = max(0, end - _BLOCK)
        place = os.pread(descriptor, end - start, start).rfind(b"\n")
        if place >= 0:
            return start + place + 1
        end = start
    return 0
