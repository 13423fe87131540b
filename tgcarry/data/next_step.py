"""Targets one step ahead of the inputs."""

import numpy as np

from tgcarry.data.column import Column
from tgcarry.errors import DataError


def next_step(
    column: Column, bounds: np.ndarray, source: str
) -> tuple[Column, Column, np.ndarray]:
    """Makes inputs and targets of one column: x[t] and y[t] = x[t + 1] of the same sequence.

    Each sequence loses its last row, which has no target. Nothing is copied.

    Args:
      column: N rows.
      bounds: int `[S + 1]`, from 0 to N: sequence s is rows `bounds[s]:bounds[s + 1]`.
      source: where the rows come from, for the message.

    Returns:
      x and y, columns of N - S rows, and their bounds, int64 `[S + 1]`.

    Raises:
      DataError: a sequence has a single row.
    """
    for sequence in np.flatnonzero(np.diff(bounds) < 2)[:1]:
        raise DataError(
            f"{source}: sequence {sequence} has one step and so no next step to predict: leave "
            "it out, or name a target"
        )
    shorter = np.asarray(bounds, np.int64) - np.arange(len(bounds))
    return _Ahead(column, shorter, 0), _Ahead(column, shorter, 1), shorter


class _Ahead:
    """Skips one row for each sequence gone by, and reads `ahead` rows later."""

    def __init__(self, column: Column, bounds: np.ndarray, ahead: int) -> None:
        self._column = column
        self._bounds = bounds
        self._ahead = ahead
        self.shape = (int(bounds[-1]), *column.shape[1:])
        self.dtype = column.dtype

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice, /) -> np.ndarray:
        start, stop, _ = rows.indices(self.shape[0])
        sequence = int(np.searchsorted(self._bounds, start, side="right")) - 1
        pieces = []
        while start < stop:
            end = min(stop, int(self._bounds[sequence + 1]))
            skipped = sequence + self._ahead
            pieces.append(self._column[start + skipped : end + skipped])
            start, sequence = end, sequence + 1
        if len(pieces) == 1:
            return pieces[0]
        return np.concatenate(pieces) if pieces else self._column[0:0]
