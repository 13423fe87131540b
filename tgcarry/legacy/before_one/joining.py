"""Joining and cutting tensors, in the argument orders of before and since version 1.0."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.errors import LegacyError
from tgcarry.legacy.before_one.arguments import dtype_of, is_list, is_scalar


def concat(*args: Any, **kwargs: Any) -> Any:
    """Joins tensors: `concat(values, axis)`, or before 1.0 `concat(concat_dim, values)`.

    A number in front, or the keyword `concat_dim`, makes it the old order: values have at
    least one dimension and so are never a number.

    Args:
      *args: values, axis and name, or concat_dim, values and name.
      **kwargs: the same by keyword.

    Returns:
      One tensor.

    Raises:
      LegacyError: numbers where both orders want tensors.

    Source: TensorFlow 1.15 and 0.12 `tf.concat`.
    """
    first_is_axis = bool(args) and (
        is_scalar(args[0]) or (len(args) > 1 and not is_list(args[0]) and is_list(args[1]))
    )
    if "concat_dim" in kwargs or first_is_axis:
        return _concat_axis_first(*args, **kwargs)
    return tf.concat(*args, **kwargs)


def _concat_axis_first(concat_dim: Any, values: Any, name: str = "concat") -> Any:
    if is_scalar(values):
        raise LegacyError(
            f"tf.concat({concat_dim!r}, {values!r}) joins nothing: pass a list of tensors and an "
            f"axis, tf.concat([a, b], 1)"
        )
    return tf.concat(values, concat_dim, name=name)


def split(*args: Any, **kwargs: Any) -> Any:
    """Cuts a tensor: `split(value, parts, axis)`, or before 1.0 `split(axis, number, value)`.

    A number in front, or the keywords `split_dim` or `num_split`, make it the old order: a
    number cannot be cut.

    Args:
      *args: value, num_or_size_splits, axis, num and name, or split_dim, num_split, value and
        name.
      **kwargs: the same by keyword.

    Returns:
      List of tensors.

    Raises:
      LegacyError: numbers where both orders want a tensor.

    Source: TensorFlow 1.15 and 0.12 `tf.split`.
    """
    if {"split_dim", "num_split"} & kwargs.keys() or (args and is_scalar(args[0])):
        return _split_axis_first(*args, **kwargs)
    return tf.split(*args, **kwargs)


def _split_axis_first(
    split_dim: Any, num_split: Any = None, value: Any = None, name: str = "split"
) -> Any:
    if value is None or is_scalar(value):
        raise LegacyError(
            f"tf.split({split_dim!r}, {num_split!r}, {value!r}) cuts nothing: pass a tensor, the "
            f"number of parts and the axis, tf.split(value, 2, 1)"
        )
    return tf.split(value, num_split, split_dim, name=name)


def sparse_split(*args: Any, **kwargs: Any) -> Any:
    """Cuts a sparse tensor; before 1.0 by position: `sparse_split(split_dim, num_split, value)`.

    Args:
      *args: split_dim, num_split, sp_input and name.
      **kwargs: the same, or 1.15's sp_input, num_split, axis and name.

    Returns:
      List of sparse tensors.

    Source: TensorFlow 1.15 and 0.12 `tf.sparse_split`.
    """
    names = ("axis", "num_split", "sp_input", "name")
    return tf.sparse_split(**dict(zip(names, args, strict=False)), **kwargs)


def pack(values: Any, axis: int = 0, name: str = "pack") -> Any:
    """Does what `tf.stack` does. Source: TensorFlow 0.12 `tf.pack`."""
    return tf.stack(values, axis=axis, name=name)


def unpack(value: Any, num: int | None = None, axis: int = 0, name: str = "unpack") -> Any:
    """Does what `tf.unstack` does. Source: TensorFlow 0.12 `tf.unpack`."""
    return tf.unstack(value, num=num, axis=axis, name=name)


def reverse(*args: Any, **kwargs: Any) -> Any:
    """Turns a tensor around: `reverse(tensor, axis)`, or before 1.0 one bool a dimension.

    Args:
      *args: tensor, axis (numbers) or dims (bools), and name.
      **kwargs: the same by keyword.

    Returns:
      Tensor of the same shape.

    Source: TensorFlow 1.15 and 0.12 `tf.reverse`.
    """
    marks = kwargs["dims"] if "dims" in kwargs else args[1] if len(args) > 1 else None
    if marks is not None and dtype_of(marks) == tf.bool:
        return _reverse_marked(*args, **kwargs)
    return tf.reverse(*args, **kwargs)


def _reverse_marked(tensor: Any, dims: Any, name: str | None = None) -> Any:
    return tf.raw_ops.Reverse(tensor=tensor, dims=dims, name=name)
