"""The loop that runs a decoder until all sequences are finished."""

from __future__ import annotations

import contextlib
from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry import tf1
from tgcarry.errors import CellError
from tgcarry.legacy.seq2seq.arrays import swap_batch_and_time, zero_outputs
from tgcarry.legacy.seq2seq.decoder import Decoder
from tgcarry.legacy.seq2seq.results import Results


def dynamic_decode(
    decoder: Any,
    output_time_major: bool = False,
    impute_finished: bool = False,
    maximum_iterations: Any = None,
    parallel_iterations: int = 32,
    swap_memory: bool = False,
    scope: Any = None,
    **kwargs: Any,
) -> Results:
    """Runs a decoder step by step until every sequence is finished.

    B is the batch, L the steps that were run, as many as the longest sequence has.

    Args:
      decoder: a `Decoder`.
      output_time_major: whether outputs are `[L, B, ...]` instead of `[B, L, ...]`.
      impute_finished: whether a finished sequence keeps its state and gives zeros.
      maximum_iterations: int or integer tensor `[]`, the most steps; None for no limit.
      parallel_iterations: steps that may run at once; see `tf.while_loop`.
      swap_memory: whether values kept for the gradient may leave a GPU.
      scope: str or variable scope instead of `decoder`.
      **kwargs: nothing else is known.

    Returns:
      `(final_outputs, final_state, final_sequence_lengths)`: what the decoder's `finalize`
      makes, and int32 `[B]`. An assignment to two names, as in TensorFlow 1.1, takes the
      first two.

    Raises:
      TypeError: not a decoder, or an unknown argument.
      CellError: `maximum_iterations` is not a single number.

    Source: TensorFlow 1.15 `tf.contrib.seq2seq.dynamic_decode`. Not included: Keras' decoder
      layers, and the checks for XLA.
    """
    if not isinstance(decoder, Decoder):
        raise TypeError(f"decoder={decoder!r} is not a Decoder: pass e.g. a BasicDecoder")
    if kwargs:
        raise TypeError(f"dynamic_decode does not know the argument {next(iter(kwargs))!r}")
    with tf.variable_scope(scope, "decoder") as current:
        if current.caching_device is None and tf1.may_cache_variables():
            current.set_caching_device(lambda op: op.device)
        limit = _limit(maximum_iterations)
        finished, inputs, state = decoder.initialize()
        loop = _Loop(decoder, impute_finished)
        if limit is not None:
            finished = tf.logical_or(finished, limit <= 0)
        lengths = tf.zeros_like(finished, dtype=tf.int32)
        time = tf.constant(0, dtype=tf.int32)
        _, outputs, state, _, _, lengths = tf.while_loop(
            _unfinished,
            loop.step,
            loop_vars=(time, loop.arrays(), state, inputs, finished, lengths),
            parallel_iterations=parallel_iterations,
            maximum_iterations=limit,
            swap_memory=swap_memory,
        )
        outputs = tf.nest.map_structure(lambda array: array.stack(), outputs)
        with contextlib.suppress(NotImplementedError):
            outputs, state = decoder.finalize(outputs, state, lengths)
        if not output_time_major:
            outputs = tf.nest.map_structure(swap_batch_and_time, outputs)
    return Results(outputs, state, lengths)


def _limit(maximum_iterations: Any) -> Any:
    if maximum_iterations is None:
        return None
    limit = tf.convert_to_tensor(maximum_iterations, dtype=tf.int32, name="maximum_iterations")
    if limit.get_shape().rank != 0:
        raise CellError(
            f"maximum_iterations={maximum_iterations!r} is not a single number: pass an int"
        )
    return limit


def _unfinished(time: Any, arrays: Any, state: Any, inputs: Any, finished: Any, _: Any) -> Any:
    return tf.logical_not(tf.reduce_all(finished))


class _Loop:
    """Holds what every round of the loop needs and does not change."""

    def __init__(self, decoder: Decoder, impute_finished: bool) -> None:
        self._decoder = decoder
        self._impute = impute_finished
        self._zeros = zero_outputs(decoder.output_size, decoder.output_dtype, decoder.batch_size)

    def arrays(self) -> Any:
        """Makes the empty arrays that collect the outputs."""
        return tf.nest.map_structure(
            lambda size, dtype: tf.TensorArray(
                dtype=dtype, size=0, dynamic_size=True, element_shape=self._element(size)
            ),
            self._decoder.output_size,
            self._decoder.output_dtype,
        )

    def _element(self, size: Any) -> Any:
        # An int leaves the shape to the first element written, as in 1.15.
        if not isinstance(size, tf.TensorShape) or size.rank == 0:
            return None
        rows = tf.convert_to_tensor(self._decoder.batch_size, name="batch_size")
        return tf.TensorShape([tf.get_static_value(rows)]).concatenate(size)

    def step(
        self, time: Any, arrays: Any, state: Any, inputs: Any, finished: Any, lengths: Any
    ) -> tuple[Any, ...]:
        """Runs the decoder once and writes down what it gives."""
        outputs, new_state, new_inputs, new_finished = self._decoder.step(time, inputs, state)
        if not self._decoder.tracks_own_finished:
            new_finished = tf.logical_or(new_finished, finished)
        lengths = tf.where(tf.logical_not(finished), tf.fill(tf.shape(lengths), time + 1), lengths)
        for before, after in ((state, new_state), (arrays, outputs), (inputs, new_inputs)):
            tf.nest.assert_same_structure(before, after)
        if self._impute:
            outputs = tf.nest.map_structure(
                lambda out, zero: tf.where(finished, zero, out), outputs, self._zeros
            )
            new_state = tf.nest.map_structure(
                lambda new, old: _unless(finished, new, old), new_state, state
            )
        arrays = tf.nest.map_structure(lambda array, out: array.write(time, out), arrays, outputs)
        return time + 1, arrays, new_state, new_inputs, new_finished, lengths


def _unless(finished: Any, new: Any, old: Any) -> Any:
    if isinstance(old, tf.TensorArray):
        return new
    new.set_shape(old.shape)
    return new if new.shape.rank == 0 else tf.where(finished, old, new)
