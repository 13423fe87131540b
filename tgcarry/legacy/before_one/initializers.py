"""Initialisers that were functions of a shape before version 1.0 and are classes since."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.legacy.before_one.arguments import is_list, is_scalar


def _is_shape(value: Any) -> bool:
    # Anything else in front is a dtype.
    return is_list(value) or isinstance(value, tf.TensorShape | tf.Tensor) or is_scalar(value)


class ZerosInitializer(tf.zeros_initializer):
    """Makes zeros: `zeros_initializer()`, or before 1.0 at once, `zeros_initializer(shape)`.

    Args:
      *args: dtype; or a shape and a dtype, for a tensor.
      **kwargs: the same.

    Source: TensorFlow 1.15 and 0.12 `tf.zeros_initializer`.
    """

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """Makes an initialiser, or zeros of a shape."""
        if "shape" in kwargs or (args and _is_shape(args[0])):
            return _filled(tf.zeros, *args, **kwargs)
        return super().__new__(cls)


class OnesInitializer(tf.ones_initializer):
    """Makes ones: `ones_initializer()`, or before 1.0 at once, `ones_initializer(shape)`.

    Args:
      *args: dtype; or a shape and a dtype, for a tensor.
      **kwargs: the same.

    Source: TensorFlow 1.15 and 0.12 `tf.ones_initializer`.
    """

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """Makes an initialiser, or ones of a shape."""
        if "shape" in kwargs or (args and _is_shape(args[0])):
            return _filled(tf.ones, *args, **kwargs)
        return super().__new__(cls)


def _filled(make: Any, shape: Any, dtype: Any = tf.float32, partition_info: Any = None) -> Any:
    return make(shape, dtype)
