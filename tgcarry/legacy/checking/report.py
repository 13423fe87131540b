"""The report of `--check`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tgcarry.legacy.checking.status import DIFFERS, MISSING, SUPPORTED

_TITLES = {
    MISSING: "missing: the program stops there",
    DIFFERS: "differs from TensorFlow 1.15 or its time",
    SUPPORTED: "supported",
}


class Row(NamedTuple):
    """Says how one name fares and where it is used."""

    name: str
    status: str
    detail: str
    places: tuple[str, ...]
    """Of its uses, as "FILE:LINE, LINE", file by file."""


class Report(NamedTuple):
    """Says what a program uses, name by name."""

    path: str
    rows: tuple[Row, ...]
    notes: tuple[str, ...]
    """What would be translated."""

    @property
    def missing(self) -> tuple[Row, ...]:
        """The names that are not there."""
        return self.of(MISSING)

    def of(self, status: str) -> tuple[Row, ...]:
        """Returns the names that fare so."""
        return tuple(row for row in self.rows if row.status == status)

    def text(self) -> str:
        """Returns the report to print."""
        counts = ", ".join(f"{len(self.of(status))} {status}" for status in _TITLES)
        lines = [f"{self.path}: {counts}"]
        if self.notes:
            lines += ["", "translated:", *(f"  {note}" for note in self.notes)]
        for status, title in _TITLES.items():
            rows = self.of(status)
            if rows:
                lines += ["", f"{title}:", *_lines(rows)]
        return "\n".join(lines) + "\n"


def _lines(rows: Sequence[Row]) -> list[str]:
    width = min(max(len(row.name) for row in rows), 60)
    lines = []
    for row in rows:
        lines.append(f"  {row.name:{width}}  {'; '.join(row.places)}")
        if row.detail:
            lines.append(f"      {row.detail}")
    return lines
