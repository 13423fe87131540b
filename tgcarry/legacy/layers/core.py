"""`tf.layers`: dense, dropout, flatten."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf
from tf_keras.src.legacy_tf_layers import core

from tgcarry.legacy.layers import conditions

_ZEROS = tf.zeros_initializer()


class Dense(core.Dense):
    """Multiplies the last axis by a matrix: y = activation(x W + b).

    W is `kernel` `[I, units]` and b `bias` `[units]`.

    Source: `tf.layers.Dense` of TensorFlow 1.15.
    """


class Dropout(core.Dropout):
    """Drops entries while training, by `tf.nn.dropout`; passes them on otherwise.

    Source: `tf.layers.Dropout` of TensorFlow 1.15.
    """

    def call(self, inputs: Any, training: Any = False) -> Any:
        """Returns `inputs`, of the same shape, with the share `rate` of them zero."""

        def dropped() -> Any:
            return tf.nn.dropout(
                inputs,
                noise_shape=self._get_noise_shape(inputs),
                seed=self.seed,
                rate=self.rate,
            )

        return conditions.either(training, dropped, lambda: tf.identity(inputs))


class Flatten(core.Flatten):
    """Keeps the first axis and lays all others out in one.

    Source: `tf.layers.Flatten` of TensorFlow 1.15.
    """

    def call(self, inputs: Any) -> Any:
        """Returns `inputs` `[B, ...]` as `[B, N]`."""
        rank = inputs.shape.ndims
        if self.data_format == "channels_first" and rank is not None and rank > 1:
            inputs = tf.transpose(inputs, [0, *range(2, rank), 1])
        batch = tf.compat.dimension_value(inputs.shape[0])
        flat = tf.reshape(inputs, (batch or tf.shape(inputs)[0], -1))
        flat.set_shape([batch, _product(inputs.shape)])
        return flat


def _product(shape: Any) -> int | None:
    return tf.TensorShape(shape[1:]).num_elements() if shape.ndims is not None else None


def dense(
    inputs: Any,
    units: Any,
    activation: Any = None,
    use_bias: bool = True,
    kernel_initializer: Any = None,
    bias_initializer: Any = _ZEROS,
    kernel_regularizer: Any = None,
    bias_regularizer: Any = None,
    activity_regularizer: Any = None,
    kernel_constraint: Any = None,
    bias_constraint: Any = None,
    trainable: bool = True,
    name: str | None = None,
    reuse: Any = None,
) -> Any:
    """Applies a `Dense` layer to `[..., I]`.

    Source: `tf.layers.dense` of TensorFlow 1.15.
    """
    layer = Dense(
        units,
        activation=activation,
        use_bias=use_bias,
        kernel_initializer=kernel_initializer,
        bias_initializer=bias_initializer,
        kernel_regularizer=kernel_regularizer,
        bias_regularizer=bias_regularizer,
        activity_regularizer=activity_regularizer,
        kernel_constraint=kernel_constraint,
        bias_constraint=bias_constraint,
        trainable=trainable,
        name=name,
        _scope=name,
        _reuse=reuse,
    )
    return layer(inputs)


def dropout(
    inputs: Any,
    rate: Any = 0.5,
    noise_shape: Any = None,
    seed: int | None = None,
    training: Any = False,
    name: str | None = None,
) -> Any:
    """Applies a `Dropout` layer.

    Source: `tf.layers.dropout` of TensorFlow 1.15.
    """
    return Dropout(rate, noise_shape=noise_shape, seed=seed, name=name)(inputs, training=training)


def flatten(inputs: Any, name: str | None = None, data_format: str = "channels_last") -> Any:
    """Applies a `Flatten` layer to `[B, ...]`.

    Source: `tf.layers.flatten` of TensorFlow 1.15.
    """
    return Flatten(name=name, data_format=data_format)(inputs)
