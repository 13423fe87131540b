"""A cell around another one that attends to a memory at each step."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.cells.base import RNNCell
from tgcarry.cells.multi import check_like_cell
from tgcarry.errors import CellError
from tgcarry.legacy import numbering
from tgcarry.legacy.seq2seq.arrays import static_or_dynamic, zeros_like_sizes
from tgcarry.legacy.seq2seq.attention_layers import AttentionLayers, attention_layers
from tgcarry.legacy.seq2seq.attention_state import AttentionWrapperState
from tgcarry.legacy.seq2seq.mechanism import AttentionMechanism


def attend(
    attention_mechanism: Any, cell_output: Any, attention_state: Any, attention_layer: Any
) -> tuple[Any, Any, Any]:
    """Asks a mechanism for its weights and averages its values by them.

        context = sum_i alignments[i] values[i],  attention = attention_layer([h, context])

    Args:
      attention_mechanism: an `AttentionMechanism`.
      cell_output: h, `[B, H]`.
      attention_state: the mechanism's.
      attention_layer: layer, or None to return the context.

    Returns:
      `(attention, alignments, next_attention_state)`: `[B, A]`, `[B, L]`, and a nest.

    Source: TensorFlow 1.15 `attention_wrapper._compute_attention`.
    """
    alignments, next_state = attention_mechanism(cell_output, state=attention_state)
    weights = tf.expand_dims(alignments, 1)
    context = tf.squeeze(tf.matmul(weights, attention_mechanism.values), [1])
    if attention_layer is None:
        return context, alignments, next_state
    return attention_layer(tf.concat([cell_output, context], 1)), alignments, next_state


def _side_by_side(inputs: Any, attention: Any) -> Any:
    return tf.concat([inputs, attention], -1)


class AttentionWrapper(RNNCell):
    """Runs a cell that reads its inputs and what it attended to, and attends anew.

        h_t, s_t = cell(cell_input_fn(x_t, a_{t-1}), s_{t-1})
        c_t      = sum_i alignments_t[i] values[i],  alignments_t = mechanism(h_t)
        a_t      = attention_layer([h_t, c_t]), or c_t without one;    output = a_t, or h_t

    With several mechanisms a is their attentions side by side. The layers' variables are
    `attention_wrapper/attention_layer/kernel` `[H + M, A]`, numbered from the second on.

    Args:
      cell: a cell.
      attention_mechanism: an `AttentionMechanism`, or a list of them.
      attention_layer_size: int A, or a list of them, for layers without bias; None for none.
      alignment_history: whether the state collects all alignments, time first.
      cell_input_fn: function of (inputs, attention) to the cell's inputs; side by side by
        default.
      output_attention: whether the output is a and not h.
      initial_cell_state: nest that `zero_state` starts from instead of zeros.
      name: str, the variable scope instead of `attention_wrapper`.
      attention_layer: layer, or a list of them, instead of `attention_layer_size`.
      attention_fn: function instead of `attend`.
      dtype: of the variables; by default that of the first inputs.

    Raises:
      TypeError: an argument of a wrong kind.
      CellError: as many layers as mechanisms are needed.

    Source: Luong et al. 2015, arXiv:1508.04025 (input feeding); TensorFlow 1.15
      `tf.contrib.seq2seq.AttentionWrapper`. Not included: Keras' mechanisms (`...V2`).
    """

    def __init__(
        self,
        cell: Any,
        attention_mechanism: Any,
        attention_layer_size: Any = None,
        alignment_history: bool = False,
        cell_input_fn: Callable[[Any, Any], Any] | None = None,
        output_attention: bool = True,
        initial_cell_state: Any = None,
        name: str | None = None,
        attention_layer: Any = None,
        attention_fn: Callable[..., Any] | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        check_like_cell("cell", cell)
        if cell_input_fn is not None and not callable(cell_input_fn):
            raise TypeError(
                f"cell_input_fn={cell_input_fn!r} is not a function: pass one of (inputs, "
                f"attention)"
            )
        self._is_multi = isinstance(attention_mechanism, list | tuple)
        self._attention_mechanisms = _mechanisms(attention_mechanism)
        layers: AttentionLayers = attention_layers(
            cell, self._attention_mechanisms, attention_layer_size, attention_layer
        )
        self._attention_layers, self._attention_layer_size = layers
        self._attention_fn = attention_fn or attend
        self._cell = cell
        self._cell_input_fn = cell_input_fn or _side_by_side
        self._output_attention = output_attention
        self._alignment_history = alignment_history
        self._initial_cell_state: Any = None
        if initial_cell_state is not None:
            with tf.name_scope(name, "AttentionWrapperInit"):
                rows = static_or_dynamic(tf.nest.flatten(initial_cell_state)[-1], 0)
                with tf.control_dependencies(
                    self._batch_size_checks(rows, self._mismatch("initial_cell_state"))
                ):
                    self._initial_cell_state = tf.nest.map_structure(
                        lambda s: tf.identity(s, name="check_initial_cell_state"),
                        initial_cell_state,
                    )

    def _mismatch(self, what: str) -> str:
        return (
            f"{self._name}: {what} and the memory differ in their batch; for beam search, "
            f"pass both through tf.contrib.seq2seq.tile_batch(..., beam_width)"
        )

    def _batch_size_checks(self, batch_size: Any, error_message: str) -> list[Any]:
        return [
            tf.assert_equal(batch_size, mechanism.batch_size, message=error_message)
            for mechanism in self._attention_mechanisms
        ]

    def _item_or_tuple(self, items: Iterable[Any]) -> Any:
        """Returns a tuple for several mechanisms, else the one item."""
        found = tuple(items)
        return found if self._is_multi else found[0]

    @property
    def output_size(self) -> Any:
        """A, or the wrapped cell's."""
        return self._attention_layer_size if self._output_attention else self._cell.output_size

    @property
    def state_size(self) -> AttentionWrapperState:
        """Sizes of all fields of the state."""
        mechanisms = self._attention_mechanisms
        return AttentionWrapperState(
            cell_state=self._cell.state_size,
            time=tf.TensorShape([]),
            attention=self._attention_layer_size,
            alignments=self._item_or_tuple(m.alignments_size for m in mechanisms),
            attention_state=self._item_or_tuple(m.state_size for m in mechanisms),
            alignment_history=self._item_or_tuple(
                m.alignments_size if self._alignment_history else () for m in mechanisms
            ),
        )

    def zero_state(self, batch_size: Any, dtype: Any) -> AttentionWrapperState:
        """Makes the state before the first step.

        Args:
          batch_size: int or integer tensor `[]`; for beam search the batch times the beams.
          dtype: of the state.

        Returns:
          `AttentionWrapperState`.
        """
        with tf.name_scope(f"{type(self).__name__}ZeroState", values=[batch_size]):
            cell_state = self._initial_cell_state
            if cell_state is None:
                cell_state = self._cell.zero_state(batch_size, dtype)
            with tf.control_dependencies(
                self._batch_size_checks(batch_size, self._mismatch("the zero state"))
            ):
                cell_state = tf.nest.map_structure(
                    lambda s: tf.identity(s, name="checked_cell_state"), cell_state
                )
            mechanisms = self._attention_mechanisms
            alignments = [m.initial_alignments(batch_size, dtype) for m in mechanisms]
            # By its name it would count as a cell's zero state, which takes more.
            with numbering.as_many(1):
                time = tf.zeros([], dtype=tf.int32)
            return AttentionWrapperState(
                cell_state=cell_state,
                time=time,
                attention=zeros_like_sizes(self._attention_layer_size, batch_size, dtype),
                alignments=self._item_or_tuple(alignments),
                attention_state=self._item_or_tuple(
                    m.initial_state(batch_size, dtype) for m in mechanisms
                ),
                alignment_history=self._item_or_tuple(
                    self._empty_history(first, dtype) for first in alignments
                ),
            )

    def _empty_history(self, alignments: Any, dtype: Any) -> Any:
        if not self._alignment_history:
            return ()
        return tf.TensorArray(dtype, size=0, dynamic_size=True, element_shape=alignments.shape)

    def call(self, inputs: Any, state: Any) -> tuple[Any, AttentionWrapperState]:
        """Computes one step: `[B, A]` or `[B, H]`, and the state."""
        if not isinstance(state, AttentionWrapperState):
            raise TypeError(
                f"the state is {state!r}: pass an AttentionWrapperState, "
                f"cell.zero_state(batch_size, dtype)"
            )
        output, cell_state = self._cell(
            self._cell_input_fn(inputs, state.attention), state.cell_state
        )
        rows = static_or_dynamic(output, 0)
        with tf.control_dependencies(self._batch_size_checks(rows, self._mismatch("the query"))):
            output = tf.identity(output, name="checked_cell_output")
        attentions, alignments, states, histories = zip(
            *(self._attend(place, output, state) for place in range(self._number)), strict=True
        )
        attention = tf.concat(list(attentions), 1)
        new_state = AttentionWrapperState(
            time=state.time + 1,
            cell_state=cell_state,
            attention=attention,
            attention_state=self._item_or_tuple(states),
            alignments=self._item_or_tuple(alignments),
            alignment_history=self._item_or_tuple(histories),
        )
        return (attention if self._output_attention else output), new_state

    @property
    def _number(self) -> int:
        return len(self._attention_mechanisms)

    def _attend(self, place: int, output: Any, state: AttentionWrapperState) -> tuple[Any, ...]:
        """Asks the mechanism at one place; attention, alignments, state and history."""
        before, history = state.attention_state, state.alignment_history
        if self._is_multi:
            before, history = before[place], history[place]
        attention, alignments, after = self._attention_fn(
            self._attention_mechanisms[place],
            output,
            before,
            self._attention_layers[place] if self._attention_layers else None,
        )
        if self._alignment_history:
            history = history.write(state.time, alignments)
        return attention, alignments, after, history if self._alignment_history else ()


def _mechanisms(given: Any) -> tuple[Any, ...]:
    mechanisms = tuple(given) if isinstance(given, list | tuple) else (given,)
    for mechanism in mechanisms:
        if not isinstance(mechanism, AttentionMechanism):
            raise TypeError(
                f"attention_mechanism={mechanism!r} is not an AttentionMechanism: pass e.g. "
                f"LuongAttention(units, memory)"
            )
    if not mechanisms:
        raise CellError(f"attention_mechanism={given!r} is empty: pass at least one")
    return mechanisms
