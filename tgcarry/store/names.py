"""The names of folders in a store: snapshots, those being made and those being removed."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from typing import NamedTuple

SAVING, DOOMED = ".saving", ".doomed"

_SNAPSHOT = re.compile(r"step-([0-9]{10,})(?:-([0-9]+))?")
_PASSING = re.compile(r"\.(?:saving|doomed)-step-[0-9]{10,}(?:-[0-9]+)?-[0-9a-f]{16}")


class Entry(NamedTuple):
    """A snapshot by its name; sorts as snapshots follow one another.

    `revision` counts the saves of the same step: each has a name of its own, because no file
    system that is in use everywhere replaces one folder by another in one go.
    """

    step: int
    revision: int

    @property
    def name(self) -> str:
        """The folder's name; digits enough for a listing by letter to be one by number."""
        revision = f"-{self.revision}" if self.revision else ""
        return f"step-{self.step:010d}{revision}"

    def passing(self, kind: str) -> str:
        """Gives a name that nobody takes for a snapshot, and that nobody else has."""
        return f"{kind}-{self.name}-{os.urandom(8).hex()}"


def entries(names: Iterable[str]) -> list[Entry]:
    """Returns the snapshots among some names, newest first."""
    found = []
    for name in names:
        match = _SNAPSHOT.fullmatch(name)
        if match is not None:
            entry = Entry(int(match[1]), int(match[2] or 0))
            if entry.name == name:
                found.append(entry)
    return sorted(found, reverse=True)


def leftovers(names: Iterable[str]) -> list[str]:
    """Returns the names of what saves or removals that were killed have left."""
    return [name for name in names if _PASSING.fullmatch(name)]


def next_entry(step: int, names: Iterable[str]) -> Entry:
    """Returns the name for a save of `step`, behind every one that the step has had."""
    taken = [entry.revision for entry in entries(names) if entry.step == step]
    return Entry(step, max(taken, default=-1) + 1)
