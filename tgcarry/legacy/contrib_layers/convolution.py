"""Convolutions of `tf.contrib.layers`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.errors import DataError
from tgcarry.legacy.contrib_layers import tools
from tgcarry.legacy.contrib_layers.initializers import xavier_initializer
from tgcarry.legacy.contrib_layers.scopes import add_arg_scope
from tgcarry.legacy.layers import convolution as layers

_XAVIER = xavier_initializer()
_ZEROS = tf.zeros_initializer()

_LAYERS = {3: layers.Conv1D, 4: layers.Conv2D, 5: layers.Conv3D}
_RENAMED = {"bias": "biases", "kernel": "weights"}


@add_arg_scope
def convolution(
    inputs: Any,
    num_outputs: int,
    kernel_size: Any,
    stride: Any = 1,
    padding: str = "SAME",
    data_format: str | None = None,
    rate: Any = 1,
    activation_fn: Callable[[Any], Any] | None = tf.nn.relu,
    normalizer_fn: Callable[..., Any] | None = None,
    normalizer_params: Mapping[str, Any] | None = None,
    weights_initializer: Any = _XAVIER,
    weights_regularizer: Any = None,
    biases_initializer: Any = _ZEROS,
    biases_regularizer: Any = None,
    reuse: Any = None,
    variables_collections: Any = None,
    outputs_collections: Any = None,
    trainable: bool = True,
    scope: Any = None,
    conv_dims: int | None = None,
) -> Any:
    """Convolves over one, two or three axes, normalises and activates.

    Its variables are `weights` `[*kernel_size, I, num_outputs]` and `biases`
    `[num_outputs]`, the latter left out with a normaliser. The inputs are `[B, ..., I]`, or
    `[B, I, ...]` if `data_format` is "NCHW" or its like; `kernel_size`, `stride` and `rate`
    are ints or one for each axis; `conv_dims` says how many axes it has to be. All other
    arguments are those of `fully_connected`.

    Source: `tf.contrib.layers.convolution` of TensorFlow 1.15.
    """
    with tf.variable_scope(
        scope, "Conv", [inputs], reuse=reuse, custom_getter=tools.getter(_RENAMED)
    ) as inside:
        inputs = tf.convert_to_tensor(inputs)
        rank = inputs.shape.ndims
        if rank not in _LAYERS or (conv_dims is not None and rank != conv_dims + 2):
            wanted = "3, 4 or 5" if conv_dims is None else conv_dims + 2
            raise DataError(f"a convolution's input has the rank {rank}: reshape it to {wanted}")
        layer = _LAYERS[rank](
            filters=num_outputs,
            kernel_size=kernel_size,
            strides=stride,
            padding=padding,
            data_format=tools.channels(data_format),
            dilation_rate=rate,
            use_bias=bool(not normalizer_fn and biases_initializer),
            kernel_initializer=weights_initializer,
            bias_initializer=biases_initializer,
            kernel_regularizer=weights_regularizer,
            bias_regularizer=biases_regularizer,
            trainable=trainable,
            name=inside.name,
            dtype=inputs.dtype.base_dtype,
            _scope=inside,
            _reuse=reuse,
        )
        outputs = layer(inputs)
        tools.add_variable(layer.kernel, variables_collections, "weights")
        if layer.bias is not None:
            tools.add_variable(layer.bias, variables_collections, "biases")
        outputs = tools.finished(outputs, normalizer_fn, normalizer_params, activation_fn)
        return tools.collect_named_outputs(outputs_collections, inside.name, outputs)


def _over(axes: int) -> Callable[..., Any]:
    @functools.wraps(convolution)
    def convolved(*args: Any, **kwargs: Any) -> Any:
        return convolution(*args, conv_dims=axes, **kwargs)

    convolved.__name__ = convolved.__qualname__ = f"convolution{axes}d"
    return add_arg_scope(convolved)


convolution1d = conv1d = _over(1)
convolution2d = conv2d = _over(2)
convolution3d = conv3d = _over(3)


def _transposed(layer_class: Callable[..., Any], default_name: str) -> Callable[..., Any]:
    """Makes the transposed convolution over as many axes as `layer_class` has."""

    @add_arg_scope
    def transposed(
        inputs: Any,
        num_outputs: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: str = "SAME",
        data_format: str | None = None,
        activation_fn: Callable[[Any], Any] | None = tf.nn.relu,
        normalizer_fn: Callable[..., Any] | None = None,
        normalizer_params: Mapping[str, Any] | None = None,
        weights_initializer: Any = _XAVIER,
        weights_regularizer: Any = None,
        biases_initializer: Any = _ZEROS,
        biases_regularizer: Any = None,
        reuse: Any = None,
        variables_collections: Any = None,
        outputs_collections: Any = None,
        trainable: bool = True,
        scope: Any = None,
    ) -> Any:
        """Undoes a convolution's strides; its variables and arguments are those of one."""
        with tf.variable_scope(
            scope, default_name, [inputs], reuse=reuse, custom_getter=tools.getter(_RENAMED)
        ) as inside:
            inputs = tf.convert_to_tensor(inputs)
            layer = layer_class(
                filters=num_outputs,
                kernel_size=kernel_size,
                strides=stride,
                padding=padding,
                data_format=tools.channels(data_format),
                use_bias=bool(not normalizer_fn and biases_initializer),
                kernel_initializer=weights_initializer,
                bias_initializer=biases_initializer,
                kernel_regularizer=weights_regularizer,
                bias_regularizer=biases_regularizer,
                trainable=trainable,
                name=inside.name,
                dtype=inputs.dtype.base_dtype,
                _scope=inside,
                _reuse=reuse,
            )
            outputs = layer(inputs)
            tools.add_variable(layer.kernel, variables_collections, "weights")
            if layer.bias is not None:
                tools.add_variable(layer.bias, variables_collections, "biases")
            outputs = tools.finished(outputs, normalizer_fn, normalizer_params, activation_fn)
            return tools.collect_named_outputs(outputs_collections, inside.name, outputs)

    return transposed


convolution2d_transpose = conv2d_transpose = _transposed(
    layers.Conv2DTranspose, "Conv2d_transpose"
)
convolution3d_transpose = conv3d_transpose = _transposed(
    layers.Conv3DTranspose, "Conv3d_transpose"
)
convolution2d_transpose.__name__ = "convolution2d_transpose"
convolution3d_transpose.__name__ = "convolution3d_transpose"
