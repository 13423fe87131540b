"""The weighted cross entropy of a list of logits, one tensor a step."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.errors import LegacyError
from tgcarry.legacy.legacy_seq2seq.loss_functions import LossFunction, with_keywords


def sequence_loss_by_example(
    logits: list[Any],
    targets: list[Any],
    weights: list[Any],
    average_across_timesteps: bool = True,
    softmax_loss_function: LossFunction | None = None,
    name: str | None = None,
) -> Any:
    """Computes the weighted cross entropy of each row of the batch.

        loss = sum_t w_t * crossentropy(targets_t, logits_t) / (sum_t w_t + 1e-12)

    Args:
      logits: L tensors `[B, V]`.
      targets: L int tensors `[B]`.
      weights: L float tensors `[B]`.
      average_across_timesteps: False leaves the division out.
      softmax_loss_function: instead of the softmax cross entropy: function of `labels` and
        `logits`, or of labels and inputs in the order that its arguments' names tell.
      name: of the operations.

    Returns:
      `[B]`.

    Raises:
      LegacyError: lists of different lengths, or a loss function whose order is not known.

    Source: TensorFlow 1.15 `tf.contrib.legacy_seq2seq.sequence_loss_by_example`.
    """
    if not len(logits) == len(targets) == len(weights):
        raise LegacyError(
            f"sequence_loss_by_example got {len(logits)} logits, {len(targets)} targets and "
            f"{len(weights)} weights: pass one of each for every step"
        )
    with tf.name_scope(name, "sequence_loss_by_example", [*logits, *targets, *weights]):
        function = with_keywords(softmax_loss_function) if softmax_loss_function else _softmax
        losses = [
            function(labels=target, logits=logit) * weight
            for logit, target, weight in zip(logits, targets, weights, strict=True)
        ]
        total = tf.add_n(losses)
        if average_across_timesteps:
            # Rows without any weight would be divided by zero.
            total = total / (tf.add_n(weights) + 1e-12)
    return total


def _softmax(labels: Any, logits: Any) -> Any:
    # Some programs pass targets of shape [] or [B, 1].
    labels = tf.reshape(labels, [-1])
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)


def sequence_loss(
    logits: list[Any],
    targets: list[Any],
    weights: list[Any],
    average_across_timesteps: bool = True,
    average_across_batch: bool = True,
    softmax_loss_function: LossFunction | None = None,
    name: str | None = None,
) -> Any:
    """Sums `sequence_loss_by_example` over the batch and divides by the batch.

    Args:
      logits: L tensors `[B, V]`.
      targets: L int tensors `[B]`.
      weights: L float tensors `[B]`.
      average_across_timesteps: whether to divide each row's loss by its weights' sum.
      average_across_batch: whether to divide by B.
      softmax_loss_function: see `sequence_loss_by_example`.
      name: of the operations.

    Returns:
      `[]`.

    Raises:
      LegacyError: as `sequence_loss_by_example`.

    Source: TensorFlow 1.15 `tf.contrib.legacy_seq2seq.sequence_loss`.
    """
    with tf.name_scope(name, "sequence_loss", [*logits, *targets, *weights]):
        total = tf.reduce_sum(
            sequence_loss_by_example(
                logits,
                targets,
                weights,
                average_across_timesteps=average_across_timesteps,
                softmax_loss_function=softmax_loss_function,
            )
        )
        if not average_across_batch:
            return total
        return total / tf.cast(tf.shape(targets[0])[0], total.dtype)
