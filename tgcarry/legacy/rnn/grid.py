"""Grids of cells: one LSTM, GRU or plain cell for each dimension of a grid."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.cells.base import RNNCell
from tgcarry.cells.lstm import LSTMCell
from tgcarry.errors import CellError
from tgcarry.legacy.rnn.base import static_or_dynamic_rows
from tgcarry.legacy.rnn.grid_layout import grid_layout


class GridRNNCell(RNNCell):
    """Runs one step of a grid: every dimension's cell sees the outputs of all the others.

    Inputs are projected by `project_m_{d}` (and `project_c_{d}` for an LSTM's memory) `[I, H]`
    to the state of each input dimension; the cells' variables are in `recurrent/cell_{d}`, or
    in `recurrent` if tied, all under the class name.

    Args:
      num_units: int, H.
      num_dims: int, the grid's dimensions.
      input_dims, output_dims: ints or lists, which of them take the inputs and give outputs.
      priority_dims: those that run after the others.
      non_recurrent_dims: those that are `non_recurrent_fn` of a linear map.
      tied: whether all dimensions share one cell.
      cell_fn: function from H to a cell; `LSTMCell` by default.
      non_recurrent_fn: relu by default.
      state_is_tuple, output_is_tuple: tuples of the dimensions', or single tensors.

    Raises:
      CellError, TypeError: a bad argument.

    Source: Kalchbrenner, Danihelka and Graves 2015, arXiv:1507.01526; TensorFlow 1.15
      `tf.contrib.grid_rnn.GridRNNCell`.
    """

    def __init__(
        self,
        num_units: int,
        num_dims: int = 1,
        input_dims: Any = None,
        output_dims: Any = None,
        priority_dims: Any = None,
        non_recurrent_dims: Any = None,
        tied: bool = False,
        cell_fn: Callable[[int], Any] | None = None,
        non_recurrent_fn: Callable[[Any], Any] | None = None,
        state_is_tuple: bool = True,
        output_is_tuple: bool = True,
    ) -> None:
        super().__init__()
        self._layout = grid_layout(
            num_dims,
            input_dims,
            output_dims,
            priority_dims,
            non_recurrent_dims,
            non_recurrent_fn or tf.nn.relu,
        )
        self._num_units = num_units
        self._tied = tied
        self._state_is_tuple = state_is_tuple
        self._output_is_tuple = output_is_tuple

        def make() -> Any:
            return cell_fn(num_units) if cell_fn else LSTMCell(num_units, state_is_tuple=True)

        self._cells = [make()] * num_dims if tied else [make() for _ in range(num_dims)]
        if not isinstance(self._cells[0], RNNCell):
            raise TypeError(f"cell_fn made {self._cells[0]!r}: it must return a cell")

    @property
    def _cell_sizes(self) -> list[int]:
        return [int(size) for size in tf.nest.flatten(self._cells[0].state_size)]

    @property
    def state_size(self) -> Any:
        """The recurrent dimensions' state sizes: a tuple, or their sum."""
        count = len(self._layout.recurrents)
        if self._state_is_tuple:
            return (self._cells[0].state_size,) * count
        return sum(self._cell_sizes) * count

    @property
    def output_size(self) -> Any:
        """The output dimensions' output sizes: a tuple, or their sum."""
        count, size = len(self._layout.outputs), self._cells[0].output_size
        return (size,) * count if self._output_is_tuple else size * count

    def __call__(self, inputs: Any, state: Any, scope: Any = None) -> tuple[Any, Any]:
        """Runs one step; the variables are under `scope`, the class name by default."""
        layout = self._layout
        memories, outputs = self._split_state(state)
        with tf.variable_scope(scope or type(self).__name__):
            self._project(inputs, memories, outputs)
            new_outputs: list[Any] = [None] * layout.num_dims
            new_states: list[Any] = [None] * layout.num_dims
            runs = 0
            for dims in (layout.non_priority, layout.priority):
                current = [
                    old if new is None else new
                    for old, new in zip(outputs, new_outputs, strict=True)
                ]
                given = self._joined_others(current) if dims else None
                for dim in dims:
                    step = self._run_dimension(dim, memories[dim], given, current[-1], runs > 0)
                    new_outputs[dim], new_states[dim] = step
                    runs += 1
            output: Any = tuple(new_outputs[dim] for dim in layout.outputs)
            new_state: Any = tuple(new_states[dim] for dim in layout.recurrents)
            if not self._output_is_tuple:
                output = _joined(output, inputs)
            if not self._state_is_tuple:
                new_state = _joined(tf.nest.flatten(new_state), inputs)
        return output, new_state

    def _split_state(self, state: Any) -> tuple[list[Any], list[Any]]:
        recurrents, sizes = self._layout.recurrents, self._cell_sizes
        if not self._state_is_tuple:
            parts = tf.split(state, sizes * len(recurrents), axis=1)
            state = [parts[n : n + len(sizes)] for n in range(0, len(parts), len(sizes))]
        if len(state) != len(recurrents):
            raise CellError(
                f"{self._name} takes {len(recurrents)} states, one a recurrent dimension, but got "
                f"{len(state)}: use cell.zero_state"
            )
        memories: list[Any] = [None] * self._layout.num_dims
        outputs: list[Any] = [None] * self._layout.num_dims
        for dim, part in zip(recurrents, state, strict=True):
            *memory, outputs[dim] = tf.nest.flatten(part)
            memories[dim] = memory[0] if memory else None
        return memories, outputs

    def _project(self, inputs: Any, memories: list[Any], outputs: list[Any]) -> None:
        dims = self._layout.inputs
        if inputs is None or not dims or inputs.shape.as_list()[1] == 0:
            return
        parts = tf.split(inputs, len(dims), axis=1)
        into = {"m": outputs, "c": memories} if len(self._cell_sizes) > 1 else {"m": outputs}
        for part, dim in zip(parts, dims, strict=True):
            shape = [int(part.shape.as_list()[1]), self._num_units]
            for name, places in into.items():
                kernel = tf.get_variable(f"project_{name}_{dim}", shape, dtype=part.dtype)
                places[dim] = tf.matmul(part, kernel)

    @staticmethod
    def _joined_others(current: Sequence[Any]) -> Any:
        # The last dimension's output is the state, all the others' side by side the input.
        *others, last = current
        if others:
            return tf.concat(others, 1)
        return tf.zeros([static_or_dynamic_rows(last), 0], last.dtype)

    def _run_dimension(
        self, dim: int, memory: Any, given: Any, last: Any, again: bool
    ) -> tuple[Any, Any]:
        kind = "recurrent" if dim in self._layout.recurrents else "non_recurrent"
        reuse = True if self._tied and again else None
        with tf.variable_scope(kind if self._tied else f"{kind}/cell_{dim}", reuse=reuse):
            if kind == "non_recurrent":
                return self._mapped(tf.concat([given, last], 1)), None
            state = last if memory is None else (memory, last)
            return self._cells[dim](given, state)

    def _mapped(self, x: Any) -> Any:
        with tf.variable_scope("fully_connected"):
            shape = [int(x.shape.as_list()[1]), self._num_units]
            start = tf.get_variable_scope().initializer or tf.initializers.glorot_uniform()
            weights = tf.get_variable("weights", shape, x.dtype, start)
            biases = tf.get_variable("biases", shape[1:], x.dtype, tf.zeros_initializer())
            return self._layout.non_recurrent_fn(tf.nn.bias_add(tf.matmul(x, weights), biases))


def _joined(parts: Sequence[Any], inputs: Any) -> Any:
    return tf.concat(list(parts), 1) if parts else tf.zeros([0, 0], inputs.dtype)
