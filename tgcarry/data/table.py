"""Tables: columns of rows, and where each sequence of rows begins and ends."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from tgcarry.data.column import Column
from tgcarry.data.wording import shown
from tgcarry.errors import DataError


@dataclass(frozen=True, eq=False)
class Table:
    """Holds sequences of steps, one step a row, of which only slices are ever read.

    A table is what a reader returns and what `streams` turns into chunks. Rows outside
    `bounds[0]:bounds[-1]` are not part of it, which is how `hold_out` shares one file.

    Attributes:
      columns: name -> rows `[N, ...]`: "x" are the inputs (`[N, F]`, or `[N]` ids of text) and
        "y" the targets (`[N]`, or `[N, K]` for several).
      bounds: int64 `[S + 1]`: sequence s is rows `bounds[s]:bounds[s + 1]`, never empty.
      feature_names: the columns of x, when they have names.
      target_name: what y is called; None when it is x, one step ahead.
      vocabulary: the characters that the ids of a text stand for.
      classes: the labels that the classes of y stand for.
      num_classes: how many classes y has; None for regression.
      source: where the rows come from, as messages name it.
    """

    columns: Mapping[str, Column]
    bounds: np.ndarray
    feature_names: tuple[str, ...] = ()
    target_name: str | None = None
    vocabulary: tuple[str, ...] | None = None
    classes: tuple[str, ...] | None = None
    num_classes: int | None = None
    source: str = "arrays"

    def __post_init__(self) -> None:
        bounds = np.asarray(self.bounds, np.int64)
        object.__setattr__(self, "bounds", bounds)
        if not self.columns:
            raise DataError(f"{self.source}: a table needs at least one column")
        if bounds.ndim != 1 or len(bounds) < 2 or bounds[0] < 0 or np.any(np.diff(bounds) < 1):
            raise DataError(
                f"{self.source}: bounds {shown(bounds.tolist())} do not rise: give the first row "
                "of each sequence and the row after the last, each sequence one step or longer"
            )
        for name, column in self.columns.items():
            if len(column) < bounds[-1]:
                raise DataError(
                    f"{self.source}: column {shown(name)} has {len(column)} rows but bounds end "
                    f"at {bounds[-1]}: give columns of the same number of rows"
                )

    @property
    def steps(self) -> int:
        """Counts the steps of all the sequences together."""
        return int(self.bounds[-1] - self.bounds[0])

    @property
    def sequences(self) -> int:
        """Counts the sequences, S."""
        return len(self.bounds) - 1


def hold_out(table: Table, fraction: float) -> tuple[Table, Table | None]:
    """Splits a table into a part to train on and a part to validate on, without shuffling.

    One sequence is cut: its tail is held out, and a model that has read the front may carry
    its state on into it. Of several sequences the last whole ones are held out, in the order of
    the file, until they make up at least `fraction` of the steps. Something is always left on
    both sides.

    Args:
      table: the table.
      fraction: how much to hold out, from 0 up to but not including 1.

    Returns:
      The training table and the validation table; the latter is None when `fraction` is 0.

    Raises:
      DataError: `fraction` is out of range, or there is a single step to split.
    """
    if isinstance(fraction, bool) or not isinstance(fraction, int | float | np.number):
        raise DataError(f"fraction {shown(fraction)} is not a number: give 0 up to 1")
    if not 0 <= fraction < 1:
        raise DataError(
            f"cannot hold out a fraction of {fraction}: give 0 (nothing) up to, not including, 1"
        )
    if fraction == 0:
        return table, None
    if table.steps < 2:
        raise DataError(
            f"{table.source} has 1 step and cannot be split: give more data, or hold out 0"
        )
    wanted = max(1, math.ceil(float(fraction) * table.steps - 1e-6))
    bounds = table.bounds
    if table.sequences == 1:
        cut = bounds[-1] - min(wanted, table.steps - 1)
        return (
            replace(table, bounds=np.array([bounds[0], cut])),
            replace(table, bounds=np.array([cut, bounds[-1]])),
        )
    first = int(np.searchsorted(bounds, bounds[-1] - wanted, side="right")) - 1
    first = max(1, min(first, table.sequences - 1))
    return replace(table, bounds=bounds[: first + 1]), replace(table, bounds=bounds[first:])
