"""Python 2's `pickle`: its own files, and files opened for text."""

from __future__ import annotations

import io
import pickle
from pickle import (  # noqa: F401
    HIGHEST_PROTOCOL,
    PickleError,
    Pickler,
    PicklingError,
    Unpickler,
    UnpicklingError,
)
from typing import Any

from tgcarry.legacy.python2.files import binary

# Strings of Python 2's pickles are bytes: text if they can be, else what NumPy needs.
_ENCODINGS = ("ASCII", "utf-8", "latin-1")


def load(file: Any) -> Any:
    """Reads one object."""
    # A text file that nobody holds would close.
    opened, file = file, binary(file)
    if not hasattr(file, "readinto") and not hasattr(file, "readline"):
        return loads(file.read())
    start = file.tell() if hasattr(file, "tell") else None
    for encoding in _ENCODINGS:
        try:
            return pickle.load(file, encoding=encoding)
        except UnicodeDecodeError:
            if start is None or encoding == _ENCODINGS[-1]:
                raise
            file.seek(start)
    raise AssertionError(opened)


def loads(text: Any) -> Any:
    """Reads one object from a string."""
    return load(io.BytesIO(text.encode("latin-1") if isinstance(text, str) else text))


def dump(value: Any, file: Any, protocol: int | None = None) -> None:
    """Writes one object, of protocol 2 so that Python 2 reads it too."""
    _Writer(binary(file)).write(pickle.dumps(value, _known(protocol)))


def dumps(value: Any, protocol: int | None = None) -> bytes:
    """Returns one object as a string of bytes."""
    return pickle.dumps(value, _known(protocol))


def _known(protocol: int | None) -> int:
    return 2 if protocol is None or protocol < 0 else protocol


class _Writer:
    def __init__(self, file: Any) -> None:
        self._file = file

    def write(self, data: bytes) -> None:
        try:
            self._file.write(data)
        except TypeError:
            # A `StringIO`.
            self._file.write(data.decode("latin-1"))
