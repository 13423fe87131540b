"""One encoder and several decoders, each with its own task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.cells.multi import check_like_cell
from tgcarry.errors import LegacyError
from tgcarry.legacy.legacy_seq2seq import feed_choice
from tgcarry.legacy.legacy_seq2seq.decoders import embedding_rnn_decoder
from tgcarry.legacy.rnn.projection import EmbeddingWrapper, OutputProjectionWrapper
from tgcarry.legacy.unrolling import static_rnn


def one2many_rnn_seq2seq(
    encoder_inputs: Sequence[Any],
    decoder_inputs_dict: Mapping[Any, Sequence[Any]],
    enc_cell: Any,
    dec_cells_dict: Mapping[Any, Any],
    num_encoder_symbols: int,
    num_decoder_symbols_dict: Mapping[Any, int],
    embedding_size: int,
    feed_previous: Any = False,
    dtype: Any = None,
    scope: Any = None,
) -> tuple[dict[Any, list[Any]], dict[Any, Any]]:
    """Encodes symbols into a state and decodes several sequences of symbols from it.

    Args:
      encoder_inputs: int tensors `[B]`, one a step.
      decoder_inputs_dict: a decoder's name to its int tensors `[B]`, one a step.
      enc_cell: the encoder's cell.
      dec_cells_dict: a decoder's name to its cell.
      num_encoder_symbols: int, rows of the encoder's embedding.
      num_decoder_symbols_dict: a decoder's name to its number of symbols V.
      embedding_size: int, E, of all embeddings.
      feed_previous: bool or bool tensor `[]`: whether the most likely symbol of each step is
        the next one's input.
      dtype: of the variables; by default the variable scope's.
      scope: str or variable scope instead of `one2many_rnn_seq2seq`.

    Returns:
      `(outputs, states)`, each by decoder's name: tensors `[B, V]`, and the last state.

    Raises:
      LegacyError: cells and inputs have different names.
      TypeError: something given as a cell is none.

    Source: Luong et al. 2015, "Multi-task sequence to sequence learning", arXiv:1511.06114;
      TensorFlow 1.15 `tf.contrib.legacy_seq2seq.one2many_rnn_seq2seq`.
    """
    check_like_cell("enc_cell", enc_cell)
    if set(dec_cells_dict) != set(decoder_inputs_dict):
        raise LegacyError(
            f"dec_cells_dict has the decoders {sorted(dec_cells_dict, key=str)}, but "
            f"decoder_inputs_dict {sorted(decoder_inputs_dict, key=str)}: name them alike"
        )
    for name, cell in dec_cells_dict.items():
        check_like_cell(f"dec_cells_dict[{name!r}]", cell)
    outputs, states = {}, {}
    with tf.variable_scope(scope or "one2many_rnn_seq2seq", dtype=dtype) as inside:
        encoder = EmbeddingWrapper(enc_cell, num_encoder_symbols, embedding_size)
        _, encoded = static_rnn(encoder, encoder_inputs, dtype=inside.dtype)
        for name, decoder_inputs in decoder_inputs_dict.items():
            with tf.variable_scope(f"one2many_decoder_{name}"):
                outputs[name], states[name] = _decode(
                    decoder_inputs,
                    encoded,
                    OutputProjectionWrapper(dec_cells_dict[name], num_decoder_symbols_dict[name]),
                    embedding_size,
                    feed_previous,
                )
    return outputs, states


def _decode(
    decoder_inputs: Sequence[Any],
    encoded: Any,
    cell: Any,
    embedding_size: int,
    feed_previous: Any,
) -> tuple[list[Any], Any]:
    def decoder(feeds: bool) -> tuple[list[Any], Any]:
        return embedding_rnn_decoder(
            decoder_inputs,
            encoded,
            cell,
            cell.output_size,
            embedding_size,
            feed_previous=feeds,
        )

    if isinstance(feed_previous, bool):
        return decoder(feed_previous)
    outputs, leaves = feed_choice.decode(feed_previous, len(decoder_inputs), decoder)
    return outputs, feed_choice.packed_like(encoded, leaves)
