"""A store: snapshots by step in a folder, the newest few and the best of them."""

from __future__ import annotations

import builtins
import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from tgcarry.data.wording import PathArg, because, listed, named, whole
from tgcarry.errors import LogError
from tgcarry.store import disk, reading
from tgcarry.store.manifest import DamagedError, Snapshot, check_notes, finite
from tgcarry.store.names import DOOMED, Entry, entries, leftovers, next_entry
from tgcarry.store.pruning import Pruning
from tgcarry.store.reading import Damage
from tgcarry.store.writing import write_snapshot

_Found = TypeVar("_Found")
_Described = tuple[Entry, Snapshot]
_TRIES = 20


class Store:
    """Saves snapshots, and finds those that are as they were saved.

    A snapshot is there whole or not at all, whenever the process is killed or the machine
    stops: it gets its name only after its files are on disk, and the ones before it go only
    after it has it. Which of them is whole is decided by their checksums. One job may save
    at a time (`tgcarry.locks`); any number may read meanwhile.

    Args:
      folder: where; made when first needed. Nothing in it is touched but snapshots and what
        killed saves have left.
      keep: how many of the newest whole ones to keep. The one with the best score is kept
        besides.
      mark: a note's name: the newest one that was saved with it, and not as false, is kept
        besides, too. None for no such one.

    Attributes:
      damaged: what the last `newest`, `best` or `list` passed by, with reasons.

    Raises:
      DataError: `keep` is not a whole number of at least 1.
    """

    def __init__(self, folder: PathArg, keep: int = 3, mark: str | None = None) -> None:
        self.folder = Path(folder)
        self.damaged: list[Damage] = []
        self._mark = mark
        self._pruning = Pruning(self.folder, whole(keep, "keep", 1), mark)

    def save(
        self,
        step: int,
        write: Callable[[Path], None],
        score: float | None = None,
        notes: Mapping[str, Any] | None = None,
    ) -> Path:
        """Saves a snapshot and returns its folder; it then survives a loss of power.

        Saving a step again replaces it; until the new one is there, the old one is. An
        exception of `write` other than an OSError is passed on, after what it wrote is removed.

        Args:
          step: optimiser steps so far.
          write: puts files, in folders if it likes, into the empty folder that it is given,
            and closes them. Links, pipes and the name manifest.json are refused; empty
            folders are made but not vouched for.
          score: lower is better. One that is not finite is none.
          notes: what JSON can hold.

        Raises:
          DataError: `step` is not a whole number.
          LogError: the snapshot cannot be written; those before it are as they were.
        """
        step = whole(step, "step", 0)
        notes = {} if notes is None else notes
        check_notes(notes)
        try:
            disk.make_folder(self.folder)
            names = disk.names(self.folder)
        except OSError as error:
            raise LogError(
                f"{named(self.folder)}: cannot save a snapshot of step {step}: "
                f"{because(error)}: {disk.remedy(error)}"
            ) from error
        # First, for the room that they take.
        for name in leftovers(names):
            disk.remove(self.folder / name)
        entry = next_entry(step, names)
        stamps = write_snapshot(self.folder, entry, write, finite(score), notes)
        self._pruning.trust(entry, stamps)
        # The snapshot is safe now: what cannot be removed is tried again at the next save.
        with suppress(OSError):
            found = entries(disk.names(self.folder))
            self._remove(self._pruning.superseded(found, entry))
        return self.folder / entry.name

    def newest(self) -> Snapshot | None:
        """Returns the snapshot of the highest step whose files are all as they were saved.

        Raises:
          LogError: the folder or a file cannot be read, for reasons other than damage.
        """
        return self._steadily(lambda: self._first_whole(self._manifests()))

    def best(self) -> Snapshot | None:
        """Returns the one with the lowest score, likewise; the newer of equals."""
        return self._steadily(self._best)

    def marked(self) -> Snapshot | None:
        """Returns the newest whole one with the note that `mark` names, likewise."""

        def look() -> Snapshot | None:
            described = self._manifests()
            return self._first_whole(
                (entry, snapshot)
                for entry, snapshot in described
                if self._mark is not None and snapshot.notes.get(self._mark)
            )

        return self._steadily(look)

    def list(self) -> list[Snapshot]:
        """Returns all with a whole manifest, newest first; their files are not looked at.

        A kill while a step was replaced leaves it twice, until the next save.
        """
        return self._steadily(lambda: [snapshot for _, snapshot in self._manifests()])

    def clean(self) -> None:
        """Removes what killed saves have left; not to be called while another job saves.

        Raises:
          LogError: some of it cannot be removed.
        """
        for name in leftovers(self._names()):
            disk.remove(self.folder / name)
        left = leftovers(self._names())
        if left:
            raise LogError(
                f"{named(self.folder)}: cannot remove {listed(left)}: check who may write there"
            )

    def _first_whole(self, described: Iterable[_Described]) -> Snapshot | None:
        for entry, snapshot in described:
            try:
                reading.verify(snapshot)
            except DamagedError as error:
                self._pass_by(entry, error)
            else:
                return snapshot
        return None

    def _best(self) -> Snapshot | None:
        described = self._manifests()
        # Sorting is stable and the newest come first: of equals the newest is the best.
        ranked = sorted(
            (pair for pair in described if pair[1].score is not None),
            key=lambda pair: pair[1].score or 0.0,
        )
        for entry, snapshot in ranked:
            # A kill may have left a step's earlier save, which a later one replaces.
            found = self._first_whole(pair for pair in described if pair[0].step == entry.step)
            if found is not None and found.path == snapshot.path:
                return found
        return None

    def _manifests(self) -> builtins.list[_Described]:
        found = []
        for entry in entries(self._names()):
            try:
                found.append((entry, reading.read_manifest(self.folder, entry)))
            except DamagedError as error:
                self._pass_by(entry, error)
        return found

    def _pass_by(self, entry: Entry, error: DamagedError) -> None:
        if not os.path.lexists(self.folder / entry.name):
            raise _OutdatedError from error
        damage = Damage(entry.name, str(error))
        if damage not in self.damaged:
            self.damaged.append(damage)

    def _steadily(self, look: Callable[[], _Found]) -> _Found:
        """Looks again when another job removed what it was to look at: newer ones are there."""
        for _ in range(_TRIES):
            self.damaged = []
            with suppress(_OutdatedError):
                return look()
        raise LogError(
            f"{named(self.folder)}: snapshots are removed as fast as they can be read: end the "
            f"job that saves there, or have it keep more"
        )

    def _remove(self, going: Iterable[Entry]) -> None:
        """Removes snapshots, each of which first stops to look like one."""
        doomed = [(entry.name, entry.passing(DOOMED)) for entry in going]
        for name, passing in doomed:
            (self.folder / name).rename(self.folder / passing)
        if doomed:
            disk.sync_folder(self.folder)
        for _, passing in doomed:
            disk.remove(self.folder / passing)

    def _names(self) -> builtins.list[str]:
        try:
            return disk.names(self.folder)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise LogError(
                f"{named(self.folder)}: cannot be read: {because(error)}: check its rights, or "
                f"name another folder"
            ) from error


class _OutdatedError(Exception):
    """A snapshot is no longer where the folder was said to have it."""
