"""The decoder that looks back at the encoder's outputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.errors import LegacyError
from tgcarry.legacy.legacy_seq2seq.decoders import next_input
from tgcarry.legacy.legacy_seq2seq.feedback import (
    Feedback,
    check_projection_bias,
    extract_argmax_and_embed,
)
from tgcarry.legacy.rnn.linear import Linear


class _Heads:
    """Reads a memory `[B, L, A]` with several heads, each with variables of its own.

        score_l = sum(v * tanh(memory_l W + query U + b)),   read = sum_l softmax(score)_l memory_l

    W is `AttnW_k` `[1, 1, A, A]`, v is `AttnV_k` `[A]`, and U and b are `Attention_k/kernel`
    and `Attention_k/bias`.
    """

    def __init__(self, memory: Any, num_heads: int, dtype: Any) -> None:
        shape = memory.get_shape().as_list()
        self.length = tf.shape(memory)[1] if shape[1] is None else shape[1]
        self.width = shape[2]
        self.dtype = dtype
        # As pictures of height L and width 1, so that the product is a convolution.
        self._memory = tf.reshape(memory, [-1, self.length, 1, self.width])
        self._features, self._v = [], []
        for head in range(num_heads):
            w = tf.get_variable(f"AttnW_{head}", [1, 1, self.width, self.width], dtype=dtype)
            self._features.append(tf.nn.conv2d(self._memory, w, [1, 1, 1, 1], "SAME"))
            self._v.append(tf.get_variable(f"AttnV_{head}", [self.width], dtype=dtype))

    def start(self, batch_size: Any) -> list[Any]:
        """Returns what the heads have read before the first step: zeros `[B, A]`."""
        shape = tf.stack([batch_size, self.width])
        reads = [tf.zeros(shape, dtype=self.dtype) for _ in self._v]
        for read in reads:
            read.set_shape([None, self.width])
        return reads

    def read(self, state: Any, again: bool = False) -> list[Any]:
        """Returns what each head reads, `[B, A]`, when the cell is in a state.

        `again` says that the variables are there though the scope does not reuse them yet.
        """
        if again:
            with tf.variable_scope(tf.get_variable_scope(), reuse=True):
                return self.read(state)
        query = tf.concat(tf.nest.flatten(state), 1) if tf.nest.is_nested(state) else state
        return [self._read(head, query) for head in range(len(self._v))]

    def _read(self, head: int, query: Any) -> Any:
        with tf.variable_scope(f"Attention_{head}"):
            asked = Linear(query, self.width, True)(query)
            asked = tf.cast(tf.reshape(asked, [-1, 1, 1, self.width]), self.dtype)
            scores = tf.reduce_sum(self._v[head] * tf.tanh(self._features[head] + asked), [2, 3])
            # 1.15 takes the softmax in float32 whatever the dtype.
            weights = tf.cast(tf.nn.softmax(tf.cast(scores, tf.float32)), self.dtype)
            columns = tf.reshape(weights, [-1, self.length, 1, 1])
            found = tf.reduce_sum(columns * self._memory, [1, 2])
            return tf.reshape(found, [-1, self.width])


def attention_decoder(
    decoder_inputs: Sequence[Any],
    initial_state: Any,
    attention_states: Any,
    cell: Any,
    output_size: int | None = None,
    num_heads: int = 1,
    loop_function: Feedback | None = None,
    dtype: Any = None,
    scope: Any = None,
    initial_state_attention: bool = False,
) -> tuple[list[Any], Any]:
    """Runs a cell over a list of inputs while it reads the encoder's outputs.

        h_t, s_t = cell(linear([x_t, r_{t-1}]), s_{t-1})
        r_t      = read(s_t),      output_t = linear([h_t, r_t])

    where `read` is additive attention over the memory, with one vector `[B, A]` per head.

    Args:
      decoder_inputs: L tensors `[B, I]`; with `loop_function` only the first is used.
      initial_state: nest like `cell.state_size` of `[B, H]` tensors.
      attention_states: the memory, `[B, M, A]`.
      cell: the recurrent cell.
      output_size: int, O; by default the cell's.
      num_heads: how many vectors are read at a step.
      loop_function: from `output_{t-1}` `[B, O]` and t to `x_t`; None reads the inputs.
      dtype: of the variables; by default the variable scope's.
      scope: str or variable scope instead of `attention_decoder`.
      initial_state_attention: whether `r_0` is read with the initial state; else zeros.

    Returns:
      `(outputs, state)`: L tensors `[B, O]`, and the last state.

    Raises:
      LegacyError: no inputs, no heads, or a memory or an input of unknown width.

    Source: Vinyals et al. 2014, "Grammar as a foreign language", arXiv:1412.7449;
      TensorFlow 1.15 `tf.contrib.legacy_seq2seq.attention_decoder`.
    """
    _check(decoder_inputs, attention_states, num_heads)
    output_size = cell.output_size if output_size is None else output_size
    with tf.variable_scope(scope or "attention_decoder", dtype=dtype) as inside:
        dtype = inside.dtype
        batch_size = tf.shape(decoder_inputs[0])[0]
        heads = _Heads(attention_states, num_heads, dtype)
        state = initial_state
        outputs: list[Any] = []
        reads = heads.start(batch_size)
        if initial_state_attention:
            reads = heads.read(initial_state)
        for step, given in enumerate(decoder_inputs):
            if step > 0:
                tf.get_variable_scope().reuse_variables()
            current = next_input(given, outputs, loop_function, step)
            output, state = cell(_mixed(current, reads, dtype), state)
            reads = heads.read(state, again=step == 0 and initial_state_attention)
            with tf.variable_scope("AttnOutputProjection"):
                joined = [tf.cast(output, dtype), *reads]
                outputs.append(Linear(joined, output_size, True)(joined))
    return outputs, state


def _check(decoder_inputs: Sequence[Any], attention_states: Any, num_heads: int) -> None:
    if not decoder_inputs:
        raise LegacyError("attention_decoder got no decoder_inputs: pass at least one step's")
    if num_heads < 1:
        raise LegacyError(f"num_heads={num_heads} reads nothing: use rnn_decoder, or 1 or more")
    if attention_states.get_shape().as_list()[2] is None:
        raise LegacyError(
            f"attention_states have the shape {attention_states.get_shape()}, but their last "
            f"dimension must be known: set it with set_shape"
        )


def _mixed(given: Any, reads: list[Any], dtype: Any) -> Any:
    width = given.get_shape().with_rank(2).as_list()[1]
    if width is None:
        raise LegacyError(
            f"the decoder input {given.name} has the shape {given.get_shape()}, but its width "
            f"must be known: set it with set_shape"
        )
    joined = [tf.cast(part, dtype) for part in [given, *reads]]
    return Linear(joined, width, True)(joined)


def embedding_attention_decoder(
    decoder_inputs: Sequence[Any],
    initial_state: Any,
    attention_states: Any,
    cell: Any,
    num_symbols: int,
    embedding_size: int,
    num_heads: int = 1,
    output_size: int | None = None,
    output_projection: Any = None,
    feed_previous: bool = False,
    update_embedding_for_previous: bool = True,
    dtype: Any = None,
    scope: Any = None,
    initial_state_attention: bool = False,
) -> tuple[list[Any], Any]:
    """Runs `attention_decoder` over embedded symbols; makes `embedding` `[V, E]`.

    Args:
      decoder_inputs: L int tensors `[B]`; with `feed_previous` only the first is used.
      initial_state: nest like `cell.state_size` of `[B, H]` tensors.
      attention_states: the memory, `[B, M, A]`.
      cell: the recurrent cell.
      num_symbols: int, V.
      embedding_size: int, E.
      num_heads: how many vectors are read at a step.
      output_size: int, O; by default the cell's.
      output_projection: `(W, b)`, `[O, V]` and `[V]`, from outputs to logits, for
        `feed_previous`; None where outputs are logits.
      feed_previous: whether the most likely symbol of each step is the next one's input.
      update_embedding_for_previous: whether those inputs train the embedding.
      dtype: of the variables; by default the variable scope's.
      scope: str or variable scope instead of `embedding_attention_decoder`.
      initial_state_attention: whether the memory is read before the first step.

    Returns:
      `(outputs, state)`: L tensors `[B, O]`, and the last state.

    Raises:
      ValueError: `output_projection` has another shape.

    Source: TensorFlow 1.15 `tf.contrib.legacy_seq2seq.embedding_attention_decoder`.
    """
    output_size = cell.output_size if output_size is None else output_size
    check_projection_bias(output_projection, num_symbols, dtype)
    with tf.variable_scope(scope or "embedding_attention_decoder", dtype=dtype):
        embedding = tf.get_variable("embedding", [num_symbols, embedding_size])
        feedback = None
        if feed_previous:
            feedback = extract_argmax_and_embed(
                embedding, output_projection, update_embedding_for_previous
            )
        embedded = [tf.nn.embedding_lookup(embedding, symbols) for symbols in decoder_inputs]
        return attention_decoder(
            embedded,
            initial_state,
            attention_states,
            cell,
            output_size=output_size,
            num_heads=num_heads,
            loop_function=feedback,
            initial_state_attention=initial_state_attention,
        )
