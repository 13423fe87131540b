"""Decoders without attention: a cell run step by step over a list of inputs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.legacy.legacy_seq2seq.feedback import (
    Feedback,
    check_projection,
    extract_argmax_and_embed,
)


def rnn_decoder(
    decoder_inputs: Iterable[Any],
    initial_state: Any,
    cell: Any,
    loop_function: Feedback | None = None,
    scope: Any = None,
) -> tuple[list[Any], Any]:
    """Runs a cell over a list of inputs, or over its own outputs.

        output_t, s_t = cell(x_t, s_{t-1})
        x_t           = decoder_inputs[t],  or loop_function(output_{t-1}, t)

    Args:
      decoder_inputs: L tensors `[B, I]`; with `loop_function` only the first is used.
      initial_state: nest like `cell.state_size` of `[B, H]` tensors.
      cell: the recurrent cell.
      loop_function: from `output_{t-1}` `[B, O]` and t to `x_t`; None reads the inputs.
      scope: str or variable scope instead of `rnn_decoder`.

    Returns:
      `(outputs, state)`: L tensors `[B, O]`, and the last state.

    Source: TensorFlow 1.15 `tf.contrib.legacy_seq2seq.rnn_decoder`.
    """
    with tf.variable_scope(scope or "rnn_decoder"):
        state = initial_state
        outputs: list[Any] = []
        for step, given in enumerate(decoder_inputs):
            current = next_input(given, outputs, loop_function, step)
            if step > 0:
                tf.get_variable_scope().reuse_variables()
            output, state = cell(current, state)
            outputs.append(output)
    return outputs, state


def next_input(given: Any, outputs: list[Any], loop_function: Feedback | None, step: int) -> Any:
    """Returns the input of a step: the one given, or what the last output leads to."""
    if loop_function is None or not outputs:
        return given
    with tf.variable_scope("loop_function", reuse=True):
        return loop_function(outputs[-1], step)


def embedding_rnn_decoder(
    decoder_inputs: Iterable[Any],
    initial_state: Any,
    cell: Any,
    num_symbols: int,
    embedding_size: int,
    output_projection: Any = None,
    feed_previous: bool = False,
    update_embedding_for_previous: bool = True,
    scope: Any = None,
) -> tuple[list[Any], Any]:
    """Runs `rnn_decoder` over embedded symbols; makes the variable `embedding` `[V, E]`.

    Args:
      decoder_inputs: L int tensors `[B]`; with `feed_previous` only the first is used.
      initial_state: nest like `cell.state_size` of `[B, H]` tensors.
      cell: the recurrent cell.
      num_symbols: int, V.
      embedding_size: int, E.
      output_projection: `(W, b)`, `[O, V]` and `[V]`, from outputs to logits, for
        `feed_previous`; None where outputs are logits.
      feed_previous: whether the most likely symbol of each step is the next one's input.
      update_embedding_for_previous: whether those inputs train the embedding.
      scope: str or variable scope instead of `embedding_rnn_decoder`.

    Returns:
      `(outputs, state)`: L tensors `[B, O]`, and the last state.

    Raises:
      ValueError: `output_projection` has another shape.

    Source: TensorFlow 1.15 `tf.contrib.legacy_seq2seq.embedding_rnn_decoder`.
    """
    with tf.variable_scope(scope or "embedding_rnn_decoder") as inside:
        check_projection(output_projection, num_symbols, inside.dtype)
        embedding = tf.get_variable("embedding", [num_symbols, embedding_size])
        feedback = None
        if feed_previous:
            feedback = extract_argmax_and_embed(
                embedding, output_projection, update_embedding_for_previous
            )
        # Looked up step by step, among the cell's operations, as 1.15 does.
        embedded = (tf.nn.embedding_lookup(embedding, symbols) for symbols in decoder_inputs)
        return rnn_decoder(embedded, initial_state, cell, loop_function=feedback)
