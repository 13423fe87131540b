"""What makes one beam better than another: probability, length and coverage."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.errors import CellError
from tgcarry.legacy.seq2seq.attention_state import AttentionWrapperState


def beam_scores(
    log_probs: Any,
    sequence_lengths: Any,
    length_penalty_weight: Any,
    coverage_penalty_weight: Any = 0.0,
    finished: Any = None,
    accumulated_attention_probs: Any = None,
) -> Any:
    """Computes the score of each continuation of each beam.

        score = log p / lp + w sum_m log min(c_m, 1)        (the sum for finished beams only)
        lp    = ((5 + length) / 6) ** length_penalty_weight

    B is the batch, K the beams, V the classes, M the memory's length.

    Args:
      log_probs: `[B, K, V]`.
      sequence_lengths: int `[B, K, V]`.
      length_penalty_weight: float; 0 for none.
      coverage_penalty_weight: w, float; 0 for none.
      finished: bool `[B, K]`.
      accumulated_attention_probs: c, `[B, K, M]`, zero behind the memory's end; None without w.

    Returns:
      `[B, K, V]`.

    Raises:
      CellError: w is not one number, or needs alignments that are not there.

    Source: Wu et al. 2016, "Google's neural machine translation system", arXiv:1609.08144.
    """
    penalty = tf.cast(length_penalty(sequence_lengths, length_penalty_weight), log_probs.dtype)
    scores = log_probs / penalty
    weight = tf.convert_to_tensor(coverage_penalty_weight, name="coverage_penalty_weight")
    if weight.shape.rank != 0:
        raise CellError(
            f"coverage_penalty_weight has the shape {weight.shape}: pass a single number"
        )
    if tf.get_static_value(weight) == 0.0:
        return scores
    if accumulated_attention_probs is None:
        raise CellError(
            f"coverage_penalty_weight={coverage_penalty_weight!r} needs alignments: wrap the "
            f"cell in an AttentionWrapper, or pass 0.0"
        )
    covered = tf.where(
        tf.equal(accumulated_attention_probs, 0.0),
        tf.ones_like(accumulated_attention_probs),
        accumulated_attention_probs,
    )
    missing = tf.reduce_sum(tf.log(tf.minimum(covered, 1.0)), 2)
    missing *= tf.cast(finished, missing.dtype)
    return scores + tf.expand_dims(missing * weight, 2)


def length_penalty(sequence_lengths: Any, penalty_factor: Any) -> Any:
    """Computes ((5 + length) / 6) ** penalty_factor, or 1.0 for a factor that is 0."""
    factor = tf.convert_to_tensor(penalty_factor, name="penalty_factor")
    factor.set_shape(())
    if tf.get_static_value(factor) == 0:
        return 1.0
    return (5.0 + tf.cast(sequence_lengths, tf.float32)) ** factor / (5.0 + 1.0) ** factor


def attention_probs(next_cell_state: Any, coverage_penalty_weight: Any) -> Any:
    """Returns the alignments `[B, K, M]` in a cell's state, their mean if there are several.

    None if the weight is 0, so that nobody asks for them.

    Raises:
      CellError: the state holds no alignments.
    """
    if coverage_penalty_weight == 0.0:
        return None
    states = [next_cell_state]
    if not isinstance(next_cell_state, AttentionWrapperState) and isinstance(
        next_cell_state, tuple
    ):
        states = list(next_cell_state)
    found = [mean_alignments(s) for s in states if isinstance(s, AttentionWrapperState)]
    if not found:
        raise CellError(
            f"coverage_penalty_weight={coverage_penalty_weight!r} needs alignments: wrap the "
            f"cell in an AttentionWrapper, or pass 0.0"
        )
    return found[0] if len(found) == 1 else _mean(tuple(found))


def mean_alignments(attention_state: Any) -> Any:
    """Returns the alignments in an `AttentionWrapperState`, their mean if there are several.

    Source: TensorFlow 1.15 `beam_search_decoder.attention_probs_from_attn_state`.
    """
    return _mean(attention_state.alignments)


def _mean(alignments: Any) -> Any:
    if not isinstance(alignments, tuple):
        return alignments
    return tf.reduce_mean(tf.concat([tf.expand_dims(a, -1) for a in alignments], -1), -1)
