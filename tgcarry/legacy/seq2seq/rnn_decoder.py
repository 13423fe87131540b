"""The decoding loop of TensorFlow 1.0, which a function steers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.errors import CellError
from tgcarry.legacy.seq2seq.results import Results

# (time, cell_state, cell_input, cell_output, context_state) to (done, next_state, next_input,
# output, next_context_state).
DecoderFn = Callable[[Any, Any, Any, Any, Any], tuple[Any, Any, Any, Any, Any]]


def dynamic_rnn_decoder(
    cell: Any,
    decoder_fn: DecoderFn,
    inputs: Any = None,
    sequence_length: Any = None,
    parallel_iterations: int | None = None,
    swap_memory: bool = False,
    time_major: bool = False,
    scope: Any = None,
    name: str | None = None,
) -> Results:
    """Runs a cell whose inputs, outputs and end a function decides.

    B is the batch, L the steps, I the inputs' width.

    Args:
      cell: a cell.
      decoder_fn: e.g. of `simple_decoder_fn_train`. Before the first step its cell state and
        output are None; a None for `done` means that `sequence_length` decides.
      inputs: `[B, L, I]` to train with; None to infer.
      sequence_length: int32 `[B]`, for training.
      parallel_iterations: see `tf.while_loop`.
      swap_memory: see `tf.while_loop`.
      time_major: whether inputs and outputs are `[L, B, ...]`.
      scope: str or variable scope instead of `rnn`.
      name: of the operations' scope.

    Returns:
      `(outputs, final_state, final_context_state)`: `[B, L, ...]`, and nests. An assignment to
      two names, as in TensorFlow 0.12, takes the first two.

    Raises:
      CellError: the inputs are not of rank 3.

    Source: TensorFlow 1.0 `tf.contrib.seq2seq.dynamic_rnn_decoder`.
    """
    with tf.name_scope(name, "dynamic_rnn_decoder", [inputs, sequence_length]):
        steps = None if inputs is None else _Steps(inputs, time_major)

        def loop(time: Any, output: Any, state: Any, carried: Any) -> tuple[Any, ...]:
            context = carried[1] if isinstance(carried, tuple) else None
            given = None if steps is None else steps.at(time, first=state is None)
            done, state, given, output, context = decoder_fn(time, state, given, output, context)
            if done is None:
                done = time >= sequence_length
            return done, given, state, output, done if context is None else (done, context)

        found, state, carried = tf.nn.raw_rnn(
            cell,
            loop,
            parallel_iterations=parallel_iterations,
            swap_memory=swap_memory,
            scope=scope,
        )
        outputs = found.stack()
        if not time_major:
            outputs = tf.transpose(outputs, perm=[1, 0, 2])
        context = carried[1] if isinstance(carried, tuple) else None
        return Results(outputs, state, context)


class _Steps:
    """Holds the inputs of all steps."""

    def __init__(self, inputs: Any, time_major: bool) -> None:
        inputs = tf.convert_to_tensor(inputs)
        if inputs.get_shape().rank != 3:
            raise CellError(
                f"inputs have the shape {inputs.get_shape()}: pass [batch, time, width]"
            )
        if not time_major:
            inputs = tf.transpose(inputs, perm=[1, 0, 2])
        self._number = tf.shape(inputs)[0]
        self._nothing = tf.zeros_like(inputs[0])
        array = tf.TensorArray(inputs.dtype, size=self._number)
        self._array = array.unstack(inputs)

    def at(self, time: Any, first: bool) -> Any:
        """Reads the inputs of a step; zeros behind the last."""
        if first:
            return self._array.read(0)
        return tf.cond(
            tf.equal(time, self._number), lambda: self._nothing, lambda: self._array.read(time)
        )
