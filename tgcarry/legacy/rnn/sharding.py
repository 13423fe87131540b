"""Kernels kept as several variables, one below another."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.errors import CellError


def sharded_variable(name: str, shape: list[int], dtype: Any, num_shards: int) -> Any:
    """Makes `[R, C]` of the variables that `shards` makes.

    Returns:
      The variable, if it is one, or the shards' concatenation.

    Raises:
      CellError: more shards than rows.

    Source: TensorFlow 1.15 `tensorflow.contrib.rnn.python.ops.rnn_cell`.
    """
    parts = shards(name, shape, dtype, num_shards)
    return parts[0] if len(parts) == 1 else tf.concat(parts, 0)


def shards(name: str, shape: list[int], dtype: Any, num_shards: int) -> list[Any]:
    """Makes the variables `name_0`, ..., each with about R / num_shards of the R rows.

    Raises:
      CellError: more shards than rows.

    Source: TensorFlow 1.15
      `tensorflow.contrib.rnn.python.ops.rnn_cell._get_sharded_variable`.
    """
    rows, more = divmod(shape[0], num_shards)
    if rows == 0:
        raise CellError(
            f"{name} of shape {shape} cannot be split into {num_shards} shards: use fewer"
        )
    return [
        tf.get_variable(f"{name}_{i}", [rows + (i < more), *shape[1:]], dtype=dtype)
        for i in range(num_shards)
    ]
