"""Normalisation of `tf.contrib.layers` over an example's own channels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.errors import DataError
from tgcarry.legacy.contrib_layers import tools, variables
from tgcarry.legacy.contrib_layers.scopes import add_arg_scope


def _parameter(
    name: str,
    wanted: bool,
    shape: Any,
    inputs: Any,
    initializer: Any,
    collections: Any,
    trainable: bool,
) -> Any:
    if not wanted:
        return None
    return variables.model_variable(
        name,
        shape=shape,
        dtype=inputs.dtype.base_dtype,
        initializer=initializer,
        collections=tools.collections_of(collections, name),
        trainable=trainable,
    )


@add_arg_scope
def layer_norm(
    inputs: Any,
    center: bool = True,
    scale: bool = True,
    activation_fn: Callable[[Any], Any] | None = None,
    reuse: Any = None,
    variables_collections: Any = None,
    outputs_collections: Any = None,
    trainable: bool = True,
    begin_norm_axis: int = 1,
    begin_params_axis: int = -1,
    scope: Any = None,
) -> Any:
    """Normalises each example over its axes from `begin_norm_axis` on.

        y = gamma (x - mean) / sqrt(variance + epsilon) + beta

    Its variables `beta` and `gamma` have the shape of the inputs from `begin_params_axis` on.

    Source: Ba et al. 2016, arXiv:1607.06450; `tf.contrib.layers.layer_norm` of TensorFlow 1.15.
    """
    with tf.variable_scope(scope, "LayerNorm", [inputs], reuse=reuse) as inside:
        inputs = tf.convert_to_tensor(inputs)
        rank = inputs.shape.ndims
        if rank is None:
            raise DataError(f"layer_norm needs the rank of {inputs}: give it a shape")
        first = begin_norm_axis % rank
        shape = inputs.shape[begin_params_axis % rank :]
        if begin_params_axis >= rank or begin_norm_axis >= rank:
            raise DataError(
                f"layer_norm's begin_norm_axis={begin_norm_axis} and "
                f"begin_params_axis={begin_params_axis} must be < rank(inputs), which is {rank}"
            )
        if not shape.is_fully_defined():
            raise DataError(
                f"layer_norm needs the shape {inputs.shape} from begin_params_axis="
                f"{begin_params_axis} on: set_shape it"
            )
        beta = _parameter(
            "beta", center, shape, inputs, tf.zeros_initializer(), variables_collections, trainable
        )
        gamma = _parameter(
            "gamma", scale, shape, inputs, tf.ones_initializer(), variables_collections, trainable
        )
        mean, variance = tf.nn.moments(inputs, list(range(first, rank)), keepdims=True)
        # Half precision cannot tell 1e-12 from nothing.
        epsilon = 1e-3 if inputs.dtype.base_dtype == tf.float16 else 1e-12
        outputs = tf.nn.batch_normalization(inputs, mean, variance, beta, gamma, epsilon)
        outputs.set_shape(inputs.shape)
        outputs = tools.finished(outputs, None, None, activation_fn)
        return tools.collect_named_outputs(outputs_collections, inside.name, outputs)


@add_arg_scope
def instance_norm(
    inputs: Any,
    center: bool = True,
    scale: bool = True,
    epsilon: float = 1e-6,
    activation_fn: Callable[[Any], Any] | None = None,
    param_initializers: Mapping[str, Any] | None = None,
    reuse: Any = None,
    variables_collections: Any = None,
    outputs_collections: Any = None,
    trainable: bool = True,
    data_format: str = "NHWC",
    scope: Any = None,
) -> Any:
    """Normalises each channel of each example over its places.

    Its variables are `beta` and `gamma`, each `[C]`.

    Source: Ulyanov et al. 2016, arXiv:1607.08022; `tf.contrib.layers.instance_norm` of
      TensorFlow 1.15.
    """
    initializers = param_initializers or {}
    with tf.variable_scope(scope, "InstanceNorm", [inputs], reuse=reuse) as inside:
        inputs = tf.convert_to_tensor(inputs)
        rank = inputs.shape.ndims
        channels = 1 if data_format == "NCHW" else rank - 1
        width = tf.compat.dimension_value(inputs.shape[channels])
        spread = [width if axis == channels else 1 for axis in range(rank)]
        places = [axis for axis in range(1, rank) if axis != channels]

        def parameter(name: str, wanted: bool, initializer: Any) -> Any:
            initializer = initializers.get(name, initializer)
            made = _parameter(
                name, wanted, [width], inputs, initializer, variables_collections, trainable
            )
            return made if made is None or data_format != "NCHW" else tf.reshape(made, spread)

        beta = parameter("beta", center, tf.zeros_initializer())
        gamma = parameter("gamma", scale, tf.ones_initializer())
        mean, variance = tf.nn.moments(inputs, places, keepdims=True)
        outputs = tf.nn.batch_normalization(
            inputs, mean, variance, beta, gamma, epsilon, name="instancenorm"
        )
        outputs.set_shape(inputs.shape)
        outputs = tools.finished(outputs, None, None, activation_fn)
        return tools.collect_named_outputs(outputs_collections, inside.name, outputs)


@add_arg_scope
def group_norm(
    inputs: Any,
    groups: int = 32,
    channels_axis: int = -1,
    reduction_axes: Sequence[int] = (-3, -2),
    center: bool = True,
    scale: bool = True,
    epsilon: float = 1e-6,
    activation_fn: Callable[[Any], Any] | None = None,
    param_initializers: Mapping[str, Any] | None = None,
    reuse: Any = None,
    variables_collections: Any = None,
    outputs_collections: Any = None,
    trainable: bool = True,
    scope: Any = None,
    mean_close_to_zero: bool = False,
) -> Any:
    """Normalises groups of channels of each example over its places.

    Its variables are `beta` and `gamma`, each `[C]`. `mean_close_to_zero` makes no difference.

    Source: Wu and He 2018, arXiv:1803.08494; `tf.contrib.layers.group_norm` of TensorFlow 1.15.
    """
    initializers = param_initializers or {}
    with tf.variable_scope(scope, "GroupNorm", [inputs], reuse=reuse) as inside:
        inputs = tf.convert_to_tensor(inputs)
        rank = inputs.shape.ndims
        channels = channels_axis % rank
        width = tf.compat.dimension_value(inputs.shape[channels])
        if width is None or width % groups:
            raise DataError(f"group_norm cannot make groups={groups} of {width} channels")
        dynamic = tf.shape(inputs)
        sizes = [
            dynamic[axis] if size is None else size
            for axis, size in enumerate(inputs.shape.as_list())
        ]
        split = [*sizes[:channels], groups, width // groups, *sizes[channels + 1 :]]
        # The channels' own axis comes behind the groups'.
        places = [axis % rank + (axis % rank > channels) for axis in reduction_axes]
        spread = [1] * (rank + 1)
        spread[channels : channels + 2] = [groups, width // groups]

        def parameter(name: str, wanted: bool, initializer: Any) -> Any:
            initializer = initializers.get(name, initializer)
            made = _parameter(
                name, wanted, [width], inputs, initializer, variables_collections, trainable
            )
            return None if made is None else tf.reshape(made, spread)

        beta = parameter("beta", center, tf.zeros_initializer())
        gamma = parameter("gamma", scale, tf.ones_initializer())
        grouped = tf.reshape(inputs, split)
        mean, variance = tf.nn.moments(grouped, [*places, channels + 1], keepdims=True)
        outputs = tf.nn.batch_normalization(grouped, mean, variance, beta, gamma, epsilon)
        outputs = tf.reshape(outputs, dynamic)
        outputs.set_shape(inputs.shape)
        outputs = tools.finished(outputs, None, None, activation_fn)
        return tools.collect_named_outputs(outputs_collections, inside.name, outputs)
