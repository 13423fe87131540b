"""The layers of `tf.contrib.layers` that have no weights, and those that repeat others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.errors import DataError
from tgcarry.legacy.contrib_layers import tools, variables
from tgcarry.legacy.contrib_layers.scopes import add_arg_scope
from tgcarry.legacy.layers import core

_ZEROS = tf.zeros_initializer()


@add_arg_scope
def dropout(
    inputs: Any,
    keep_prob: Any = 0.5,
    noise_shape: Any = None,
    is_training: Any = True,
    outputs_collections: Any = None,
    scope: Any = None,
    seed: int | None = None,
) -> Any:
    """Drops entries while training and scales the others by 1 / keep_prob.

    Source: `tf.contrib.layers.dropout` of TensorFlow 1.15.
    """
    with tf.variable_scope(scope, "Dropout", [inputs], custom_getter=tools.getter()) as inside:
        inputs = tf.convert_to_tensor(inputs)
        layer = core.Dropout(
            rate=1 - keep_prob, noise_shape=noise_shape, seed=seed, name=inside.name, _scope=inside
        )
        outputs = layer(inputs, training=is_training)
        return tools.collect_named_outputs(outputs_collections, inside.name, outputs)


@add_arg_scope
def flatten(inputs: Any, outputs_collections: Any = None, scope: str | None = None) -> Any:
    """Lays out `[B, ...]` as `[B, N]`.

    Source: `tf.contrib.layers.flatten` of TensorFlow 1.15.
    """
    with tf.name_scope(scope, "Flatten", [inputs]) as inside:
        outputs = core.flatten(tf.convert_to_tensor(inputs))
        return tools.collect_named_outputs(outputs_collections, inside, outputs)


@add_arg_scope
def one_hot_encoding(
    labels: Any,
    num_classes: int,
    on_value: float = 1.0,
    off_value: float = 0.0,
    outputs_collections: Any = None,
    scope: str | None = None,
) -> Any:
    """Turns `[B]` labels into `[B, num_classes]` of ones and zeros.

    Source: `tf.contrib.layers.one_hot_encoding` of TensorFlow 1.15.
    """
    with tf.name_scope(scope, "OneHotEncoding", [labels, num_classes]) as inside:
        labels = tf.convert_to_tensor(labels)
        if labels.dtype == tf.int32:
            labels = tf.to_int64(labels)
        outputs = tf.one_hot(labels, num_classes, on_value=on_value, off_value=off_value)
        return tools.collect_named_outputs(outputs_collections, inside, outputs)


@add_arg_scope
def bias_add(
    inputs: Any,
    activation_fn: Callable[[Any], Any] | None = None,
    initializer: Any = _ZEROS,
    regularizer: Any = None,
    reuse: Any = None,
    variables_collections: Any = None,
    outputs_collections: Any = None,
    trainable: bool = True,
    data_format: str = "NHWC",
    scope: Any = None,
) -> Any:
    """Adds a variable `biases` `[C]` to the channels.

    Source: `tf.contrib.layers.bias_add` of TensorFlow 1.15.
    """
    with tf.variable_scope(scope, "BiasAdd", [inputs], reuse=reuse) as inside:
        inputs = tf.convert_to_tensor(inputs)
        axis = 1 if data_format == "NCHW" else -1
        biases = variables.model_variable(
            "biases",
            shape=[tf.compat.dimension_value(inputs.shape[axis])],
            dtype=inputs.dtype.base_dtype,
            initializer=initializer,
            regularizer=regularizer,
            collections=tools.collections_of(variables_collections, "biases"),
            trainable=trainable,
        )
        outputs = tf.nn.bias_add(inputs, biases, data_format=data_format)
        outputs = tools.finished(outputs, None, None, activation_fn)
        return tools.collect_named_outputs(outputs_collections, inside.name, outputs)


@add_arg_scope
def softmax(logits: Any, scope: Any = None) -> Any:
    """Takes the softmax over the last axis.

    Source: `tf.contrib.layers.softmax` of TensorFlow 1.15.
    """
    with tf.variable_scope(scope, "softmax", [logits]):
        rank = logits.shape.ndims
        width = None if not rank else tf.compat.dimension_value(logits.shape[-1])
        if width is None or rank < 2:
            raise DataError(
                f"softmax's logits have the shape {logits.shape}: "
                "the rank has to be 2 or more, the last axis known"
            )
        flat = tf.reshape(logits, [-1, width])
        outputs = tf.reshape(tf.nn.softmax(flat), tf.shape(logits))
        outputs.set_shape(logits.shape)
        return outputs


@add_arg_scope
def maxout(inputs: Any, num_units: int, axis: int = -1, scope: Any = None) -> Any:
    """Takes the largest of each group of channels, `num_units` groups.

    Source: Goodfellow et al. 2013, arXiv:1302.4389; `tf.contrib.layers.maxout` of TensorFlow
      1.15.
    """
    with tf.variable_scope(scope, "MaxOut", [inputs]):
        inputs = tf.convert_to_tensor(inputs)
        shape: list[Any] = inputs.shape.as_list()
        width = shape[axis]
        if width % num_units:
            raise DataError(
                f"maxout's inputs have {width} channels, not a multiple of num_units={num_units}"
            )
        shape[axis] = num_units
        shape.append(width // num_units)
        known = [tf.shape(inputs)[i] if size is None else size for i, size in enumerate(shape)]
        return tf.reduce_max(tf.reshape(inputs, known), -1)


@add_arg_scope
def unit_norm(inputs: Any, dim: int, epsilon: float = 1e-7, scope: Any = None) -> Any:
    """Divides by the length along an axis: x / sqrt(epsilon + sum x^2).

    Source: `tf.contrib.layers.unit_norm` of TensorFlow 1.15.
    """
    with tf.variable_scope(scope, "UnitNorm", [inputs]):
        rank = inputs.shape.ndims
        if rank is None or not 0 <= dim < rank:
            raise DataError(f"dim={dim} is no axis of the shape {inputs.shape}: count from 0")
        squares = tf.reduce_sum(tf.square(inputs), dim, keepdims=True)
        return tf.div(inputs, tf.sqrt(epsilon + squares))


@add_arg_scope
def repeat(
    inputs: Any, repetitions: int, layer: Callable[..., Any], *args: Any, **kwargs: Any
) -> Any:
    """Applies a layer several times, each time with weights of its own.

    Source: `tf.contrib.layers.repeat` of TensorFlow 1.15.
    """
    scope = kwargs.pop("scope", None)
    return _chained(inputs, layer, [args] * repetitions, kwargs, scope, "Repeat")


@add_arg_scope
def stack(inputs: Any, layer: Callable[..., Any], stack_args: Sequence[Any], **kwargs: Any) -> Any:
    """Applies a layer once for each set of arguments.

    Source: `tf.contrib.layers.stack` of TensorFlow 1.15.
    """
    if not isinstance(stack_args, list | tuple):
        raise DataError(f"stack_args={stack_args!r} is not a list: pass one entry a layer")
    arguments = [each if isinstance(each, list | tuple) else [each] for each in stack_args]
    return _chained(inputs, layer, arguments, kwargs, kwargs.pop("scope", None), "Stack")


def _chained(
    inputs: Any,
    layer: Callable[..., Any],
    arguments: Sequence[Sequence[Any]],
    keywords: dict[str, Any],
    scope: str | None,
    default_name: str,
) -> Any:
    with tf.variable_scope(scope, default_name, [inputs]):
        outputs = tf.convert_to_tensor(inputs)
        # Of a functools.partial the function inside has the name.
        named = getattr(layer, "__name__", None) or getattr(
            getattr(layer, "func", None), "__name__", default_name.lower()
        )
        for place, given in enumerate(arguments, 1):
            each = {**keywords, "scope": f"{scope or named}_{place}"}
            outputs = layer(outputs, *given, **each)
        return outputs
