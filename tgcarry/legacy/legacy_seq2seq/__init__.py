"""`tf.contrib.legacy_seq2seq`: sequence-to-sequence models unrolled step by step."""

from tgcarry.legacy.legacy_seq2seq.attention import attention_decoder, embedding_attention_decoder
from tgcarry.legacy.legacy_seq2seq.attention_model import embedding_attention_seq2seq
from tgcarry.legacy.legacy_seq2seq.buckets import model_with_buckets
from tgcarry.legacy.legacy_seq2seq.decoders import embedding_rnn_decoder, rnn_decoder
from tgcarry.legacy.legacy_seq2seq.embedded_models import (
    embedding_rnn_seq2seq,
    embedding_tied_rnn_seq2seq,
)
from tgcarry.legacy.legacy_seq2seq.feedback import extract_argmax_and_embed
from tgcarry.legacy.legacy_seq2seq.losses import sequence_loss, sequence_loss_by_example
from tgcarry.legacy.legacy_seq2seq.many_decoders import one2many_rnn_seq2seq
from tgcarry.legacy.legacy_seq2seq.models import basic_rnn_seq2seq, tied_rnn_seq2seq

__all__ = [
    "attention_decoder",
    "basic_rnn_seq2seq",
    "embedding_attention_decoder",
    "embedding_attention_seq2seq",
    "embedding_rnn_decoder",
    "embedding_rnn_seq2seq",
    "embedding_tied_rnn_seq2seq",
    "extract_argmax_and_embed",
    "model_with_buckets",
    "one2many_rnn_seq2seq",
    "rnn_decoder",
    "sequence_loss",
    "sequence_loss_by_example",
    "tied_rnn_seq2seq",
]
