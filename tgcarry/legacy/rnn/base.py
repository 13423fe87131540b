"""The base of the cells that make their variables while they are called, as 1.15's did."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.cells import arguments
from tgcarry.cells.base import RNNCell
from tgcarry.cells.lstm import LSTMStateTuple
from tgcarry.errors import CellError


class ScopeCell(RNNCell):
    """Is a cell of H units whose `call` asks `tf.get_variable` for its variables.

    Args:
      num_units: int, H.
      reuse: True takes existing variables, `tf.AUTO_REUSE` takes or makes them.
      output_size: int M, the output's width; H by default.
      pair: whether the state is `LSTMStateTuple(H, M)` and not H.
      **kwargs: `trainable`, `name`, `dtype`.

    Raises:
      CellError, TypeError: a bad argument.
    """

    def __init__(
        self,
        num_units: Any,
        reuse: Any = None,
        output_size: int | None = None,
        pair: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(_reuse=reuse, **kwargs)
        self._num_units = arguments.width("num_units", num_units)
        self._output_size: Any = output_size or self._num_units
        self._state_size: Any = (
            LSTMStateTuple(self._num_units, self._output_size) if pair else self._num_units
        )

    @property
    def state_size(self) -> Any:
        """H, or `LSTMStateTuple(H, M)`, or what the cell says."""
        return self._state_size

    @property
    def output_size(self) -> Any:
        """M."""
        return self._output_size


def static_width(who: str, inputs: Any) -> int:
    """Returns I of inputs `[B, I]`.

    Raises:
      CellError: the inputs have another rank, or I is not known.
    """
    dims = inputs.shape.as_list() if inputs.shape.rank is not None else []
    if len(dims) != 2 or dims[1] is None:
        raise CellError(
            f"{who} takes inputs [batch, width] of a known width, but got the shape "
            f"{inputs.shape}: set it with inputs.set_shape([None, 64])"
        )
    return int(dims[1])


def static_or_dynamic_rows(tensor: Any) -> Any:
    """Returns the batch size of a tensor as an int, or as a scalar if only the run knows it."""
    rows = tensor.shape.as_list()[0]
    return tf.shape(tensor)[0] if rows is None else rows


def columns(tensor: Any, widths: Sequence[int]) -> list[Any]:
    """Cuts `[B, sum of widths]` into tensors `[B, width]`, by slices as 1.15's old cells did."""
    starts = itertools.accumulate(widths, initial=0)
    return [
        tf.slice(tensor, [0, start], [-1, width])
        for start, width in zip(starts, widths, strict=False)
    ]


def clipped(value: Any, limit: Any) -> Any:
    """Returns a value limited to [-limit, limit], or as it is if the limit is None."""
    return value if limit is None else tf.clip_by_value(value, -limit, limit)
