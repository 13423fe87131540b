"""The runs of a grid as a table: as text, as JSON, and as CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

from tgcarry.console import table
from tgcarry.grid_runs import Row


def to_text(rows: Sequence[Row], settings: Sequence[str]) -> str:
    """Writes a table, and a line below it for each run that has something to say.

    A column that is empty for every run is left out.

    Args:
      rows: in the order in which to show them.
      settings: those to show.
    """
    figures = _figures(rows)
    header = ["run", *settings, "state", "step", *figures]
    header += ["best loss", "seconds", "peak MiB"]
    cells = [_cells(row, settings, figures) for row in rows]
    kept = [i for i in range(len(header)) if any(line[i] for line in cells)]
    text = table([header[i] for i in kept], [[line[i] for i in kept] for line in cells])
    notes = [f"{row.name}: {row.state}: {row.message}" for row in rows if row.message]
    return "\n".join([text, *([""] if notes else []), *notes])


def to_json(rows: Sequence[Row]) -> str:
    """Writes a list of objects."""
    return (
        json.dumps(
            [{**row._asdict(), "validation": dict(row.validation)} for row in rows], indent=2
        )
        + "\n"
    )


def to_csv(rows: Sequence[Row], settings: Sequence[str]) -> str:
    """Writes a line per run below a header; what is not known is empty. Else as `to_text`."""
    figures = _figures(rows)
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    plain = ["best_validation_loss", "seconds", "peak_memory_mib", "attempts", "message"]
    held = [f"validation_{name}" for name in figures]
    writer.writerow(["name", *settings, "state", "step", *held, *plain])
    for row in rows:
        values: dict[str, Any] = row._asdict()
        writer.writerow(
            [
                row.name,
                *(row.settings.get(name) for name in settings),
                *(row.state, row.step),
                *(row.validation.get(name) for name in figures),
                *(values[name] for name in plain),
            ]
        )
    return file.getvalue()


def _figures(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row.validation))


def _cells(row: Row, settings: Sequence[str], figures: Sequence[str]) -> list[str]:
    def amount(value: float | None, form: str) -> str:
        return "" if value is None else format(value, form)

    return [
        row.name,
        *(row.settings.get(name, "") for name in settings),
        *(row.state, amount(row.step, "d")),
        *(amount(row.validation.get(name), ".4g") for name in figures),
        amount(row.best_validation_loss, ".4g"),
        amount(row.seconds, ".1f"),
        amount(row.peak_memory_mib, ".0f"),
    ]
