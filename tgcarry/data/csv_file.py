"""Tables from CSV files, read in one streaming pass."""

from collections.abc import Sequence
from contextlib import closing
from typing import Literal

import numpy as np

from tgcarry.data.column import Column, blocks
from tgcarry.data.csv_rows import CsvRows
from tgcarry.data.labels import LabelBook, Task, check_task
from tgcarry.data.next_step import next_step
from tgcarry.data.spool import Spool
from tgcarry.data.table import Table
from tgcarry.data.wording import PathArg, listed, named, regular_file, shown
from tgcarry.errors import DataError

# What is kept as Python numbers before it is stored, at most: of wide files fewer rows.
_ROWS, _CELLS = 4096, 1 << 18


def read_csv(
    path: PathArg,
    target: str | None = None,
    *,
    features: Sequence[str] | None = None,
    stream: str | None = None,
    classes: Literal["auto"] | Sequence[object] = "auto",
    task: Task = "regression",
    delimiter: str = ",",
) -> Table:
    """Reads a CSV file with a header as a table, setting its rows aside in temporary files.

    Args:
      path: the file, UTF-8.
      target: the column to predict. None: the features one step ahead are the target.
      features: the columns that make x; all but `target` and `stream` when None.
      stream: a column of ids, any text: consecutive rows of one id are one sequence. None: the
        whole file is one sequence.
      classes: the labels of the classes in the order of their numbers, such as the classes of
        the training table; "auto" takes those in the file, in order (as integers if all are).
      task: "regression" reads the target as a number; "classification" reads it as a label,
        any text.
      delimiter: what separates cells.

    Returns:
      A table with x float64 `[N, F]` and y: float64 `[N]`, int32 `[N]` classes, or
      `[N, F]` without a target.

    Raises:
      DataError: names the file, line, column and cell of what cannot be used: a cell that is
        empty or not a finite number, a row of another width, an unknown or repeated column, an
        id that comes back, a label not in `classes`, a file that is empty or not UTF-8.
    """
    check_task(task)
    if task == "classification" and target is None:
        raise DataError(f"{named(path)}: classification needs a target column: name one")
    with closing(CsvRows(regular_file(path), delimiter)) as rows:
        if target is None and features is None:
            _refuse_numbers_as_names(rows)
        book = _book(classes) if task == "classification" else None
        return _Reading(rows, target, features, stream, book).table()


class _Reading:
    """Is one pass over a file."""

    def __init__(
        self,
        rows: CsvRows,
        target: str | None,
        features: Sequence[str] | None,
        stream: str | None,
        book: LabelBook | None,
    ) -> None:
        self.rows = rows
        self.target = target
        self.stream = None if stream is None else rows.place(stream, "stream")
        self.answer = None if target is None else rows.place(target, "target")
        self.places = self._feature_places(features)
        self.book = book
        self.starts: list[int] = []
        self.names: set[str] = set()
        self.last: str | None = None

    def table(self) -> Table:
        source = named(self.rows.path)
        x = Spool(np.float64, (len(self.places),))
        y = Spool(np.float64 if self.book is None else np.int32)
        wanted = list(self.places)
        if self.answer is not None and self.book is None:
            wanted.append(self.answer)
        most = max(1, min(_ROWS, _CELLS // max(1, len(wanted))))
        block: list[list[float]] = []
        labels: list[int] = []
        count = 0
        for row in self.rows:
            self._follow(row, count)
            block.append(self.rows.numbers(row, wanted))
            if self.book is not None and self.answer is not None:
                labels.append(self._label(self.book, row[self.answer]))
            count += 1
            if len(block) == most:
                self._store(x, y, block, labels)
        self._store(x, y, block, labels)
        if not count:
            raise DataError(f"{source} has a header and no rows: add rows below it")
        bounds = np.array([*(self.starts or [0]), count], np.int64)
        return self._finished(x, y, bounds, source)

    def _finished(self, x: Spool, y: Spool, bounds: np.ndarray, source: str) -> Table:
        names = tuple(self.rows.header[place] for place in self.places)
        if self.target is None:
            now, ahead, bounds = next_step(x.column(), bounds, source)
            return Table({"x": now, "y": ahead}, bounds, names, source=source)
        if self.book is None:
            columns: dict[str, Column] = {"x": x.column(), "y": y.column()}
            return Table(columns, bounds, names, self.target, source=source)
        labels, order = self.book.ordered()
        final = Spool(np.int32)
        met = y.column()
        for _, block in blocks(met, 0, len(met)):
            final.append(order[block])
        return Table(
            {"x": x.column(), "y": final.column()},
            bounds,
            names,
            self.target,
            classes=labels,
            num_classes=len(labels),
            source=source,
        )

    def _store(self, x: Spool, y: Spool, block: list[list[float]], labels: list[int]) -> None:
        if block:
            values = np.array(block, np.float64)
            x.append(values[:, : len(self.places)])
            y.append(labels if self.book is not None else values[:, len(self.places) :])
        block.clear()
        labels.clear()

    def _follow(self, row: list[str], count: int) -> None:
        """Notes where a sequence begins."""
        if self.stream is None:
            return
        name = row[self.stream]
        if name == self.last:
            return
        if name in self.names:
            raise DataError(
                f"{self.rows.at(self.stream)} comes back to {shown(name)}: keep the rows of one "
                "sequence together"
            )
        self.names.add(name)
        self.starts.append(count)
        self.last = name

    def _label(self, book: LabelBook, cell: str) -> int:
        label = cell.strip()
        if not label:
            raise DataError(
                f"{self.rows.at(self.answer)} is empty: fill it in, or leave the row out"
            )
        number = book.number(label)
        if number is None:
            reason = (
                f"which is not among the classes {listed(book.ordered()[0])}: correct it"
                if book.fixed
                else 'one label too many: is this task="regression"?'
            )
            raise DataError(f"{self.rows.at(self.answer)} holds {shown(cell)}, {reason}")
        return number

    def _feature_places(self, features: Sequence[str] | None) -> list[int]:
        if isinstance(features, str):
            raise DataError(f"features {shown(features)} is one string: give a list of columns")
        if features is None:
            used = (self.stream, self.answer)
            places = [place for place in range(len(self.rows.header)) if place not in used]
        else:
            places = [self.rows.place(name, "feature") for name in features]
        if not places:
            raise DataError(
                f"{named(self.rows.path)} leaves no feature columns (its columns: "
                f"{listed(self.rows.header)}): name some, or leave the target out to predict the "
                "next step"
            )
        if len(set(places)) < len(places):
            raise DataError(f"features repeat a column ({listed(features or ())}): name each once")
        return places


def _book(classes: Literal["auto"] | Sequence[object]) -> LabelBook:
    if isinstance(classes, str):
        if classes == "auto":
            return LabelBook()
        raise DataError(f'classes {shown(classes)} is one string: give a list, or "auto"')
    return LabelBook(classes)


def _refuse_numbers_as_names(rows: CsvRows) -> None:
    try:
        for name in rows.header:
            float(name)
    except ValueError:
        return
    raise DataError(
        f"{named(rows.path)}, line 1 holds numbers ({listed(rows.header, 4)}) where the names of "
        "the columns belong: add a header line, or name the columns with features"
    )
