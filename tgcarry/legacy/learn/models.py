"""Layers on top of a model: predictions and loss in one call."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf


def linear_regression(
    x: Any, y: Any, init_mean: float | None = None, init_stddev: float = 1.0
) -> tuple[Any, Any]:
    """Predicts numbers: x W + b.

    Args:
      x: `[B, I]`.
      y: `[B]` or `[B, O]`.
      init_mean: of normal initial values; by default the scope's initialiser.
      init_stddev: of normal initial values.

    Returns:
      Predictions, of the shape of `y`, and their mean squared error.

    Source: TensorFlow 1.15 `tf.contrib.learn.models.linear_regression`.
    """
    with tf.variable_scope("linear_regression"):
        columns = 1 if y.shape.ndims == 1 else y.shape[1]
        weights, bias = _weights(x, y, columns, init_mean, init_stddev)
        return mean_squared_error_regressor(x, y, weights, bias)


def linear_regression_zero_init(x: Any, y: Any) -> tuple[Any, Any]:
    """Returns `linear_regression` that starts from zeros."""
    return linear_regression(x, y, init_mean=0.0, init_stddev=0.0)


def logistic_regression(
    x: Any,
    y: Any,
    class_weight: Any = None,
    init_mean: float | None = None,
    init_stddev: float = 1.0,
) -> tuple[Any, Any]:
    """Predicts classes: softmax(x W + b).

    Args:
      x: `[B, I]`.
      y: `[B, C]`, rows with a single one.
      class_weight: `[C]`.
      init_mean: of normal initial values; by default the scope's initialiser.
      init_stddev: of normal initial values.

    Returns:
      Probabilities `[B, C]` and the mean cross-entropy.

    Source: TensorFlow 1.15 `tf.contrib.learn.models.logistic_regression`.
    """
    with tf.variable_scope("logistic_regression"):
        weights, bias = _weights(x, y, y.shape[-1], init_mean, init_stddev)
        return softmax_classifier(x, y, weights, bias, class_weight)


def logistic_regression_zero_init(x: Any, y: Any) -> tuple[Any, Any]:
    """Returns `logistic_regression` that starts from zeros."""
    return logistic_regression(x, y, init_mean=0.0, init_stddev=0.0)


def mean_squared_error_regressor(
    tensor_in: Any, labels: Any, weights: Any, biases: Any, name: str | None = None
) -> tuple[Any, Any]:
    """Returns predictions x W + b and their mean squared error."""
    with tf.name_scope(name, "mean_squared_error_regressor", [tensor_in, labels]):
        predictions = tf.nn.xw_plus_b(tensor_in, weights, biases)
        if labels.shape.ndims == 1:
            predictions = tf.squeeze(predictions, axis=[1])
        return predictions, tf.losses.mean_squared_error(labels, predictions)


def softmax_classifier(
    tensor_in: Any,
    labels: Any,
    weights: Any,
    biases: Any,
    class_weight: Any = None,
    name: str | None = None,
) -> tuple[Any, Any]:
    """Returns probabilities softmax(x W + b) and the mean cross-entropy."""
    with tf.name_scope(name, "softmax_classifier", [tensor_in, labels]):
        logits = tf.nn.xw_plus_b(tensor_in, weights, biases)
        if class_weight is not None:
            logits = tf.multiply(logits, class_weight)
        return tf.nn.softmax(logits), tf.losses.softmax_cross_entropy(labels, logits)


def _weights(x: Any, y: Any, columns: Any, mean: float | None, stddev: float) -> tuple[Any, Any]:
    scope = tf.get_variable_scope().name
    tf.summary.histogram(f"{scope}.x", x)
    tf.summary.histogram(f"{scope}.y", y)
    dtype = x.dtype.base_dtype
    initializer = None if mean is None else tf.random_normal_initializer(mean, stddev, dtype=dtype)
    weights = tf.get_variable("weights", [x.shape[1], columns], dtype, initializer)
    bias = tf.get_variable("bias", [columns], dtype, initializer)
    tf.summary.histogram(f"{scope}.weights", weights)
    tf.summary.histogram(f"{scope}.bias", bias)
    return weights, bias
