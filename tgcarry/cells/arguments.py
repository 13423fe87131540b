"""Reads the constructor arguments that several cells share: widths, activations, initialisers.

The names accepted for activations and initialisers are the ones TensorFlow 1.15 took from
its own Keras tables, mapped onto public TensorFlow functions. Not included: Keras'
configuration dictionaries.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tgcarry.errors import CellError


def _hard_sigmoid(x: Any) -> Any:
    return tf.clip_by_value(0.2 * x + 0.5, 0.0, 1.0)


def _linear(x: Any) -> Any:
    return x


ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "elu": tf.nn.elu,
    "exponential": tf.exp,
    "hard_sigmoid": _hard_sigmoid,
    "linear": _linear,
    "relu": tf.nn.relu,
    "selu": tf.nn.selu,
    "sigmoid": tf.sigmoid,
    "softmax": tf.nn.softmax,
    "softplus": tf.nn.softplus,
    "softsign": tf.nn.softsign,
    "tanh": tf.tanh,
}

# Keras' defaults for the plain random initialisers are narrower than TensorFlow's own.
INITIALIZERS: dict[str, Callable[[], Any]] = {
    "constant": tf.constant_initializer,
    "glorot_normal": tf.initializers.glorot_normal,
    "glorot_uniform": tf.initializers.glorot_uniform,
    "he_normal": tf.initializers.he_normal,
    "he_uniform": tf.initializers.he_uniform,
    "identity": tf.initializers.identity,
    "lecun_normal": tf.initializers.lecun_normal,
    "lecun_uniform": tf.initializers.lecun_uniform,
    "normal": functools.partial(tf.random_normal_initializer, stddev=0.05),
    "ones": tf.ones_initializer,
    "orthogonal": tf.orthogonal_initializer,
    "random_normal": functools.partial(tf.random_normal_initializer, stddev=0.05),
    "random_uniform": functools.partial(tf.random_uniform_initializer, -0.05, 0.05),
    "truncated_normal": functools.partial(tf.truncated_normal_initializer, stddev=0.05),
    "uniform": functools.partial(tf.random_uniform_initializer, -0.05, 0.05),
    "variance_scaling": tf.variance_scaling_initializer,
    "zeros": tf.zeros_initializer,
}


def width(what: str, value: Any) -> int:
    """Returns a number of units as an int.

    Raises:
      TypeError: it is not a whole number.
      CellError: it is below 1.
    """
    try:
        whole = int(value) if _is_whole_float(value) else operator.index(value)
    except TypeError:
        whole = None
    if whole is None or isinstance(value, bool | np.bool_):
        raise TypeError(f"{what}={value!r} is not a whole number: pass an int of 1 or more")
    if whole < 1:
        raise CellError(f"{what}={value!r} is below 1: pass an int of 1 or more")
    return whole


def _is_whole_float(value: Any) -> bool:
    return isinstance(value, float | np.floating) and float(value).is_integer()


def clip_limit(what: str, value: Any) -> Any:
    """Returns a clipping limit: None, a number of 0 or more, or a tensor, unchanged.

    Raises:
      TypeError: it is none of these.
      CellError: it is a negative number.
    """
    if value is None or tf.is_tensor(value):
        return value
    if isinstance(value, bool | str) or not np.isscalar(value):
        raise TypeError(f"{what}={value!r} is not a number: pass a limit above 0, or None")
    if not float(value) >= 0:  # type: ignore[arg-type]
        raise CellError(f"{what}={value!r} is not 0 or more: pass a limit above 0, or None")
    return value


def activation_from(value: Any) -> Callable[[Any], Any]:
    """Returns an activation given as a callable, as one of 1.15's names, or left out (tanh).

    Raises:
      CellError: a name that 1.15 does not know.
      TypeError: neither a name nor a callable.
    """
    if not value:
        return tf.tanh
    if isinstance(value, str):
        if value not in ACTIVATIONS:
            raise CellError(
                f"activation={value!r} is not a known name: use one of "
                f"{', '.join(ACTIVATIONS)}, or pass a function such as tf.nn.relu"
            )
        return ACTIVATIONS[value]
    if callable(value):
        return value
    raise TypeError(f"activation={value!r} is neither a name nor a function: pass e.g. tf.tanh")


def initializer_from(what: str, value: Any) -> Any:
    """Returns an initialiser given as a callable, as one of 1.15's names, or None unchanged.

    Raises:
      CellError: a name that 1.15 does not know, or something that cannot be called.
    """
    if value is None or callable(value):
        return value
    if isinstance(value, str):
        name = _snake(value) if value[:1].isupper() else value
        if name in INITIALIZERS:
            return INITIALIZERS[name]()
        raise CellError(
            f"{what}={value!r} is not a known name: use one of {', '.join(INITIALIZERS)}, "
            f"or pass an initializer such as tf.orthogonal_initializer()"
        )
    raise CellError(
        f"{what}={value!r} is not an initializer: pass e.g. tf.constant_initializer(0.5)"
    )


def _snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")


def float_dtype(dtype: Any) -> tf.DType | None:
    """Returns the dtype of a cell's variables, or None for "as the first input".

    Raises:
      CellError: it is neither floating nor complex.
      TypeError: TensorFlow does not know it.
    """
    if dtype is None:
        return None
    known = tf.as_dtype(dtype).base_dtype
    if not (known.is_floating or known.is_complex):
        raise CellError(
            f"dtype {known.name} is not a floating type, and a cell's equations need one: "
            f"use tf.float32 or tf.float64, or tf.cast the inputs"
        )
    return known
