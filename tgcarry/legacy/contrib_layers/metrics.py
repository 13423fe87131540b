"""`tf.contrib.metrics`: `tf.metrics` with the predictions first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import tensorflow.compat.v1 as tf


def accuracy(predictions: Any, labels: Any, weights: Any = None, name: str | None = None) -> Any:
    """Computes the share of predictions that are right, or the weighted share.

    Source: `tf.contrib.metrics.accuracy` of TensorFlow 1.15.
    """
    with tf.name_scope(name, values=[predictions, labels]):
        right = tf.cast(tf.equal(predictions, labels), tf.float32)
        if weights is None:
            return tf.reduce_mean(right)
        shares = tf.ones_like(right) * tf.cast(weights, tf.float32)
        return tf.div(tf.reduce_sum(right * shares), tf.reduce_sum(shares))


def _streaming(name: str, *between: str) -> Callable[..., Any]:
    """Makes a metric that takes `predictions, labels`, then `between`, then weights and so on."""
    metric = getattr(tf.metrics, name)
    order = (*between, "weights", "metrics_collections", "updates_collections", "name")

    def streaming(predictions: Any, labels: Any, *args: Any, **kwargs: Any) -> Any:
        given = dict(zip(order, args, strict=False)) | kwargs
        return metric(labels=labels, predictions=predictions, **given)

    streaming.__name__ = streaming.__qualname__ = f"streaming_{name}"
    streaming.__doc__ = f"Is `tf.metrics.{name}` with the predictions first."
    return streaming


streaming_accuracy = _streaming("accuracy")
streaming_auc = _streaming("auc")
streaming_false_negatives = _streaming("false_negatives")
streaming_false_positives = _streaming("false_positives")
streaming_mean_absolute_error = _streaming("mean_absolute_error")
streaming_mean_cosine_distance = _streaming("mean_cosine_distance", "dim")
streaming_mean_iou = _streaming("mean_iou", "num_classes")
streaming_mean_relative_error = _streaming("mean_relative_error", "normalizer")
streaming_mean_squared_error = _streaming("mean_squared_error")
streaming_precision = _streaming("precision")
streaming_recall = _streaming("recall")
streaming_root_mean_squared_error = _streaming("root_mean_squared_error")
streaming_sparse_precision_at_k = _streaming("sparse_precision_at_k", "k", "class_id")
streaming_sparse_recall_at_k = _streaming("recall_at_k", "k", "class_id")
streaming_true_negatives = _streaming("true_negatives")
streaming_true_positives = _streaming("true_positives")


def aggregate_metrics(*value_update_tuples: tuple[Any, Any]) -> tuple[list[Any], list[Any]]:
    """Turns pairs of value and update into a list of values and one of updates."""
    values, updates = zip(*value_update_tuples, strict=True)
    return list(values), list(updates)


def aggregate_metric_map(
    names_to_tuples: Mapping[Any, tuple[Any, Any]],
) -> tuple[dict[Any, Any], dict[Any, Any]]:
    """Turns pairs by name into values by name and updates by name."""
    pairs: Iterable[tuple[Any, tuple[Any, Any]]] = names_to_tuples.items()
    found = list(pairs)
    return {name: pair[0] for name, pair in found}, {name: pair[1] for name, pair in found}
