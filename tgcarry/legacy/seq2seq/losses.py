"""The weighted cross-entropy of a batch of sequences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.errors import CellError


def sequence_loss(
    logits: Any,
    targets: Any,
    weights: Any,
    average_across_timesteps: bool = True,
    average_across_batch: bool = True,
    sum_over_timesteps: bool = False,
    sum_over_batch: bool = False,
    softmax_loss_function: Callable[..., Any] | None = None,
    name: str | None = None,
) -> Any:
    """Computes the cross-entropy of each step and averages it over time, batch or both.

        e[b, t] = -log softmax(logits[b, t])[targets[b, t]]
        loss    = sum(w * e) / sum(w)                over the averaged axes
        loss    = sum(w * e) / (number of w != 0)    over the summed axes

    A quotient by nothing is 0. B is the batch, L the steps, V the classes.

    Args:
      logits: `[B, L, V]` float.
      targets: `[B, L]` integer.
      weights: `[B, L]` float, e.g. a mask.
      average_across_timesteps: whether to average over time by the weights.
      average_across_batch: whether to average over the batch by the weights.
      sum_over_timesteps: whether to average over time by the count of weights.
      sum_over_batch: whether to average over the batch by the count of weights.
      softmax_loss_function: function of (labels, logits), called by keyword, instead of the
        softmax cross-entropy; `[B*L]` and `[B*L, V]` to `[B*L]`.
      name: of the operations' scope.

    Returns:
      `[]`, `[B]`, `[L]` or, with nothing averaged, `[B, L]`.

    Raises:
      CellError: a wrong rank, or an axis both averaged and summed.

    Source: TensorFlow 1.15 `tf.contrib.seq2seq.sequence_loss`.
    """
    for what, given, rank, wanted in (
        ("logits", logits, 3, "[batch, time, classes]"),
        ("targets", targets, 2, "[batch, time]"),
        ("weights", weights, 2, "[batch, time]"),
    ):
        if len(given.get_shape()) != rank:
            raise CellError(f"{what} have the shape {given.get_shape()}: pass {wanted}")
    for over, averaged, summed in (
        ("timesteps", average_across_timesteps, sum_over_timesteps),
        ("batch", average_across_batch, sum_over_batch),
    ):
        if averaged and summed:
            raise CellError(
                f"average_across_{over}={averaged} and sum_over_{over}={summed}: turn one off"
            )
    with tf.name_scope(name, "sequence_loss", [logits, targets, weights]):
        flat_logits = tf.reshape(logits, [-1, tf.shape(logits)[2]])
        flat_targets = tf.reshape(targets, [-1])
        entropy = softmax_loss_function or tf.nn.sparse_softmax_cross_entropy_with_logits
        losses = entropy(labels=flat_targets, logits=flat_logits)
        losses *= tf.reshape(weights, [-1])
        if average_across_timesteps and average_across_batch:
            return tf.math.divide_no_nan(tf.reduce_sum(losses), tf.reduce_sum(weights))
        if sum_over_timesteps and sum_over_batch:
            total = tf.reduce_sum(losses)
            return tf.math.divide_no_nan(total, _count(weights, None, total.dtype))
        losses = tf.reshape(losses, tf.shape(logits)[:2])
        if average_across_timesteps or average_across_batch:
            axis = [0] if average_across_batch else [1]
            total = tf.reduce_sum(losses, axis=axis)
            return tf.math.divide_no_nan(total, tf.reduce_sum(weights, axis=axis))
        if sum_over_timesteps or sum_over_batch:
            axis = [0] if sum_over_batch else [1]
            total = tf.reduce_sum(losses, axis=axis)
            return tf.math.divide_no_nan(total, _count(weights, axis, total.dtype))
        return losses


def _count(weights: Any, axis: list[int] | None, dtype: Any) -> Any:
    return tf.cast(tf.count_nonzero(weights, axis=axis), dtype)
