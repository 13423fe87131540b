"""Cells over whole time-major sequences, made of ordinary ones, and turned around in time."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.legacy import unrolling


class FusedRNNCell:
    """Is the base of cells that read a whole sequence.

    Source: TensorFlow 1.15 `tf.contrib.rnn.FusedRNNCell`.
    """

    def __call__(
        self,
        inputs: Any,
        initial_state: Any = None,
        dtype: Any = None,
        sequence_length: Any = None,
        scope: Any = None,
    ) -> tuple[Any, Any]:
        """Returns outputs of the form of `inputs`, `[T, B, ...]` or a list of T, and the state."""
        raise NotImplementedError(f"{type(self).__name__} must define __call__")


class FusedRNNCellAdaptor(FusedRNNCell):
    """Unrolls an ordinary cell.

    Args:
      cell: the cell.
      use_dynamic_rnn: whether by a loop, and not by one copy a step.

    Source: TensorFlow 1.15 `tf.contrib.rnn.FusedRNNCellAdaptor`.
    """

    def __init__(self, cell: Any, use_dynamic_rnn: bool = False) -> None:
        self._cell = cell
        self._use_dynamic_rnn = use_dynamic_rnn

    def __call__(
        self,
        inputs: Any,
        initial_state: Any = None,
        dtype: Any = None,
        sequence_length: Any = None,
        scope: Any = None,
    ) -> tuple[Any, Any]:
        """Returns outputs of the form of `inputs`, `[T, B, ...]` or a list of T, and the state."""
        listed = isinstance(inputs, list)
        common: dict[str, Any] = {
            "initial_state": initial_state,
            "dtype": dtype,
            "sequence_length": sequence_length,
            "scope": scope,
        }
        if self._use_dynamic_rnn:
            whole = tf.stack(inputs) if listed else inputs
            outputs, state = unrolling.dynamic_rnn(self._cell, whole, time_major=True, **common)
            return (tf.unstack(outputs) if listed else outputs), state
        steps = inputs if listed else tf.unstack(inputs)
        outputs, state = unrolling.static_rnn(self._cell, steps, **common)
        return (outputs if listed else tf.stack(outputs)), state


class TimeReversedFusedRNN(FusedRNNCell):
    """Runs a fused cell from the end to the beginning.

    Args:
      cell: a fused cell.

    Source: TensorFlow 1.15 `tf.contrib.rnn.TimeReversedFusedRNN`.
    """

    def __init__(self, cell: Any) -> None:
        self._cell = cell

    def __call__(
        self,
        inputs: Any,
        initial_state: Any = None,
        dtype: Any = None,
        sequence_length: Any = None,
        scope: Any = None,
    ) -> tuple[Any, Any]:
        """Returns outputs of the form of `inputs`, `[T, B, ...]` or a list of T, and the state."""
        outputs, state = self._cell(
            _reversed(inputs, sequence_length),
            initial_state=initial_state,
            dtype=dtype,
            sequence_length=sequence_length,
            scope=scope,
        )
        return _reversed(outputs, sequence_length), state


def _reversed(sequence: Any, lengths: Any) -> Any:
    if isinstance(sequence, list):
        return sequence[::-1]
    if lengths is None:
        return tf.reverse(sequence, [0])
    return tf.reverse_sequence(sequence, lengths, seq_axis=0, batch_axis=1)
