"""Encoder and decoder on symbols, without attention."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.legacy.legacy_seq2seq import feed_choice
from tgcarry.legacy.legacy_seq2seq.copies import unbuilt_copy
from tgcarry.legacy.legacy_seq2seq.decoders import embedding_rnn_decoder
from tgcarry.legacy.legacy_seq2seq.feedback import check_projection, extract_argmax_and_embed
from tgcarry.legacy.legacy_seq2seq.models import tied_rnn_seq2seq
from tgcarry.legacy.rnn.projection import EmbeddingWrapper, OutputProjectionWrapper
from tgcarry.legacy.unrolling import static_rnn


def embedding_rnn_seq2seq(
    encoder_inputs: Sequence[Any],
    decoder_inputs: Sequence[Any],
    cell: Any,
    num_encoder_symbols: int,
    num_decoder_symbols: int,
    embedding_size: int,
    output_projection: Any = None,
    feed_previous: Any = False,
    dtype: Any = None,
    scope: Any = None,
) -> tuple[list[Any], Any]:
    """Encodes symbols into a state and decodes symbols from it, with two cells alike.

    Args:
      encoder_inputs: int tensors `[B]`, one a step.
      decoder_inputs: int tensors `[B]`, one a step.
      cell: the decoder's cell; the encoder's is a copy with its own weights.
      num_encoder_symbols: int, rows of the encoder's embedding.
      num_decoder_symbols: int, V, rows of the decoder's.
      embedding_size: int, E.
      output_projection: `(W, b)`, `[O, V]` and `[V]`, from outputs to logits; with None the
        decoder makes one and its outputs are logits.
      feed_previous: bool or bool tensor `[]`: whether the most likely symbol of each step is
        the next one's input.
      dtype: of the variables; by default the variable scope's.
      scope: str or variable scope instead of `embedding_rnn_seq2seq`.

    Returns:
      `(outputs, state)` of the decoder: tensors `[B, O]` or `[B, V]`, and the last state.

    Raises:
      ValueError: `output_projection` has another shape.

    Source: TensorFlow 1.15 `tf.contrib.legacy_seq2seq.embedding_rnn_seq2seq`.
    """
    with tf.variable_scope(scope or "embedding_rnn_seq2seq") as inside:
        if dtype is not None:
            inside.set_dtype(dtype)
        encoder = EmbeddingWrapper(unbuilt_copy(cell), num_encoder_symbols, embedding_size)
        _, encoded = static_rnn(encoder, encoder_inputs, dtype=inside.dtype)
        if output_projection is None:
            cell = OutputProjectionWrapper(cell, num_decoder_symbols)

        def decoder(feeds: bool, update: bool) -> tuple[list[Any], Any]:
            return embedding_rnn_decoder(
                decoder_inputs,
                encoded,
                cell,
                num_decoder_symbols,
                embedding_size,
                output_projection=output_projection,
                feed_previous=feeds,
                update_embedding_for_previous=update,
            )

        if isinstance(feed_previous, bool):
            return decoder(feed_previous, True)
        outputs, leaves = feed_choice.decode(
            feed_previous, len(decoder_inputs), lambda feeds: decoder(feeds, False)
        )
        return outputs, feed_choice.packed_like(encoded, leaves)


def embedding_tied_rnn_seq2seq(
    encoder_inputs: Sequence[Any],
    decoder_inputs: Sequence[Any],
    cell: Any,
    num_symbols: int,
    embedding_size: int,
    num_decoder_symbols: int | None = None,
    output_projection: Any = None,
    feed_previous: Any = False,
    dtype: Any = None,
    scope: Any = None,
) -> tuple[list[Any], Any]:
    """Encodes symbols into a state and decodes symbols from it: one embedding and one cell.

    Args:
      encoder_inputs: int tensors `[B]`, one a step.
      decoder_inputs: int tensors `[B]`, one a step.
      cell: the recurrent cell of both.
      num_symbols: int, rows of the embedding.
      embedding_size: int, E.
      num_decoder_symbols: int, V, how many symbols the decoder chooses from; by default all.
      output_projection: `(W, b)`, `[O, num_symbols]` and `[num_symbols]`, from outputs to
        logits; with None the cell gets one and outputs are logits.
      feed_previous: bool or bool tensor `[]`: whether the most likely symbol of each step is
        the next one's input.
      dtype: of the variables; by default the variable scope's.
      scope: str or variable scope instead of `embedding_tied_rnn_seq2seq`.

    Returns:
      `(outputs, state)` of the decoder: tensors `[B, O]` or `[B, V]`, and the last state.

    Raises:
      ValueError: `output_projection` has another shape.

    Source: TensorFlow 1.15 `tf.contrib.legacy_seq2seq.embedding_tied_rnn_seq2seq`.
    """
    with tf.variable_scope(scope or "embedding_tied_rnn_seq2seq", dtype=dtype) as inside:
        dtype = inside.dtype
        check_projection(output_projection, num_symbols, dtype)
        embedding = tf.get_variable("embedding", [num_symbols, embedding_size], dtype=dtype)
        encoder_vectors = [tf.nn.embedding_lookup(embedding, x) for x in encoder_inputs]
        decoder_vectors = [tf.nn.embedding_lookup(embedding, x) for x in decoder_inputs]
        if output_projection is None:
            cell = OutputProjectionWrapper(cell, num_decoder_symbols or num_symbols)

        def model(feeds: bool, update: bool) -> tuple[list[Any], Any]:
            feedback = None
            if feeds:
                feedback = extract_argmax_and_embed(embedding, output_projection, update)
            return tied_rnn_seq2seq(
                encoder_vectors, decoder_vectors, cell, loop_function=feedback, dtype=dtype
            )

        if isinstance(feed_previous, bool):
            return model(feed_previous, True)
        outputs, leaves = feed_choice.decode(
            feed_previous, len(decoder_inputs), lambda feeds: model(feeds, False)
        )
        state_like = cell.zero_state(_batch_size(encoder_inputs[0]), dtype)
        return outputs, feed_choice.packed_like(state_like, leaves)


def _batch_size(symbols: Any) -> Any:
    rows = symbols.get_shape().as_list()[0]
    return tf.shape(symbols)[0] if rows is None else rows
