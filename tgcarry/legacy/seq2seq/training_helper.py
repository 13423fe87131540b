"""A helper that feeds a decoder with given inputs, whatever it says."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.errors import CellError
from tgcarry.legacy.seq2seq.arrays import step_array, swap_batch_and_time
from tgcarry.legacy.seq2seq.helper import Helper


class TrainingHelper(Helper):
    """Feeds the inputs of each step, and samples the likeliest class.

        x_t = inputs[:, t],  sample_t = argmax(y_t),  finished from step sequence_length on

    Args:
      inputs: `[B, L, ...]`.
      sequence_length: int32 `[B]`.
      time_major: whether inputs are `[L, B, ...]`.
      name: of the operations' scope.

    Raises:
      CellError: `sequence_length` is not a vector.

    Source: Williams and Zipser 1989, "A learning algorithm for continually running fully
      recurrent neural networks" (teacher forcing); TensorFlow 1.15
      `tf.contrib.seq2seq.TrainingHelper`.
    """

    def __init__(
        self, inputs: Any, sequence_length: Any, time_major: bool = False, name: str | None = None
    ) -> None:
        with tf.name_scope(name, "TrainingHelper", [inputs, sequence_length]):
            self._inputs = steps = tf.convert_to_tensor(inputs, name="inputs")
            if not time_major:
                steps = swap_batch_and_time(steps)
            self._input_tas = step_array(steps)
            self._sequence_length = tf.convert_to_tensor(sequence_length, name="sequence_length")
            if self._sequence_length.get_shape().rank != 1:
                raise CellError(
                    f"sequence_length has the shape {self._sequence_length.get_shape()}: pass "
                    f"one length per sequence, [batch]"
                )
            self._zero_inputs = tf.zeros_like(steps[0, :])
            self._batch_size = tf.size(sequence_length)

    @property
    def inputs(self) -> Any:
        """The inputs as given."""
        return self._inputs

    @property
    def sequence_length(self) -> Any:
        """Int `[B]`."""
        return self._sequence_length

    @property
    def batch_size(self) -> Any:
        """Tensor `[]`: how many lengths there are."""
        return self._batch_size

    @property
    def sample_ids_shape(self) -> Any:
        """A sample is one class."""
        return tf.TensorShape([])

    @property
    def sample_ids_dtype(self) -> Any:
        """Samples are int32."""
        return tf.int32

    def initialize(self, name: str | None = None) -> tuple[Any, Any]:
        """Returns which sequences are empty, and the first inputs."""
        with tf.name_scope(name, "TrainingHelperInitialize"):
            finished = tf.equal(0, self._sequence_length)
            return finished, self._read_unless(finished, 0)

    def sample(
        self, time: Any, outputs: Any, state: Any = None, name: str | None = None, **_: Any
    ) -> Any:
        """Returns the likeliest classes, int32 `[B]`."""
        with tf.name_scope(name, "TrainingHelperSample", [time, outputs]):
            return tf.cast(tf.argmax(outputs, axis=-1), tf.int32)

    def next_inputs(
        self,
        time: Any,
        outputs: Any,
        state: Any,
        sample_ids: Any = None,
        name: str | None = None,
        **_: Any,
    ) -> tuple[Any, Any, Any]:
        """Returns which sequences end here, and the inputs of the next step."""
        with tf.name_scope(name, "TrainingHelperNextInputs", [time, outputs, state]):
            time = time + 1
            finished = time >= self._sequence_length
            return finished, self._read_unless(finished, time), state

    def _read_unless(self, finished: Any, time: Any) -> Any:
        """Reads a step's inputs, or takes zeros if there may be no such step."""
        return tf.cond(
            tf.reduce_all(finished),
            lambda: self._zero_inputs,
            lambda: self._input_tas.read(time),
        )
