"""Helpers that feed now the given inputs and now the decoder's own samples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.errors import CellError
from tgcarry.legacy.seq2seq.arrays import step_array, swap_batch_and_time
from tgcarry.legacy.seq2seq.embedding_helpers import embedding_function
from tgcarry.legacy.seq2seq.sampling import bernoulli_sample, categorical_sample
from tgcarry.legacy.seq2seq.training_helper import TrainingHelper


class ScheduledEmbeddingTrainingHelper(TrainingHelper):
    """Feeds, with some probability, the embedding of a drawn class instead of the input.

        x_{t+1} = embedding(s), s ~ softmax(y_t)   with probability sampling_probability
        x_{t+1} = inputs[:, t+1]                   otherwise

    Samples are -1 where the input was kept.

    Args:
      inputs: `[B, L, E]`.
      sequence_length: int32 `[B]`.
      embedding: `[V, E]`, or a function from int32 ids to vectors.
      sampling_probability: float `[]`.
      time_major: whether inputs are `[L, B, E]`.
      seed: int, of the drawn classes.
      scheduling_seed: int, of the choice between class and input.
      name: of the operations' scope.

    Raises:
      CellError: a wrong rank.

    Source: Bengio et al. 2015, "Scheduled sampling for sequence prediction with recurrent
      neural networks", arXiv:1506.03099; TensorFlow 1.15
      `tf.contrib.seq2seq.ScheduledEmbeddingTrainingHelper`.
    """

    def __init__(
        self,
        inputs: Any,
        sequence_length: Any,
        embedding: Any,
        sampling_probability: Any,
        time_major: bool = False,
        seed: int | None = None,
        scheduling_seed: int | None = None,
        name: str | None = None,
    ) -> None:
        with tf.name_scope(
            name, "ScheduledEmbeddingSamplingWrapper", [embedding, sampling_probability]
        ):
            self._embedding_fn = embedding_function(embedding)
            self._sampling_probability = _probability(sampling_probability)
            self._seed = seed
            self._scheduling_seed = scheduling_seed
            super().__init__(inputs, sequence_length, time_major, name)

    def sample(
        self, time: Any, outputs: Any, state: Any = None, name: str | None = None, **_: Any
    ) -> Any:
        """Draws classes, int32 `[B]`; -1 where the input is to be kept."""
        scope = "ScheduledEmbeddingTrainingHelperSample"
        with tf.name_scope(name, scope, [time, outputs, state]):
            chosen = bernoulli_sample(
                probs=self._sampling_probability,
                dtype=tf.bool,
                sample_shape=self.batch_size,
                seed=self._scheduling_seed,
            )
            drawn = categorical_sample(outputs, seed=self._seed)
            return tf.where(chosen, drawn, tf.fill([self.batch_size], -1))

    def next_inputs(
        self,
        time: Any,
        outputs: Any,
        state: Any,
        sample_ids: Any = None,
        name: str | None = None,
        **_: Any,
    ) -> tuple[Any, Any, Any]:
        """Returns which sequences end here, and the mixed inputs of the next step."""
        scope = "ScheduledEmbeddingTrainingHelperNextInputs"
        with tf.name_scope(name, scope, [time, outputs, state, sample_ids]):
            finished, given, state = super().next_inputs(time, outputs, state, name=name)

            def mixed() -> Any:
                return _mix(
                    sample_ids > -1,
                    sample_ids,
                    lambda ids, _: self._embedding_fn(ids),
                    given,
                    sample_ids <= -1,
                )

            return finished, tf.cond(tf.reduce_all(finished), lambda: given, mixed), state


class ScheduledOutputTrainingHelper(TrainingHelper):
    """Feeds, with some probability, the decoder's own output instead of the input.

        x_{t+1} = next_inputs_fn(y_t)   with probability sampling_probability
        x_{t+1} = inputs[:, t+1]        otherwise

    Samples are 1 where the output was taken and 0 elsewhere.

    Args:
      inputs: `[B, L, I]`.
      sequence_length: int32 `[B]`.
      sampling_probability: float `[]`.
      time_major: whether inputs are `[L, B, I]`.
      seed: int, of the choice.
      next_inputs_fn: function of outputs to inputs; the outputs themselves by default.
      auxiliary_inputs: `[B, L, A]`, put behind each step's inputs, whatever they are.
      name: of the operations' scope.
      next_input_layer: what `next_inputs_fn` was called before 1.4.

    Raises:
      CellError: a wrong rank.

    Source: Bengio et al. 2015, arXiv:1506.03099; TensorFlow 1.15
      `tf.contrib.seq2seq.ScheduledOutputTrainingHelper`.
    """

    def __init__(
        self,
        inputs: Any,
        sequence_length: Any,
        sampling_probability: Any,
        time_major: bool = False,
        seed: int | None = None,
        next_inputs_fn: Callable[[Any], Any] | None = None,
        auxiliary_inputs: Any = None,
        name: str | None = None,
        next_input_layer: Callable[[Any], Any] | None = None,
    ) -> None:
        with tf.name_scope(
            name, "ScheduledOutputTrainingHelper", [inputs, auxiliary_inputs, sampling_probability]
        ):
            self._sampling_probability = _probability(sampling_probability)
            self._auxiliary_input_tas: Any = None
            if auxiliary_inputs is not None:
                inputs = tf.convert_to_tensor(inputs, name="inputs")
                beside = tf.convert_to_tensor(auxiliary_inputs, name="auxiliary_inputs")
                inputs = tf.concat((inputs, beside), -1)
                steps = beside if time_major else swap_batch_and_time(beside)
                self._auxiliary_input_tas = step_array(steps)
            self._seed = seed
            self._next_inputs_fn = next_inputs_fn or next_input_layer
            super().__init__(inputs, sequence_length, time_major, name)

    def sample(
        self, time: Any, outputs: Any, state: Any = None, name: str | None = None, **_: Any
    ) -> Any:
        """Draws which sequences take their output, int32 `[B]`."""
        scope = "ScheduledOutputTrainingHelperSample"
        with tf.name_scope(name, scope, [time, outputs, state]):
            return bernoulli_sample(
                probs=self._sampling_probability,
                sample_shape=self.batch_size,
                seed=self._seed,
            )

    def next_inputs(
        self,
        time: Any,
        outputs: Any,
        state: Any,
        sample_ids: Any = None,
        name: str | None = None,
        **_: Any,
    ) -> tuple[Any, Any, Any]:
        """Returns which sequences end here, and the mixed inputs of the next step."""
        scope = "ScheduledOutputTrainingHelperNextInputs"
        with tf.name_scope(name, scope, [time, outputs, state, sample_ids]):
            finished, given, state = super().next_inputs(time, outputs, state, name=name)
            chosen = tf.cast(sample_ids, tf.bool)

            def mixed() -> Any:
                make = self._next_inputs_fn
                if make is None:
                    return tf.where(chosen, self._with_auxiliary(outputs, time), given)
                return _mix(
                    chosen,
                    outputs,
                    lambda rows, places: self._with_auxiliary(make(rows), time, places),
                    given,
                )

            as_given = tf.logical_or(
                tf.reduce_all(finished), tf.logical_not(tf.reduce_any(chosen))
            )
            return finished, tf.cond(as_given, lambda: given, mixed), state

    def _with_auxiliary(self, inputs: Any, time: Any, places: Any = None) -> Any:
        if self._auxiliary_input_tas is None:
            return inputs
        beside = self._auxiliary_input_tas.read(time + 1)
        if places is not None:
            beside = tf.gather_nd(beside, places)
        return tf.concat((inputs, beside), -1)


def _probability(sampling_probability: Any) -> Any:
    tensor = tf.convert_to_tensor(sampling_probability, name="sampling_probability")
    if tensor.get_shape().rank not in (0, 1):
        raise CellError(
            f"sampling_probability has the shape {tensor.get_shape()}: pass one number, or one "
            f"per sequence"
        )
    return tensor


def _mix(
    chosen: Any,
    samples: Any,
    make: Callable[[Any, Any], Any],
    given: Any,
    others: Any = None,
) -> Any:
    """Puts `make(rows of samples, their places)` where `chosen`, and `given` elsewhere."""
    ours = tf.cast(tf.where(chosen), tf.int32)
    theirs = tf.cast(tf.where(tf.logical_not(chosen) if others is None else others), tf.int32)
    rows = tf.gather_nd(samples, ours)
    kept = tf.gather_nd(given, theirs)
    made = make(rows, ours)
    shape = tf.shape(given)
    return tf.scatter_nd(ours, made, shape) + tf.scatter_nd(theirs, kept, shape)
