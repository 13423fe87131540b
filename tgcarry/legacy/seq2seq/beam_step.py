"""One step of beam search: the best continuations of all beams together."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.legacy.seq2seq.beam_scores import attention_probs, beam_scores
from tgcarry.legacy.seq2seq.beam_shapes import BeamShapes
from tgcarry.legacy.seq2seq.beam_types import BeamSearchDecoderOutput, BeamSearchDecoderState


def beam_search_step(
    shapes: BeamShapes,
    logits: Any,
    next_cell_state: Any,
    beam_state: BeamSearchDecoderState,
    end_token: Any,
    length_penalty_weight: Any,
    coverage_penalty_weight: Any,
) -> tuple[BeamSearchDecoderOutput, BeamSearchDecoderState]:
    """Chooses the K best continuations by one id among those of all K beams.

    A finished beam goes on with the end token alone, at no cost. B is the batch, K the beams,
    V the classes.

    Args:
      shapes: of the beams.
      logits: `[B, K, V]`.
      next_cell_state: nest of `[B, K, ...]`.
      beam_state: of the step before.
      end_token: int32 `[]`.
      length_penalty_weight: see `beam_scores`.
      coverage_penalty_weight: see `beam_scores`.

    Returns:
      `(output, next_state)`.

    Source: TensorFlow 1.15 `beam_search_decoder._beam_search_step`.
    """
    unfinished = tf.logical_not(beam_state.finished)
    log_probs = _only_end(tf.nn.log_softmax(logits), end_token, beam_state.finished)
    total = tf.expand_dims(beam_state.log_probs, 2) + log_probs
    classes = tf.dimension_value(logits.shape[-1]) or tf.shape(logits)[-1]
    seen = attention_probs(next_cell_state, coverage_penalty_weight)
    if seen is not None:
        seen *= tf.expand_dims(tf.cast(unfinished, seen.dtype), 2)
        seen = beam_state.accumulated_attention_probs + seen
    scores = beam_scores(
        log_probs=total,
        sequence_lengths=_lengths(shapes, beam_state.lengths, unfinished, end_token, classes),
        length_penalty_weight=length_penalty_weight,
        coverage_penalty_weight=coverage_penalty_weight,
        finished=beam_state.finished,
        accumulated_attention_probs=seen,
    )
    best, places = tf.nn.top_k(tf.reshape(scores, [shapes.batch_size, -1]), k=shapes.beam_width)
    for found in (best, places):
        found.set_shape([shapes.static_batch, shapes.beam_width])
    by_row = tf.reshape(total, [shapes.batch_size, -1])
    ids = tf.cast(tf.mod(places, classes, name="next_beam_word_ids"), tf.int32)
    parents = tf.floordiv(places, classes, name="next_beam_parent_ids")
    was_finished = shapes.pick(beam_state.finished, parents)
    next_state = BeamSearchDecoderState(
        cell_state=tf.nest.map_structure(lambda t: shapes.maybe_pick(t, parents), next_cell_state),
        log_probs=shapes.pick(by_row, places, name="next_beam_probs"),
        finished=tf.logical_or(was_finished, tf.equal(ids, end_token), name="next_beam_finished"),
        lengths=shapes.pick(beam_state.lengths, parents)
        + tf.cast(tf.logical_not(was_finished), tf.int64),
        accumulated_attention_probs=() if seen is None else shapes.pick(seen, parents),
    )
    return BeamSearchDecoderOutput(best, ids, parents), next_state


def _only_end(log_probs: Any, end_token: Any, finished: Any) -> Any:
    """Leaves finished beams the end token alone, at log probability 0."""
    classes = tf.shape(log_probs)[2]
    row = tf.one_hot(
        end_token,
        classes,
        dtype=log_probs.dtype,
        on_value=tf.convert_to_tensor(0.0, dtype=log_probs.dtype),
        off_value=log_probs.dtype.min,
    )
    rows = tf.tile(tf.reshape(row, [1, 1, -1]), tf.concat([tf.shape(finished), [1]], 0))
    mask = tf.tile(tf.expand_dims(finished, 2), [1, 1, classes])
    return tf.where(mask, rows, log_probs)


def _lengths(shapes: BeamShapes, lengths: Any, unfinished: Any, end: Any, classes: Any) -> Any:
    """Returns int64 `[B, K, V]`: how long each continuation is, an end token not counted."""
    longer = tf.one_hot(
        tf.fill([shapes.batch_size, shapes.beam_width], end),
        depth=classes,
        on_value=tf.constant(0, tf.int64),
        off_value=tf.constant(1, tf.int64),
        dtype=tf.int64,
    )
    longer *= tf.expand_dims(tf.cast(unfinished, tf.int64), 2)
    return longer + tf.expand_dims(lengths, 2)
