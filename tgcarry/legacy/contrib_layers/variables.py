"""Makes and finds variables as `tf.contrib.framework` does, with collections of their own."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable
from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.errors import DataError
from tgcarry.legacy.contrib_layers.scopes import add_arg_scope

_GLOBAL = tf.GraphKeys.GLOBAL_VARIABLES
_MODEL = tf.GraphKeys.MODEL_VARIABLES


@add_arg_scope
def variable(
    name: str,
    shape: Any = None,
    dtype: Any = None,
    initializer: Any = None,
    regularizer: Any = None,
    trainable: bool = True,
    collections: Any = None,
    caching_device: Any = None,
    device: Any = None,
    partitioner: Any = None,
    custom_getter: Callable[..., Any] | None = None,
    use_resource: bool | None = None,
    synchronization: Any = tf.VariableSynchronization.AUTO,
    aggregation: Any = tf.VariableAggregation.NONE,
) -> Any:
    """Gets or makes a variable, by `tf.get_variable` or the getter given.

    Source: `tf.contrib.framework.variable` of TensorFlow 1.15.
    """
    getter = tf.get_variable
    if custom_getter is not None:
        # A getter is called below `tf.get_variable`, which reads the scope's reuse.
        getter = functools.partial(custom_getter, reuse=tf.get_variable_scope().reuse)
    with tf.device(device or ""):
        return getter(
            name,
            shape=shape,
            dtype=dtype,
            initializer=initializer,
            regularizer=regularizer,
            trainable=trainable,
            collections=list(dict.fromkeys([_GLOBAL] if collections is None else collections)),
            caching_device=caching_device,
            partitioner=partitioner,
            use_resource=use_resource,
            synchronization=synchronization,
            aggregation=aggregation,
        )


@add_arg_scope
def model_variable(
    name: str,
    shape: Any = None,
    dtype: Any = tf.float32,
    initializer: Any = None,
    regularizer: Any = None,
    trainable: bool = True,
    collections: Any = None,
    caching_device: Any = None,
    device: Any = None,
    partitioner: Any = None,
    custom_getter: Callable[..., Any] | None = None,
    use_resource: bool | None = None,
    synchronization: Any = tf.VariableSynchronization.AUTO,
    aggregation: Any = tf.VariableAggregation.NONE,
) -> Any:
    """Gets or makes a variable of the model, which joins `tf.GraphKeys.MODEL_VARIABLES`.

    Source: `tf.contrib.framework.model_variable` of TensorFlow 1.15.
    """
    return variable(
        name,
        shape=shape,
        dtype=dtype,
        initializer=initializer,
        regularizer=regularizer,
        trainable=trainable,
        collections=[*(collections or []), _GLOBAL, _MODEL],
        caching_device=caching_device,
        device=device,
        partitioner=partitioner,
        custom_getter=custom_getter,
        use_resource=use_resource,
        synchronization=synchronization,
        aggregation=aggregation,
    )


def local_variable(
    initial_value: Any,
    validate_shape: bool = True,
    name: str | None = None,
    use_resource: bool | None = None,
) -> Any:
    """Makes a variable that is not saved, in `tf.GraphKeys.LOCAL_VARIABLES`."""
    return _untrained(
        initial_value, validate_shape, name, use_resource, tf.GraphKeys.LOCAL_VARIABLES
    )


def global_variable(
    initial_value: Any,
    validate_shape: bool = True,
    name: str | None = None,
    use_resource: bool | None = None,
) -> Any:
    """Makes a variable that is saved but not trained, in `tf.GraphKeys.GLOBAL_VARIABLES`."""
    return _untrained(initial_value, validate_shape, name, use_resource, _GLOBAL)


def _untrained(
    value: Any, validate_shape: bool, name: str | None, use_resource: bool | None, collection: str
) -> Any:
    return tf.Variable(
        value,
        trainable=False,
        collections=[collection],
        validate_shape=validate_shape,
        name=name,
        use_resource=use_resource,
    )


def add_model_variable(var: Any) -> None:
    """Adds a variable to `tf.GraphKeys.MODEL_VARIABLES`, if it is not there."""
    if not any(var is there for there in tf.get_collection(_MODEL)):
        tf.add_to_collection(_MODEL, var)


def get_variables(scope: Any = None, suffix: str | None = None, collection: str = _GLOBAL) -> Any:
    """Lists a collection's variables whose names begin with a scope and end with a suffix."""
    if isinstance(scope, tf.VariableScope):
        scope = scope.name
    if suffix is not None:
        scope = f"{scope or ''}.*{suffix if ':' in suffix else suffix + ':'}"
    return tf.get_collection(collection, scope)


def get_model_variables(scope: Any = None, suffix: str | None = None) -> Any:
    """Lists `get_variables` of the model."""
    return get_variables(scope, suffix, _MODEL)


def get_local_variables(scope: Any = None, suffix: str | None = None) -> Any:
    """Lists `get_variables` among those that are not saved."""
    return get_variables(scope, suffix, tf.GraphKeys.LOCAL_VARIABLES)


def get_trainable_variables(scope: Any = None, suffix: str | None = None) -> Any:
    """Lists `get_variables` among those that are trained."""
    return get_variables(scope, suffix, tf.GraphKeys.TRAINABLE_VARIABLES)


def get_variables_by_suffix(suffix: str, scope: Any = None) -> Any:
    """Lists `get_variables` by their names' end."""
    return get_variables(scope=scope, suffix=suffix)


def get_variables_by_name(given_name: str, scope: Any = None) -> Any:
    """Lists the variables whose name, without scopes, is `given_name`."""
    return get_variables(scope=scope, suffix=rf"/{given_name}:|^{given_name}:")


def get_unique_variable(var_op_name: str) -> Any:
    """Returns the one variable of that full name.

    Raises:
      DataError: there is none, or more than one scope of that name.
    """
    candidates = get_variables(scope=var_op_name)
    exact = [candidate for candidate in candidates if candidate.op.name == var_op_name]
    if len(exact) == 1:
        return exact[0]
    names = [candidate.op.name for candidate in candidates]
    raise DataError(f"no variable is named {var_op_name!r}; with that beginning there are {names}")


def get_variable_full_name(var: Any) -> str:
    """Returns a variable's name, or the whole's if it is a part of one."""
    info = var._save_slice_info
    return str(info.full_name if info else var.op.name)


def get_variables_to_restore(include: Any = None, exclude: Any = None) -> list[Any]:
    """Lists the variables in the scopes `include` (all, by default) but not in `exclude`."""
    scopes = _listed("include", include, [None])
    wanted = [var for scope in scopes for var in get_variables(scope)]
    unwanted = {
        id(var) for scope in _listed("exclude", exclude, []) for var in get_variables(scope)
    }
    return [var for var in wanted if id(var) not in unwanted]


def _listed(what: str, scopes: Any, default: list[Any]) -> list[Any]:
    if scopes is None:
        return default
    if not isinstance(scopes, list | tuple):
        raise TypeError(f"{what}={scopes!r} is not a list: pass a list of scopes")
    return list(scopes)


def filter_variables(
    var_list: Iterable[Any],
    include_patterns: Any = None,
    exclude_patterns: Any = None,
    reg_search: bool = True,
) -> list[Any]:
    """Lists the variables that match one of the patterns and none of the others."""
    match = re.search if reg_search else re.match

    def matches(var: Any, patterns: Iterable[str]) -> bool:
        return any(match(pattern, var.op.name) for pattern in patterns)

    chosen = [
        var for var in var_list if include_patterns is None or matches(var, include_patterns)
    ]
    return [var for var in chosen if not matches(var, exclude_patterns or ())]
