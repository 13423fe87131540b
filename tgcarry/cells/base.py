"""The contract of every cell, `output, new_state = cell(inputs, state)`, and its variables.

A cell finds its variable scope at its first call and goes back to it ever after, so that
calling a cell twice shares its variables and two cells in one scope get `name` and `name_1`.

Not included: `get_config`/`from_config`, Keras' `losses` and `updates`, and the rewriting of
Python control flow inside `call` (write `tf.cond` and `tf.while_loop` out).
"""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tgcarry import states
from tgcarry.cells.variables import ScopedVariables
from tgcarry.errors import CellError


def _outermost_graph() -> Any:
    # A loop's body is a graph of its own inside the user's one.
    graph = tf.get_default_graph()
    while getattr(graph, "outer_graph", None) is not None:
        graph = graph.outer_graph
    return graph


def as_tensors(nest: Any, dtype: Any = None) -> Any:
    """Turns the arrays and numbers in a nest into tensors and leaves all else alone."""
    return tf.nest.map_structure(
        lambda leaf: (
            tf.convert_to_tensor(leaf, dtype)
            if isinstance(leaf, np.ndarray | float | int)
            else leaf
        ),
        nest,
    )


class RNNCell(ScopedVariables):
    """Is the base of all cells: one step of a recurrence, with its state passed in and out.

        output, new_state = cell(inputs, state)

    Subclass it, define the properties `state_size` and `output_size` and the method
    `call(inputs, state)`, which may make variables with `tf.get_variable`; or make them in
    `build(inputs_shape)` with `self.add_variable` and set `self.built = True`.

    `state_size` is a nest whose leaves are an int H or a `tf.TensorShape`, standing for a
    tensor `[B, H]` or `[B, ...]`. B is the batch.

    Args:
      trainable: bool, whether optimisers see the variables by default.
      name: str, the variable scope; by default the class name, `gru_cell` for `GRUCell`.
      dtype: of the variables; by default that of the first call's inputs.
      **kwargs: `_reuse` and `_scope`, for subclasses written for TensorFlow 1.

    Raises:
      TypeError: an unknown argument, or a name that is not a string.

    Source: TensorFlow 1.15 `tf.nn.rnn_cell.RNNCell`.
    """

    # Keras' RNN layer asks for it: such a cell takes a single state as it is, not in a list.
    _is_tf_rnn_cell = True

    # What a subclass says about itself.

    @property
    def state_size(self) -> Any:
        """Nest of ints or `tf.TensorShape`: the state's trailing dimensions."""
        raise NotImplementedError(f"{type(self).__name__} must define the property state_size")

    @property
    def output_size(self) -> Any:
        """Int or `tf.TensorShape` (or a nest): the output's trailing dimensions."""
        raise NotImplementedError(f"{type(self).__name__} must define the property output_size")

    def build(self, inputs_shape: Any) -> None:
        """Makes the variables, before the first call; by default `call` makes them itself."""

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Computes one step; `__call__` runs it inside the cell's own variable scope."""
        raise NotImplementedError(f"{type(self).__name__} must define call(inputs, state)")

    # States to start from.

    def zero_state(self, batch_size: Any, dtype: Any) -> Any:
        """Makes the state of all zeros.

        Args:
          batch_size: int, or an integer tensor of shape `[]` or `[1]`.
          dtype: of the state.

        Returns:
          Nest like `state_size` of `[B, H]` tensors of `dtype`.

        Raises:
          CellError: `batch_size` is None or negative.
        """
        with tf.name_scope(f"{type(self).__name__}ZeroState"):
            return states.zeros_like_size(
                self.state_size, batch_dimension(batch_size), tf.as_dtype(dtype)
            )

    def get_initial_state(
        self, inputs: Any = None, batch_size: Any = None, dtype: Any = None
    ) -> Any:
        """Makes `zero_state` for the batch and dtype of `inputs`, or for those given.

        Args:
          inputs: tensor `[B, ...]`; its batch and dtype win.
          batch_size: int or integer tensor `[]`, needed without `inputs`.
          dtype: needed without `inputs`.

        Returns:
          Nest like `state_size` of `[B, H]` tensors.

        Raises:
          CellError: batch size or dtype are missing, or are not those of `inputs`.
        """
        if inputs is not None:
            inputs = tf.convert_to_tensor(inputs)
            rows = inputs.shape.as_list()[0]
            if batch_size is not None:
                static = (
                    tf.get_static_value(batch_size) if tf.is_tensor(batch_size) else batch_size
                )
                if rows != static:
                    raise CellError(
                        f"inputs have the batch {rows}, but batch_size={batch_size}: "
                        f"pass one of the two"
                    )
            if dtype is not None and inputs.dtype.base_dtype != tf.as_dtype(dtype).base_dtype:
                raise CellError(
                    f"inputs are {inputs.dtype.name}, but dtype={tf.as_dtype(dtype).name}: "
                    f"pass one of the two"
                )
            batch_size = tf.shape(inputs)[0] if rows is None else rows
            dtype = inputs.dtype
        if batch_size is None or dtype is None:
            raise CellError(
                f"an initial state needs a batch size and a dtype, but batch_size={batch_size} "
                f"and dtype={dtype}: pass both, or inputs"
            )
        return self.zero_state(batch_size, dtype)

    # Running one step.

    def __call__(self, inputs: Any, state: Any, scope: Any = None) -> tuple[Any, Any]:
        """Runs one step.

        Args:
          inputs: `[B, I]` float tensor (whatever `call` takes).
          state: nest like `state_size` of `[B, H]` tensors.
          scope: str or variable scope for the variables instead of the cell's name; only
            the first call's counts.

        Returns:
          `(output, new_state)`: `[B, O]`, and a nest like `state`.

        Raises:
          CellError: used eagerly, or in another graph than the first time.
        """
        self._check_place()
        # Entering a scope from outside, at every call, is what numbers scopes the way TF1
        # does: two user cells in one scope ask for the same name, unlike a `LayerRNNCell`.
        around = scope
        if scope is None:
            self._around = around = self._around or tf.get_variable_scope()
        with tf.variable_scope(around, custom_getter=self._tracking_getter) as inside:
            return self._run(inputs, state, None if scope is None else inside)

    def _run(self, inputs: Any, state: Any, scope: Any) -> tuple[Any, Any]:
        inputs = as_tensors(inputs)
        state = self._fitted(inputs, state)
        with self._own_scope(scope) as current:
            if not self.built:
                leaves = tf.nest.flatten(inputs)
                if self._dtype is None and leaves and hasattr(leaves[0], "dtype"):
                    self._dtype = leaves[0].dtype.base_dtype
                self.build(tf.nest.map_structure(lambda leaf: leaf.shape, inputs))
                self.built = True
            extra = {"scope": current} if self._call_takes_scope() else {}
            result = self.call(inputs, state, **extra)
        self._built_in = _outermost_graph()
        if result is None:
            raise CellError(f"{self._name}.call returned None: return (output, new_state)")
        return result

    def _fitted(self, inputs: Any, state: Any) -> Any:
        """Refuses inputs or a state that do not fit, before any variable is made."""
        return state

    def _call_takes_scope(self) -> bool:
        return "scope" in inspect.signature(self.call).parameters

    def _check_place(self) -> None:
        if "_base_name" not in self.__dict__:
            raise CellError(
                f"{type(self).__name__}.__init__ did not run RNNCell's: start it with "
                f"super().__init__()"
            )
        if tf.executing_eagerly():
            raise CellError(
                f"{self._name} was called outside a graph: build it inside "
                f"`with tf.Graph().as_default():`"
            )
        if self._built_in is not None and self._built_in is not _outermost_graph():
            raise CellError(
                f"{self._name} has its variables in another tf.Graph: make a new cell for this one"
            )


def batch_dimension(batch_size: Any) -> Any:
    """Returns a batch size as an int, or as an int32 scalar tensor if only the run knows it.

    Raises:
      CellError: it is None, negative, or not a single number.
    """
    static = tf.get_static_value(batch_size) if tf.is_tensor(batch_size) else batch_size
    if static is None and tf.is_tensor(batch_size):
        return tf.cast(tf.reshape(batch_size, []), tf.int32)
    try:
        rows = int(np.reshape(static, []))
    except (TypeError, ValueError):
        rows = -1
    if rows < 0:
        raise CellError(
            f"batch_size={static!r} is not a number of rows: pass an int of 0 or more, or "
            f"tf.shape(inputs)[0]"
        )
    return rows


class LayerRNNCell(RNNCell):
    """Is the base of cells that make all their variables in `build`, numbered when repeated.

    Two such cells in one scope are `name` and `name_1`.

    Source: TensorFlow 1.15 `rnn_cell_impl.LayerRNNCell`.
    """

    def __call__(self, inputs: Any, state: Any, scope: Any = None) -> tuple[Any, Any]:
        """Runs one step; see `RNNCell.__call__`."""
        self._check_place()
        return self._run(inputs, state, scope)
