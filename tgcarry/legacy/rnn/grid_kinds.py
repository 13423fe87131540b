"""The usual grids: one to three dimensions, inputs and outputs at the first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tgcarry.cells.basic import BasicRNNCell
from tgcarry.cells.gru import GRUCell
from tgcarry.cells.lstm import BasicLSTMCell, LSTMCell
from tgcarry.legacy.rnn.grid import GridRNNCell


class _UsualGrid(GridRNNCell):
    """Has its inputs, outputs and priority at dimension 0, which may be non-recurrent."""

    def __init__(
        self,
        num_units: int,
        num_dims: int,
        cell_fn: Callable[[int], Any],
        state_is_tuple: bool,
        output_is_tuple: bool,
        tied: bool = False,
        non_recurrent_fn: Any = None,
    ) -> None:
        super().__init__(
            num_units=num_units,
            num_dims=num_dims,
            input_dims=0,
            output_dims=0,
            priority_dims=0,
            non_recurrent_dims=None if non_recurrent_fn is None else 0,
            tied=tied,
            cell_fn=cell_fn,
            non_recurrent_fn=non_recurrent_fn,
            state_is_tuple=state_is_tuple,
            output_is_tuple=output_is_tuple,
        )


class Grid1BasicRNNCell(_UsualGrid):
    """Is a grid of one dimension of `BasicRNNCell`s; see `GridRNNCell`."""

    def __init__(
        self, num_units: int, state_is_tuple: bool = True, output_is_tuple: bool = True
    ) -> None:
        super().__init__(num_units, 1, BasicRNNCell, state_is_tuple, output_is_tuple)


class Grid2BasicRNNCell(_UsualGrid):
    """Is a grid of two dimensions of `BasicRNNCell`s; see `GridRNNCell`."""

    def __init__(
        self,
        num_units: int,
        tied: bool = False,
        non_recurrent_fn: Any = None,
        state_is_tuple: bool = True,
        output_is_tuple: bool = True,
    ) -> None:
        super().__init__(
            num_units, 2, BasicRNNCell, state_is_tuple, output_is_tuple, tied, non_recurrent_fn
        )


class Grid1BasicLSTMCell(_UsualGrid):
    """Is a grid of one dimension of `BasicLSTMCell`s; see `GridRNNCell`."""

    def __init__(
        self,
        num_units: int,
        forget_bias: float = 1,
        state_is_tuple: bool = True,
        output_is_tuple: bool = True,
    ) -> None:
        super().__init__(
            num_units,
            1,
            lambda units: BasicLSTMCell(units, forget_bias=forget_bias),
            state_is_tuple,
            output_is_tuple,
        )


class Grid2BasicLSTMCell(_UsualGrid):
    """Is a grid of two dimensions of `BasicLSTMCell`s; see `GridRNNCell`."""

    def __init__(
        self,
        num_units: int,
        tied: bool = False,
        non_recurrent_fn: Any = None,
        forget_bias: float = 1,
        state_is_tuple: bool = True,
        output_is_tuple: bool = True,
    ) -> None:
        super().__init__(
            num_units,
            2,
            lambda units: BasicLSTMCell(units, forget_bias=forget_bias),
            state_is_tuple,
            output_is_tuple,
            tied,
            non_recurrent_fn,
        )


class Grid1LSTMCell(_UsualGrid):
    """Is a grid of one dimension of `LSTMCell`s; see `GridRNNCell`."""

    def __init__(
        self,
        num_units: int,
        use_peepholes: bool = False,
        forget_bias: float = 1.0,
        state_is_tuple: bool = True,
        output_is_tuple: bool = True,
    ) -> None:
        cell_fn = _lstm(use_peepholes, forget_bias)
        super().__init__(num_units, 1, cell_fn, state_is_tuple, output_is_tuple)


class Grid2LSTMCell(_UsualGrid):
    """Is a grid of two dimensions of `LSTMCell`s; see `GridRNNCell`."""

    _dims = 2

    def __init__(
        self,
        num_units: int,
        tied: bool = False,
        non_recurrent_fn: Any = None,
        use_peepholes: bool = False,
        forget_bias: float = 1.0,
        state_is_tuple: bool = True,
        output_is_tuple: bool = True,
    ) -> None:
        super().__init__(
            num_units,
            self._dims,
            _lstm(use_peepholes, forget_bias),
            state_is_tuple,
            output_is_tuple,
            tied,
            non_recurrent_fn,
        )


class Grid3LSTMCell(Grid2LSTMCell):
    """Is a grid of three dimensions of `LSTMCell`s; see `GridRNNCell`."""

    _dims = 3


class Grid2GRUCell(_UsualGrid):
    """Is a grid of two dimensions of `GRUCell`s; see `GridRNNCell`."""

    def __init__(
        self,
        num_units: int,
        tied: bool = False,
        non_recurrent_fn: Any = None,
        state_is_tuple: bool = True,
        output_is_tuple: bool = True,
    ) -> None:
        super().__init__(
            num_units, 2, GRUCell, state_is_tuple, output_is_tuple, tied, non_recurrent_fn
        )


def _lstm(use_peepholes: bool, forget_bias: float) -> Callable[[int], Any]:
    return lambda units: LSTMCell(units, forget_bias=forget_bias, use_peepholes=use_peepholes)
