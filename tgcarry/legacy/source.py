"""Old programs' files: read, turned into today's Python, compiled."""

from __future__ import annotations

import pathlib
from typing import Any

from tgcarry.errors import LegacyError


def compiled(path: str) -> Any:
    """Returns the code of a program's file.

    Raises:
      LegacyError: the file cannot be read.
      SyntaxError: it is neither Python 3 nor Python 2.
    """
    try:
        text = pathlib.Path(path).read_bytes()
    except OSError as error:
        raise LegacyError(f"{path}: {error.strerror}") from error
    return compile(text, path, "exec", dont_inherit=True)
