"""Standardising: features and regression targets to mean 0 and deviation 1."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from tgcarry.data.column import Column, blocks
from tgcarry.data.table import Table
from tgcarry.data.wording import shown
from tgcarry.errors import DataError


class Scale(NamedTuple):
    """Holds what `standardise` measured, for the validation data and for undoing it.

    Attributes:
      mean: name of a column -> float64 array of the shape of one row.
      std: likewise; 1 where a column never changes.
    """

    mean: Mapping[str, np.ndarray]
    std: Mapping[str, np.ndarray]

    def undo(self, name: str, values: Any) -> np.ndarray:
        """Takes scaled values of column `name` back to its own units, as float64."""
        if name not in self.mean:
            return np.asarray(values, np.float64)
        return np.asarray(values, np.float64) * self.std[name] + self.mean[name]

    def to_json(self) -> dict[str, dict[str, list[float]]]:
        """Returns the measurements as lists, for a configuration file."""
        return {
            part: {name: np.asarray(value).tolist() for name, value in values.items()}
            for part, values in self._asdict().items()
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Mapping[str, Any]]) -> "Scale":
        """Reads back what `to_json` gave."""
        parts = (values["mean"], values["std"])
        return cls(*({n: np.asarray(v, np.float64) for n, v in p.items()} for p in parts))


def standardise(table: Table, like: Scale | None = None) -> tuple[Table, Scale]:
    """Scales the float columns x and y of a table to mean 0 and deviation 1, per feature.

    Means and deviations are measured in float64 in one streaming pass; the scaled values are
    made when they are read. Integer columns (ids, classes) and other columns (weights) stay
    as they are. Measure on the training part only, and reuse its scale for the rest.

    Args:
      table: the table.
      like: a scale measured before, applied as it is; None measures this table.

    Returns:
      A table like `table` whose float x and y are float32 and scaled, and the scale.

    Raises:
      DataError: a value is NaN or infinite, or `like` was measured on other columns.
    """
    names = [
        name
        for name in ("x", "y")
        if name in table.columns and table.columns[name].dtype.kind == "f"
    ]
    if like is None:
        measured = {name: _measure(table, name) for name in names}
        like = Scale(
            {name: mean for name, (mean, _) in measured.items()},
            {name: std for name, (_, std) in measured.items()},
        )
    columns = dict(table.columns)
    for name in names:
        row = table.columns[name].shape[1:]
        if name not in like.mean or np.shape(like.mean[name]) != row:
            known = {key: list(np.shape(mean)) for key, mean in like.mean.items()}
            raise DataError(
                f"{table.source}: column {shown(name)} has rows of shape {list(row)} but the "
                f"scale was measured on {known}: use the same features as in training"
            )
        columns[name] = _Scaled(columns[name], like.mean[name], like.std[name])
    return replace(table, columns=columns), like


class _Scaled:
    def __init__(self, column: Column, mean: np.ndarray, std: np.ndarray) -> None:
        self._column = column
        self._mean = np.asarray(mean, np.float64)
        self._std = np.asarray(std, np.float64)
        self.shape = column.shape
        self.dtype = np.dtype(np.float32)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice, /) -> np.ndarray:
        values = (self._column[rows].astype(np.float64) - self._mean) / self._std
        return np.asarray(values, np.float32)


def _measure(table: Table, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Merges the blocks' means and squared deviations (Chan, Golub and LeVeque 1979)."""
    column = table.columns[name]
    start, stop = int(table.bounds[0]), int(table.bounds[-1])
    mean = np.zeros(column.shape[1:], np.float64)
    square = np.zeros_like(mean)
    count = 0
    for row, block in blocks(column, start, stop):
        with np.errstate(invalid="ignore"):  # Of a NaN that signals; refused below.
            values = block.astype(np.float64)
        if not np.isfinite(values).all():
            place = np.argwhere(~np.isfinite(values))[0]
            where = "".join(f", column {axis}" for axis in place[1:])
            raise DataError(
                f"{table.source}: {shown(name)} holds {values[tuple(place)]} at row "
                f"{row + place[0]}{where}: fill such values in, or leave those rows out"
            )
        total = count + len(values)
        with np.errstate(over="ignore", invalid="ignore"):  # Refused below.
            ours = values.mean(axis=0)
            shift = ours - mean
            square = square + ((values - ours) ** 2).sum(axis=0)
            square = square + shift**2 * (count * len(values) / total)
            mean = mean + shift * (len(values) / total)
        count = total
    std = np.sqrt(square / count)
    if not np.isfinite(std).all():
        raise DataError(
            f"{table.source}: {shown(name)} holds values so large that their spread overflows: "
            f"rescale them"
        )
    # A constant column's squares are rounding, not spread.
    still = std <= 1e-12 * np.maximum(np.abs(mean), 1e-300)
    return mean, np.where(still, 1.0, std)
