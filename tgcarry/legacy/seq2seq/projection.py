"""Dense layers around a decoder's cell."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry import tf1


def dense(units: Any, name: str, dtype: Any = None) -> Any:
    """Makes the layer y = x W, its variable `name/kernel` under the scope of its first call."""
    return tf1.dense_layer(int(units), use_bias=False, name=name, dtype=dtype)


def check_layer(what: str, layer: Any) -> None:
    """Refuses what is neither None nor a layer.

    Raises:
      TypeError: it cannot be called, or cannot tell the shape of what it returns.
    """
    if layer is not None and not (callable(layer) and hasattr(layer, "compute_output_shape")):
        raise TypeError(f"{what}={layer!r} is not a layer: pass e.g. tf.layers.Dense(64)")


def output_size(cell: Any, layer: Any) -> Any:
    """Returns the size of a cell's output after a layer, which may be None, over it."""
    if layer is None:
        return cell.output_size
    shapes = tf.nest.map_structure(
        lambda size: tf.TensorShape([None]).concatenate(size), cell.output_size
    )
    shapes = layer.compute_output_shape(shapes)
    return tf.nest.map_structure(lambda shape: tf.TensorShape(shape)[1:], shapes)
