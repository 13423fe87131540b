"""Batch normalisation of `tf.contrib.layers`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tgcarry.errors import LegacyError
from tgcarry.legacy.contrib_layers import batch_statistics, tools
from tgcarry.legacy.contrib_layers.scopes import add_arg_scope
from tgcarry.legacy.layers.normalization import BatchNormalization


class _Options(NamedTuple):
    """What `batch_norm` was asked for."""

    decay: Any
    center: bool
    scale: bool
    epsilon: float
    initializers: Mapping[str, Any]
    regularizers: Mapping[str, Any]
    updates_collections: Any
    is_training: Any
    collections: Any
    trainable: bool
    batch_weights: Any
    fused: bool | None
    data_format: str
    zero_debias: bool


@add_arg_scope
def batch_norm(
    inputs: Any,
    decay: Any = 0.999,
    center: bool = True,
    scale: bool = False,
    epsilon: float = 0.001,
    activation_fn: Callable[[Any], Any] | None = None,
    param_initializers: Mapping[str, Any] | None = None,
    param_regularizers: Mapping[str, Any] | None = None,
    updates_collections: Any = tf.GraphKeys.UPDATE_OPS,
    is_training: Any = True,
    reuse: Any = None,
    variables_collections: Any = None,
    outputs_collections: Any = None,
    trainable: bool = True,
    batch_weights: Any = None,
    fused: bool | None = None,
    data_format: str = "NHWC",
    zero_debias_moving_mean: bool = False,
    scope: Any = None,
    renorm: bool = False,
    renorm_clipping: Any = None,
    renorm_decay: float = 0.99,
    adjustment: Any = None,
) -> Any:
    """Normalises each channel over the batch, or by its moving statistics.

        y = gamma (x - mean) / sqrt(variance + epsilon) + beta

    Its variables are `beta`, `gamma`, `moving_mean` and `moving_variance`, each `[C]`, gamma
    only if `scale` is true.

    Args:
      inputs: `[B, ..., C]`, or `[B, C, ...]` if `data_format` is "NCHW".
      decay: of the moving statistics.
      center: whether there is a beta.
      scale: whether there is a gamma.
      epsilon: above.
      activation_fn: of y.
      param_initializers: by the variable's name.
      param_regularizers: by the variable's name.
      updates_collections: for the operations that move the statistics; None has them run
        whenever y is computed.
      is_training: whether the batch's statistics are taken: a bool or a tensor.
      reuse: takes existing variables.
      variables_collections: for all variables, or by name.
      outputs_collections: for y.
      trainable: whether beta and gamma are trained.
      batch_weights: `[B]`, of each row in the statistics.
      fused: whether one operation computes it; by default wherever it can.
      data_format: "NHWC" or "NCHW".
      zero_debias_moving_mean: whether the moving mean is corrected for its start at zero.
      scope: instead of `BatchNorm`.
      renorm: whether to correct by the moving statistics while training.
      renorm_clipping: its bounds, by "rmax", "rmin" and "dmax".
      renorm_decay: of its moving statistics.
      adjustment: function from a shape to a scale and a bias, while training.

    Source: Ioffe and Szegedy 2015, arXiv:1502.03167; `tf.contrib.layers.batch_norm` of
      TensorFlow 1.15.
    """
    tools.check_format(data_format)
    options = _Options(
        decay=decay,
        center=center,
        scale=scale,
        epsilon=epsilon,
        initializers=param_initializers or {},
        regularizers=param_regularizers or {},
        updates_collections=updates_collections,
        is_training=is_training,
        collections=variables_collections,
        trainable=trainable,
        batch_weights=batch_weights,
        fused=fused,
        data_format=data_format,
        zero_debias=zero_debias_moving_mean,
    )
    with tf.variable_scope(
        scope, "BatchNorm", [inputs], reuse=reuse, custom_getter=tools.getter()
    ) as inside:
        inputs = tf.convert_to_tensor(inputs)
        extras = {
            "renorm": renorm,
            "renorm_clipping": renorm_clipping,
            "renorm_momentum": renorm_decay,
            "adjustment": adjustment,
        }
        if _by_hand(inputs, options, renorm, adjustment):
            outputs = batch_statistics.normalized(inputs, **options._asdict())
        else:
            outputs = _by_layer(inputs, options, inside, reuse, extras)
        outputs = tools.finished(outputs, None, None, activation_fn)
        return tools.collect_named_outputs(outputs_collections, inside.name, outputs)


def _by_hand(inputs: Any, options: _Options, renorm: bool, adjustment: Any) -> bool:
    """Says whether the layer of `tf.layers` cannot do it, or does it otherwise than 1.15."""
    special = (
        options.batch_weights is not None
        or options.updates_collections != tf.GraphKeys.UPDATE_OPS
        or options.zero_debias
    )
    if special and (renorm or adjustment is not None):
        raise LegacyError(
            "batch_norm has no renorm and no adjustment together with batch_weights, "
            "zero_debias_moving_mean or updates_collections: leave one of them out"
        )
    matrix = inputs.shape.ndims == 2 and options.fused is not False
    return special or (matrix and not options.regularizers and not renorm and adjustment is None)


def _by_layer(
    inputs: Any, options: _Options, scope: Any, reuse: Any, extras: dict[str, Any]
) -> Any:
    initializers, regularizers = options.initializers, options.regularizers
    zeros, ones = tf.zeros_initializer(), tf.ones_initializer()
    layer = BatchNormalization(
        axis=-1 if options.data_format == "NHWC" else 1,
        momentum=options.decay,
        epsilon=options.epsilon,
        center=options.center,
        scale=options.scale,
        beta_initializer=initializers.get("beta", zeros),
        gamma_initializer=initializers.get("gamma", ones),
        moving_mean_initializer=initializers.get("moving_mean", zeros),
        moving_variance_initializer=initializers.get("moving_variance", ones),
        beta_regularizer=regularizers.get("beta"),
        gamma_regularizer=regularizers.get("gamma"),
        trainable=options.trainable,
        fused=options.fused,
        name=scope.name,
        _scope=scope,
        _reuse=reuse,
        **extras,
    )
    outputs = layer(inputs, training=options.is_training)
    named = {
        "moving_mean": layer.moving_mean,
        "moving_variance": layer.moving_variance,
        "beta": layer.beta if options.center else None,
        "gamma": layer.gamma if options.scale else None,
    }
    for name, var in named.items():
        if var is not None:
            tools.add_variable(var, options.collections, name)
    return outputs
