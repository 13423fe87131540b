"""Nests of states: placeholders, zeros, and the checks that they fit one another.

A cell's `state_size` is a nest whose leaves are an int H or a `tf.TensorShape` of the
trailing dimensions. Every function here goes through `tf.nest`, so LSTM tuples, tuples of
layers and a user's own named tuples are all alike.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tgcarry.errors import CarryError


def trailing_dims(size: Any) -> list[int | None]:
    """Returns the dimensions after the batch that one leaf of a `state_size` stands for."""
    return (
        tf.TensorShape(size).as_list() if not isinstance(size, int | np.integer) else [int(size)]
    )


def placeholders_like(state_size: Any, batch_size: int | None, dtype: tf.DType, name: str) -> Any:
    """Makes a nest of placeholders `[batch_size] + size`, one per leaf of `state_size`."""
    return tf.nest.map_structure(
        lambda size: tf.placeholder(dtype, [batch_size, *trailing_dims(size)], name=name),
        state_size,
    )


def zeros_like_size(state_size: Any, batch_size: Any, dtype: tf.DType) -> Any:
    """Makes a nest of zeros `[batch_size] + size`; `batch_size` may be a tensor."""

    def zeros(size: Any) -> tf.Tensor:
        dims = trailing_dims(size)
        static = tf.get_static_value(batch_size) if tf.is_tensor(batch_size) else batch_size
        if static is not None:
            return tf.zeros([int(static), *dims], dtype)
        out = tf.zeros(tf.concat([[batch_size], dims], 0), dtype)
        out.set_shape([None, *dims])
        return out

    return tf.nest.map_structure(zeros, state_size)


def leaf_names(nest: Any) -> list[str]:
    """Names the leaves of a nest for a message: `state[0].c`, `state[1].h`, ..."""
    if tf.nest.is_nested(nest):
        keys = _keys(nest)
        if keys:
            return [key + tail for key, value in keys for tail in leaf_names(value)]
        return []
    return [""]


def _keys(nest: Any) -> list[tuple[str, Any]]:
    fields = getattr(nest, "_fields", None)
    if fields is not None:
        return [(f".{field}", getattr(nest, field)) for field in fields]
    if isinstance(nest, dict):
        return [(f"[{key!r}]", nest[key]) for key in sorted(nest)]
    return [(f"[{i}]", value) for i, value in enumerate(nest)]


def check_like(what: str, given: Any, where: str, wanted: Any) -> None:
    """Refuses a nest whose structure, dtypes or static shapes do not fit another one's.

    Args:
      what: how a message names `given`, e.g. "upstream".
      given: nest of tensors or arrays.
      where: how a message names `wanted`, e.g. "final_state".
      wanted: nest of tensors.

    Raises:
      ValueError, TypeError: the structures differ (`tf.nest`'s own words).
      CarryError: a leaf has another dtype or a static shape that cannot fit.
    """
    tf.nest.assert_same_structure(given, wanted)
    for name, one, other in zip(
        leaf_names(wanted), tf.nest.flatten(given), tf.nest.flatten(wanted), strict=True
    ):
        if tf.as_dtype(one.dtype).base_dtype != other.dtype.base_dtype:
            raise CarryError(
                f"{what}{name} is {tf.as_dtype(one.dtype).name}, but {where}{name} is "
                f"{other.dtype.name}: make both of one dtype (carry_ports(cell, dtype=...))"
            )
        if not tf.TensorShape(one.shape).is_compatible_with(other.shape):
            raise CarryError(
                f"{what}{name} has shape {one.shape}, but {where}{name} has {other.shape}: "
                f"they need the same batch and units"
            )


def map_numpy(fn: Callable[..., np.ndarray], *nests: Any) -> Any:
    """Applies `fn` to the leaves of nests of arrays; a thin name for `tf.nest.map_structure`."""
    return tf.nest.map_structure(fn, *nests)


def cut_rows(nest: Any, rows: np.ndarray) -> Any:
    """Zeroes the rows of every leaf where `rows` (bool `[B]`) is True, copying only if needed."""
    if not rows.any():
        return nest

    def cut(leaf: np.ndarray) -> np.ndarray:
        leaf = np.array(leaf)
        leaf[rows] = 0
        return leaf

    return map_numpy(cut, nest)


def scaled(nest: Any, factor: float) -> Any:
    """Multiplies every leaf of a nest of arrays, in the leaf's own dtype."""
    return map_numpy(lambda leaf: leaf.dtype.type(factor) * leaf, nest)


def nest_norm(nest: Any) -> float:
    """Returns the Euclidean norm over all leaves of a nest of arrays, in float64."""
    leaves = [np.asarray(leaf, np.float64) for leaf in tf.nest.flatten(nest)]
    return float(np.sqrt(sum(np.vdot(leaf, leaf) for leaf in leaves)))
