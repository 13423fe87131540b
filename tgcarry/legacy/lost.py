"""Attributes that today's packages have lost, found where they went."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np


def _child_list(element: Any) -> list[Any]:
    return list(element)


# Attribute to what stands in for it on an object that has lost it; never asked otherwise.
LOST: dict[str, Callable[[Any], Any]] = {
    "tostring": lambda value: value.tobytes,
    "fromstring": lambda value: value.frombytes,
    "itemset": lambda value: functools.partial(_set_item, value),
    "ptp": lambda value: functools.partial(np.ptp, value),
    "newbyteorder": lambda value: functools.partial(_new_byte_order, value),
    "isAlive": lambda value: value.is_alive,
    "getchildren": lambda value: functools.partial(_child_list, value),
    "getiterator": lambda value: value.iter,
    "as_matrix": lambda value: functools.partial(_as_matrix, value),
    "next": lambda value: value.__next__,
    "ix": lambda value: value.loc,
    "iteritems": lambda value: value.items,
    "get_value": lambda value: functools.partial(_get_value, value),
}


def attribute(value: Any, name: str) -> Any:
    """Returns `value.name`, or what took its place.

    Raises:
      AttributeError: there is neither.
    """
    try:
        return getattr(value, name)
    except AttributeError as error:
        try:
            return LOST[name](value)
        except AttributeError:
            raise error from None


def _set_item(array: Any, *arguments: Any) -> None:
    *index, item = arguments
    if len(index) == 1 and not isinstance(index[0], tuple):
        array.flat[index[0]] = item
    else:
        array[tuple(index[0]) if len(index) == 1 else tuple(index)] = item


def _new_byte_order(array: Any, order: str = "S") -> Any:
    return array.view(array.dtype.newbyteorder(order))


def _as_matrix(frame: Any, columns: Any = None) -> Any:
    return (frame if columns is None else frame[columns]).to_numpy()


def _get_value(frame: Any, index: Any, column: Any) -> Any:
    return frame.at[index, column]
