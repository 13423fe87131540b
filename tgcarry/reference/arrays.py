"""Reads the arrays and numbers that the reference's functions are given, or says what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tgcarry.errors import CellError

Shape = tuple["int | None", ...]
"""Sizes by axis; None leaves an axis free."""


def shown(value: Any) -> str:
    """Returns a value as an error shows it: on one line, and cut."""
    return " ".join(repr(value).split())[:60]


def floats(what: str, value: Any, shape: Shape, why: str = "") -> np.ndarray:
    """Returns a value as a float64 array of a given shape.

    Args:
      what: what to call it in an error, e.g. `"gru_step(x=)"`.
      value: an array, or nested lists of numbers.
      shape: what its shape has to be.
      why: where that shape comes from, for the error.

    Returns:
      The array, a copy only where the dtype differs.

    Raises:
      CellError: it holds no real numbers, or has another shape.
    """
    try:
        array = np.asarray(value)
    except Exception as error:
        # NumPy's errors for ragged lists, and TensorFlow's for tensors of a graph.
        raise CellError(f"{what}: {shown(value)} is not an array of numbers") from error
    if array.dtype.kind not in "iuf":
        raise CellError(
            f"{what}: dtype {array.dtype} where real numbers are needed: pass a NumPy array of "
            f"floats"
        )
    if array.ndim != len(shape) or any(
        n is not None and n != m for n, m in zip(shape, array.shape, strict=True)
    ):
        wanted = ", ".join("any" if n is None else str(n) for n in shape)
        raise CellError(
            f"{what}: shape {list(array.shape)} where [{wanted}] is needed{why and ' for '}{why}"
        )
    return array.astype(np.float64, copy=False)


def floats_or_zeros(what: str, value: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Returns `floats`, or zeros for None: a gradient that is not there."""
    return np.zeros(shape) if value is None else floats(what, value, shape, "the forward pass")


def pair(what: str, value: Any) -> tuple[Any, Any]:
    """Returns the two leaves of an LSTM's state.

    Raises:
      CellError: it is not a pair.
    """
    if not isinstance(value, tuple | list) or len(value) != 2:
        shape = getattr(value, "shape", None)
        given = shown(value) if shape is None else f"an array of shape {list(shape)}"
        raise CellError(
            f"{what}: {given} is not a pair (c, h): split a [c, h] array by columns first"
        )
    return value[0], value[1]


def params_like(
    what: str, params: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]], why: str
) -> dict[str, np.ndarray]:
    """Returns a cell's params as float64 arrays.

    Args:
      what: the function that was called.
      params: arrays under TensorFlow 1's variable names.
      shapes: the names that there have to be, with their shapes.
      why: where the shapes come from, for errors.

    Returns:
      The arrays in the order of `shapes`.

    Raises:
      CellError: a name is missing or unknown, or an array has another shape.
    """
    if not isinstance(params, Mapping):
        raise CellError(f"{what}(params=): {shown(params)} is not a dict of arrays")
    if set(params) != set(shapes):
        raise CellError(
            f"{what}(params=): the names are {', '.join(map(str, params)) or 'none'}, and have "
            f"to be {', '.join(shapes)}"
        )
    return {
        name: floats(f"{what}(params[{name!r}])", params[name], shape, why)
        for name, shape in shapes.items()
    }


def number(what: str, value: Any, least: float = -np.inf) -> float:
    """Returns a finite number that is not below `least`.

    Raises:
      CellError: it is anything else.
    """
    if isinstance(value, bool | np.bool_) or not isinstance(
        value, int | float | np.integer | np.floating
    ):
        raise CellError(f"{what}={shown(value)} is not a number")
    if not np.isfinite(value) or value < least:
        bound = "" if least == -np.inf else f" of {least:g} or more"
        raise CellError(f"{what}={value!r} is not a finite number{bound}")
    return float(value)


def saved_by(what: str, saved: Any, kind: type) -> None:
    """Checks that a backward step was given what its own forward step saved.

    Raises:
      CellError: it was not.
    """
    if not isinstance(saved, kind):
        raise CellError(
            f"{what}_backward(saved=): {type(saved).__name__} is not what {what} returned third"
        )
