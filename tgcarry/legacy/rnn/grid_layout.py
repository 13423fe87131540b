"""Which dimensions of a grid take inputs, give outputs, come first, and recur."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from tgcarry.errors import CellError


class GridLayout(NamedTuple):
    """Holds the layout of a grid of `num_dims` dimensions, as sorted lists of their numbers."""

    num_dims: int
    inputs: list[int]
    outputs: list[int]
    priority: list[int]
    non_priority: list[int]
    recurrents: list[int]
    non_recurrent_fn: Callable[[Any], Any]
    """What the dimensions that do not recur apply."""


def grid_layout(
    num_dims: int,
    input_dims: Any,
    output_dims: Any,
    priority_dims: Any,
    non_recurrent_dims: Any,
    non_recurrent_fn: Callable[[Any], Any],
) -> GridLayout:
    """Reads the arguments of a grid cell, each an int, a list of ints or None.

    Raises:
      CellError: no dimensions, or one that the grid does not have.
    """
    if num_dims < 1:
        raise CellError(f"num_dims={num_dims!r} is below 1: pass the number of dimensions")

    def listed(what: str, dims: Any) -> list[int]:
        given = sorted(
            set([] if dims is None else dims if isinstance(dims, list | tuple) else [dims])
        )
        if any(not 0 <= dim < num_dims for dim in given):
            raise CellError(f"{what}={dims!r}, but the grid's dimensions are 0 to {num_dims - 1}")
        return given

    priority = listed("priority_dims", priority_dims)
    fixed = listed("non_recurrent_dims", non_recurrent_dims)
    return GridLayout(
        num_dims=num_dims,
        inputs=listed("input_dims", input_dims),
        outputs=listed("output_dims", output_dims),
        priority=priority,
        non_priority=[dim for dim in range(num_dims) if dim not in priority],
        recurrents=[dim for dim in range(num_dims) if dim not in fixed],
        non_recurrent_fn=non_recurrent_fn,
    )
