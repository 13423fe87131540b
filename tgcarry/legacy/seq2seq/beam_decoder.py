"""A decoder that keeps the best few sequences instead of one."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tgcarry.cells.multi import check_like_cell
from tgcarry.legacy import numbering
from tgcarry.legacy.seq2seq.beam_scores import attention_probs
from tgcarry.legacy.seq2seq.beam_shapes import BeamShapes
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
        self._shapes = BeamShapes(self._batch_size, beam_width)
        self._initial_cell_state = tf.nest.map_structure(
            self._shapes.maybe_split, initial_state, cell.state_size
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
        shapes, sizes = self._shapes, self._cell.state_size
        with tf.name_scope(name, "BeamSearchDecoderStep", [time, inputs, state]):
            inputs = tf.nest.map_structure(lambda t: shapes.merge(t, t.shape[2:]), inputs)
            cell_state = tf.nest.map_structure(shapes.maybe_merge, state.cell_state, sizes)
            outputs, cell_state = self._cell(inputs, cell_state)
            outputs = tf.nest.map_structure(lambda t: shapes.split(t, t.shape[1:]), outputs)
            cell_state = tf.nest.map_structure(shapes.maybe_split, cell_state, sizes)
            if self._output_layer is not None:
                outputs = self._output_layer(outputs)
            output, state = beam_search_step(
                shapes,
                outputs,
                cell_state,
                state,
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
                lambda t: self._in_order(t, outputs.parent_ids, final_state.lengths),
                final_state.cell_state,
            )
            final_state = final_state._replace(cell_state=cell_state)
        return FinalBeamSearchDecoderOutput(ids, outputs), final_state

    def _in_order(self, t: Any, parent_ids: Any, lengths: Any) -> Any:
        if not isinstance(t, tf.TensorArray):
            return t
        if not t.element_shape.rank or not self._may_hold_beams(t.element_shape):
            tf.logging.warning(
                "A TensorArray of %s is left in the beams' own order, as TensorFlow 1 does "
                "where all shapes are known; leave the batch unknown to have it in order.",
                t.element_shape,
            )
            return t
        stacked = t.stack()
        with tf.control_dependencies([self._assert_beams(stacked)]):
            return gather_tree_from_array(stacked, parent_ids, lengths)

    def _may_hold_beams(self, shape: tf.TensorShape) -> bool:
        """Says what 1.15 does, which takes elements of a known second dimension for others."""
        batch, (rows, *rest) = self._shapes.static_batch, shape.as_list()
        if batch is None or rows is None:
            return True
        if rows != batch * self._beam_width:
            return False
        return not rest or rest[0] is None or [rows, rest[0]] == [batch, self._beam_width]

    def _assert_beams(self, stacked: Any) -> Any:
        rows, dims = self._batch_size * self._beam_width, tf.shape(stacked)
        fits = tf.equal(dims[1], rows)
        if stacked.shape.rank > 2:
            split = tf.logical_and(
                tf.equal(dims[1], self._batch_size), tf.equal(dims[2], self._beam_width)
            )
            fits = tf.logical_or(fits, split)
        return tf.Assert(
            fits, ["not one row per beam: pass reorder_tensor_arrays=False for", stacked.name]
        )
