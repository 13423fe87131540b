"""Random initialisers of `tf.contrib.layers`, scaled by the layer's width."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow.compat.v1 as tf

_MODES = ("FAN_IN", "FAN_OUT", "FAN_AVG")

# A normal distribution cut off at two standard deviations has less than one; the factor is 1.15's.
_TRUNCATED = 1.3


def variance_scaling_initializer(
    factor: float = 2.0,
    mode: str = "FAN_IN",
    uniform: bool = False,
    seed: int | None = None,
    dtype: Any = tf.float32,
) -> Callable[..., Any]:
    """Draws with the variance factor / n, n the number of inputs, outputs or their mean.

    Args:
      factor: 2 for rectifiers, 1 for others.
      mode: "FAN_IN", "FAN_OUT" or "FAN_AVG".
      uniform: draws from U(-sqrt(3 variance), sqrt(3 variance)) and not from a normal
        distribution cut off at twice its standard deviation.
      seed: of the draw.
      dtype: floating.

    Returns:
      Function from a shape to a tensor.

    Source: He et al. 2015, arXiv:1502.01852; Glorot and Bengio 2010;
      `tf.contrib.layers.variance_scaling_initializer` of TensorFlow 1.15.
    """
    if not tf.as_dtype(dtype).is_floating:
        raise TypeError(
            f"dtype={dtype!r} is a non-floating point type: random weights have to float"
        )
    if mode not in _MODES:
        raise TypeError(f"mode={mode!r} is none of {', '.join(_MODES)}")

    def initializer(shape: Any, dtype: Any = dtype, partition_info: Any = None) -> Any:
        if not tf.as_dtype(dtype).is_floating:
            raise TypeError(
                f"dtype={dtype!r} is a non-floating point type: random weights have to float"
            )
        variance = factor / _fan([float(size) for size in shape], mode)
        if uniform:
            limit = math.sqrt(3.0 * variance)
            return tf.random_uniform(shape, -limit, limit, dtype, seed=seed)
        return tf.truncated_normal(shape, 0.0, math.sqrt(_TRUNCATED * variance), dtype, seed=seed)

    return initializer


def _fan(shape: Sequence[float], mode: str) -> float:
    """Returns the n above for weights `[..., inputs, outputs]`, or those of a bias."""
    inputs = shape[-2] if len(shape) > 1 else shape[-1] if shape else 1.0
    outputs = shape[-1] if shape else 1.0
    field = math.prod(shape[:-2])
    fans = {"FAN_IN": inputs * field, "FAN_OUT": outputs * field}
    return fans.get(mode, (inputs + outputs) * field / 2.0)


def xavier_initializer(
    uniform: bool = True, seed: int | None = None, dtype: Any = tf.float32
) -> Callable[..., Any]:
    """Draws with the variance 2 / (inputs + outputs).

    Source: Glorot and Bengio 2010; `tf.contrib.layers.xavier_initializer` of TensorFlow 1.15.
    """
    return variance_scaling_initializer(1.0, "FAN_AVG", uniform, seed, dtype)
