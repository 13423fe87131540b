"""A cell that attends to its own latest outputs."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.cells import arguments
from tgcarry.errors import CellError
from tgcarry.legacy.rnn.base import columns
from tgcarry.legacy.rnn.linear import linear
from tgcarry.legacy.rnn.projection import ScopedWrapper


class AttentionCellWrapper(ScopedWrapper):
    """Feeds a cell with its inputs and a weighted mean of its latest L outputs.

        x'  = [x, a] Wi + bi,           output_cell, s' = cell(x', s)
        e_k = sum(v * tanh(m_k U + s' Ws + bs)),  k = 1 ... L
        a'  = sum_k softmax(e)_k m_k
        output = [output_cell, a'] Wo + bo,       m' = (m_2, ..., m_L, output)

    B is the batch, A the attention's width, V its hidden width. Wi, bi are `kernel`, `bias` in
    the wrapper's scope, Wo, bo those in `attn_output_projection`, Ws, bs those in `attention`,
    where also U is `attn_w` `[1, 1, A, V]` and v `attn_v` `[V]`.

    Args:
      cell: the cell to wrap.
      attn_length: int, L.
      attn_size: int, A; by default the cell's output size.
      attn_vec_size: int, V; by default A.
      input_size: int, the width of x'; by default that of the inputs.
      state_is_tuple: True for a state `(cell's, [B, A], [B, A * L])`, False for one tensor.
      reuse: True takes existing variables.

    Raises:
      CellError, TypeError: a bad argument.

    Source: Cheng, Dong and Lapata 2016, "Long short-term memory-networks for machine reading",
      arXiv:1601.06733; TensorFlow 1.15 `tf.contrib.rnn.AttentionCellWrapper`.
    """

    def __init__(
        self,
        cell: Any,
        attn_length: int,
        attn_size: int | None = None,
        attn_vec_size: int | None = None,
        input_size: int | None = None,
        state_is_tuple: bool = True,
        reuse: Any = None,
    ) -> None:
        super().__init__(cell, reuse)
        if tf.nest.is_nested(cell.state_size) and not state_is_tuple:
            raise CellError(
                f"state_is_tuple={state_is_tuple!r}, but the cell's state is {cell.state_size!r}:"
                f" leave state_is_tuple out"
            )
        self._length = arguments.width("attn_length", attn_length)
        self._size = cell.output_size if attn_size is None else attn_size
        self._hidden_size = self._size if attn_vec_size is None else attn_vec_size
        self._input_size = input_size
        self._state_is_tuple = state_is_tuple

    @property
    def _sizes(self) -> list[Any]:
        return [self._cell.state_size, self._size, self._size * self._length]

    @property
    def state_size(self) -> Any:
        """The cell's, A and A * L: a tuple, or their sum."""
        return tuple(self._sizes) if self._state_is_tuple else sum(self._sizes)

    @property
    def output_size(self) -> Any:
        """A."""
        return self._size

    def zero_state(self, batch_size: Any, dtype: Any) -> Any:
        """Makes the state of all zeros; see `RNNCell`."""
        return super(ScopedWrapper, self).zero_state(batch_size, dtype)

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Computes `([B, A], state')` from `[B, I]` and the state."""
        if not self._state_is_tuple:
            state = columns(state, self._sizes)
        cell_state, attended, memory = state
        memory = tf.reshape(memory, [-1, self._length, self._size])
        width = self._input_size or inputs.shape.as_list()[1]
        cell_output, new_state = self._cell(linear([inputs, attended], width, True), cell_state)
        parts = tf.nest.flatten(new_state)
        query = tf.concat(parts, 1) if self._state_is_tuple else new_state
        attended, memory = self._attend(query, memory)
        with tf.variable_scope("attn_output_projection"):
            output = linear([cell_output, attended], self._size, True)
        memory = tf.concat([memory, tf.expand_dims(output, 1)], 1)
        memory = tf.reshape(memory, [-1, self._length * self._size])
        parts = new_state, attended, memory
        return output, parts if self._state_is_tuple else tf.concat(parts, 1)

    def _attend(self, query: Any, memory: Any) -> tuple[Any, Any]:
        """Computes a' `[B, A]`, and the memory without its oldest output."""
        with tf.variable_scope("attention"):
            keys = tf.get_variable("attn_w", [1, 1, self._size, self._hidden_size])
            score = tf.get_variable("attn_v", [self._hidden_size])
            places = tf.reshape(memory, [-1, self._length, 1, self._size])
            features = tf.nn.conv2d(places, keys, [1, 1, 1, 1], "SAME")
            asked = linear(query, self._hidden_size, True)
            asked = tf.reshape(asked, [-1, 1, 1, self._hidden_size])
            weights = tf.nn.softmax(tf.reduce_sum(score * tf.tanh(features + asked), [2, 3]))
            weights = tf.reshape(weights, [-1, self._length, 1, 1])
            mean = tf.reduce_sum(weights * places, [1, 2])
            later = tf.slice(memory, [0, 1, 0], [-1, -1, -1])
            return tf.reshape(mean, [-1, self._size]), later
