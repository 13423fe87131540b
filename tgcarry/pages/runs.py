"""Runs as the page shows them: names, looks and series of points."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tgcarry import attempts, logs, status
from tgcarry.folder import Contents, number
from tgcarry.plots import smooth

Points = list[tuple[float, float]]

# Told apart by readers who do not see colours, too: dashes go round before colours come again.
_COLOURS = ("#0055a4", "#c44e00", "#008060", "#8a3ab9", "#7a7a7a", "#b8860b", "#c2185b")
_DASHES = ("none", "7 3", "2 3", "9 3 2 3")


class Run(NamedTuple):
    """Is one run on the page."""

    name: str
    contents: Contents
    colour: str
    dash: str
    """Of SVG's `stroke-dasharray`."""
    running: bool = False
    """Whether a process works on it."""

    @property
    def finished(self) -> bool:
        """Says whether the run has left its summary."""
        return self.contents.summary is not None

    def attempts(self) -> str | None:
        """Says how often the run was started and interrupted; None if the folder does not."""
        found = attempts.summed_up(self.contents.attempts)
        if found is None:
            return None
        return attempts.rows(attempts.settled(found, self.running))[0][1]

    def bad_numbers(self) -> list[dict[str, Any]]:
        """Lists the events in which a loss or gradient was not finite."""
        return [entry for entry in self.contents.entries if entry.get("kind") == "bad"]

    def summed_up(self, key: str) -> float | None:
        """Returns a number of the summary."""
        return number(self.contents.summary or {}, key)

    def last(self, kind: str, key: str) -> float | None:
        """Returns the last number of that name in the lines of one kind."""
        known = self._known(kind, key)
        return known[-1] if known else None

    def best(self) -> float | None:
        """Returns the least validation loss."""
        return min(self._known("validation", "loss"), default=None)

    def points(self, kind: str, x: str, y: str) -> Points:
        """Pairs two figures of each line of one kind; lines without either are left out."""
        pairs = zip(self.contents.figures(kind, x), self.contents.figures(kind, y), strict=True)
        return [(a, b) for a, b in pairs if a is not None and b is not None]

    def speed(self) -> Points:
        """Gives the chunks read per second of each step over the seconds of training so far."""
        chunks = [0.0, *self.contents.figures("train", "chunks")]
        seconds, passed, found = self.contents.figures("train", "seconds"), 0.0, []
        for before, after, spent in zip(chunks, chunks[1:], seconds, strict=False):
            if spent is None or spent <= 0:
                continue
            passed += spent
            if before is not None and after is not None and after > before:
                found.append((passed, (after - before) / spent))
        return smoothed([(x, y) for x, y in found if math.isfinite(x) and math.isfinite(y)])

    def carry_norms(self) -> Points:
        """Gives the norm of one chunk's carried gradient over the boundaries that it crossed."""
        norms = (self.contents.summary or {}).get("carry_norms")
        values = [number({"": norm}, "") for norm in norms] if isinstance(norms, list) else []
        return [(float(k), value) for k, value in enumerate(values) if value is not None]

    def milliseconds_per_step(self) -> float | None:
        """Returns the summary's median time of a step, or that of the lines so far."""
        known = self.summed_up("milliseconds_per_step")
        seconds = self._known("train", "seconds")
        return 1e3 * statistics.median(seconds) if known is None and seconds else known

    def perplexity(self) -> float | None:
        """Returns `exp(validation loss)` of a run that chooses among classes or characters."""
        loss = self.last("validation", "loss")
        if loss is None or self.last("validation", "accuracy") is None:
            return None
        return math.exp(loss) if loss < 700 else None

    def _known(self, kind: str, key: str) -> list[float]:
        return [value for value in self.contents.figures(kind, key) if value is not None]


def read_runs(folders: Iterable[Path]) -> list[Run]:
    """Reads log folders of runs, finished or not.

    Raises:
      LogError: a folder holds no run, or a file of it is damaged.
    """
    return [_read(folder, place) for place, folder in enumerate(folders)]


def _read(folder: Path, place: int) -> Run:
    contents = logs.read_run(folder)
    running = status.judge(contents, time.time()).state == status.RUNNING
    colour, dash = _COLOURS[place % len(_COLOURS)], _DASHES[place % len(_DASHES)]
    return Run(str(folder), contents, colour, dash, running)


def smoothed(points: Sequence[tuple[float, float]]) -> Points:
    """Averages the values of points as `tgcarry.plots.smooth` does."""
    values = smooth([y for _, y in points])
    return [(x, y) for (x, _), y in zip(points, values, strict=True)]
