"""The functions that steer TensorFlow 1.0's decoding loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.errors import CellError
from tgcarry.legacy.seq2seq.arrays import static_or_dynamic
from tgcarry.legacy.seq2seq.rnn_decoder import DecoderFn

AttentionFn = Callable[[Any, Any, Any], Any]


def simple_decoder_fn_train(encoder_state: Any, name: str | None = None) -> DecoderFn:
    """Makes a decoder function that starts from a state and reads the given inputs.

    Args:
      encoder_state: nest like the cell's state.
      name: of the operations' scope.

    Source: TensorFlow 1.0 `tf.contrib.seq2seq.simple_decoder_fn_train`.
    """

    def decoder_fn(time: Any, state: Any, given: Any, output: Any, context: Any) -> Any:
        with tf.name_scope(name, "simple_decoder_fn_train"):
            return None, encoder_state if state is None else state, given, output, context

    return decoder_fn


def attention_decoder_fn_train(
    encoder_state: Any,
    attention_keys: Any,
    attention_values: Any,
    attention_score_fn: AttentionFn,
    attention_construct_fn: AttentionFn,
    name: str | None = None,
) -> DecoderFn:
    """Makes a decoder function that reads the inputs and attends; see `prepare_attention`.

    Args:
      encoder_state: nest like the cell's state.
      attention_keys: `[B, L, U]`.
      attention_values: `[B, L, U]`.
      attention_score_fn: part of `attention_construct_fn`.
      attention_construct_fn: function of (output, keys, values) to the attention `[B, U]`.
      name: of the operations' scope.

    Source: TensorFlow 1.0 `tf.contrib.seq2seq.attention_decoder_fn_train`.
    """

    def decoder_fn(time: Any, state: Any, given: Any, output: Any, context: Any) -> Any:
        with tf.name_scope(name, "attention_decoder_fn_train"):
            if state is None:
                state, attention = encoder_state, _no_attention(encoder_state)
            else:
                output = attention = attention_construct_fn(
                    output, attention_keys, attention_values
                )
            return None, state, tf.concat([given, attention], 1), output, context

    return decoder_fn


def simple_decoder_fn_inference(
    output_fn: Callable[[Any], Any] | None,
    encoder_state: Any,
    embeddings: Any,
    start_of_sequence_id: Any,
    end_of_sequence_id: Any,
    maximum_length: Any,
    num_decoder_symbols: int,
    dtype: Any = tf.int32,
    name: str | None = None,
) -> DecoderFn:
    """Makes a decoder function that reads the embedding of the likeliest class.

    Args:
      output_fn: function of the cell's output to logits `[B, V]`; None for the output itself.
      encoder_state: nest like the cell's state.
      embeddings: `[V, E]`.
      start_of_sequence_id: int.
      end_of_sequence_id: int.
      maximum_length: int, the step behind which all sequences end.
      num_decoder_symbols: int V.
      dtype: of ids.
      name: of the operations' scope.

    Source: TensorFlow 1.0 `tf.contrib.seq2seq.simple_decoder_fn_inference`.
    """
    greedy = _Greedy(
        output_fn,
        encoder_state,
        embeddings,
        start_of_sequence_id,
        end_of_sequence_id,
        maximum_length,
        num_decoder_symbols,
        dtype,
    )

    def decoder_fn(time: Any, state: Any, given: Any, output: Any, context: Any) -> Any:
        with tf.name_scope(name, "simple_decoder_fn_inference"):
            _refuse_inputs(given)
            if output is None:
                state = encoder_state
            done, given, output = greedy.next(time, output)
            return done, state, given, output, context

    return decoder_fn


def attention_decoder_fn_inference(
    output_fn: Callable[[Any], Any] | None,
    encoder_state: Any,
    attention_keys: Any,
    attention_values: Any,
    attention_score_fn: AttentionFn,
    attention_construct_fn: AttentionFn,
    embeddings: Any,
    start_of_sequence_id: Any,
    end_of_sequence_id: Any,
    maximum_length: Any,
    num_decoder_symbols: int,
    dtype: Any = tf.int32,
    name: str | None = None,
) -> DecoderFn:
    """Makes a decoder function that reads the likeliest class's embedding and attends.

    Args:
      output_fn: function of the attention to logits `[B, V]`; None for the attention itself.
      encoder_state: nest like the cell's state.
      attention_keys: `[B, L, U]`.
      attention_values: `[B, L, U]`.
      attention_score_fn: part of `attention_construct_fn`.
      attention_construct_fn: function of (output, keys, values) to the attention `[B, U]`.
      embeddings: `[V, E]`.
      start_of_sequence_id: int.
      end_of_sequence_id: int.
      maximum_length: int, the step behind which all sequences end.
      num_decoder_symbols: int V.
      dtype: of ids.
      name: of the operations' scope.

    Source: TensorFlow 1.0 `tf.contrib.seq2seq.attention_decoder_fn_inference`.
    """
    greedy = _Greedy(
        output_fn,
        encoder_state,
        embeddings,
        start_of_sequence_id,
        end_of_sequence_id,
        maximum_length,
        num_decoder_symbols,
        dtype,
    )

    def decoder_fn(time: Any, state: Any, given: Any, output: Any, context: Any) -> Any:
        with tf.name_scope(name, "attention_decoder_fn_inference"):
            _refuse_inputs(given)
            if output is None:
                state, attention = encoder_state, _no_attention(encoder_state)
            else:
                output = attention = attention_construct_fn(
                    output, attention_keys, attention_values
                )
            done, given, output = greedy.next(time, output)
            return done, state, tf.concat([given, attention], 1), output, context

    return decoder_fn


class _Greedy:
    """Holds what choosing the likeliest class takes."""

    def __init__(
        self,
        output_fn: Callable[[Any], Any] | None,
        encoder_state: Any,
        embeddings: Any,
        start: Any,
        end: Any,
        maximum_length: Any,
        num_decoder_symbols: Any,
        dtype: Any,
    ) -> None:
        self._output_fn = output_fn
        self._rows = static_or_dynamic(tf.nest.flatten(encoder_state)[0], 0)
        self._embeddings = embeddings
        self._start = tf.cast(start, dtype)
        self._end = tf.cast(end, dtype)
        self._maximum_length = tf.cast(maximum_length, tf.int32)
        self._classes = num_decoder_symbols
        self._dtype = dtype

    def next(self, time: Any, output: Any) -> tuple[Any, Any, Any]:
        """Returns `(done, next_inputs, logits)`; before the first step the output is None."""
        if output is None:
            ids = tf.fill([self._rows], self._start)
            done = tf.zeros([self._rows], dtype=tf.bool)
            logits = tf.zeros([self._classes], dtype=tf.float32)
        else:
            logits = output if self._output_fn is None else self._output_fn(output)
            ids = tf.cast(tf.argmax(logits, 1), self._dtype)
            done = tf.equal(ids, self._end)
        # The program may have given one matrix or a partitioned one.
        inputs = tf.nn.embedding_lookup(self._embeddings, ids)
        done = tf.logical_or(done, tf.greater(time, self._maximum_length))
        return done, inputs, logits


def _refuse_inputs(given: Any) -> None:
    if given is not None:
        raise CellError(f"inputs={given!r}: to infer, call dynamic_rnn_decoder without inputs")


def _no_attention(encoder_state: Any) -> Any:
    """Makes the attention before the first step, zeros like the uppermost layer's output."""
    top = encoder_state[-1] if isinstance(encoder_state, tuple) else encoder_state
    return tf.zeros_like(getattr(top, "h", top))
