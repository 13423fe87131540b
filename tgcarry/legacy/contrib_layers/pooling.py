"""Pooling layers of `tf.contrib.layers`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.legacy.contrib_layers import tools
from tgcarry.legacy.contrib_layers.scopes import add_arg_scope
from tgcarry.legacy.layers import pooling as layers


def _pooling(layer_class: Callable[..., Any], name: str, default_name: str) -> Callable[..., Any]:
    def pooled(
        inputs: Any,
        kernel_size: Any,
        stride: Any = 2,
        padding: str = "VALID",
        data_format: str | None = None,
        outputs_collections: Any = None,
        scope: str | None = None,
    ) -> Any:
        tools.check_format(data_format, "DHW" if name.endswith("3d") else "HW")
        with tf.name_scope(scope, default_name, [inputs]) as inside:
            inputs = tf.convert_to_tensor(inputs)
            layer = layer_class(
                pool_size=kernel_size,
                strides=stride,
                padding=padding,
                data_format=tools.channels(data_format),
                _scope=inside,
            )
            return tools.collect_named_outputs(outputs_collections, inside, layer(inputs))

    pooled.__name__ = pooled.__qualname__ = name
    pooled.__doc__ = f"Pools.\n\nSource: `tf.contrib.layers.{name}` of TensorFlow 1.15."
    return add_arg_scope(pooled)


avg_pool2d = _pooling(layers.AveragePooling2D, "avg_pool2d", "AvgPool2D")
avg_pool3d = _pooling(layers.AveragePooling3D, "avg_pool3d", "AvgPool3D")
max_pool2d = _pooling(layers.MaxPooling2D, "max_pool2d", "MaxPool2D")
max_pool3d = _pooling(layers.MaxPooling3D, "max_pool3d", "MaxPool3D")
