"""Encoder and decoder on symbols, with attention."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.legacy.legacy_seq2seq import feed_choice
from tgcarry.legacy.legacy_seq2seq.attention import embedding_attention_decoder
from tgcarry.legacy.legacy_seq2seq.copies import unbuilt_copy
from tgcarry.legacy.rnn.projection import EmbeddingWrapper, OutputProjectionWrapper
from tgcarry.legacy.unrolling import static_rnn


def embedding_attention_seq2seq(
    encoder_inputs: Sequence[Any],
    decoder_inputs: Sequence[Any],
    cell: Any,
    num_encoder_symbols: int,
    num_decoder_symbols: int,
    embedding_size: int,
    num_heads: int = 1,
    output_projection: Any = None,
    feed_previous: Any = False,
    dtype: Any = None,
    scope: Any = None,
    initial_state_attention: bool = False,
) -> tuple[list[Any], Any]:
    """Encodes symbols and decodes symbols while reading the encoder's outputs.

    Args:
      encoder_inputs: int tensors `[B]`, one a step.
      decoder_inputs: int tensors `[B]`, one a step.
      cell: the decoder's cell; the encoder's is a copy with its own weights.
      num_encoder_symbols: int, rows of the encoder's embedding.
      num_decoder_symbols: int, V, rows of the decoder's.
      embedding_size: int, E.
      num_heads: how many vectors are read at a step.
      output_projection: `(W, b)`, `[O, V]` and `[V]`, from outputs to logits; with None the
        decoder makes them and its outputs are logits.
      feed_previous: bool or bool tensor `[]`: whether the most likely symbol of each step is
        the next one's input.
      dtype: of the variables; by default the variable scope's.
      scope: str or variable scope instead of `embedding_attention_seq2seq`.
      initial_state_attention: whether the memory is read before the first step.

    Returns:
      `(outputs, state)` of the decoder: tensors `[B, O]` or `[B, V]`, and the last state.

    Raises:
      ValueError: `output_projection` has another shape.

    Source: Bahdanau et al. 2014, "Neural machine translation by jointly learning to align and
      translate", arXiv:1409.0473; TensorFlow 1.15
      `tf.contrib.legacy_seq2seq.embedding_attention_seq2seq`.
    """
    with tf.variable_scope(scope or "embedding_attention_seq2seq", dtype=dtype) as inside:
        encoder = EmbeddingWrapper(unbuilt_copy(cell), num_encoder_symbols, embedding_size)
        tops, encoded = static_rnn(encoder, encoder_inputs, dtype=inside.dtype)
        memory = tf.concat([tf.reshape(top, [-1, 1, cell.output_size]) for top in tops], 1)
        output_size = None
        if output_projection is None:
            cell = OutputProjectionWrapper(cell, num_decoder_symbols)
            output_size = num_decoder_symbols

        def decoder(feeds: bool, update: bool) -> tuple[list[Any], Any]:
            return embedding_attention_decoder(
                decoder_inputs,
                encoded,
                memory,
                cell,
                num_decoder_symbols,
                embedding_size,
                num_heads=num_heads,
                output_size=output_size,
                output_projection=output_projection,
                feed_previous=feeds,
                update_embedding_for_previous=update,
                initial_state_attention=initial_state_attention,
            )

        if isinstance(feed_previous, bool):
            return decoder(feed_previous, True)
        outputs, leaves = feed_choice.decode(
            feed_previous, len(decoder_inputs), lambda feeds: decoder(feeds, False)
        )
        return outputs, feed_choice.packed_like(encoded, leaves)
