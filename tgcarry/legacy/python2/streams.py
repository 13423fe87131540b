"""Python 2's `StringIO` and `gzip`, which took text and bytes alike."""

from __future__ import annotations

import gzip
import io
from typing import Any


def string_io(initial: Any = "") -> Any:
    """Makes an in-memory file of text, or of bytes if it begins with bytes."""
    return io.BytesIO(initial) if isinstance(initial, bytes) else io.StringIO(initial)


def gzip_open(name: Any, mode: str = "rb", compresslevel: int = 9) -> Any:
    """Opens a compressed file, of bytes unless the mode has a "t"."""
    return _GzipFile(name, mode, compresslevel)


class _GzipFile(gzip.GzipFile):
    def write(self, data: Any) -> int:
        return super().write(data.encode("utf-8") if isinstance(data, str) else data)


def nothing(*_: Any, **__: Any) -> None:
    """Does nothing, as `sys.setdefaultencoding` is right to do today."""
