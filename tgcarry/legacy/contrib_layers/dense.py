"""Fully connected layers of `tf.contrib.layers`."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Mapping
from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.errors import DataError
from tgcarry.legacy.contrib_layers import tools
from tgcarry.legacy.contrib_layers.initializers import xavier_initializer
from tgcarry.legacy.contrib_layers.scopes import add_arg_scope
from tgcarry.legacy.layers.core import Dense

_XAVIER = xavier_initializer()
_ZEROS = tf.zeros_initializer()


@add_arg_scope
def fully_connected(
    inputs: Any,
    num_outputs: Any,
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
    """Multiplies the last axis by a matrix, normalises and activates: f(n(x W + b)).

    W is `weights` `[I, num_outputs]`, and b `biases` `[num_outputs]`, left out if there is a
    normaliser or no initialiser for it.

    Args:
      inputs: `[..., I]`.
      num_outputs: width of the output.
      activation_fn: f, or None.
      normalizer_fn: n, such as `batch_norm`, or None.
      normalizer_params: n's further arguments, by name.
      weights_initializer: of W.
      weights_regularizer: function from W to a penalty or None.
      biases_initializer: of b, or None.
      biases_regularizer: as for W.
      reuse: takes existing variables.
      variables_collections: for both variables, or by "weights" and "biases".
      outputs_collections: for the output.
      trainable: whether the variables are trained.
      scope: instead of `fully_connected`.

    Returns:
      `[..., num_outputs]`.

    Source: `tf.contrib.layers.fully_connected` of TensorFlow 1.15.
    """
    getter = tools.getter({"bias": "biases", "kernel": "weights"})
    with tf.variable_scope(
        scope, "fully_connected", [inputs], reuse=reuse, custom_getter=getter
    ) as inside:
        inputs = tf.convert_to_tensor(inputs)
        layer = Dense(
            _width(num_outputs),
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


def _width(num_outputs: Any) -> int:
    try:
        return operator.index(num_outputs)
    except TypeError:
        raise DataError(
            f"num_outputs={num_outputs!r} is not a whole number: pass an int"
        ) from None


@add_arg_scope
def legacy_fully_connected(
    x: Any,
    num_output_units: int,
    activation_fn: Callable[[Any], Any] | None = None,
    weight_init: Any = _XAVIER,
    bias_init: Any = _ZEROS,
    name: str | None = None,
    weight_collections: Any = (tf.GraphKeys.WEIGHTS,),
    bias_collections: Any = (tf.GraphKeys.BIASES,),
    output_collections: Any = (tf.GraphKeys.ACTIVATIONS,),
    trainable: bool = True,
    weight_regularizer: Any = None,
    bias_regularizer: Any = None,
) -> Any:
    """Multiplies the last axis by `weights` and adds `bias`.

    Source: `tf.contrib.layers.legacy_fully_connected` of TensorFlow 1.15.
    """
    with tf.variable_scope(name, "fully_connected", [x]):
        x = tf.convert_to_tensor(x)
        rank, width = x.shape.ndims, tf.compat.dimension_value(x.shape[-1])
        if rank is None or rank < 2 or width is None:
            raise DataError(
                f"x has the shape {x.shape}: its rank has to be 2 or more, its width known"
            )
        made = functools.partial(tf.get_variable, dtype=x.dtype.base_dtype, trainable=trainable)
        weights = made(
            "weights",
            [width, num_output_units],
            initializer=weight_init,
            collections=_with_global(weight_collections),
            regularizer=weight_regularizer,
        )
        y = tf.matmul(x if rank == 2 else tf.reshape(x, [-1, width]), weights)
        if bias_init is not None:
            bias = made(
                "bias",
                [num_output_units],
                initializer=bias_init,
                collections=_with_global(bias_collections),
                regularizer=bias_regularizer,
            )
            y = tf.nn.bias_add(y, bias)
        if rank > 2:
            y = tf.reshape(y, tf.stack([*tf.unstack(tf.shape(x))[:-1], num_output_units]))
            y.set_shape([*x.shape.as_list()[:-1], num_output_units])
        y = y if activation_fn is None else activation_fn(y)
        tf.add_to_collections(list(output_collections or ()), y)
        return y


def _with_global(collections: Any) -> list[str]:
    return [*(collections or ()), tf.GraphKeys.GLOBAL_VARIABLES]


elu = functools.partial(fully_connected, activation_fn=tf.nn.elu)
linear = functools.partial(fully_connected, activation_fn=None)
relu = functools.partial(fully_connected, activation_fn=tf.nn.relu)
relu6 = functools.partial(fully_connected, activation_fn=tf.nn.relu6)
legacy_linear = functools.partial(legacy_fully_connected, activation_fn=None)
legacy_relu = functools.partial(legacy_fully_connected, activation_fn=tf.nn.relu)
