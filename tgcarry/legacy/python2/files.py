"""Python 2's `open`: text and bytes are one."""

from __future__ import annotations

import io
from typing import Any

from tgcarry.legacy.python2.attributes import as_text

_TEXT = {"encoding": "utf-8", "errors": "surrogateescape"}


class _Binary(io.BufferedRandom):
    """Reads and writes a file opened with "b", strings too."""

    def write(self, data: Any) -> int:
        return super().write(data.encode("utf-8") if isinstance(data, str) else data)

    def __next__(self) -> Any:
        return as_text(super().__next__())


class _BinaryReader(io.BufferedReader):
    def __next__(self) -> Any:
        return as_text(super().__next__())


class _BinaryWriter(io.BufferedWriter):
    def write(self, data: Any) -> int:
        return super().write(data.encode("utf-8") if isinstance(data, str) else data)


def open_file(name: Any, mode: str = "r", buffering: int = -1, **kwargs: Any) -> Any:
    r"""Opens a file as Python 2's `open` does; for UTF-8 where that did not ask.

    A text file's lines end where "\n" is, unless the mode has a "U".
    """
    if "b" not in mode:
        newline = None if "U" in mode else "\n"
        plain = mode.replace("U", "") or "r"
        plain = plain if plain[0] in "rwax" else f"r{plain}"
        buffering = -1 if buffering == 0 else buffering
        options = {"newline": newline, **_TEXT, **kwargs}
        # Not of a path: a file's number will do.
        return open(name, plain, buffering, **options)  # noqa: PTH123
    raw = io.FileIO(name, mode.replace("b", "").replace("U", "") or "r")
    if raw.readable() and raw.writable():
        return _Binary(raw)
    return _BinaryReader(raw) if raw.readable() else _BinaryWriter(raw)


def binary(file: Any) -> Any:
    """Returns the bytes' side of a file that may have been opened for text."""
    if isinstance(file, io.TextIOWrapper):
        file.flush()
        return file.buffer
    return file
