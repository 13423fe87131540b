"""What tells a call of before 1.0 from one of today: the kinds of its arguments.

Only what is known while the graph is built is looked at, so that no operation is added.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf


def is_whole_number(value: Any) -> bool:
    """Says whether a value is an integer of Python or NumPy, or a static dimension."""
    if isinstance(value, bool | np.bool_):
        return False
    return isinstance(value, int | np.integer | tf.Dimension)


def is_scalar(value: Any) -> bool:
    """Says whether a value is one number: a whole one, or a tensor or array of shape `[]`."""
    if is_whole_number(value):
        return True
    if tf.is_tensor(value) or isinstance(value, tf.Variable | np.ndarray):
        return bool(tf.TensorShape(value.shape).rank == 0)
    return False


def is_list(value: Any) -> bool:
    """Says whether a value is a list or a tuple."""
    return isinstance(value, list | tuple)


def dtype_of(value: Any) -> tf.DType | None:
    """Returns the dtype of a tensor, variable, array or number; None where there is none."""
    found = getattr(value, "dtype", None)
    if found is None:
        try:
            found = np.asarray(value).dtype
        except (NotImplementedError, TypeError, ValueError):
            # A list of tensors is no array.
            return None
    try:
        return tf.as_dtype(found).base_dtype
    except TypeError:
        return None


def is_float(value: Any) -> bool:
    """Says whether a value is of a floating dtype."""
    dtype = dtype_of(value)
    return dtype is not None and bool(dtype.is_floating)


def is_integer(value: Any) -> bool:
    """Says whether a value is of an integer dtype."""
    dtype = dtype_of(value)
    return dtype is not None and bool(dtype.is_integer)
