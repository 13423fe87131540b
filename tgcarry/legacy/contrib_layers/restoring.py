"""Gives variables values from checkpoints and arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tgcarry.errors import DataError
from tgcarry.legacy.contrib_layers.variables import get_unique_variable, get_variable_full_name

Feeds = dict[Any, Any]


def assign_from_values(var_names_to_values: Mapping[str, Any]) -> tuple[Any, Feeds]:
    """Makes the operation that gives variables arrays, by name, and what to feed it.

    Source: `tf.contrib.framework.assign_from_values` of TensorFlow 1.15.
    """
    pairs = [(get_unique_variable(name), value) for name, value in var_names_to_values.items()]
    return _assignment(pairs)


def assign_from_values_fn(var_names_to_values: Mapping[str, Any]) -> Callable[[Any], None]:
    """Makes the function of a session that gives variables arrays, by name."""
    operation, feeds = assign_from_values(var_names_to_values)

    def assign(session: Any) -> None:
        session.run(operation, feeds)

    return assign


def assign_from_checkpoint(
    model_path: str, var_list: Any, ignore_missing_vars: bool = False
) -> tuple[Any, Feeds]:
    """Makes the operation that gives variables a checkpoint's values, and what to feed it.

    Args:
      model_path: the checkpoint's.
      var_list: variables, or by the name that they have in the checkpoint.
      ignore_missing_vars: whether to leave out those that are not there.

    Source: `tf.contrib.framework.assign_from_checkpoint` of TensorFlow 1.15.
    """
    reader = tf.train.load_checkpoint(model_path)
    pairs: list[tuple[Any, Any]] = []
    for name, found in _by_name(var_list).items():
        if reader.has_tensor(name):
            pairs.extend((var, reader.get_tensor(name)) for var in found)
        elif not ignore_missing_vars:
            raise DataError(f"{model_path} has no variable {name!r}: pass ignore_missing_vars")
        else:
            tf.logging.warning("%s has no variable %s", model_path, name)
    return _assignment(pairs)


def assign_from_checkpoint_fn(
    model_path: str,
    var_list: Any,
    ignore_missing_vars: bool = False,
    reshape_variables: bool = False,
) -> Callable[[Any], None] | None:
    """Makes the function of a session that restores variables; None if none is there.

    Source: `tf.contrib.framework.assign_from_checkpoint_fn` of TensorFlow 1.15.
    """
    if not var_list:
        raise DataError("var_list is empty: pass the variables to restore")
    if ignore_missing_vars:
        reader = tf.train.load_checkpoint(model_path)
        named = var_list if isinstance(var_list, dict) else {v.op.name: v for v in var_list}
        for name in named:
            if not reader.has_tensor(name):
                tf.logging.warning("%s has no variable %s", model_path, name)
        var_list = {name: var for name, var in named.items() if reader.has_tensor(name)}
        if not var_list:
            return None
    saver = tf.train.Saver(var_list, reshape=reshape_variables)

    def restore(session: Any) -> None:
        saver.restore(session, model_path)

    return restore


def _by_name(var_list: Any) -> dict[str, list[Any]]:
    if isinstance(var_list, dict):
        return {
            name: list(value) if isinstance(value, list | tuple) else [value]
            for name, value in var_list.items()
        }
    found: dict[str, list[Any]] = {}
    for var in var_list:
        found.setdefault(get_variable_full_name(var), []).append(var)
    return found


def _assignment(pairs: list[tuple[Any, Any]]) -> tuple[Any, Feeds]:
    feeds, operations = {}, []
    for var, value in pairs:
        array = np.asarray(value)
        if (
            not var.shape.is_compatible_with(array.shape)
            and array.size != var.shape.num_elements()
        ):
            raise DataError(
                f"{var.op.name} has the shape {var.shape}, its value {array.shape}: "
                "they have to agree"
            )
        fed = tf.placeholder(var.dtype.base_dtype, var.shape, name=f"placeholder/{var.op.name}")
        operations.append(var.assign(fed))
        feeds[fed] = array.reshape(var.shape.as_list())
    return tf.group(*operations), feeds
