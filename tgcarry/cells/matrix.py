"""What the cells around a matrix product share: their arguments and the checks of a call."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry import states
from tgcarry.cells import arguments
from tgcarry.cells.base import LayerRNNCell, as_tensors
from tgcarry.errors import CellError


class MatrixCell(LayerRNNCell):
    """Is the base of the cells that multiply `[B, I]` inputs and `[B, H]` states by a kernel.

    It reads the arguments they share and checks every call against the sizes, before a
    variable is made.

    Raises:
      CellError, TypeError: a bad argument, or inputs or a state that do not fit.
    """

    def __init__(
        self,
        num_units: Any,
        activation: Any,
        reuse: Any,
        name: str | None,
        dtype: Any,
        **kwargs: Any,
    ) -> None:
        super().__init__(_reuse=reuse, name=name, dtype=dtype, **kwargs)
        arguments.float_dtype(self._dtype)
        self._num_units = arguments.width("num_units", num_units)
        self._activation = arguments.activation_from(activation)
        self._input_width: int | None = None

    @property
    def num_units(self) -> int:
        """H, the number of units."""
        return self._num_units

    @property
    def activation(self) -> Any:
        """The activation function; the very `tf.tanh` by default and for "tanh"."""
        return self._activation

    @property
    def input_width(self) -> int | None:
        """I, the inputs' width, known once built."""
        return self._input_width

    @property
    def state_size(self) -> Any:
        """H."""
        return self._num_units

    @property
    def output_size(self) -> Any:
        """H."""
        return self._num_units

    def _take_width(self, inputs_shape: Any) -> int:
        """Returns I from the inputs' shape, and remembers it for later calls' checks."""
        dims = tf.TensorShape(inputs_shape).as_list()
        if dims[-1] is None:
            raise CellError(
                f"{self._name} got inputs of shape {tuple(dims)}, whose last dimension is not "
                f"known: set it, e.g. inputs.set_shape([None, 64])"
            )
        arguments.float_dtype(self._dtype)
        self._input_width = int(dims[-1])
        return self._input_width

    def _fitted(self, inputs: Any, state: Any) -> Any:
        who = self._name
        if tf.nest.is_nested(inputs) or inputs.shape.rank != 2:
            shape = inputs if tf.nest.is_nested(inputs) else inputs.shape
            raise CellError(
                f"{who} takes inputs of shape [batch, width], but got {shape}: unroll time with "
                f"dynamic_rnn, or reshape with tf.reshape(inputs, [-1, width])"
            )
        arguments.float_dtype(inputs.dtype)
        wide = inputs.shape.as_list()[1]
        if wide is None or (self._input_width is not None and wide != self._input_width):
            wanted = self._input_width if self._input_width is not None else "static"
            raise CellError(
                f"{who} got inputs of shape {inputs.shape}, but their width must be {wanted}: "
                f"set it with inputs.set_shape, or make another cell for another width"
            )
        if self._dtype is not None and inputs.dtype.base_dtype != self._dtype:
            raise TypeError(
                f"{who} is {self._dtype.name}, but its inputs are {inputs.dtype.base_dtype.name}: "
                f"tf.cast the inputs, or make the cell with dtype={inputs.dtype.base_dtype.name}"
            )
        self._check_structure(state)
        state = as_tensors(state, inputs.dtype.base_dtype)
        for leaf_name, size, leaf in zip(
            states.leaf_names(self.state_size),
            tf.nest.flatten(self.state_size),
            tf.nest.flatten(state),
            strict=True,
        ):
            self._check_leaf(f"state{leaf_name}", leaf, size, inputs)
        return state

    def _check_structure(self, state: Any) -> None:
        size = self.state_size
        if not tf.nest.is_nested(size):
            if tf.nest.is_nested(state):
                raise CellError(
                    f"{self._name} takes one state tensor of shape [batch, {size}], but got "
                    f"{state!r}: pass the tensor itself"
                )
            return
        if not tf.nest.is_nested(state):
            raise TypeError(
                f"{self._name} takes a state of the form {size!r}, but got {state!r}: pass an "
                f"LSTMStateTuple(c, h), or make the cell with state_is_tuple=False"
            )
        if len(state) != len(size) or any(tf.nest.is_nested(leaf) for leaf in state):
            raise CellError(
                f"{self._name} takes a state of the form {size!r}, but got {state!r}: pass an "
                f"LSTMStateTuple(c, h)"
            )

    def _check_leaf(self, what: str, leaf: Any, size: int, inputs: Any) -> None:
        if leaf.dtype.base_dtype != inputs.dtype.base_dtype:
            raise TypeError(
                f"{self._name} got inputs of {inputs.dtype.base_dtype.name} and {what} of "
                f"{leaf.dtype.base_dtype.name}: tf.cast one of them"
            )
        rows = inputs.shape.as_list()[0]
        if not leaf.shape.is_compatible_with([rows, size]):
            raise CellError(
                f"{self._name} got {what} of shape {leaf.shape} with inputs of shape "
                f"{inputs.shape}, but it must be [{'batch' if rows is None else rows}, {size}]: "
                f"use cell.zero_state, or a state of this cell"
            )
