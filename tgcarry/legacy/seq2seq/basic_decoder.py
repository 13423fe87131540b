"""A decoder that asks a helper for its samples and its next inputs."""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tgcarry.cells.multi import check_like_cell
from tgcarry.legacy.seq2seq.decoder import Decoder
from tgcarry.legacy.seq2seq.helper import Helper
from tgcarry.legacy.seq2seq.projection import check_layer, output_size


class BasicDecoderOutput(NamedTuple):
    """Holds what a step of `BasicDecoder` gives."""

    rnn_output: Any
    """`[B, O]`: the cell's output, after the output layer if there is one."""
    sample_id: Any
    """What the helper sampled from it, `[B]` as a rule."""


class BasicDecoder(Decoder):
    """Runs a cell, an optional layer over it, and a helper that samples.

        h, s'  = cell(x, s),  y = output_layer(h)
        sample = helper.sample(y),  x' = helper.next_inputs(y, sample)

    Args:
      cell: a cell.
      helper: a `Helper`.
      initial_state: nest like `cell.state_size`.
      output_layer: layer over the cell's output, e.g. `tf.layers.Dense(V)`, or None.

    Raises:
      TypeError: one of them is something else.

    Source: TensorFlow 1.15 `tf.contrib.seq2seq.BasicDecoder`.
    """

    def __init__(
        self, cell: Any, helper: Any, initial_state: Any, output_layer: Any = None
    ) -> None:
        check_like_cell("cell", cell)
        if not isinstance(helper, Helper):
            raise TypeError(f"helper={helper!r} is not a Helper: pass e.g. a TrainingHelper")
        check_layer("output_layer", output_layer)
        self._cell = cell
        self._helper = helper
        self._initial_state = initial_state
        self._output_layer = output_layer

    @property
    def batch_size(self) -> Any:
        """The helper's."""
        return self._helper.batch_size

    def _rnn_output_size(self) -> Any:
        return output_size(self._cell, self._output_layer)

    @property
    def output_size(self) -> BasicDecoderOutput:
        """Sizes of the cell's output, after the layer, and of a sample."""
        return BasicDecoderOutput(self._rnn_output_size(), self._helper.sample_ids_shape)

    @property
    def output_dtype(self) -> BasicDecoderOutput:
        """The state's dtype for the outputs, and the samples' dtype."""
        dtype = tf.nest.flatten(self._initial_state)[0].dtype
        outputs = tf.nest.map_structure(lambda _: dtype, self._rnn_output_size())
        return BasicDecoderOutput(outputs, self._helper.sample_ids_dtype)

    def initialize(self, name: str | None = None) -> tuple[Any, Any, Any]:
        """Returns the helper's `(finished, inputs)` and the initial state."""
        finished, inputs = self._helper.initialize()
        return finished, inputs, self._initial_state

    def step(
        self, time: Any, inputs: Any, state: Any, name: str | None = None
    ) -> tuple[Any, Any, Any, Any]:
        """Runs one step; see `Decoder.step`."""
        with tf.name_scope(name, "BasicDecoderStep", [time, inputs, state]):
            outputs, state = self._cell(inputs, state)
            if self._output_layer is not None:
                outputs = self._output_layer(outputs)
            samples = self._helper.sample(time=time, outputs=outputs, state=state)
            finished, inputs, state = self._helper.next_inputs(
                time=time, outputs=outputs, state=state, sample_ids=samples
            )
        return BasicDecoderOutput(outputs, samples), state, inputs, finished
