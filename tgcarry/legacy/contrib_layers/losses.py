"""`tf.contrib.losses`: predictions first, labels second, averages over what has a weight."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.errors import DataError
from tgcarry.legacy.contrib_layers.scopes import add_arg_scope

_LOSSES = tf.GraphKeys.LOSSES


@add_arg_scope
def add_loss(loss: Any, loss_collection: str | None = _LOSSES) -> None:
    """Adds a loss to a collection."""
    if loss_collection:
        tf.add_to_collection(loss_collection, loss)


def get_losses(scope: str | None = None, loss_collection: str = _LOSSES) -> Any:
    """Lists the losses of a collection."""
    return tf.get_collection(loss_collection, scope)


def get_regularization_losses(scope: str | None = None) -> Any:
    """Lists the penalties on weights."""
    return tf.get_collection(tf.GraphKeys.REGULARIZATION_LOSSES, scope)


def get_total_loss(add_regularization_losses: bool = True, name: str = "total_loss") -> Any:
    """Adds up all losses, and all penalties if asked for."""
    losses = get_losses()
    if add_regularization_losses:
        losses = [*losses, *get_regularization_losses()]
    return tf.add_n(losses, name=name)


def compute_weighted_loss(losses: Any, weights: Any = 1.0, scope: str | None = None) -> Any:
    """Averages losses over the entries whose weight is not zero, into the collection.

    Args:
      losses: `[B, ...]`.
      weights: scalar, or as many leading axes as wanted.
      scope: of the operations.

    Returns:
      sum(weights * losses) / (number of entries with a weight); 0 if there is none.

    Source: `tf.contrib.losses.compute_weighted_loss` of TensorFlow 1.15.
    """
    with tf.name_scope(scope, "weighted_loss", [losses, weights]):
        losses = tf.convert_to_tensor(losses)
        dtype = losses.dtype
        losses = tf.cast(losses, tf.float32)
        weights = tf.cast(tf.convert_to_tensor(weights), tf.float32)
        if losses.shape.ndims is None or weights.shape.ndims is None:
            raise DataError("losses and weights have to have a known rank: give them a shape")
        if weights.shape.ndims > 1 and weights.shape[-1:].as_list() == [1]:
            weights = tf.squeeze(weights, [-1])
        inner = list(range(weights.shape.ndims, losses.shape.ndims))
        total = tf.reduce_sum(tf.reduce_sum(losses, axis=inner) * weights)
        present = _present(losses, weights)
        loss = tf.cast(tf.div_no_nan(total, present, name="value"), dtype)
        add_loss(loss)
        return loss


def _present(losses: Any, weights: Any) -> Any:
    """Counts the entries of `losses` whose weight is not zero."""
    spread = tf.reshape(
        weights,
        tf.concat([tf.shape(weights), tf.ones([tf.rank(losses) - tf.rank(weights)], tf.int32)], 0),
    )
    weighted = tf.to_float(tf.not_equal(spread, 0.0))
    return tf.reduce_sum(weighted * tf.ones_like(losses))


def _same(predictions: Any, labels: Any) -> tuple[Any, Any]:
    predictions.shape.assert_is_compatible_with(labels.shape)
    return tf.to_float(predictions), tf.to_float(labels)


def absolute_difference(
    predictions: Any, labels: Any = None, weights: Any = 1.0, scope: str | None = None
) -> Any:
    """Averages |p - y|."""
    with tf.name_scope(scope, "absolute_difference", [predictions, labels, weights]) as inside:
        predictions, labels = _same(predictions, labels)
        return compute_weighted_loss(tf.abs(predictions - labels), weights, scope=inside)


def mean_squared_error(
    predictions: Any, labels: Any = None, weights: Any = 1.0, scope: str | None = None
) -> Any:
    """Averages (p - y)^2."""
    with tf.name_scope(scope, "mean_squared_error", [predictions, labels, weights]) as inside:
        predictions, labels = _same(predictions, labels)
        squares = tf.squared_difference(predictions, labels)
        return compute_weighted_loss(squares, weights, scope=inside)


def log_loss(
    predictions: Any,
    labels: Any = None,
    weights: Any = 1.0,
    epsilon: float = 1e-7,
    scope: str | None = None,
) -> Any:
    """Averages -y log(p + epsilon) - (1 - y) log(1 - p + epsilon)."""
    with tf.name_scope(scope, "log_loss", [predictions, labels, weights]) as inside:
        predictions, labels = _same(predictions, labels)
        losses = -labels * tf.log(predictions + epsilon)
        losses -= (1 - labels) * tf.log(1 - predictions + epsilon)
        return compute_weighted_loss(losses, weights, scope=inside)


def hinge_loss(logits: Any, labels: Any = None, scope: str | None = None) -> Any:
    """Computes max(0, 1 - (2 y - 1) logit) for each entry, and does not average.

    Returns:
      The shape of `logits`.
    """
    with tf.name_scope(scope, "hinge_loss", [logits, labels]):
        logits.shape.assert_is_compatible_with(labels.shape)
        signs = 2 * tf.to_float(labels) - 1
        return tf.nn.relu(1 - signs * logits)


def cosine_distance(
    predictions: Any,
    labels: Any = None,
    axis: int | None = None,
    weights: Any = 1.0,
    scope: str | None = None,
    dim: int | None = None,
) -> Any:
    """Averages 1 - sum(p y) along an axis, of unit vectors."""
    axis = dim if axis is None else axis
    if axis is None:
        raise DataError("cosine_distance needs the axis of the vectors: pass axis")
    with tf.name_scope(scope, "cosine_distance_loss", [predictions, labels, weights]) as inside:
        predictions, labels = _same(predictions, labels)
        losses = 1 - tf.reduce_sum(predictions * labels, axis=[axis])
        return compute_weighted_loss(losses, weights, scope=inside)


def sigmoid_cross_entropy(
    logits: Any,
    multi_class_labels: Any,
    weights: Any = 1.0,
    label_smoothing: float = 0,
    scope: str | None = None,
) -> Any:
    """Averages the cross entropy of independent yes and no."""
    values = [logits, multi_class_labels, weights]
    with tf.name_scope(scope, "sigmoid_cross_entropy_loss", values) as inside:
        labels = tf.cast(multi_class_labels, logits.dtype)
        if label_smoothing > 0:
            labels = labels * (1 - label_smoothing) + 0.5 * label_smoothing
        losses = tf.nn.sigmoid_cross_entropy_with_logits(labels=labels, logits=logits)
        return compute_weighted_loss(losses, weights, scope=inside)


def softmax_cross_entropy(
    logits: Any,
    onehot_labels: Any,
    weights: Any = 1.0,
    label_smoothing: float = 0,
    scope: str | None = None,
) -> Any:
    """Averages the cross entropy with one-hot labels."""
    values = [logits, onehot_labels, weights]
    with tf.name_scope(scope, "softmax_cross_entropy_loss", values) as inside:
        labels = tf.cast(onehot_labels, logits.dtype)
        if label_smoothing > 0:
            classes = tf.cast(tf.shape(labels)[1], logits.dtype)
            labels = labels * (1 - label_smoothing) + label_smoothing / classes
        losses = tf.nn.softmax_cross_entropy_with_logits(labels=labels, logits=logits)
        return compute_weighted_loss(losses, weights, scope=inside)


def sparse_softmax_cross_entropy(
    logits: Any, labels: Any, weights: Any = 1.0, scope: str | None = None
) -> Any:
    """Averages the cross entropy with labels `[B]` or `[B, 1]`."""
    values = [logits, labels, weights]
    with tf.name_scope(scope, "sparse_softmax_cross_entropy_loss", values) as inside:
        labels = tf.reshape(labels, shape=[tf.shape(labels)[0]])
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
        return compute_weighted_loss(losses, weights, scope=inside)


def mean_pairwise_squared_error(
    predictions: Any, labels: Any = None, weights: Any = 1.0, scope: str | None = None
) -> Any:
    """Averages (d_i - d_j)^2 over all pairs of entries of an example, d = p - y.

    Entries are paired with themselves too, other than in `tf.losses`. The weights are a scalar
    or `[B]`, and the examples' averages are added up.

    Source: `tf.contrib.losses.mean_pairwise_squared_error` of TensorFlow 1.15.
    """
    values = [predictions, labels, weights]
    with tf.name_scope(scope, "mean_pairwise_squared_error", values):
        predictions, labels = _same(predictions, labels)
        weights = tf.cast(tf.convert_to_tensor(weights), tf.float32)
        errors = predictions - labels
        inner = list(range(1, errors.shape.ndims))
        count = tf.cast(tf.reduce_prod(tf.shape(errors)[1:]), tf.float32)
        squares = tf.reduce_sum(tf.square(errors), axis=inner)
        sums = tf.reduce_sum(errors, axis=inner)
        own = tf.div_no_nan(squares, count, name="value")
        crossed = tf.div_no_nan(tf.square(sums), tf.square(count), name="value")
        pairs = 2 * own - 2 * crossed
        loss = tf.reduce_sum(pairs * weights, name="value")
        add_loss(loss)
        return loss
