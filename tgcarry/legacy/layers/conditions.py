"""Chooses between two pieces of graph: while building where it can, in the graph otherwise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow.compat.v1 as tf


def constant(condition: Any) -> bool | None:
    """Returns a condition's value if it is known while the graph is built, or None.

    Args:
      condition: bool, 0 or 1, a tensor or a variable.
    """
    if isinstance(condition, tf.Variable):
        return None
    if tf.is_tensor(condition):
        value = tf.get_static_value(condition)
        return None if value is None else bool(value)
    return bool(condition)


def either(condition: Any, true_fn: Callable[[], Any], false_fn: Callable[[], Any]) -> Any:
    """Builds the branch that a condition names, or `tf.cond` of both if it is not known yet.

    Source: `tensorflow.python.layers.utils.smart_cond` of TensorFlow 1.15.
    """
    known = constant(condition)
    if known is None:
        return tf.cond(condition, true_fn, false_fn)
    return true_fn() if known else false_fn()
