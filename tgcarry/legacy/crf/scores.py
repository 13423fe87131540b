"""Scores of tag sequences in a linear chain.

B is the batch, T the longest sequence, N the number of tags; `inputs` `[B, T, N]` are the
tags' own scores, `transition_params` `[N, N]` those of a tag (row) followed by another
(column).
"""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.legacy.crf.cells import CrfForwardRnnCell


def crf_unary_score(tag_indices: Any, sequence_lengths: Any, inputs: Any) -> Any:
    """Adds up the own scores of each sequence's tags.

    Args:
      tag_indices: `[B, T]`.
      sequence_lengths: `[B]`.
      inputs: `[B, T, N]`.

    Returns:
      `[B]`.

    Source: `tf.contrib.crf.crf_unary_score` of TensorFlow 1.15.
    """
    own = tf.gather(inputs, tag_indices, axis=2, batch_dims=2)
    mask = tf.sequence_mask(sequence_lengths, tf.shape(tag_indices)[1], dtype=inputs.dtype)
    return tf.reduce_sum(own * mask, 1)


def crf_binary_score(tag_indices: Any, sequence_lengths: Any, transition_params: Any) -> Any:
    """Adds up the scores of each sequence's transitions.

    Returns:
      `[B]`.

    Source: `tf.contrib.crf.crf_binary_score` of TensorFlow 1.15.
    """
    transition_params = tf.convert_to_tensor(transition_params)
    lengths = tf.convert_to_tensor(sequence_lengths)
    before, after = tag_indices[:, :-1], tag_indices[:, 1:]
    scores = tf.gather_nd(transition_params, tf.stack([before, after], axis=-1))
    mask = tf.sequence_mask(lengths - 1, tf.shape(before)[1], dtype=transition_params.dtype)
    return tf.reduce_sum(scores * mask, 1)


def crf_sequence_score(
    inputs: Any, tag_indices: Any, sequence_lengths: Any, transition_params: Any
) -> Any:
    """Adds up both for each sequence; 0 for one without tags.

    Returns:
      `[B]`.

    Source: `tf.contrib.crf.crf_sequence_score` of TensorFlow 1.15.
    """
    if inputs.shape[1:2].as_list() == [1]:
        first = tf.cast(tag_indices[:, 0], tf.int32)
        own = tf.gather(inputs[:, 0], first, axis=1, batch_dims=1)
        return tf.where(tf.less_equal(sequence_lengths, 0), tf.zeros_like(own), own)
    return crf_unary_score(tag_indices, sequence_lengths, inputs) + crf_binary_score(
        tag_indices, sequence_lengths, transition_params
    )


def crf_multitag_sequence_score(
    inputs: Any, tag_bitmap: Any, sequence_lengths: Any, transition_params: Any
) -> Any:
    """Adds up the weight of all sequences that only have tags marked as possible.

    In `tag_bitmap` `[B, T, N]` possible tags are true.

    Returns:
      `[B]`, the logarithm.

    Source: `tf.contrib.crf.crf_multitag_sequence_score` of TensorFlow 1.15.
    """
    impossible = tf.fill(tf.shape(inputs), tf.constant(float("-inf"), inputs.dtype))
    possible = tf.where(tag_bitmap, inputs, impossible)
    return crf_log_norm(possible, sequence_lengths, transition_params)


def crf_log_norm(inputs: Any, sequence_lengths: Any, transition_params: Any) -> Any:
    """Adds up the weight of all sequences: log sum exp(score); 0 for one without tags.

    Returns:
      `[B]`.

    Source: `tf.contrib.crf.crf_log_norm` of TensorFlow 1.15.
    """
    first, rest = inputs[:, 0], inputs[:, 1:]
    lengths = tf.cast(sequence_lengths, tf.int32)
    if inputs.shape[1:2].as_list() == [1]:
        alphas = first
    else:
        _, alphas = tf.nn.dynamic_rnn(
            cell=CrfForwardRnnCell(transition_params),
            inputs=rest,
            sequence_length=tf.maximum(0, lengths - 1),
            initial_state=first,
            dtype=inputs.dtype,
        )
    norm = tf.reduce_logsumexp(alphas, [1])
    return tf.where(tf.less_equal(lengths, 0), tf.zeros_like(norm), norm)


def crf_log_likelihood(
    inputs: Any, tag_indices: Any, sequence_lengths: Any, transition_params: Any = None
) -> tuple[Any, Any]:
    """Computes log p(tags | inputs) = score - log norm for each sequence.

    Args:
      inputs: `[B, T, N]`.
      tag_indices: `[B, T]`.
      sequence_lengths: `[B]`.
      transition_params: `[N, N]`; None makes the variable `transitions`.

    Returns:
      `[B]`, and the transitions `[N, N]`.

    Source: Lafferty et al. 2001, "Conditional random fields"; `tf.contrib.crf.
      crf_log_likelihood` of TensorFlow 1.15.
    """
    if transition_params is None:
        tags = tf.compat.dimension_value(inputs.shape[2])
        transition_params = tf.get_variable("transitions", [tags, tags])
    score = crf_sequence_score(inputs, tag_indices, sequence_lengths, transition_params)
    return score - crf_log_norm(inputs, sequence_lengths, transition_params), transition_params
