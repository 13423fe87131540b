"""The contract of every helper, and the two that take functions."""

from __future__ import annotations

import abc
from collections.abc import Callable
from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.errors import CellError


class Helper(abc.ABC):
    """Is the base of helpers, which sample from a decoder's outputs and choose its inputs.

    A subclass defines everything here but, as before 1.3, the samples' shape and dtype,
    which are then one int32 per sequence.

    Source: TensorFlow 1.15 `tf.contrib.seq2seq.Helper`.
    """

    @property
    @abc.abstractmethod
    def batch_size(self) -> Any:
        """Int or tensor `[]`: the number of sequences B."""

    @property
    def sample_ids_shape(self) -> Any:
        """`tf.TensorShape` of a sample, without the batch."""
        return tf.TensorShape([])

    @property
    def sample_ids_dtype(self) -> Any:
        """The samples' dtype."""
        return tf.int32

    @abc.abstractmethod
    def initialize(self, name: str | None = None) -> tuple[Any, Any]:
        """Returns `(finished, inputs)` of the first step, `finished` bool `[B]`."""

    @abc.abstractmethod
    def sample(self, time: Any, outputs: Any, state: Any, name: str | None = None) -> Any:
        """Returns the samples from a step's outputs."""

    @abc.abstractmethod
    def next_inputs(
        self, time: Any, outputs: Any, state: Any, sample_ids: Any, name: str | None = None
    ) -> tuple[Any, Any, Any]:
        """Returns `(finished, next_inputs, next_state)`."""


class CustomHelper(Helper):
    """Does what three functions say, which are called by keyword.

    Args:
      initialize_fn: function of nothing to `(finished, inputs)`.
      sample_fn: function of (time, outputs, state) to the samples.
      next_inputs_fn: function of (time, outputs, state, sample_ids) to
        `(finished, next_inputs, next_state)`.
      sample_ids_shape: of a sample without the batch; `[]` by default.
      sample_ids_dtype: int32 by default.

    Source: TensorFlow 1.15 `tf.contrib.seq2seq.CustomHelper`.
    """

    def __init__(
        self,
        initialize_fn: Callable[[], Any],
        sample_fn: Callable[..., Any],
        next_inputs_fn: Callable[..., Any],
        sample_ids_shape: Any = None,
        sample_ids_dtype: Any = None,
    ) -> None:
        self._initialize_fn = initialize_fn
        self._sample_fn = sample_fn
        self._next_inputs_fn = next_inputs_fn
        self._batch_size: Any = None
        self._sample_ids_shape = tf.TensorShape(sample_ids_shape or [])
        self._sample_ids_dtype = sample_ids_dtype or tf.int32

    @property
    def batch_size(self) -> Any:
        """Tensor `[]`; CellError before `initialize`."""
        if self._batch_size is None:
            raise CellError("the batch size is not known yet: call initialize first")
        return self._batch_size

    @property
    def sample_ids_shape(self) -> Any:
        """The shape given."""
        return self._sample_ids_shape

    @property
    def sample_ids_dtype(self) -> Any:
        """The dtype given."""
        return self._sample_ids_dtype

    def initialize(self, name: str | None = None) -> tuple[Any, Any]:
        """Calls `initialize_fn`."""
        with tf.name_scope(name, f"{type(self).__name__}Initialize"):
            finished, inputs = self._initialize_fn()
            if self._batch_size is None:
                self._batch_size = tf.size(finished)
        return finished, inputs

    def sample(self, time: Any, outputs: Any, state: Any, name: str | None = None) -> Any:
        """Calls `sample_fn`."""
        with tf.name_scope(name, f"{type(self).__name__}Sample", [time, outputs, state]):
            return self._sample_fn(time=time, outputs=outputs, state=state)

    def next_inputs(
        self, time: Any, outputs: Any, state: Any, sample_ids: Any, name: str | None = None
    ) -> tuple[Any, Any, Any]:
        """Calls `next_inputs_fn`."""
        with tf.name_scope(name, f"{type(self).__name__}NextInputs", [time, outputs, state]):
            found: tuple[Any, Any, Any] = self._next_inputs_fn(
                time=time, outputs=outputs, state=state, sample_ids=sample_ids
            )
            return found


class InferenceHelper(Helper):
    """Feeds a decoder with its own samples, made and ended by functions.

    Args:
      sample_fn: function of the outputs to the samples.
      sample_shape: of a sample without the batch.
      sample_dtype: of the samples.
      start_inputs: `[B, ...]`, the first step's inputs.
      end_fn: function of the samples to bool `[B]`, whether each ends its sequence.
      next_inputs_fn: function of the samples to the next inputs; the samples by default.

    Source: TensorFlow 1.15 `tf.contrib.seq2seq.InferenceHelper`.
    """

    def __init__(
        self,
        sample_fn: Callable[[Any], Any],
        sample_shape: Any,
        sample_dtype: Any,
        start_inputs: Any,
        end_fn: Callable[[Any], Any],
        next_inputs_fn: Callable[[Any], Any] | None = None,
    ) -> None:
        self._sample_fn = sample_fn
        self._end_fn = end_fn
        self._sample_shape = tf.TensorShape(sample_shape)
        self._sample_dtype = sample_dtype
        self._next_inputs_fn = next_inputs_fn
        self._batch_size = tf.shape(start_inputs)[0]
        self._start_inputs = tf.convert_to_tensor(start_inputs, name="start_inputs")

    @property
    def batch_size(self) -> Any:
        """Tensor `[]`: the rows of `start_inputs`."""
        return self._batch_size

    @property
    def sample_ids_shape(self) -> Any:
        """The shape given."""
        return self._sample_shape

    @property
    def sample_ids_dtype(self) -> Any:
        """The dtype given."""
        return self._sample_dtype

    def initialize(self, name: str | None = None) -> tuple[Any, Any]:
        """Returns nothing finished, and `start_inputs`."""
        return tf.tile([False], [self._batch_size]), self._start_inputs

    def sample(self, time: Any, outputs: Any, state: Any, name: str | None = None) -> Any:
        """Calls `sample_fn`."""
        return self._sample_fn(outputs)

    def next_inputs(
        self, time: Any, outputs: Any, state: Any, sample_ids: Any, name: str | None = None
    ) -> tuple[Any, Any, Any]:
        """Calls `next_inputs_fn` and `end_fn`."""
        inputs = sample_ids if self._next_inputs_fn is None else self._next_inputs_fn(sample_ids)
        return self._end_fn(sample_ids), inputs, state
