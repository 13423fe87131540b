"""One step of beam search: the best continuations of all beams together."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.legacy.seq2seq.beam_gather import gather_beams, maybe_gather_beams
from tgcarry.legacy.seq2seq.beam_scores import attention_probs, beam_scores
from tgcarry.legacy.seq2seq.beam_types import BeamSearchDecoderOutput, BeamSearchDecoderState


def beam_search_step(
    time: Any,
    logits: Any,
    next_cell_state: Any,
    beam_state: BeamSearchDecoderState,
    batch_size: Any,
    beam_width: int,
    end_token: Any,
    length_penalty_weight: Any,
    coverage_penalty_weight: Any = 0.0,
) -> tuple[BeamSearchDecoderOutput, BeamSearchDecoderState]:
    """Chooses the K best continuations by one id among those of all K beams.

    A finished beam goes on with the end token alone, at no cost. B is the batch, K the beams,
    V the classes.

    Args:
      time: int32 `[]`, the step's number; nothing depends on it.
      logits: `[B, K, V]`.
      next_cell_state: nest of `[B, K, ...]`.
      beam_state: of the step before.
      batch_size: tensor `[]`.
      beam_width: K.
      end_token: int32 `[]`.
      length_penalty_weight: see `beam_scores`.
      coverage_penalty_weight: see `beam_scores`; not an argument before 1.6.

    Returns:
      `(output, next_state)`.

    Source: TensorFlow 1.15 `beam_search_decoder._beam_search_step`.
    """
    unfinished = tf.logical_not(beam_state.finished)
    log_probs = only_end(tf.nn.log_softmax(logits), end_token, beam_state.finished)
    total = tf.expand_dims(beam_state.log_probs, 2) + log_probs
    classes = tf.dimension_value(logits.shape[-1]) or tf.shape(logits)[-1]
    ends = tf.fill([batch_size, beam_width], end_token)
    lengths = _lengths(beam_state.lengths, unfinished, ends, classes)
    seen = attention_probs(next_cell_state, coverage_penalty_weight)
    if seen is not None:
        seen *= tf.expand_dims(tf.cast(unfinished, seen.dtype), 2)
        seen = beam_state.accumulated_attention_probs + seen
    scores = beam_scores(
        log_probs=total,
        sequence_lengths=lengths,
        length_penalty_weight=length_penalty_weight,
        coverage_penalty_weight=coverage_penalty_weight,
        finished=beam_state.finished,
        accumulated_attention_probs=seen,
    )
    # Nothing reads it, but it counts as an operation where it is a number.
    tf.convert_to_tensor(time, name="time")
    by_row = tf.reshape(scores, [batch_size, -1])
    width = tf.convert_to_tensor(beam_width, dtype=tf.int32, name="beam_width")
    best, places = tf.nn.top_k(by_row, k=width)
    for found in (best, places):
        found.set_shape([tf.get_static_value(batch_size), beam_width])
    next_log_probs = gather_beams(
        places, total, batch_size, beam_width * classes, [-1], name="next_beam_probs"
    )
    ids = tf.cast(tf.mod(places, classes, name="next_beam_word_ids"), tf.int32)
    parents = tf.cast(places / classes, tf.int32, name="next_beam_parent_ids")
    was_finished = gather_beams(parents, beam_state.finished, batch_size, beam_width, [-1])
    finished = tf.logical_or(was_finished, tf.equal(ids, end_token), name="next_beam_finished")
    longer = tf.cast(tf.logical_not(was_finished), tf.int64)
    next_lengths = gather_beams(parents, beam_state.lengths, batch_size, beam_width, [-1])
    next_lengths += longer
    if seen is not None:
        seen = gather_beams(
            parents,
            seen,
            batch_size,
            beam_width,
            [batch_size * beam_width, -1],
            name="next_accumulated_attention_probs",
        )
    next_state = BeamSearchDecoderState(
        cell_state=tf.nest.map_structure(
            lambda t: maybe_gather_beams(
                parents, t, batch_size, beam_width, [batch_size * beam_width, -1]
            ),
            next_cell_state,
        ),
        log_probs=next_log_probs,
        finished=finished,
        lengths=next_lengths,
        accumulated_attention_probs=() if seen is None else seen,
    )
    return BeamSearchDecoderOutput(best, ids, parents), next_state


def only_end(probs: Any, eos_token: Any, finished: Any) -> Any:
    """Leaves finished beams the end token alone, at log probability 0.

    Args:
      probs: log probabilities `[B, K, V]`.
      eos_token: int32 `[]`, the end token.
      finished: bool `[B, K]`.

    Returns:
      `[B, K, V]`.

    Source: TensorFlow 1.15 `beam_search_decoder._mask_probs`.
    """
    classes = tf.shape(probs)[2]
    row = tf.one_hot(
        eos_token,
        classes,
        dtype=probs.dtype,
        on_value=tf.convert_to_tensor(0.0, dtype=probs.dtype),
        off_value=probs.dtype.min,
    )
    rows = tf.tile(tf.reshape(row, [1, 1, -1]), tf.concat([tf.shape(finished), [1]], 0))
    mask = tf.tile(tf.expand_dims(finished, 2), [1, 1, classes])
    return tf.where(mask, rows, probs)


def _lengths(lengths: Any, unfinished: Any, ends: Any, classes: Any) -> Any:
    """Returns int64 `[B, K, V]`: how long each continuation is, an end token not counted."""
    longer = tf.one_hot(
        ends,
        depth=classes,
        on_value=tf.cast(0, tf.int64),
        off_value=tf.cast(1, tf.int64),
        dtype=tf.int64,
    )
    longer *= tf.expand_dims(tf.cast(unfinished, tf.int64), 2)
    return longer + tf.expand_dims(lengths, 2)
