"""Rows in a binary file, of which only the slice being read is in memory."""

from __future__ import annotations

import math
from io import FileIO
from pathlib import Path
from typing import Any

import numpy as np

from tgcarry.data.steady import Mark, mark, opened
from tgcarry.data.wording import PathArg, named
from tgcarry.errors import DataError


class FileColumn:
    """Reads rows out of a binary file, each slice with a read of its own.

    Between reads the file is closed, and no part of it is mapped into memory. Rows are in C
    order, without gaps. Written data is not followed: the file must not change, and a read
    that finds it changed since the column was made is refused.

    Args:
      path: the file.
      dtype: the type in the file. Slices come in the machine's own byte order.
      shape: `(N, ...)`: the number of rows and the shape of one.
      offset: bytes before the first row.
      keep: any object that has to live as long as the column, such as the owner of a
        temporary file.
      seen: the mark that the file had when it was looked into; None takes the one that it has.

    Raises:
      DataError: there is no such file.
    """

    def __init__(
        self,
        path: PathArg,
        dtype: Any,
        shape: tuple[int, ...],
        offset: int = 0,
        keep: object = None,
        seen: Mark | None = None,
    ) -> None:
        self.path = path
        self._absolute = Path(path).absolute()  # The working directory may change.
        self.shape = tuple(int(axis) for axis in shape)
        self.offset = int(offset)
        self._stored = np.dtype(dtype)
        self.dtype = self._stored.newbyteorder("=")
        self._keep = keep
        self._seen = seen or mark(self._absolute)
        self._row = math.prod(self.shape[1:]) * self._stored.itemsize

    def __len__(self) -> int:
        return self.shape[0]

    def __repr__(self) -> str:
        return f"FileColumn({named(self.path)!r}, {self.dtype}, {self.shape})"

    def __getitem__(self, rows: slice, /) -> np.ndarray:
        """Copies rows `a..b - 1` out of the file: an array `[b - a, ...]`.

        Raises:
          TypeError: `rows` is not a slice with step 1.
          DataError: the file was written to, or cannot be read any more.
        """
        if not isinstance(rows, slice) or rows.step not in (None, 1):
            raise TypeError(f"a FileColumn is read as column[a:b], not as column[{rows!r}]")
        start, stop, _ = rows.indices(self.shape[0])
        values = np.empty((max(0, stop - start), *self.shape[1:]), self._stored)
        if not values.nbytes:
            return values.astype(self.dtype)
        with opened(self._absolute, self._seen) as file:
            whole = _fill(file, values, self.offset + start * self._row)
        if not whole:
            raise DataError(
                f"{named(self.path)} ends before row {stop - 1} of {self.shape[0]}: give the "
                "number of rows that it has"
            )
        return values if self._stored.isnative else values.byteswap(inplace=True).view(self.dtype)

    def viewed(self, shape: tuple[int, ...]) -> FileColumn:
        """Returns the same values under another shape, as `reshape` would."""
        return FileColumn(self._absolute, self._stored, shape, self.offset, self._keep, self._seen)


def _fill(file: FileIO, values: np.ndarray, offset: int) -> bool:
    """Fills an array with the bytes from `offset` on; says whether there were enough."""
    left = values.reshape(-1).view(np.uint8).data
    file.seek(offset)
    # One read may bring less than it was asked for, above 2 GiB always.
    while left and (count := file.readinto(left)):
        left = left[count:]
    return not left
