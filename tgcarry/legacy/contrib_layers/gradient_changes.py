"""What can be done to gradients before an optimizer gets them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry import tf1
from tgcarry.errors import DataError


def noisy(gradients: Any, scale: float) -> Any:
    """Adds normal noise, cut off at two standard deviations, to each gradient."""

    def changed(gradient: Any) -> Any:
        if gradient is None:
            return None
        sparse = isinstance(gradient, tf.IndexedSlices)
        shape = gradient.dense_shape if sparse else gradient.shape
        return gradient + tf.truncated_normal(shape) * scale

    return [(changed(gradient), variable) for gradient, variable in gradients]


def multiplied(gradients: Any, factors: Mapping[Any, Any]) -> Any:
    """Multiplies the gradients of variables that have a factor, by variable or by name."""
    if not gradients:
        raise DataError("there is no gradient to multiply: check variables")
    by_name = {getattr(key, "name", key): factor for key, factor in factors.items()}

    def changed(gradient: Any, variable: Any) -> Any:
        factor = by_name.get(variable.name)
        return gradient if gradient is None or factor is None else _scaled(gradient, factor)

    return [(changed(gradient, variable), variable) for gradient, variable in gradients]


def _scaled(gradient: Any, factor: Any) -> Any:
    factor = tf.cast(factor, gradient.dtype)
    if not isinstance(gradient, tf.IndexedSlices):
        return gradient * factor
    return tf.IndexedSlices(gradient.values * factor, gradient.indices, gradient.dense_shape)


def adaptive_clipping_fn(
    std_factor: float = 2.0,
    decay: float = 0.95,
    static_max_norm: float | None = None,
    global_step: Any = None,
    report_summary: bool = False,
    epsilon: float = 1e-8,
    name: str | None = None,
) -> Callable[[Any], Any]:
    """Makes a function that shrinks gradients whose norm is unusually large.

    A norm above exp(m + std_factor s) becomes exp(m), m and s being the moving mean and
    standard deviation of its logarithm.

    Source: Hinton et al. 2014, arXiv:1412.1602, section 3.2.1;
      `tf.contrib.layers.python.layers.optimizers.adaptive_clipping_fn` of TensorFlow 1.15.
    """

    def moved(variable: str, value: Any, rate: Any) -> Any:
        average = tf.get_variable(
            variable,
            shape=value.shape,
            dtype=value.dtype,
            initializer=tf.zeros_initializer(),
            trainable=False,
        )
        return tf1.moving_average(average, value, rate, False)

    def largest(norm: Any) -> tuple[Any, Any]:
        with tf.variable_scope(name, "AdaptiveMaxNorm", [norm]):
            logarithm, rate = tf.log(norm + epsilon), decay
            if global_step is not None:
                steps = tf.cast(global_step, tf.float32)
                rate = tf.minimum(decay, steps / (steps + 1.0))
            mean = moved("mean", logarithm, rate)
            square = moved("sq_mean", tf.square(logarithm), rate)
            deviation = tf.sqrt(tf.maximum(epsilon, square - tf.square(mean)))
            return tf.exp(mean + std_factor * deviation), mean

    def clip(gradients: Any) -> Any:
        norm = tf.global_norm([gradient for gradient, _ in gradients])
        limit, mean = largest(norm)
        if report_summary:
            tf.summary.scalar("global_norm/adaptive_max_gradient_norm", limit)
        factor = tf.where(norm < limit, tf.ones_like(norm), tf.exp(mean) / norm)
        if static_max_norm is not None:
            factor = tf.minimum(static_max_norm / norm, factor)
        return [
            (None if gradient is None else _scaled(gradient, factor), variable)
            for gradient, variable in gradients
        ]

    return clip
