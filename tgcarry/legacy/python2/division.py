"""Python 2's `/`: floors between integers, and divides truly otherwise."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np


def divide(left: Any, right: Any) -> Any:
    """Computes `left / right` as Python 2 did.

    Integers and integer arrays floor. What has a `__div__` of its own (a tensor floors if it is
    of an integer dtype; a program's class) is asked.
    """
    if isinstance(left, int) and isinstance(right, int):
        return left // right
    arrays = _is_array(left) + _is_array(right)
    if arrays and arrays + _is_plain(left) + _is_plain(right) == 2:
        return _divide_arrays(left, right)
    for value, method, other in ((left, "__div__", right), (right, "__rdiv__", left)):
        found = getattr(type(value), method, None)
        if found is not None:
            result = found(value, other)
            if result is not NotImplemented:
                return result
    return operator.truediv(left, right)


def divide_in_place(left: Any, right: Any) -> Any:
    """Computes `left /= right` and returns the new `left`."""
    if isinstance(left, np.ndarray):
        whole = left.dtype.kind in "iu" and np.asarray(right).dtype.kind in "biu"
        return operator.ifloordiv(left, right) if whole else operator.itruediv(left, right)
    found = getattr(type(left), "__idiv__", None)
    return found(left, right) if found is not None else divide(left, right)


def divide_attribute(owner: Any, name: str, right: Any) -> None:
    """Does `owner.name /= right`."""
    setattr(owner, name, divide_in_place(getattr(owner, name), right))


def divide_item(owner: Any, index: Any, right: Any) -> None:
    """Does `owner[index] /= right`."""
    owner[index] = divide_in_place(owner[index], right)


def _is_array(value: Any) -> bool:
    return isinstance(value, np.ndarray | np.generic)


def _is_plain(value: Any) -> bool:
    return isinstance(value, int | float | complex | list | tuple)


def _divide_arrays(left: Any, right: Any) -> Any:
    kinds = {np.asarray(value).dtype.kind for value in (left, right)}
    whole = kinds <= {"b", "i", "u"}
    return np.floor_divide(left, right) if whole else np.true_divide(left, right)
