"""The grid LSTM over time and both ways along the frequencies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.legacy.rnn.base import static_or_dynamic_rows
from tgcarry.legacy.rnn.frequency_grid import GridLSTMCell


class BidirectionalGridLSTMCell(GridLSTMCell):
    """Runs one step of two grid LSTMs, along the frequencies upwards and downwards.

    Variables are `GridLSTMCell`'s, in `fwd` and `bwd`.

    Args: see `GridLSTMCell`;
      backward_slice_offset: int, how far on the windows of the second one start.

    Source: TensorFlow 1.15 `tf.contrib.rnn.BidirectionalGridLSTMCell`.
    """

    _directions = ("fwd_state", "bwd_state")
    _tuple_name = "BidirectionalGridLSTMStateTuple"

    def __init__(
        self,
        num_units: int,
        use_peepholes: bool = False,
        share_time_frequency_weights: bool = False,
        cell_clip: Any = None,
        initializer: Any = None,
        num_unit_shards: int = 1,
        forget_bias: float = 1.0,
        feature_size: int | None = None,
        frequency_skip: int | None = None,
        num_frequency_blocks: Sequence[int] | None = None,
        start_freqindex_list: Sequence[int] | None = None,
        end_freqindex_list: Sequence[int] | None = None,
        couple_input_forget_gates: bool = False,
        backward_slice_offset: int = 0,
        reuse: Any = None,
    ) -> None:
        super().__init__(
            num_units,
            use_peepholes,
            share_time_frequency_weights,
            cell_clip,
            initializer,
            num_unit_shards,
            forget_bias,
            feature_size,
            frequency_skip,
            num_frequency_blocks,
            start_freqindex_list,
            end_freqindex_list,
            couple_input_forget_gates,
            True,
            reuse,
        )
        self._offset = int(backward_slice_offset)

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Computes `(output, state')` from `[B, I]` and the state."""
        rows = static_or_dynamic_rows(inputs)
        upwards = self._cut(inputs)
        shifted = self._cut(inputs, self._offset) if self._offset else upwards
        downwards = [block[::-1] for block in shifted]
        with tf.variable_scope("fwd"):
            outputs, states = self._walk(upwards, rows, state, "fwd_state")
        with tf.variable_scope("bwd"):
            more_outputs, more_states = self._walk(downwards, rows, state, "bwd_state")
        state = self._state_tuple_type(*states, *more_states)
        return tf.concat(outputs + more_outputs, 1), state
