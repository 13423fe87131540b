"""A decoder that keeps the best few sequences instead of one."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tgcarry.cells.multi import check_like_cell
from tgcarry.legacy import numbering
from tgcarry.legacy.seq2seq.beam_checks import assert_beams, may_hold_beams
from tgcarry.legacy.seq2seq.beam_scores import attention_probs
from tgcarry.legacy.seq2seq.beam_shapes import BeamShapes, has_rank
from tgcarry.legacy.seq2seq.beam_step import beam_search_step
from tgcarry.legacy.seq2seq.beam_types import (
    BeamSearchDecoderOutput,
    BeamSearchDecoderState,
    FinalBeamSearchDecoderOutput,
)
from tgcarry.legacy.seq2seq.decoder import Decoder
from tgcarry.legacy.seq2seq.embedding_helpers import (
    embedding_function,
    end_token_tensor,
    start_tokens_tensor,
)
from tgcarry.legacy.seq2seq.gather_tree import gather_tree, gather_tree_from_array
from tgcarry.legacy.seq2seq.projection import check_layer, output_size


class BeamSearchDecoder(Decoder):
    """Keeps, at each step, the K sequences with the best scores; see `beam_scores`.

    A memory and states have to be tiled with `tile_batch`, and the zero state made for
    `batch_size * beam_width`. B is the batch, K the beams.

    Args:
      cell: a cell.
      embedding: `[V, E]`, or a function from int32 ids to vectors.
      start_tokens: int32 `[B]`.
      end_token: int, the id that ends a sequence.
      initial_state: nest like `cell.state_size` of `[B * K, ...]`.
      beam_width: int K.
      output_layer: layer over the cell's output, e.g. `tf.layers.Dense(V)`, or None.
      length_penalty_weight: float; 0 for none.
      coverage_penalty_weight: float; 0 for none.
      reorder_tensor_arrays: whether a `TensorArray` in the final state (an alignment history)
        becomes a tensor in the order of the whole sequences.

    Raises:
      TypeError, CellError: a bad argument.

    Source: TensorFlow 1.15 `tf.contrib.seq2seq.BeamSearchDecoder`.
    """

    def __init__(
        self,
        cell: Any,
        embedding: Any,
        start_tokens: Any,
        end_token: Any,
        initial_state: Any,
        beam_width: int,
        output_layer: Any = None,
        length_penalty_weight: Any = 0.0,
        coverage_penalty_weight: Any = 0.0,
        reorder_tensor_arrays: bool = True,
    ) -> None:
        check_like_cell("cell", cell)
        check_layer("output_layer", output_layer)
        self._cell = cell
        self._output_layer = output_layer
        self._reorder_tensor_arrays = reorder_tensor_arrays
        self._beam_width = beam_width
        self._length_penalty_weight = length_penalty_weight
        self._coverage_penalty_weight = coverage_penalty_weight
        self._embedding_fn = embedding_function(embedding)
        self._start_tokens = start_tokens_tensor(start_tokens)
        self._end_token = end_token_tensor(end_token)
        self._batch_size = tf.size(start_tokens)
        self._initial_cell_state = tf.nest.map_structure(
            self._maybe_split_batch_beams, initial_state, cell.state_size
        )
        self._start_tokens = tf.tile(tf.expand_dims(self._start_tokens, 1), [1, beam_width])
        self._start_inputs = self._embedding_fn(self._start_tokens)
        with numbering.as_many(11):
            self._finished = self._first_beam(False, True, tf.bool)

    def _first_beam(self, value: Any, others: Any, dtype: Any) -> Any:
        """Makes `[B, K]` with a value in the first beam: all start as the same sequence."""
        # 1.15 looks at run time whether zeros are few enough for a constant.
        with numbering.as_many(5):
            first = tf.zeros([self._batch_size], dtype=tf.int32)
        return tf.one_hot(
            first,
            depth=self._beam_width,
            on_value=value,
            off_value=others,
            dtype=dtype,
        )

    @property
    def batch_size(self) -> Any:
        """Tensor `[]`: how many start tokens there are."""
        return self._batch_size

    def _rnn_output_size(self) -> Any:
        return output_size(self._cell, self._output_layer)

    @property
    def tracks_own_finished(self) -> bool:
        """True: beams change places."""
        return True

    @property
    def output_size(self) -> BeamSearchDecoderOutput:
        """K of each."""
        width = tf.TensorShape([self._beam_width])
        return BeamSearchDecoderOutput(width, width, width)

    @property
    def output_dtype(self) -> BeamSearchDecoderOutput:
        """The state's dtype for the scores; ids are int32."""
        dtype = tf.nest.flatten(self._initial_cell_state)[0].dtype
        scores = tf.nest.map_structure(lambda _: dtype, self._rnn_output_size())
        return BeamSearchDecoderOutput(scores, tf.int32, tf.int32)

    def initialize(self, name: str | None = None) -> tuple[Any, Any, Any]:
        """Returns one unfinished beam per sequence, the start inputs, and the state."""
        dtype = tf.nest.flatten(self._initial_cell_state)[0].dtype
        seen = attention_probs(self._initial_cell_state, self._coverage_penalty_weight)
        log_probs = self._first_beam(
            tf.convert_to_tensor(0.0, dtype=dtype),
            tf.convert_to_tensor(-np.inf, dtype=dtype),
            dtype,
        )
        with numbering.as_many(8):
            lengths = tf.zeros([self._batch_size, self._beam_width], dtype=tf.int64)
        state = BeamSearchDecoderState(
            cell_state=self._initial_cell_state,
            log_probs=log_probs,
            finished=self._finished,
            lengths=lengths,
            accumulated_attention_probs=() if seen is None else seen,
        )
        return self._finished, self._start_inputs, state

    def step(
        self, time: Any, inputs: Any, state: Any, name: str | None = None
    ) -> tuple[Any, Any, Any, Any]:
        """Runs one step; see `Decoder.step`."""
        sizes = self._cell.state_size
        with tf.name_scope(name, "BeamSearchDecoderStep", [time, inputs, state]):
            inputs = tf.nest.map_structure(
                lambda t: self._merge_batch_beams(t, s=t.shape[2:]), inputs
            )
            cell_state = tf.nest.map_structure(
                self._maybe_merge_batch_beams, state.cell_state, sizes
            )
            outputs, cell_state = self._cell(inputs, cell_state)
            outputs = tf.nest.map_structure(
                lambda t: self._split_batch_beams(t, t.shape[1:]), outputs
            )
            cell_state = tf.nest.map_structure(self._maybe_split_batch_beams, cell_state, sizes)
            if self._output_layer is not None:
                outputs = self._output_layer(outputs)
            output, state = beam_search_step(
                time,
                outputs,
                cell_state,
                state,
                self._batch_size,
                self._beam_width,
                self._end_token,
                self._length_penalty_weight,
                self._coverage_penalty_weight,
            )
            inputs = tf.cond(
                tf.reduce_all(state.finished),
                lambda: self._start_inputs,
                lambda: self._embedding_fn(output.predicted_ids),
            )
        return output, state, inputs, state.finished

    def finalize(self, outputs: Any, final_state: Any, sequence_lengths: Any) -> tuple[Any, Any]:
        """Writes the whole sequences out; their lengths are in `final_state.lengths`."""
        longest = tf.cast(tf.reduce_max(final_state.lengths, axis=1), tf.int32)
        ids = gather_tree(
            outputs.predicted_ids, outputs.parent_ids, longest, end_token=self._end_token
        )
        if self._reorder_tensor_arrays:
            cell_state = tf.nest.map_structure(
                lambda t: self._maybe_sort_array_beams(t, outputs.parent_ids, final_state.lengths),
                final_state.cell_state,
            )
            final_state = final_state._replace(cell_state=cell_state)
        return FinalBeamSearchDecoderOutput(ids, outputs), final_state

    @property
    def _shapes(self) -> BeamShapes:
        # Not kept: a subclass may write its own __init__ without calling this one.
        return BeamShapes(self._batch_size, self._beam_width)

    # Subclasses of old programs call the following, and replace them.

    def _merge_batch_beams(self, t: Any, s: Any = None) -> Any:
        """Makes `[B * K, s]` of `[B, K, s]`."""
        return self._shapes.merge(t, s)

    def _split_batch_beams(self, t: Any, s: Any = None) -> Any:
        """Makes `[B, K, s]` of `[B * K, s]`."""
        return self._shapes.split(t, s)

    def _maybe_merge_batch_beams(self, t: Any, s: Any) -> Any:
        """Merges a leaf of a state, unless it has no beams: a time or a `TensorArray`."""
        return self._merge_batch_beams(t, s) if has_rank(t, 2) else t

    def _maybe_split_batch_beams(self, t: Any, s: Any) -> Any:
        """Splits a leaf of a state, unless it has no beams."""
        return self._split_batch_beams(t, s) if has_rank(t, 1) else t

    def _maybe_sort_array_beams(self, t: Any, parent_ids: Any, sequence_length: Any) -> Any:
        """Puts a `TensorArray` of beams into whole sequences' order, as a tensor."""
        if not isinstance(t, tf.TensorArray):
            return t
        if not may_hold_beams(t.element_shape, self._shapes.static_batch, self._beam_width):
            return t
        stacked = t.stack()
        with tf.control_dependencies([assert_beams(stacked, self._batch_size, self._beam_width)]):
            return gather_tree_from_array(stacked, parent_ids, sequence_length)
