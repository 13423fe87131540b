"""Which snapshots may go once a new one is there."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from tgcarry.store import reading
from tgcarry.store.manifest import DamagedError, Snapshot
from tgcarry.store.names import Entry
from tgcarry.store.reading import Stamps


class Pruning:
    """Chooses snapshots that later ones make superfluous.

    Only whole ones count as later: one that is damaged, or cannot be read, never displaces
    another, and goes itself when it is older than all that stay. What was once verified and
    not touched since is not read again, so that a save does not cost a reading of the whole
    store.

    Args:
      folder: the store's.
      keep: how many of the newest whole ones stay.
      mark: a note; the newest whole one that has it stays besides. None for no such one.
    """

    def __init__(self, folder: Path, keep: int, mark: str | None = None) -> None:
        self._folder = folder
        self._keep = keep
        self._mark = mark
        self._verified: dict[Entry, Stamps] = {}

    def trust(self, entry: Entry, stamps: Stamps) -> None:
        """Takes a snapshot that was just written for whole, until it is touched."""
        self._verified[entry] = stamps

    def superseded(self, found: list[Entry], saved: Entry) -> list[Entry]:
        """Returns those that may go.

        Args:
          found: all that there are, newest first.
          saved: the one that was just saved, which stays in any case.
        """
        current, replaced = self._revisions(found)
        older = []
        newest = 0
        for entry in current:
            if newest < self._keep:
                newest += self._is_whole(entry)
            elif entry != saved:
                older.append(entry)
        staying = (self._best(current), self._marked(current))
        going = [*replaced, *(entry for entry in older if entry not in staying)]
        for entry in going:
            self._verified.pop(entry, None)
        return going

    def _revisions(self, found: list[Entry]) -> tuple[list[Entry], list[Entry]]:
        """Sets aside those of which the same step has a newer one that is whole."""
        current, replaced, settled = [], [], set[int]()
        times = Counter(entry.step for entry in found)
        for entry in found:
            if entry.step in settled:
                replaced.append(entry)
                continue
            current.append(entry)
            if times[entry.step] > 1 and self._is_whole(entry):
                settled.add(entry.step)
        return current, replaced

    def _marked(self, among: list[Entry]) -> Entry | None:
        if self._mark is None:
            return None
        for entry in among:
            snapshot = self._manifest(entry)
            if snapshot is not None and snapshot.notes.get(self._mark) and self._is_whole(entry):
                return entry
        return None

    def _best(self, among: list[Entry]) -> Entry | None:
        scores = []
        for entry in among:
            snapshot = self._manifest(entry)
            if snapshot is not None and snapshot.score is not None:
                scores.append((snapshot.score, entry))
        # Sorting is stable and the newest come first: of equals the newest is the best.
        scores.sort(key=lambda pair: pair[0])
        return next((entry for _, entry in scores if self._is_whole(entry)), None)

    def _is_whole(self, entry: Entry) -> bool:
        snapshot = self._manifest(entry)
        if snapshot is None:
            return False
        try:
            stamps = reading.stamps(snapshot)
            if self._verified.get(entry) != stamps:
                reading.verify(snapshot)
                self._verified[entry] = stamps
        except (DamagedError, OSError):
            return False
        return True

    def _manifest(self, entry: Entry) -> Snapshot | None:
        try:
            return reading.read_manifest(self._folder, entry)
        except (DamagedError, OSError):
            return None
