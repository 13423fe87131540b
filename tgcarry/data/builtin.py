"""Data that needs no download: Python's own source text, and one small numeric series."""

import platform
import sysconfig
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from tgcarry.data.characters import Codec
from tgcarry.data.csv_file import read_csv
from tgcarry.data.next_step import next_step
from tgcarry.data.table import Table
from tgcarry.data.text_file import spool_text
from tgcarry.data.utf8 import Piece
from tgcarry.data.wording import named, whole
from tgcarry.errors import DataError

ASCII = ("\n", *(chr(point) for point in range(32, 127)))
_SKIPPED = {
    "site-packages",
    "dist-packages",
    "test",
    "tests",
    "idle_test",
    "idlelib",
    "lib2to3",
    "ensurepip",
    "lib-dynload",
    "__pycache__",
}
_OTHERS = {point: "?" for point in range(128) if chr(point) not in ASCII}


def stdlib_text(limit_bytes: int | None = None, ascii_only: bool = True) -> Table:
    """Reads the source of Python's standard library as one text, in the order of its paths.

    These are the `.py` files of the Python that runs this, top level and packages, without
    site-packages, tests, idlelib, lib2to3 and ensurepip; files that are not UTF-8 are left
    out. The text differs between versions of Python. License: PSF-2.0, with the interpreter.

    Args:
      limit_bytes: stop after this many bytes of UTF-8; None reads all of it, some 10 MB.
      ascii_only: replace every character but printable ASCII and the line feed by "?"; the
        vocabulary then is those 96 characters, the same for every Python. Otherwise it is the
        characters met, sorted by code point.

    Returns:
      A table of characters, like `read_text`.

    Raises:
      DataError: the library's source is not installed, or `limit_bytes` is below 2.
    """
    root = Path(sysconfig.get_paths()["stdlib"])
    most = None if limit_bytes is None else whole(limit_bytes, "limit_bytes", 2)
    files = _sources(root)
    if not files:
        raise DataError(
            f"{named(root)} holds no Python source: install the standard library's source, or "
            "name a text file of your own"
        )
    vocabulary: tuple[str, ...] = ASCII
    if not ascii_only:
        met: set[str] = set()
        for piece in _pieces(root, files, most, False):
            met.update(piece.text)
        vocabulary = tuple(sorted(met))
    source = f"the standard library of Python {platform.python_version()}"
    return spool_text(_pieces(root, files, most, ascii_only), Codec(vocabulary), source)


def series() -> Table:
    """Reads the numeric series that comes with the package: weekly CO2 at Mauna Loa, as changes.

        x_t = v_t - v_{t-1},   y_t = x_{t+1}

    with v the published values in ppmv. The level rises from year to year and would leave the
    range that was trained on; the changes go up and down with the seasons. Not scaled (see
    `standardise`). Where the values come from is written in `files/series.md`.

    Returns:
      A table of one sequence, x and y float64 `[N, 1]`, y one step ahead.

    Raises:
      DataError: the file is missing from the installation.
    """
    return _series(Path(__file__).parent / "files" / "series.csv")


def _series(path: Path) -> Table:
    table = read_csv(path, features=["value"])
    changes = table.columns["y"][0 : table.steps] - table.columns["x"][0 : table.steps]
    x, y, bounds = next_step(changes, np.array([0, table.steps]), table.source)
    return replace(table, columns={"x": x, "y": y}, bounds=bounds, feature_names=("change",))


def _sources(root: Path) -> list[Path]:
    """Lists the library's own files, in the order of their paths inside it."""
    found = []
    for path in root.rglob("*.py"):
        inside = path.relative_to(root).parts[:-1]
        if not any(part in _SKIPPED or part.startswith("config-") for part in inside):
            found.append(path)
    return sorted(found, key=lambda path: path.relative_to(root).as_posix())


def _pieces(root: Path, files: list[Path], most: int | None, ascii_only: bool) -> Iterator[Piece]:
    left = most
    for path in files:
        try:
            raw = path.read_bytes()
            raw.decode("utf-8")
        except (OSError, UnicodeDecodeError):
            continue
        if left is not None:
            raw = raw[:left]
            left -= len(raw)
        text = raw.decode("utf-8", errors="ignore")  # The limit may fall inside a character.
        if ascii_only:
            text = text.translate(_OTHERS).encode("ascii", "replace").decode("ascii")
        yield Piece(path.relative_to(root).as_posix(), 1, 1, text)
        if left is not None and left <= 0:
            return
