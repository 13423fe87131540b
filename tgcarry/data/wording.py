"""Small helpers that put a user's own values into one-line messages."""

from collections.abc import Iterable
from itertools import pairwise
from os import PathLike
from pathlib import Path

from tgcarry.errors import DataError

PathArg = str | PathLike[str]


def shown(value: object, limit: int = 40) -> str:
    """Writes a value as a message repeats it: escaped, on one line, clipped to `limit`."""
    text = repr(value).replace("\n", " ")
    return text if len(text) <= limit else f"{text[: limit - 3]}..."


def named(path: PathArg) -> str:
    """Writes a path as a message repeats it, escaped only where it would break the line."""
    text = str(path)
    return text if text.isprintable() else repr(text)


def listed(names: Iterable[object], limit: int = 12) -> str:
    """Joins names with commas, says how many more there are, and says "none" for nothing."""
    every = [str(name) if str(name).isprintable() else repr(str(name)) for name in names]
    if len(every) > limit:
        every = [*every[:limit], f"and {len(every) - limit} more"]
    return ", ".join(every) or "none"


def because(error: BaseException) -> str:
    """Reduces an exception to the line that gives its reason.

    TensorFlow puts the reason behind a line that names the node; elsewhere it comes first.
    """
    reason = getattr(error, "strerror", None) or getattr(error, "message", None) or str(error)
    lines = [line.strip() for line in str(reason or type(error).__name__).strip().splitlines()]
    for line, following in pairwise(lines):
        if line.startswith("Node:"):
            return following
    return lines[0]


def regular_file(path: PathArg) -> Path:
    """Returns `path` as a Path, or refuses what cannot be opened as a file.

    Raises:
      DataError: nothing is there, or a directory or device is, or it may not be read.
    """
    where = Path(path)
    try:
        if not where.exists():
            raise DataError(f"{named(path)}: no such file: check the path")
        if where.is_dir():
            raise DataError(f"{named(path)} is a directory: name a file inside it")
        if not where.is_file():
            raise DataError(f"{named(path)} is not a regular file: copy its contents into one")
        with where.open("rb"):
            pass
    except (OSError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(
            f"{named(path)} cannot be opened ({because(error)}): check the path and its rights"
        ) from error
    return where


def whole(value: object, name: str, at_least: int) -> int:
    """Returns `value` as an int, or refuses what is not a whole number of at least `at_least`.

    Raises:
      DataError: a bool, a fraction, another type, or too small a number.
    """
    index = getattr(value, "__index__", None)
    if isinstance(value, bool) or index is None or getattr(value, "shape", ()) != ():
        raise DataError(f"{name} {shown(value)} is not a whole number: give an int")
    number = int(index())
    if number < at_least:
        raise DataError(f"{name} {number} is too small: give at least {at_least}")
    return number
