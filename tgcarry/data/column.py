"""Columns: rows that are read by slices, wherever they are kept."""

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np

BLOCK_BYTES = 1 << 20


class Column(Protocol):
    """Is what a `Table` holds: N rows, read as `column[a:b]`. NumPy arrays are columns."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Gives `(N, ...)`."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Gives the type of the values that a slice holds."""

    def __len__(self) -> int: ...

    def __getitem__(self, rows: slice, /) -> np.ndarray: ...


def blocks(column: Column, start: int, stop: int) -> Iterator[tuple[int, np.ndarray]]:
    """Reads rows `start..stop - 1` in order, about a megabyte at a time.

    Args:
      column: the rows.
      start: the first row.
      stop: the row after the last.

    Yields:
      The number of a block's first row, and the block.
    """
    width = int(np.prod(column.shape[1:], dtype=np.int64)) * column.dtype.itemsize
    rows = max(1, BLOCK_BYTES // max(1, width))
    for row in range(start, stop, rows):
        yield row, column[row : min(row + rows, stop)]
