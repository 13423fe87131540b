"""The best tag sequence of a linear chain: Viterbi's algorithm, in NumPy and in the graph."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tgcarry.legacy.crf.cells import CrfDecodeBackwardRnnCell, CrfDecodeForwardRnnCell


def viterbi_decode(score: Any, transition_params: Any) -> tuple[list[Any], Any]:
    """Finds the best tags of one sequence, outside the graph.

    Args:
      score: array `[T, N]` of the tags' own scores.
      transition_params: array `[N, N]`.

    Returns:
      List of T tags, and their score.

    Source: `tf.contrib.crf.viterbi_decode` of TensorFlow 1.15.
    """
    best = np.zeros_like(score)
    came_from = np.zeros_like(score, dtype=np.int32)
    best[0] = score[0]
    for step in range(1, score.shape[0]):
        through = np.expand_dims(best[step - 1], 1) + transition_params
        best[step] = score[step] + np.max(through, 0)
        came_from[step] = np.argmax(through, 0)
    tags = [np.argmax(best[-1])]
    for links in reversed(came_from[1:]):
        tags.append(links[tags[-1]])
    tags.reverse()
    return tags, np.max(best[-1])


def crf_decode(potentials: Any, transition_params: Any, sequence_length: Any) -> tuple[Any, Any]:
    """Finds the best tags of each sequence.

    Args:
      potentials: `[B, T, N]`.
      transition_params: `[N, N]`.
      sequence_length: `[B]`.

    Returns:
      Tags `[B, T]`, int32, 0 behind a sequence's end, and scores `[B]`.

    Source: `tf.contrib.crf.crf_decode` of TensorFlow 1.15.
    """
    if potentials.shape[1:2].as_list() == [1]:
        only = tf.squeeze(potentials, [1])
        return (
            tf.expand_dims(tf.cast(tf.argmax(only, axis=1), tf.int32), 1),
            tf.reduce_max(only, axis=1),
        )
    tags = tf.compat.dimension_value(potentials.shape[2])
    lengths = tf.maximum(0, tf.cast(sequence_length, tf.int32) - 1)
    links, last = tf.nn.dynamic_rnn(
        CrfDecodeForwardRnnCell(transition_params),
        inputs=potentials[:, 1:],
        sequence_length=lengths,
        initial_state=potentials[:, 0],
        time_major=False,
        dtype=tf.int32,
    )
    final = tf.expand_dims(tf.cast(tf.argmax(last, axis=1), tf.int32), -1)
    earlier, _ = tf.nn.dynamic_rnn(
        CrfDecodeBackwardRnnCell(tags),
        inputs=tf.reverse_sequence(links, lengths, seq_axis=1),
        sequence_length=lengths,
        initial_state=final,
        time_major=False,
        dtype=tf.int32,
    )
    backwards = tf.concat([final, tf.squeeze(earlier, [2])], axis=1)
    decoded = tf.reverse_sequence(backwards, lengths + 1, seq_axis=1)
    return decoded, tf.reduce_max(last, axis=1)
