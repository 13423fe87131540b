"""Heads and per-step losses, summed so that the chunks of a sequence add up.

Every loss returns `(loss, extra)`: the scalar, and what a progress report wants of it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tgcarry.errors import ChunkError


class StepLosses(NamedTuple):
    """Holds what a loss was made of; all but `per_step` are sums, which add up over chunks."""

    per_step: tf.Tensor
    """`[B, L]`, zero where masked."""
    count: tf.Tensor
    """Scalar: the steps that counted (the sum of the mask)."""
    correct: tf.Tensor
    """Scalar: for classes, the weight of the steps named rightly; for bits, likewise by the share
    of a step's bits; else the squared error."""


def linear(
    inputs: tf.Tensor, units: int, name: str = "head", kernel_initializer: Any = None
) -> tf.Tensor:
    """Maps the last axis linearly: `y = x W + b`.

    Args:
      inputs: float `[..., H]`, H known.
      units: K.
      name: variable scope; makes `<name>/kernel` `[H, K]` and `<name>/bias` `[K]`.
      kernel_initializer: of W; the scope's default (Glorot uniform) if None.

    Returns:
      `[..., K]`.

    Raises:
      ChunkError: H is not known.

    Source: `tf.layers.dense` of TensorFlow 1.15, whose variable names it keeps.
    """
    width = inputs.shape[-1]
    if width is None:
        raise ChunkError(f"linear: the last axis of {inputs.name!r} ({inputs.shape}) is unknown")
    with tf.variable_scope(name):
        kernel = tf.get_variable("kernel", [width, units], inputs.dtype, kernel_initializer)
        bias = tf.get_variable("bias", [units], inputs.dtype, tf.zeros_initializer())
    flat = tf.reshape(inputs, [-1, width])
    out = tf.nn.bias_add(tf.matmul(flat, kernel), bias)
    shape = tf.concat([tf.shape(inputs)[:-1], [units]], 0)
    out = tf.reshape(out, shape)
    out.set_shape([*inputs.shape[:-1], units])
    return out


def softmax_loss(
    logits: tf.Tensor, labels: tf.Tensor, mask: tf.Tensor | None = None
) -> tuple[tf.Tensor, StepLosses]:
    """Sums the cross-entropy of every step: `-sum_{b,t} mask_{b,t} log softmax(logits)_label`.

    Not included: division by the number of steps (a mean would weigh the steps of a short
    chunk more than those of a long one, and mis-scale the carry).

    Args:
      logits: float `[B, L, K]`.
      labels: int `[B, L]` in 0..K-1.
      mask: float `[B, L]`, the weight of each step; None for ones.

    Returns:
      `(loss, StepLosses)`; the loss in nats.

    Raises:
      ChunkError: a mask of another shape.
    """
    per_step = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
    right = tf.cast(
        tf.equal(tf.argmax(logits, -1, output_type=tf.int32), tf.cast(labels, tf.int32)),
        logits.dtype,
    )
    return _weighted(per_step, right, mask)


def sigmoid_loss(
    logits: tf.Tensor, bits: tf.Tensor, mask: tf.Tensor | None = None
) -> tuple[tf.Tensor, StepLosses]:
    """Sums the cross-entropy of independent bits.

        sum_{b,t} mask_{b,t} sum_k -[y log s(z) + (1 - y) log(1 - s(z))],   s(z) = 1 / (1 + e^-z)

    Args:
      logits: float `[B, L, K]`, z.
      bits: the same shape and dtype, y, 0 or 1.
      mask: float `[B, L]`; None for ones.

    Returns:
      `(loss, StepLosses)`; the loss in nats, `correct` the share of a step's bits that come out
      right.

    Raises:
      ChunkError: shapes that do not fit (they would broadcast silently).

    Source: `tf.nn.sigmoid_cross_entropy_with_logits`.
    """
    if not logits.shape.is_compatible_with(bits.shape):
        raise ChunkError(
            f"sigmoid_loss: logits {logits.shape} and bits {bits.shape} differ; reshape one of "
            f"them"
        )
    per_bit = tf.nn.sigmoid_cross_entropy_with_logits(labels=bits, logits=logits)
    right = tf.cast(tf.equal(logits > 0, bits > 0.5), logits.dtype)
    return _weighted(tf.reduce_sum(per_bit, -1), tf.reduce_mean(right, -1), mask)


def squared_loss(
    predictions: tf.Tensor, targets: tf.Tensor, mask: tf.Tensor | None = None
) -> tuple[tf.Tensor, StepLosses]:
    """Sums half the squared error: `sum_{b,t} mask_{b,t} sum_k (p - y)^2 / 2`.

    Args:
      predictions: float `[B, L, K]`.
      targets: the same shape and dtype.
      mask: float `[B, L]`; None for ones.

    Returns:
      `(loss, StepLosses)`; the loss in squared units of the target.

    Raises:
      ChunkError: shapes that do not fit (they would broadcast silently).
    """
    if not predictions.shape.is_compatible_with(targets.shape):
        raise ChunkError(
            f"squared_loss: predictions {predictions.shape} and targets {targets.shape} differ; "
            f"reshape one of them"
        )
    squared = tf.reduce_sum(tf.math.squared_difference(predictions, targets), -1)
    return _weighted(0.5 * squared, squared, mask)


def _weighted(
    per_step: tf.Tensor, correct: tf.Tensor, mask: tf.Tensor | None
) -> tuple[tf.Tensor, StepLosses]:
    mask = tf.ones_like(per_step) if mask is None else tf.convert_to_tensor(mask)
    if not mask.shape.is_compatible_with(per_step.shape):
        raise ChunkError(
            f"the mask has shape {mask.shape}, the steps {per_step.shape}: give one weight per "
            f"stream and step (another shape would broadcast silently)"
        )
    mask = tf.cast(mask, per_step.dtype)
    weighted = mask * per_step
    extra = StepLosses(weighted, tf.reduce_sum(mask), tf.reduce_sum(mask * correct))
    return tf.reduce_sum(weighted), extra
