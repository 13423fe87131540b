"""Cells around one other cell: their base, and residual connections."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.cells.base import RNNCell
from tgcarry.cells.multi import check_like_cell
from tgcarry.errors import CellError


class CellWrapper(RNNCell):
    """Is the base of wrappers: sizes, zero state and variables are the wrapped cell's own.

    A wrapper opens no variable scope, so a wrapped cell's variables keep their names.
    """

    def __init__(self, cell: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        check_like_cell("cell", cell)
        self.cell = cell

    @property
    def wrapped_cell(self) -> Any:
        """The cell inside."""
        return self.cell

    @property
    def state_size(self) -> Any:
        """The wrapped cell's."""
        return self.cell.state_size

    @property
    def output_size(self) -> Any:
        """The wrapped cell's."""
        return self.cell.output_size

    @property
    def trainable_weights(self) -> list[Any]:
        """The wrapped cell's."""
        return list(getattr(self.cell, "trainable_weights", [])) if self.trainable else []

    @property
    def non_trainable_weights(self) -> list[Any]:
        """The wrapped cell's; all of them if the wrapper is not trainable."""
        hidden = [] if self.trainable else list(getattr(self.cell, "trainable_weights", []))
        return hidden + list(getattr(self.cell, "non_trainable_weights", []))

    def zero_state(self, batch_size: Any, dtype: Any) -> Any:
        """Makes the wrapped cell's zero state."""
        with tf.name_scope(f"{type(self).__name__}ZeroState"):
            return self.cell.zero_state(batch_size, dtype)


class ResidualWrapper(CellWrapper):
    """Adds a cell's inputs to its outputs.

        output, s' = cell(x, s);              returns residual_fn(x, output), s'

    Args:
      cell: the cell to wrap.
      residual_fn: function of (inputs, outputs) to the final outputs; by default their sum,
        leaf by leaf, for which both must have the same width.
      **kwargs: `name`, `trainable`, `dtype`.

    Raises:
      TypeError: `cell` is not a cell, or `residual_fn` is not a function.

    Source: Wu et al. 2016, "Google's neural machine translation system", arXiv:1609.08144;
      TensorFlow 1.15 `tf.nn.rnn_cell.ResidualWrapper`. Not included: `get_config`. Unlike
      1.15, `weights` are the wrapped cell's and not an empty list.
    """

    def __init__(
        self, cell: Any, residual_fn: Callable[[Any, Any], Any] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(cell, **kwargs)
        if residual_fn is not None and not callable(residual_fn):
            raise TypeError(
                f"residual_fn={residual_fn!r} is not a function: pass e.g. lambda x, y: x + y"
            )
        self._residual_fn = residual_fn

    @property
    def residual_fn(self) -> Callable[[Any, Any], Any] | None:
        """The function given, or None for the sum."""
        return self._residual_fn

    def __call__(self, inputs: Any, state: Any, scope: Any = None) -> tuple[Any, Any]:
        """Runs one step of the wrapped cell and adds the inputs; see `RNNCell`."""
        outputs, new_state = self.cell(inputs, state, scope=scope)
        return (self._residual_fn or _add)(inputs, outputs), new_state


def _add(inputs: Any, outputs: Any) -> Any:
    tf.nest.assert_same_structure(inputs, outputs)

    def add(x: Any, y: Any) -> Any:
        if not x.shape.is_compatible_with(y.shape):
            raise CellError(
                f"inputs of shape {x.shape} cannot be added to outputs of shape {y.shape}: give "
                f"the cell as many units as its inputs are wide, or pass a residual_fn"
            )
        return x + y

    return tf.nest.map_structure(add, inputs, outputs)
