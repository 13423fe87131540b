"""The convolution of `tf.contrib.layers` that treats channels one by one first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.legacy.contrib_layers import tools, variables
from tgcarry.legacy.contrib_layers.initializers import xavier_initializer
from tgcarry.legacy.contrib_layers.scopes import add_arg_scope
from tgcarry.legacy.layers.convolution import SeparableConv2D

_XAVIER = xavier_initializer()
_ZEROS = tf.zeros_initializer()

_RENAMED = {
    "bias": "biases",
    "depthwise_kernel": "depthwise_weights",
    "pointwise_kernel": "pointwise_weights",
}


@add_arg_scope
def separable_convolution2d(
    inputs: Any,
    num_outputs: int | None,
    kernel_size: Any,
    depth_multiplier: int = 1,
    stride: Any = 1,
    padding: str = "SAME",
    data_format: str = "NHWC",
    rate: Any = 1,
    activation_fn: Callable[[Any], Any] | None = tf.nn.relu,
    normalizer_fn: Callable[..., Any] | None = None,
    normalizer_params: Mapping[str, Any] | None = None,
    weights_initializer: Any = _XAVIER,
    pointwise_initializer: Any = None,
    weights_regularizer: Any = None,
    biases_initializer: Any = _ZEROS,
    biases_regularizer: Any = None,
    reuse: Any = None,
    variables_collections: Any = None,
    outputs_collections: Any = None,
    trainable: bool = True,
    scope: Any = None,
) -> Any:
    """Convolves each channel, then mixes the channels at each place.

    Its variables are `depthwise_weights` `[*kernel_size, I, depth_multiplier]`,
    `pointwise_weights` `[1, 1, I * depth_multiplier, num_outputs]` and `biases`. Without
    `num_outputs` it does not mix. Other arguments as in `convolution`.

    Source: `tf.contrib.layers.separable_conv2d` of TensorFlow 1.15.
    """
    tools.check_format(data_format)
    with tf.variable_scope(
        scope, "SeparableConv2d", [inputs], reuse=reuse, custom_getter=tools.getter(_RENAMED)
    ) as inside:
        inputs = tf.convert_to_tensor(inputs)
        biased = bool(not normalizer_fn and biases_initializer)
        if num_outputs is None:
            outputs = _depthwise(
                inputs,
                kernel_size=_pair(kernel_size),
                depth_multiplier=depth_multiplier,
                stride=_pair(stride),
                padding=padding,
                data_format=data_format,
                rate=_pair(rate),
                initializer=weights_initializer,
                regularizer=weights_regularizer,
                collections=variables_collections,
                trainable=trainable,
            )
            if biased:
                outputs = _with_biases(
                    outputs,
                    data_format,
                    biases_initializer,
                    biases_regularizer,
                    variables_collections,
                    trainable,
                )
        else:
            layer = SeparableConv2D(
                filters=num_outputs,
                kernel_size=kernel_size,
                strides=stride,
                padding=padding,
                data_format=tools.channels(data_format),
                dilation_rate=_pair(rate),
                depth_multiplier=depth_multiplier,
                use_bias=biased,
                depthwise_initializer=weights_initializer,
                pointwise_initializer=pointwise_initializer or weights_initializer,
                bias_initializer=biases_initializer,
                depthwise_regularizer=weights_regularizer,
                pointwise_regularizer=weights_regularizer,
                bias_regularizer=biases_regularizer,
                trainable=trainable,
                name=inside.name,
                dtype=inputs.dtype.base_dtype,
                _scope=inside,
                _reuse=reuse,
            )
            outputs = layer(inputs)
            tools.add_variable(layer.depthwise_kernel, variables_collections, "weights")
            tools.add_variable(layer.pointwise_kernel, variables_collections, "weights")
            if layer.bias is not None:
                tools.add_variable(layer.bias, variables_collections, "biases")
        outputs = tools.finished(outputs, normalizer_fn, normalizer_params, activation_fn)
        return tools.collect_named_outputs(outputs_collections, inside.name, outputs)


separable_conv2d = separable_convolution2d


def _depthwise(
    inputs: Any,
    kernel_size: tuple[int, int],
    depth_multiplier: int,
    stride: tuple[int, int],
    padding: str,
    data_format: str,
    rate: tuple[int, int],
    initializer: Any,
    regularizer: Any,
    collections: Any,
    trainable: bool,
) -> Any:
    first = data_format.startswith("NC")
    weights = variables.model_variable(
        "depthwise_weights",
        shape=[
            *kernel_size,
            tf.compat.dimension_value(inputs.shape[1 if first else 3]),
            depth_multiplier,
        ],
        dtype=inputs.dtype.base_dtype,
        initializer=initializer,
        regularizer=regularizer,
        collections=tools.collections_of(collections, "weights"),
        trainable=trainable,
    )
    strides = [1, 1, *stride] if first else [1, *stride, 1]
    return tf.nn.depthwise_conv2d(
        inputs, weights, strides, padding, rate=rate, data_format=data_format
    )


def _with_biases(
    outputs: Any,
    data_format: str,
    initializer: Any,
    regularizer: Any,
    collections: Any,
    trainable: bool,
) -> Any:
    axis = 1 if data_format.startswith("NC") else 3
    biases = variables.model_variable(
        "biases",
        shape=[tf.compat.dimension_value(outputs.shape[axis])],
        dtype=outputs.dtype.base_dtype,
        initializer=initializer,
        regularizer=regularizer,
        collections=tools.collections_of(collections, "biases"),
        trainable=trainable,
    )
    return tf.nn.bias_add(outputs, biases, data_format=data_format)


def _pair(size: Any) -> tuple[int, int]:
    first, second = size if isinstance(size, list | tuple) else (size, size)
    return int(first), int(second)
