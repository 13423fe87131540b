"""Whole sequences and class labels, found in columns of ids while these stream by."""

import sys
from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np

from tgcarry.data.column import Column, blocks
from tgcarry.data.wording import shown
from tgcarry.errors import DataError

Task = Literal["regression", "classification"]
MAX_CLASSES = 1 << 16


def check_task(task: object) -> None:
    """Refuses a task that is not one of the two.

    Raises:
      DataError: `task` is neither "regression" nor "classification".
    """
    if task not in ("regression", "classification"):
        raise DataError(f'task {shown(task)} is unknown: give "regression" or "classification"')


def count_classes(column: Column, source: str) -> int:
    """Counts the classes of integer targets as the highest one plus 1, reading block by block.

    Args:
      column: `[N]` integers.
      source: what messages call the column.

    Raises:
      DataError: a target is negative, or there would be more than 65536 classes.
    """
    highest = 0
    for row, block in blocks(column, 0, len(column)):
        for place in np.flatnonzero(block < 0)[:1]:
            raise DataError(
                f"{source} holds {block[place]} at row {row + place}: number the classes from 0"
            )
        highest = max(highest, int(block.max(initial=0)))
    if highest >= MAX_CLASSES:
        raise DataError(
            f"{source} goes up to class {highest}, more than {MAX_CLASSES} classes: number them "
            'from 0 without gaps, or choose task="regression"'
        )
    return highest + 1


def bounds_from_ids(column: Column, source: str) -> np.ndarray:
    """Finds where each sequence begins: consecutive rows of one id are one sequence.

    Args:
      column: `[N]` ids.
      source: what messages call the column.

    Returns:
      int64 `[S + 1]`.

    Raises:
      DataError: an id comes back after rows of another, or is text that is none.
    """
    starts: list[int] = []
    seen = set()
    last: object = None
    for row, block in blocks(column, 0, len(column)):
        _check_unicode(block, row, source)
        changes = np.flatnonzero(np.append(True, block[1:] != block[:-1]))
        for place in changes:
            name = block[place].item()
            if name == last and starts:
                continue
            if name in seen:
                raise DataError(
                    f"{source} comes back to {shown(name)} at row {row + place}: keep the rows "
                    "of one sequence together"
                )
            seen.add(name)
            starts.append(row + int(place))
            last = name
    return np.array([*starts, len(column)], np.int64)


def _check_unicode(block: np.ndarray, row: int, source: str) -> None:
    """Refuses numbers beyond the last character, which Python makes no text of."""
    if block.dtype.kind == "U" and block.dtype.itemsize:
        points = np.frombuffer(block.tobytes(), np.uint32).reshape(len(block), -1)
        for place in np.flatnonzero(points.max(axis=1) > sys.maxunicode)[:1]:
            raise DataError(
                f"{source} holds no characters at row {row + place}: write the file again"
            )


class LabelBook:
    """Numbers labels as they are met, and puts them in order once all are known.

    Args:
      classes: the labels in the order of their numbers; None to collect them.
    """

    def __init__(self, classes: Sequence[object] | None = None) -> None:
        self.fixed = classes is not None
        self._numbers: dict[str, int] = {}
        for label in classes or ():
            if str(label) in self._numbers:
                raise DataError(f"classes repeat {shown(label)}: name every class once")
            self._numbers[str(label)] = len(self._numbers)
        if self.fixed and not self._numbers:
            raise DataError('classes is empty: name them, or give classes="auto"')

    def number(self, label: str) -> int | None:
        """Returns a label's number, or None when it is not among the fixed ones or is too many."""
        known = self._numbers.get(label)
        if known is None and not self.fixed and len(self._numbers) < MAX_CLASSES:
            known = self._numbers[label] = len(self._numbers)
        return known

    def ordered(self) -> tuple[tuple[str, ...], np.ndarray]:
        """Sorts the labels, as integers if all are integers, unless they were fixed.

        Returns:
          The labels in their final order, and int32 `[K]`: the final number of each label in
          the order in which they were met.
        """
        labels = list(self._numbers)
        final = labels if self.fixed else _sorted(labels)
        places = {label: place for place, label in enumerate(final)}
        return tuple(final), np.array([places[label] for label in labels], np.int32)


def _sorted(labels: Iterable[str]) -> list[str]:
    every = list(labels)
    try:
        return sorted(every, key=lambda label: (int(label), label))
    except ValueError:
        return sorted(every)
