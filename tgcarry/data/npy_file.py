"""Tables from .npy and .npz files, of which only the slices being read are in memory."""

from typing import Literal

import numpy as np

from tgcarry.data.column import Column
from tgcarry.data.file_column import FileColumn
from tgcarry.data.labels import bounds_from_ids, check_task, count_classes
from tgcarry.data.next_step import next_step
from tgcarry.data.npy_layout import Stored, open_npy, open_npz
from tgcarry.data.table import Table
from tgcarry.data.wording import PathArg, listed, named, regular_file
from tgcarry.errors import DataError

_KEYS = ("x", "y", "stream", "bounds")


def read_npy(
    path_x: PathArg,
    path_y: PathArg | None = None,
    task: Literal["auto", "regression", "classification"] = "auto",
) -> Table:
    """Opens NumPy files as a table, without reading them whole or unpickling anything.

    N are the steps, S the sequences, T the steps of each, F the features.

    Args:
      path_x: an .npy file of x; or an .npz archive with x and, if wanted, y, and either
        `stream` (`[N]` ids; consecutive rows of one id are a sequence) or `bounds` (`[S + 1]`
        ints: sequence s is rows `bounds[s]:bounds[s + 1]`). x is `[N]` or `[N, F]`, one sequence
        unless the archive says otherwise, or `[S, T, F]`. A compressed archive is decompressed
        into temporary files.
      path_y: an .npy file of y, `[N]` or `[S, T]`, or with one more axis for several
        regression targets. None: x one step ahead is the target.
      task: "auto" takes integers in y as classes 0..K-1 and floats as regression.

    Returns:
      A table with x `[N, F]` and y.

    Raises:
      DataError: a file is missing, cut short or not of this format; an array holds objects,
        is in Fortran order, or has the wrong rank, type or number of rows.
    """
    if task != "auto":
        check_task(task)
    arrays = _arrays(path_x, path_y)
    x, y = arrays["x"], arrays.get("y")
    shape = x.column.shape
    if not 1 <= len(shape) <= 3 or 0 in shape or x.column.dtype.kind not in "fiub":
        raise DataError(
            f"{x.source} is {x.column.dtype} of shape {list(shape)}: x has to be numbers, "
            "[steps], [steps, features] or [sequences, steps, features], and not empty"
        )
    viewed = x.column.viewed((_rows(shape), shape[-1] if len(shape) > 1 else 1))
    inputs = viewed if viewed.dtype.kind == "f" else _Floats(viewed)
    bounds = _bounds(arrays, shape)
    source = named(path_x)
    if y is None:
        if task == "classification":
            raise DataError(f"{source} has no y: classification needs the classes as y")
        now, ahead, bounds = next_step(inputs, bounds, source)
        return Table({"x": now, "y": ahead}, bounds, source=source)
    targets, classes = _targets(y, x, task)
    return Table(
        {"x": inputs, "y": targets}, bounds, target_name="y", num_classes=classes, source=source
    )


def _arrays(path_x: PathArg, path_y: PathArg | None) -> dict[str, Stored]:
    where = regular_file(path_x)
    if where.suffix.lower() != ".npz":
        found = {"x": open_npy(where)}
        if path_y is not None:
            found["y"] = open_npy(regular_file(path_y))
        return found
    if path_y is not None:
        raise DataError(
            f"{named(path_x)} is an archive and y comes from it, not from {named(path_y)}: put "
            "y into the archive, or give two .npy files"
        )
    found = open_npz(where)
    if "x" not in found:
        raise DataError(
            f"{named(where)} has no array x, only: {listed(found)}: write it with "
            "np.savez(path, x=..., y=...)"
        )
    unknown = [key for key in found if key not in _KEYS]
    if unknown:
        raise DataError(
            f"{named(where)} holds {listed(unknown)} besides {listed(_KEYS)}: leave out or "
            "rename what is not one of these"
        )
    return found


def _rows(shape: tuple[int, ...]) -> int:
    return shape[0] * shape[1] if len(shape) == 3 else shape[0]


def _bounds(arrays: dict[str, Stored], shape: tuple[int, ...]) -> np.ndarray:
    given = [key for key in ("stream", "bounds") if key in arrays]
    rows = _rows(shape)
    if not given:
        each = shape[1] if len(shape) == 3 else rows
        return np.arange(0, rows + 1, each)
    column, source = arrays[given[0]]
    if len(given) > 1 or len(shape) == 3:
        raise DataError(
            f"{source} says where sequences begin and so does "
            f"{'bounds' if len(given) > 1 else 'the shape of x'}: leave one of them out"
        )
    if given == ["stream"]:
        if column.shape != (rows,) or column.dtype.kind not in "iubUS":
            raise DataError(
                f"{source} is {column.dtype} of shape {list(column.shape)}: give {rows} ids, "
                "one for each row of x"
            )
        return bounds_from_ids(column, source)
    if column.dtype.kind not in "iu" or len(column.shape) != 1 or len(column) < 2:
        raise DataError(
            f"{source} is {column.dtype} of shape {list(column.shape)}: give the first row of "
            "each sequence and the number of rows, as ints"
        )
    bounds = column[0 : len(column)].astype(np.int64)
    if bounds[0] != 0 or bounds[-1] != rows or np.any(np.diff(bounds) < 1):
        raise DataError(
            f"{source} runs from {bounds[0]} to {bounds[-1]} over {rows} rows: let it rise "
            f"from 0 to {rows}"
        )
    return bounds


def _targets(y: Stored, x: Stored, task: str) -> tuple[Column, int | None]:
    lead = x.column.shape[: 2 if len(x.column.shape) == 3 else 1]
    shape = y.column.shape
    kind = y.column.dtype.kind
    if shape[: len(lead)] != lead:
        raise DataError(
            f"{y.source} has shape {list(shape)} but {x.source} has {list(lead)} rows: give one "
            "target for each step of x"
        )
    integers = kind in "iub"
    if kind not in "fiub" or (task == "classification" and not integers):
        raise DataError(
            f"{y.source} holds {y.column.dtype}: give ints for classes, floats for regression"
        )
    classes = integers and task != "regression"
    several = shape[len(lead) :]
    if len(several) > (0 if classes else 1) or 0 in several:
        raise DataError(
            f"{y.source} has shape {list(shape)}: give {list(lead)}"
            + ("" if classes else ", with at most one more axis for several targets")
        )
    column = y.column.viewed((_rows(x.column.shape), *several))
    if classes:
        return column, count_classes(column, y.source)
    return (_Floats(column), None) if integers else (column, None)


class _Floats:
    """Reads integers as float64."""

    def __init__(self, column: FileColumn) -> None:
        self._column = column
        self.shape = column.shape
        self.dtype = np.dtype(np.float64)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice, /) -> np.ndarray:
        return self._column[rows].astype(np.float64)
