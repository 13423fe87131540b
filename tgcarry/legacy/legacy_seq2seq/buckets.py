"""One graph for every length of sequences, all with the same variables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.errors import LegacyError
from tgcarry.legacy.legacy_seq2seq.loss_functions import LossFunction
from tgcarry.legacy.legacy_seq2seq.losses import sequence_loss, sequence_loss_by_example


def model_with_buckets(
    encoder_inputs: list[Any],
    decoder_inputs: list[Any],
    targets: list[Any],
    weights: list[Any],
    buckets: Sequence[tuple[int, int]],
    seq2seq: Callable[[list[Any], list[Any]], tuple[list[Any], Any]],
    softmax_loss_function: LossFunction | None = None,
    per_example_loss: bool = False,
    name: str | None = None,
) -> tuple[list[list[Any]], list[Any]]:
    """Builds a model and its loss once for each bucket of lengths.

    Args:
      encoder_inputs: tensors, one a step, as many as the last bucket's first length.
      decoder_inputs: tensors, one a step, as many as the last bucket's second length.
      targets: int tensors `[B]`, as many.
      weights: float tensors `[B]`, as many.
      buckets: pairs (encoder's length, decoder's length), the longest last.
      seq2seq: function of the inputs of both, cut to length, that returns `(outputs, state)`.
      softmax_loss_function: see `sequence_loss_by_example`.
      per_example_loss: whether losses are `[B]` instead of `[]`.
      name: of the operations.

    Returns:
      `(outputs, losses)`, each with one entry a bucket: a list of tensors, and a tensor.

    Raises:
      LegacyError: fewer inputs, targets or weights than the last bucket needs.

    Source: TensorFlow 1.15 `tf.contrib.legacy_seq2seq.model_with_buckets`.
    """
    _check("encoder_inputs", encoder_inputs, buckets[-1][0])
    _check("targets", targets, buckets[-1][1])
    _check("weights", weights, buckets[-1][1])
    loss_of = sequence_loss_by_example if per_example_loss else sequence_loss
    outputs, losses = [], []
    everything = [*encoder_inputs, *decoder_inputs, *targets, *weights]
    with tf.name_scope(name, "model_with_buckets", everything):
        for place, (source, target) in enumerate(buckets):
            reuse = True if place > 0 else None
            with tf.variable_scope(tf.get_variable_scope(), reuse=reuse):
                found, _ = seq2seq(encoder_inputs[:source], decoder_inputs[:target])
                outputs.append(found)
                losses.append(
                    loss_of(
                        found,
                        targets[:target],
                        weights[:target],
                        softmax_loss_function=softmax_loss_function,
                    )
                )
    return outputs, losses


def _check(what: str, given: list[Any], needed: int) -> None:
    if len(given) < needed:
        raise LegacyError(
            f"{what} has {len(given)} steps, but the last bucket needs {needed}: pass as many, or "
            f"make the buckets shorter"
        )
