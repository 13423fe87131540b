"""Batch normalisation written out: for matrices, weighted rows and updates in place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.errors import DataError
from tgcarry.legacy.contrib_layers import moving, tools, variables
from tgcarry.legacy.layers import conditions


def normalized(
    inputs: Any,
    *,
    decay: Any,
    center: bool,
    scale: bool,
    epsilon: float,
    initializers: Mapping[str, Any],
    regularizers: Mapping[str, Any],
    updates_collections: Any,
    is_training: Any,
    collections: Any,
    trainable: bool,
    batch_weights: Any,
    fused: bool | None,
    data_format: str,
    zero_debias: bool,
) -> Any:
    """Computes `batch_norm`; see there for the arguments."""
    rank = inputs.shape.ndims
    axis = 1 if data_format == "NCHW" else -1
    width = None if rank is None else tf.compat.dimension_value(inputs.shape[axis])
    if width is None:
        raise DataError(
            f"batch_norm's inputs have the shape {inputs.shape}: the channels have to be known"
        )
    one_operation = fused is not False and batch_weights is None and rank in (2, 4)
    shape = inputs.shape
    flat = one_operation and rank == 2
    if flat:
        dynamic = inputs
        inputs = tf.reshape(inputs, [-1, width, 1, 1] if axis == 1 else [-1, 1, 1, width])

    def made(name: str, initializer: Any, trained: bool, wanted: bool = True) -> Any:
        if not wanted:
            return None
        return variables.model_variable(
            name,
            shape=[width],
            dtype=inputs.dtype.base_dtype,
            initializer=initializers.get(name, initializer),
            regularizer=regularizers.get(name),
            collections=tools.collections_of(collections, name),
            trainable=trained,
        )

    zeros, ones = tf.zeros_initializer(), tf.ones_initializer()
    beta = made("beta", zeros, trainable, center)
    if one_operation and beta is None:
        beta = tf.zeros([width], inputs.dtype)
    gamma = made("gamma", ones, trainable, scale)
    if one_operation and gamma is None:
        gamma = tf.ones([width], inputs.dtype)
    with tf.variable_scope(tf.get_variable_scope()) as local:
        local.set_partitioner(None)
        mean = made("moving_mean", zeros, False)
        variance = made("moving_variance", ones, False)
    statistics = moving.Statistics(
        mean, variance, decay, is_training, updates_collections, zero_debias
    )
    if one_operation:
        layout = "NCHW" if axis == 1 else "NHWC"
        outputs = _fused(inputs, gamma, beta, epsilon, layout, statistics)
    else:
        outputs = _plain(inputs, gamma, beta, epsilon, axis, batch_weights, statistics)
    if flat:
        outputs = tf.reshape(outputs, tf.shape(dynamic))
    outputs.set_shape(shape)
    return outputs


def _fused(
    inputs: Any, gamma: Any, beta: Any, epsilon: float, layout: str, statistics: Any
) -> Any:
    def training() -> Any:
        return tf.nn.fused_batch_norm(
            inputs, gamma, beta, epsilon=epsilon, data_format=layout, is_training=True
        )

    def inference() -> Any:
        return tf.nn.fused_batch_norm(
            inputs,
            gamma,
            beta,
            mean=statistics.mean,
            variance=statistics.variance,
            epsilon=epsilon,
            data_format=layout,
            is_training=False,
        )

    outputs, mean, variance = conditions.either(statistics.is_training, training, inference)
    return statistics.moved_before(outputs, mean, variance)


def _plain(
    inputs: Any,
    gamma: Any,
    beta: Any,
    epsilon: float,
    axis: int,
    batch_weights: Any,
    statistics: Any,
) -> Any:
    rank = inputs.shape.ndims
    channels = axis % rank
    others = [each for each in range(rank) if each != channels]
    spread = [-1 if each == channels else 1 for each in range(rank)]

    def laid_out(value: Any) -> Any:
        return value if value is None or axis == -1 else tf.reshape(value, spread)

    if conditions.constant(statistics.is_training) is False:
        mean, variance = statistics.mean, statistics.variance
    else:
        mean, variance = statistics.chosen(*_moments(inputs, others, batch_weights))
    return tf.nn.batch_normalization(
        inputs, laid_out(mean), laid_out(variance), laid_out(beta), laid_out(gamma), epsilon
    )


def _moments(inputs: Any, axes: list[int], weights: Any) -> tuple[Any, Any]:
    if weights is None:
        return tf.nn.moments(inputs, axes)
    rank = inputs.shape.ndims
    column = tf.reshape(tf.convert_to_tensor(weights), [-1] + [1] * (rank - 1))
    return tf.nn.weighted_moments(inputs, axes, column)
