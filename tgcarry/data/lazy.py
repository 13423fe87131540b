"""Sequences whose items are made when they are asked for."""

import operator
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, TypeVar, overload

T = TypeVar("T")


class LazySequence(Sequence[T]):
    """Gives random access to items that are computed one at a time and never kept.

    A subclass writes `__len__` and `item(position)`; integers (negative ones too) and slices
    are seen to here. A slice is itself lazy: it holds positions, not items.
    """

    @abstractmethod
    def item(self, position: int) -> T:
        """Makes the item at `position`, which is in `0..len(self) - 1`."""

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> "LazySequence[T]": ...
    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return _Part(self, range(len(self))[index])
        position = operator.index(index)
        if not -len(self) <= position < len(self):
            raise IndexError(f"item {position} of a sequence of {len(self)}")
        return self.item(position % len(self))

    def __repr__(self) -> str:
        return f"<{type(self).__name__.lstrip('_')} of {len(self)}>"


class _Part(LazySequence[T]):
    """Is a slice of another sequence."""

    def __init__(self, whole: Sequence[T], positions: range) -> None:
        self._whole = whole
        self._positions = positions

    def __len__(self) -> int:
        return len(self._positions)

    def item(self, position: int) -> T:
        """Fetches the item from the sequence that was sliced."""
        return self._whole[self._positions[position]]
