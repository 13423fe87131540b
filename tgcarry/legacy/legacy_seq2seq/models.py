"""Encoder and decoder on vectors: with weights of their own, or with the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.legacy.legacy_seq2seq.copies import unbuilt_copy
from tgcarry.legacy.legacy_seq2seq.decoders import rnn_decoder
from tgcarry.legacy.legacy_seq2seq.feedback import Feedback
from tgcarry.legacy.unrolling import static_rnn


def basic_rnn_seq2seq(
    encoder_inputs: Sequence[Any],
    decoder_inputs: Sequence[Any],
    cell: Any,
    dtype: Any = tf.float32,
    scope: Any = None,
) -> tuple[list[Any], Any]:
    """Encodes a sequence into a state and decodes another from it, with two cells alike.

    Args:
      encoder_inputs: tensors `[B, I]`, one a step.
      decoder_inputs: tensors `[B, I]`, one a step.
      cell: the decoder's cell; the encoder's is a copy with its own weights.
      dtype: of the encoder's initial state.
      scope: str or variable scope instead of `basic_rnn_seq2seq`.

    Returns:
      `(outputs, state)` of the decoder: tensors `[B, O]`, and the last state.

    Source: Sutskever et al. 2014, "Sequence to sequence learning with neural networks",
      arXiv:1409.3215; TensorFlow 1.15 `tf.contrib.legacy_seq2seq.basic_rnn_seq2seq`.
    """
    with tf.variable_scope(scope or "basic_rnn_seq2seq"):
        _, encoded = static_rnn(unbuilt_copy(cell), encoder_inputs, dtype=dtype)
        return rnn_decoder(decoder_inputs, encoded, cell)


def tied_rnn_seq2seq(
    encoder_inputs: Sequence[Any],
    decoder_inputs: Sequence[Any],
    cell: Any,
    loop_function: Feedback | None = None,
    dtype: Any = tf.float32,
    scope: Any = None,
) -> tuple[list[Any], Any]:
    """Encodes a sequence into a state and decodes another from it, with one cell.

    Args:
      encoder_inputs: tensors `[B, I]`, one a step.
      decoder_inputs: tensors `[B, I]`, one a step.
      cell: the recurrent cell of both.
      loop_function: from an output `[B, O]` and the next step's number to its input.
      dtype: of the encoder's initial state.
      scope: str or variable scope instead of `tied_rnn_seq2seq`.

    Returns:
      `(outputs, state)` of the decoder: tensors `[B, O]`, and the last state.

    Source: TensorFlow 1.15 `tf.contrib.legacy_seq2seq.tied_rnn_seq2seq`.
    """
    with tf.variable_scope("combined_tied_rnn_seq2seq"):
        scope = scope or "tied_rnn_seq2seq"
        _, encoded = static_rnn(cell, encoder_inputs, dtype=dtype, scope=scope)
        tf.get_variable_scope().reuse_variables()
        return rnn_decoder(decoder_inputs, encoded, cell, loop_function=loop_function, scope=scope)
