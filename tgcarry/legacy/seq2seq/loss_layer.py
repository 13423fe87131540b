"""The cross-entropy of sequences as a loss of Keras."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tgcarry import tf1
from tgcarry.legacy.seq2seq.losses import sequence_loss

_Loss: Any = tf1.keras().losses.Loss


class SequenceLoss(_Loss):
    """Computes `sequence_loss` of `(y_true, y_pred, sample_weight)`.

    Args:
      average_across_timesteps: whether to average over time by the weights.
      average_across_batch: whether to average over the batch by the weights.
      sum_over_timesteps: whether to average over time by the count of weights.
      sum_over_batch: whether to average over the batch by the count of weights.
      softmax_loss_function: see `sequence_loss`.
      name: of the operations' scope.

    Source: TensorFlow 1.15 `contrib.seq2seq.python.ops.loss.SequenceLoss`.
    """

    def __init__(
        self,
        average_across_timesteps: bool = False,
        average_across_batch: bool = False,
        sum_over_timesteps: bool = True,
        sum_over_batch: bool = True,
        softmax_loss_function: Callable[..., Any] | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name)
        self.average_across_timesteps = average_across_timesteps
        self.average_across_batch = average_across_batch
        self.sum_over_timesteps = sum_over_timesteps
        self.sum_over_batch = sum_over_batch
        self.softmax_loss_function = softmax_loss_function

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Returns the loss of targets `[B, L]`, logits `[B, L, V]` and weights `[B, L]`."""
        return sequence_loss(
            y_pred,
            y_true,
            sample_weight,
            average_across_timesteps=self.average_across_timesteps,
            average_across_batch=self.average_across_batch,
            sum_over_timesteps=self.sum_over_timesteps,
            sum_over_batch=self.sum_over_batch,
            softmax_loss_function=self.softmax_loss_function,
            name=self.name,
        )

    def call(self, y_true: Any, y_pred: Any) -> None:
        """Does nothing: the weights belong to the quotient, which `__call__` takes whole."""
