"""Rows in a binary file, of which only the slice being read is in memory."""

import math
from pathlib import Path
from typing import Any

import numpy as np

from tgcarry.data.wording import PathArg, because, named
from tgcarry.errors import DataError


class FileColumn:
    """Reads rows out of a binary file, each slice through a memory map of its own.

    A page of a map counts as the process's memory for as long as the map lives. So no map is
    kept: a slice maps its own window of the file, copies it and drops the map. Rows are in C
    order, without gaps. Written data is not followed: the file must not change.

    Args:
      path: the file.
      dtype: the type in the file. Slices come in the machine's own byte order.
      shape: `(N, ...)`: the number of rows and the shape of one.
      offset: bytes before the first row.
      keep: any object that has to live as long as the column, such as the owner of a
        temporary file.
    """

    def __init__(
        self,
        path: PathArg,
        dtype: Any,
        shape: tuple[int, ...],
        offset: int = 0,
        keep: object = None,
    ) -> None:
        self.path = path
        self._absolute = Path(path).absolute()  # The working directory may change.
        self.shape = tuple(int(axis) for axis in shape)
        self.offset = int(offset)
        self._stored = np.dtype(dtype)
        self.dtype = self._stored.newbyteorder("=")
        self._keep = keep
        self._row = math.prod(self.shape[1:]) * self._stored.itemsize

    def __len__(self) -> int:
        return self.shape[0]

    def __repr__(self) -> str:
        return f"FileColumn({named(self.path)!r}, {self.dtype}, {self.shape})"

    def __getitem__(self, rows: slice, /) -> np.ndarray:
        """Copies rows `a..b - 1` out of the file: an array `[b - a, ...]`.

        Raises:
          TypeError: `rows` is not a slice with step 1.
          DataError: the file has become shorter, or cannot be read any more.
        """
        if not isinstance(rows, slice) or rows.step not in (None, 1):
            raise TypeError(f"a FileColumn is read as column[a:b], not as column[{rows!r}]")
        start, stop, _ = rows.indices(self.shape[0])
        shape = (max(0, stop - start), *self.shape[1:])
        if 0 in shape:
            return np.empty(shape, self.dtype)
        offset = self.offset + start * self._row
        try:
            window = np.memmap(self._absolute, self._stored, "r", offset, shape)
        except (OSError, ValueError) as error:
            raise DataError(
                f"{named(self.path)} cannot be read at rows {start} to {stop - 1} "
                f"({because(error)}): leave the file as it is while it is in use"
            ) from error
        return np.array(window, self.dtype, subok=False)

    def viewed(self, shape: tuple[int, ...]) -> "FileColumn":
        """Returns the same values under another shape, as `reshape` would."""
        return FileColumn(self._absolute, self._stored, shape, self.offset, self._keep)
