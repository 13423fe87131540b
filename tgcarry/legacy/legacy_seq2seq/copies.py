"""Copies of cells that have no variables yet, whatever the original has."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from tgcarry.cells.variables import ScopedVariables

# What a cell learns at its first call, and what it held before.
_AT_FIRST: dict[str, Any] = {
    "built": False,
    "_around": None,
    "_built_in": None,
    "_input_width": None,
    "_scope": None,
}


def unbuilt_copy(cell: Any) -> Any:
    """Copies a cell, and the cells in it, so that the copy makes variables of its own.

    A plain deep copy of a cell that was called before shares the original's variables: the
    encoder of a second bucket would run with the decoder's weights.
    """
    copied = copy.deepcopy(cell)
    for part in cells_in(copied):
        if part.built:
            _forget(part)
    return copied


def _forget(cell: ScopedVariables) -> None:
    for name, value in _AT_FIRST.items():
        if name in vars(cell):
            setattr(cell, name, value)
    cell._trainable_weights, cell._non_trainable_weights = [], []


def cells_in(cell: Any) -> Iterator[ScopedVariables]:
    """Yields a cell and the cells it is made of, each once."""
    waiting, seen = [cell], set()
    while waiting:
        part = waiting.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        if isinstance(part, list | tuple):
            waiting.extend(part)
        elif isinstance(part, dict):
            waiting.extend(part.values())
        elif isinstance(part, ScopedVariables):
            yield part
            waiting.extend(vars(part).values())
