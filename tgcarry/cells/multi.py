"""Cells on top of one another: each reads the output of the one below."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.cells.base import RNNCell
from tgcarry.errors import CellError


def check_like_cell(what: str, cell: Any) -> None:
    """Refuses anything that does not behave like a cell, whatever its class.

    Raises:
      TypeError: it lacks `state_size`, `output_size` or a way to make a state, or it cannot
        be called.
    """
    missing = [attr for attr in ("output_size", "state_size") if not hasattr(cell, attr)]
    if not (hasattr(cell, "zero_state") or hasattr(cell, "get_initial_state")):
        missing.append("zero_state")
    if not callable(cell):
        missing.append("__call__")
    if missing or isinstance(cell, type):
        lacks = ", ".join(missing) or "an instance (it is a class)"
        raise TypeError(f"{what} is {cell!r}, which lacks {lacks}: pass a cell, e.g. GRUCell(64)")


class MultiRNNCell(RNNCell):
    """Runs one step of several cells, each fed by the one below.

        x_0 = inputs,  (x_{k+1}, s'_k) = cell_k(x_k, s_k),  output = x_n

    The variables of cell k are under `multi_rnn_cell/cell_k/`. The same cell object given
    twice shares its variables, which then lie under the first place it has.

    Args:
      cells: list or tuple of cells, the lowest first.
      state_is_tuple: True for a state `(s_0, ..., s_{n-1})`; False for one tensor with the
        layers' states side by side, `[B, sum of H]`, if each is a single tensor.

    Raises:
      CellError: no cells, or tuple states with `state_is_tuple=False`.
      TypeError: `cells` is not a list or tuple, or one of them is not a cell.

    Source: TensorFlow 1.15 `tf.nn.rnn_cell.MultiRNNCell`. Not included: `get_config`.
    """

    def __init__(self, cells: Sequence[Any], state_is_tuple: bool = True) -> None:
        super().__init__()
        if not isinstance(cells, list | tuple):
            raise TypeError(f"cells={cells!r} is not a list: pass e.g. [GRUCell(64), GRUCell(32)]")
        if not cells:
            raise CellError(f"cells={cells!r} is empty: pass at least one cell")
        for i, cell in enumerate(cells):
            check_like_cell(f"cells[{i}]", cell)
        self._cells = list(cells)
        self._state_is_tuple = state_is_tuple
        sizes = [cell.state_size for cell in cells]
        if not state_is_tuple and any(tf.nest.is_nested(size) for size in sizes):
            raise CellError(
                f"state_is_tuple=False needs cells with one state tensor each, but their state "
                f"sizes are {sizes!r}: make the cells with state_is_tuple=False too"
            )

    # Set for an old program's stack: from cells and first inputs to the cells that run.
    _arrange: Any = None

    def _run(self, inputs: Any, state: Any, scope: Any) -> tuple[Any, Any]:
        if self._arrange is not None:
            self._cells, self._arrange = self._arrange(self._cells, inputs), None
        return super()._run(inputs, state, scope)

    @property
    def cells(self) -> tuple[Any, ...]:
        """The cells, the lowest first."""
        return tuple(self._cells)

    @property
    def state_is_tuple(self) -> bool:
        """Whether the state is a tuple with one entry a cell."""
        return self._state_is_tuple

    @property
    def state_size(self) -> Any:
        """Tuple of the cells' state sizes, or their sum."""
        sizes = tuple(cell.state_size for cell in self._cells)
        return sizes if self._state_is_tuple else sum(sizes)

    @property
    def output_size(self) -> Any:
        """The topmost cell's."""
        return self._cells[-1].output_size

    @property
    def trainable_weights(self) -> list[Any]:
        """The cells' trainable variables, cell by cell, a shared cell's once for each place."""
        return self._of_cells("trainable_weights") if self.trainable else []

    @property
    def non_trainable_weights(self) -> list[Any]:
        """The cells' other variables; all of them if this cell is not trainable."""
        hidden = [] if self.trainable else self._of_cells("trainable_weights")
        return hidden + self._of_cells("non_trainable_weights")

    def _of_cells(self, which: str) -> list[Any]:
        return [v for cell in self._cells for v in getattr(cell, which, [])]

    def zero_state(self, batch_size: Any, dtype: Any) -> Any:
        """Makes the state of all zeros; see `RNNCell.zero_state`."""
        if not self._state_is_tuple:
            return super().zero_state(batch_size, dtype)
        with tf.name_scope(f"{type(self).__name__}ZeroState"):
            return tuple(cell.zero_state(batch_size, dtype) for cell in self._cells)

    def _fitted(self, inputs: Any, state: Any) -> Any:
        if not self._state_is_tuple:
            total = self.state_size
            if tf.nest.is_nested(state) or not _fits(state, total):
                raise CellError(
                    f"{self.name} takes one state tensor of shape [batch, {total}], but got "
                    f"{state!r}: use cell.zero_state, or state_is_tuple=True"
                )
        elif not isinstance(state, list | tuple) or len(state) != len(self._cells):
            raise CellError(
                f"Expected state of {self.name} to be a tuple of {len(self._cells)} entries, "
                f"sizes {self.state_size!r}, but got {state!r}: pass one entry a cell"
            )
        return state

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Computes `(output of the topmost cell, new states)`."""
        output, start, news = inputs, 0, []
        for i, cell in enumerate(self._cells):
            with tf.variable_scope(f"cell_{i}"):
                if self._state_is_tuple:
                    layer = state[i]
                else:
                    layer = tf.slice(state, [0, start], [-1, cell.state_size])
                    start += cell.state_size
                output, new = cell(output, layer)
            news.append(new)
        return output, tuple(news) if self._state_is_tuple else tf.concat(news, 1)


def _fits(state: Any, total: int) -> bool:
    shape = tf.TensorShape(state.shape) if hasattr(state, "shape") else tf.TensorShape(None)
    return bool(shape.is_compatible_with([None, total]))
