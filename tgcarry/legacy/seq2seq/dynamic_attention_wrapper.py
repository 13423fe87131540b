"""The attention wrapper of TensorFlow 1.1, whose state is two things."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tgcarry.cells.base import RNNCell
from tgcarry.cells.multi import check_like_cell
from tgcarry.errors import CellError
from tgcarry.legacy.seq2seq.arrays import zeros_like_sizes
from tgcarry.legacy.seq2seq.attention_wrapper import attend
from tgcarry.legacy.seq2seq.mechanism import AttentionMechanism
from tgcarry.legacy.seq2seq.projection import dense


class DynamicAttentionWrapperState(NamedTuple):
    """Holds the state of `DynamicAttentionWrapper`.

    Source: TensorFlow 1.1 `tf.contrib.seq2seq.DynamicAttentionWrapperState`.
    """

    cell_state: Any
    """The wrapped cell's."""
    attention: Any
    """`[B, A]`: what the last step attended to."""


class DynamicAttentionWrapper(RNNCell):
    """Runs a cell that reads its inputs and what it attended to, and attends anew.

    See `AttentionWrapper`, which came after it.

    Args:
      cell: a cell.
      attention_mechanism: an `AttentionMechanism`.
      attention_size: int A, of the layer over output and context.
      cell_input_fn: function of (inputs, attention) to the cell's inputs; side by side by
        default.
      probability_fn: None; give it to the mechanism instead.
      output_attention: whether the output is the attention and not the cell's.
      name: str, the variable scope instead of `dynamic_attention_wrapper`.

    Raises:
      TypeError: an argument of a wrong kind.
      CellError: `probability_fn` is given.

    Source: TensorFlow 1.1 `tf.contrib.seq2seq.DynamicAttentionWrapper`.
    """

    def __init__(
        self,
        cell: Any,
        attention_mechanism: Any,
        attention_size: Any,
        cell_input_fn: Callable[[Any, Any], Any] | None = None,
        probability_fn: Callable[[Any], Any] | None = None,
        output_attention: bool = True,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name)
        check_like_cell("cell", cell)
        if not isinstance(attention_mechanism, AttentionMechanism):
            raise TypeError(
                f"attention_mechanism={attention_mechanism!r} is not an AttentionMechanism: "
                f"pass e.g. LuongAttention(units, memory)"
            )
        if probability_fn not in (None, tf.nn.softmax):
            raise CellError(
                f"probability_fn={probability_fn!r}: give it to the attention mechanism instead"
            )
        self._cell = cell
        self._attention_mechanism = attention_mechanism
        self._attention_size = int(attention_size)
        self._attention_layer = dense(
            attention_size, "attention_layer", getattr(attention_mechanism, "dtype", None)
        )
        self._cell_input_fn = cell_input_fn or (lambda x, a: tf.concat([x, a], -1))
        self._output_attention = output_attention

    @property
    def output_size(self) -> Any:
        """A, or the wrapped cell's."""
        return self._attention_size if self._output_attention else self._cell.output_size

    @property
    def state_size(self) -> DynamicAttentionWrapperState:
        """Sizes of both fields of the state."""
        return DynamicAttentionWrapperState(self._cell.state_size, self._attention_size)

    def zero_state(self, batch_size: Any, dtype: Any) -> DynamicAttentionWrapperState:
        """Makes the state of all zeros."""
        return DynamicAttentionWrapperState(
            self._cell.zero_state(batch_size, dtype),
            zeros_like_sizes(self._attention_size, batch_size, dtype),
        )

    def call(self, inputs: Any, state: Any) -> tuple[Any, DynamicAttentionWrapperState]:
        """Computes one step: `[B, A]` or `[B, H]`, and the state."""
        inputs = self._cell_input_fn(inputs, state.attention)
        output, cell_state = self._cell(inputs, state.cell_state)
        attention, _, _ = attend(self._attention_mechanism, output, None, self._attention_layer)
        new_state = DynamicAttentionWrapperState(cell_state, attention)
        return (attention if self._output_attention else output), new_state
