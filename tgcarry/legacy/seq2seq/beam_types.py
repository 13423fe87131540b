"""What a beam search carries and gives."""

from __future__ import annotations

from typing import Any, NamedTuple


class BeamSearchDecoderState(NamedTuple):
    """Holds the state of `BeamSearchDecoder`, for K beams.

    Source: TensorFlow 1.15 `tf.contrib.seq2seq.BeamSearchDecoderState`.
    """

    cell_state: Any
    """Nest of `[B, K, ...]`."""
    log_probs: Any
    """`[B, K]`: log of each beam's probability."""
    finished: Any
    """Bool `[B, K]`."""
    lengths: Any
    """Int64 `[B, K]`: how many ids, the end token among them."""
    accumulated_attention_probs: Any = ()
    """`[B, K, M]`: alignments summed over time, or `()` without a coverage penalty.

    It has no default in 1.15, but was not there before 1.6.
    """


class BeamSearchDecoderOutput(NamedTuple):
    """Holds a step's ids, whose beams the search may still leave.

    Source: TensorFlow 1.15 `tf.contrib.seq2seq.BeamSearchDecoderOutput`.
    """

    scores: Any
    """`[B, K]`: log probabilities with the penalties."""
    predicted_ids: Any
    """Int32 `[B, K]`."""
    parent_ids: Any
    """Int32 `[B, K]`: the beam of the step before that each one goes on from."""


class FinalBeamSearchDecoderOutput(NamedTuple):
    """Holds the whole sequences, best first.

    Source: TensorFlow 1.15 `tf.contrib.seq2seq.FinalBeamSearchDecoderOutput`.
    """

    predicted_ids: Any
    """Int32 `[B, L, K]`, or time first."""
    beam_search_decoder_output: Any
    """`BeamSearchDecoderOutput` of all steps."""
