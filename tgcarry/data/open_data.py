"""Opening a file with the reader that its name asks for."""

import inspect
from collections.abc import Callable, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from tgcarry.data.csv_file import read_csv
from tgcarry.data.npy_file import read_npy
from tgcarry.data.table import Table
from tgcarry.data.text_file import read_text
from tgcarry.data.tfrecord_file import read_tfrecord
from tgcarry.data.wording import PathArg, listed, named, shown
from tgcarry.errors import DataError

_READERS: dict[str, Callable[..., Table]] = {
    "npy": read_npy,
    "csv": read_csv,
    "text": read_text,
    "tfrecord": read_tfrecord,
}
_TEXT = ".txt .text .md .rst .py .c .h .cc .cpp .hpp .java .js .ts .go .rs .html .xml .tex .log"
_FORMATS = {
    ".npy": "npy",
    ".npz": "npy",
    ".csv": "csv",
    ".tsv": "csv",
    ".tfrecord": "tfrecord",
    ".tfrecords": "tfrecord",
    **dict.fromkeys(_TEXT.split(), "text"),
}


def open_table(
    path: PathArg | Sequence[PathArg],
    *,
    format: str | None = None,
    **options: Any,
) -> Table:
    """Opens a file as a table, by the end of its name: .npy, .npz, .csv, .tfrecord or text.

    Args:
      path: the file; several only for text.
      format: "npy", "csv", "text" or "tfrecord", whatever the name says; None goes by the name.
      **options: what the reader takes (`read_npy`, `read_csv`, `read_text`, `read_tfrecord`).

    Raises:
      DataError: the end of the name says nothing, the reader has no such option, or the file
        cannot be read.
    """
    several = not isinstance(path, str | PathLike)
    if format is None:
        format = "text" if several else format_of(path)
    if format not in _READERS:
        raise DataError(f"format {shown(format)} is unknown: choose among {listed(_READERS)}")
    if several and format != "text":
        raise DataError(f"format {format} reads one file, not several: open them one by one")
    if format == "csv" and not several and Path(str(path)).suffix.lower() == ".tsv":
        options.setdefault("delimiter", "\t")
    reader = _READERS[format]
    known = list(inspect.signature(reader).parameters)[1:]
    for name, value in options.items():
        if name not in known:
            raise DataError(
                f"{reader.__name__} has no option {shown(name)} (value "
                f"{shown(value)}): choose among {listed(known)}"
            )
    return reader(path, **options)


def format_of(path: Any) -> str:
    """Tells the format of a file by the end of its name: "npy", "csv", "text" or "tfrecord".

    Raises:
      DataError: the end of the name says nothing.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in _FORMATS:
        raise DataError(
            f"{named(path)}: the ending {shown(suffix)} says nothing of the format: known are "
            f"{listed(_FORMATS, 30)}; to insist, give format= one of {listed(_READERS)}"
        )
    return _FORMATS[suffix]
