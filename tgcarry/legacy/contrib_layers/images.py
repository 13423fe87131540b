"""The layers of `tf.contrib.layers` between images, sequences and places."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.errors import DataError
from tgcarry.legacy.contrib_layers import tools, variables
from tgcarry.legacy.contrib_layers.initializers import xavier_initializer
from tgcarry.legacy.contrib_layers.scopes import add_arg_scope

_XAVIER = xavier_initializer()
_ZEROS = tf.zeros_initializer()


@add_arg_scope
def images_to_sequence(
    inputs: Any,
    data_format: str = "NHWC",
    outputs_collections: Any = None,
    scope: str | None = None,
) -> Any:
    """Lays out images `[B, H, W, C]` as sequences along the width, `[W, B * H, C]`.

    Source: `tf.contrib.layers.images_to_sequence` of TensorFlow 1.15.
    """
    tools.check_format(data_format)
    with tf.name_scope(scope, "ImagesToSequence", [inputs]) as inside:
        inputs = tf.convert_to_tensor(inputs)
        if data_format == "NCHW":
            inputs = tf.transpose(inputs, [0, 2, 3, 1])
        width, depth = inputs.shape.as_list()[2:]
        sizes = tf.shape(inputs)
        columns = tf.transpose(inputs, [2, 0, 1, 3])
        outputs = tf.reshape(columns, [width, sizes[0] * sizes[1], depth])
        return tools.collect_named_outputs(outputs_collections, inside, outputs)


@add_arg_scope
def sequence_to_images(
    inputs: Any,
    height: int,
    output_data_format: str = "channels_last",
    outputs_collections: Any = None,
    scope: str | None = None,
) -> Any:
    """Turns sequences `[W, B * height, C]` back into images `[B, height, W, C]`.

    Args:
      inputs: the sequences.
      height: int.
      output_data_format: "channels_first" gives `[B, C, height, W]`.
      outputs_collections: where to put the outputs.
      scope: of the operations.

    Source: `tf.contrib.layers.sequence_to_images` of TensorFlow 1.15.
    """
    with tf.name_scope(scope, "SequenceToImages", [inputs]) as inside:
        inputs = tf.convert_to_tensor(inputs)
        width, rows, depth = inputs.shape.as_list()
        images = -1 if rows is None else rows // height
        columns = tf.reshape(inputs, [width, images, height, depth])
        order = [1, 3, 2, 0] if output_data_format == "channels_first" else [1, 2, 0, 3]
        outputs = tf.transpose(columns, order)
        return tools.collect_named_outputs(outputs_collections, inside, outputs)


def scale_gradient(inputs: Any, gradient_multiplier: Any) -> Any:
    """Passes a tensor on, and its gradient times `gradient_multiplier`.

    Source: `tf.contrib.layers.scale_gradient` of TensorFlow 1.15.
    """

    @tf.custom_gradient
    def scaled(x: Any, factor: Any) -> Any:
        return tf.identity(x), lambda gradient: (gradient * factor, None)

    return scaled(tf.convert_to_tensor(inputs), tf.convert_to_tensor(gradient_multiplier))


@add_arg_scope
def spatial_softmax(
    features: Any,
    temperature: float | None = None,
    name: str | None = None,
    variables_collections: Any = None,
    trainable: bool = True,
    data_format: str = "NHWC",
) -> Any:
    """Finds where each channel is large: the expected place under a softmax over all places.

    Rows and columns count from -1 to 1. Its variable is `temperature`, 1 at first.

    Args:
      features: `[B, H, W, C]`.
      temperature: the softmax is of features / temperature; this is its first value.
      name: of the variable scope.
      variables_collections: where to put the variable, if it is trained.
      trainable: whether the temperature is trained.
      data_format: "NHWC" or "NCHW".

    Returns:
      `[B, 2 C]`, row and column of each channel.

    Raises:
      DataError: an unknown number of channels, or another format.

    Source: Levine et al. 2016, arXiv:1504.00702; `tf.contrib.layers.spatial_softmax` of
      TensorFlow 1.15.
    """
    tools.check_format(data_format)
    with tf.variable_scope(name, "spatial_softmax"):
        if data_format != "NCHW":
            features = tf.transpose(features, [0, 3, 1, 2])
        channels = features.shape.as_list()[1]
        if channels is None:
            raise DataError(f"spatial_softmax's features are {features}: set_shape the channels")
        height, width = tf.shape(features)[2], tf.shape(features)[3]
        rows, columns = tf.meshgrid(
            tf.linspace(-1.0, 1.0, height), tf.linspace(-1.0, 1.0, width), indexing="ij"
        )
        first = 1.0 if temperature is None else temperature
        heat = variables.model_variable(
            "temperature",
            shape=(),
            dtype=tf.float32,
            initializer=tf.constant_initializer(first),
            collections=(
                tools.collections_of(variables_collections, "temperature") if trainable else None
            ),
            trainable=trainable,
        )
        weights = tf.nn.softmax(tf.reshape(features, [-1, height * width]) / heat)
        places = [
            tf.reduce_sum(tf.reshape(places, [-1]) * weights, 1, keepdims=True)
            for places in (rows, columns)
        ]
        return tf.reshape(tf.concat(places, 1), [-1, 2 * channels])


@add_arg_scope
def convolution2d_in_plane(
    inputs: Any,
    kernel_size: Any,
    stride: Any = 1,
    padding: str = "SAME",
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
    """Convolves each channel of `[B, H, W, C]` with one and the same kernel.

    Its variables are `weights` `[*kernel_size, 1, 1]` and `biases` `[C]`, the latter left out
    with a normaliser. All arguments are those of `convolution`.

    Source: `tf.contrib.layers.conv2d_in_plane` of TensorFlow 1.15.
    """
    with tf.variable_scope(scope, "ConvInPlane", [inputs], reuse=reuse) as inside:
        inputs = tf.convert_to_tensor(inputs)
        channels = inputs.shape.as_list()[-1]
        height, width = [kernel_size] * 2 if isinstance(kernel_size, int) else kernel_size
        down, right = [stride] * 2 if isinstance(stride, int) else stride

        def made(name: str, shape: list[Any], initializer: Any, regularizer: Any) -> Any:
            return variables.model_variable(
                name,
                shape=shape,
                dtype=inputs.dtype.base_dtype,
                initializer=initializer,
                regularizer=regularizer,
                collections=tools.collections_of(variables_collections, name),
                trainable=trainable,
            )

        weights = made("weights", [height, width, 1, 1], weights_initializer, weights_regularizer)
        outputs = tf.nn.depthwise_conv2d(
            inputs, tf.tile(weights, [1, 1, channels, 1]), [1, down, right, 1], padding
        )
        if normalizer_fn is None and biases_initializer is not None:
            biases = made("biases", [channels], biases_initializer, biases_regularizer)
            outputs = tf.nn.bias_add(outputs, biases)
        outputs = tools.finished(outputs, normalizer_fn, normalizer_params, activation_fn)
        return tools.collect_named_outputs(outputs_collections, inside.name, outputs)


conv2d_in_plane = convolution2d_in_plane
