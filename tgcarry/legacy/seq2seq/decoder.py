"""The contract of every decoder: where it starts, and one step."""

from __future__ import annotations

import abc
from typing import Any


class Decoder(abc.ABC):
    """Is the base of decoders, which `dynamic_decode` runs step by step.

    A subclass defines the properties `batch_size`, `output_size` and `output_dtype` and the
    methods `initialize` and `step`.

    Source: TensorFlow 1.15 `tf.contrib.seq2seq.Decoder`.
    """

    @property
    def batch_size(self) -> Any:
        """Int or tensor `[]`: the number of sequences B."""
        raise NotImplementedError(f"{type(self).__name__} must define the property batch_size")

    @property
    def output_size(self) -> Any:
        """Nest of ints or `tf.TensorShape`: what a step gives, without the batch."""
        raise NotImplementedError(f"{type(self).__name__} must define the property output_size")

    @property
    def output_dtype(self) -> Any:
        """Nest of dtypes, like `output_size`."""
        raise NotImplementedError(f"{type(self).__name__} must define the property output_dtype")

    @abc.abstractmethod
    def initialize(self, name: str | None = None) -> tuple[Any, Any, Any]:
        """Makes `(finished, inputs, state)` of the first step.

        Args:
          name: of the operations' scope.

        Returns:
          `finished` bool `[B]`; nests of inputs and state.
        """

    @abc.abstractmethod
    def step(
        self, time: Any, inputs: Any, state: Any, name: str | None = None
    ) -> tuple[Any, Any, Any, Any]:
        """Runs one step.

        Args:
          time: int32 `[]`, the step's number from 0.
          inputs: nest of this step's inputs.
          state: nest of the step before.
          name: of the operations' scope.

        Returns:
          `(outputs, next_state, next_inputs, finished)`.
        """

    def finalize(self, outputs: Any, final_state: Any, sequence_lengths: Any) -> tuple[Any, Any]:
        """Turns all steps' outputs and the last state into what the caller gets.

        `dynamic_decode` takes them as they are if this is not defined.

        Args:
          outputs: nest like `output_size` of `[L, B, ...]`.
          final_state: nest of the last step.
          sequence_lengths: int32 `[B]`.

        Returns:
          `(final_outputs, final_state)`.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define finalize")

    @property
    def tracks_own_finished(self) -> bool:
        """Whether `finished` of a step counts alone, because rows change places."""
        return False
