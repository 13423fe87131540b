"""Rows of a CSV file: the header checked once, every row's width checked as it comes."""

import csv
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

from tgcarry.data.utf8 import utf8_lines
from tgcarry.data.wording import because, listed, named, shown
from tgcarry.errors import DataError


class CsvRows:
    """Reads a CSV file once, from the header to the end, one row in memory at a time.

    Blank lines are skipped. Quoted cells may hold delimiters and line breaks.

    Args:
      path: the file, known to be there.
      delimiter: one character.

    Attributes:
      header: the names of the columns, stripped of spaces around them.
      line: the number of the line that the last row ended on, from 1.
    """

    def __init__(self, path: Path, delimiter: str = ",") -> None:
        if not isinstance(delimiter, str) or len(delimiter) != 1 or delimiter in '"\r\n':
            raise DataError(f"delimiter {shown(delimiter)} cannot be used: give one character")
        self.path = path
        self._delimiter = delimiter
        self._lines = utf8_lines(path)
        self._reader = csv.reader(self._lines, delimiter=delimiter, strict=True)
        self._rows = self._checked()
        try:
            self.header = self._names(self._first())
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Closes the file, wherever the reading stands."""
        self._lines.close()

    @property
    def line(self) -> int:
        """Counts the lines read so far."""
        return self._reader.line_num

    def __iter__(self) -> Iterator[list[str]]:
        for row in self._rows:
            if len(row) != len(self.header):
                raise DataError(
                    f"{self.at()} has {len(row)} cells but the header has {len(self.header)}: "
                    "give every row one cell for each column"
                )
            yield row

    def at(self, column: int | None = None) -> str:
        """Names the place reached, and a column of it, for a message."""
        where = f"{named(self.path)}, line {self.line}"
        return where if column is None else f"{where}, column {shown(self.header[column])}"

    def place(self, name: str, role: str) -> int:
        """Returns the number of the column called `name`.

        Raises:
          DataError: there is no such column.
        """
        if name not in self.header:
            hint = ""
            for other, word in ((";", ";"), ("\t", "\\t")):
                if len(self.header) == 1 and other in self.header[0]:
                    hint = f', or set delimiter="{word}"'
            raise DataError(
                f"{named(self.path)} has no {role} column {shown(name)}: choose among "
                f"{listed(self.header)}{hint}"
            )
        return self.header.index(name)

    def numbers(self, row: Sequence[str], places: Sequence[int]) -> list[float]:
        """Reads the cells at `places` as finite numbers.

        Raises:
          DataError: a cell is empty, not a number, or not finite.
        """
        try:
            values = [float(row[place]) for place in places]
        except ValueError:
            values = [math.nan]
        if all(map(math.isfinite, values)) and not any("_" in row[place] for place in places):
            return values
        for place in places:
            self._number(row[place], place)
        return values

    def _number(self, cell: str, place: int) -> None:
        if not cell.strip():
            raise DataError(f"{self.at(place)} is empty: fill it in, or leave the row out")
        try:
            finite = math.isfinite(float(cell)) and "_" not in cell
        except ValueError:
            finite = False
        if not finite:
            raise DataError(
                f"{self.at(place)} holds {shown(cell)}, which is not a finite number: correct "
                "it, or choose the columns to read with features"
            )

    def _checked(self) -> Iterator[list[str]]:
        try:
            for row in self._reader:
                if row:
                    yield row
        except csv.Error as error:
            raise DataError(
                f"{self.at()} is not well-formed CSV ({because(error)}): check its quotes and "
                "line ends"
            ) from error

    def _first(self) -> list[str]:
        first = next(self._rows, None)
        if first is None:
            raise DataError(
                f"{named(self.path)} is empty: give a header line with the names of the columns, "
                "then rows"
            )
        return first

    def _names(self, row: list[str]) -> list[str]:
        names = [name.strip() for name in row]
        met: set[str] = set()
        for place, name in enumerate(names):
            if not name:
                raise DataError(
                    f"{named(self.path)}, line 1 has no name for column {place + 1}: name every "
                    "column in the header"
                )
            if name in met:
                raise DataError(
                    f"{named(self.path)}, line 1 names column {shown(name)} twice: rename one of "
                    "them"
                )
            met.add(name)
        return names
