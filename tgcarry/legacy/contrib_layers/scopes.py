"""Default arguments for functions, set for a block: `arg_scope`."""

from __future__ import annotations

import contextlib
import contextvars
import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tgcarry.errors import DataError

# Key of a function, a str, to arguments by name.
Scope = dict[str, dict[str, Any]]

_current: contextvars.ContextVar[Scope] = contextvars.ContextVar("tgcarry_legacy_arg_scope")


def current_arg_scope() -> Scope:
    """Returns the arguments in force, by function; not to be changed."""
    return _current.get({})


def arg_scope_func_key(function: Callable[..., Any]) -> str:
    """Returns what stands for a function in a scope: text, so that scopes can be sorted."""
    return getattr(function, "_key_op", str(function))


def has_arg_scope(function: Callable[..., Any]) -> bool:
    """Says whether `arg_scope` can set a function's arguments."""
    return hasattr(function, "_key_op")


def arg_scoped_arguments(function: Callable[..., Any]) -> tuple[str, ...]:
    """Returns the names of a function's arguments that have a default."""
    parameters = inspect.signature(function).parameters.values()
    return tuple(p.name for p in parameters if p.default is not p.empty)


def add_arg_scope(function: Callable[..., Any]) -> Callable[..., Any]:
    """Lets `arg_scope` set a function's arguments; a decorator.

    Source: `tf.contrib.framework.add_arg_scope` of TensorFlow 1.15.
    """
    key = arg_scope_func_key(function)

    @functools.wraps(function)
    def with_defaults(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **{**current_arg_scope().get(key, {}), **kwargs})

    with_defaults._key_op = key  # type: ignore[attr-defined]
    return with_defaults


@contextlib.contextmanager
def arg_scope(list_ops_or_scope: Any, **kwargs: Any) -> Iterator[Scope]:
    """Gives functions other default arguments inside the block.

    Args:
      list_ops_or_scope: list of functions, or a scope that an earlier block gave.
      **kwargs: the arguments; none with a scope.

    Yields:
      The scope, to be entered again.

    Raises:
      DataError: a function that is not made for it, or arguments with a scope.
      TypeError: neither a list nor a scope.

    Source: `tf.contrib.framework.arg_scope` of TensorFlow 1.15.
    """
    token = _current.set(_entered(list_ops_or_scope, kwargs))
    try:
        yield current_arg_scope()
    finally:
        _current.reset(token)


def _entered(what: Any, arguments: dict[str, Any]) -> Scope:
    if isinstance(what, Mapping):
        if arguments:
            raise DataError(
                f"arg_scope got a scope and the arguments {sorted(arguments)}: "
                "enter the scope, then set them in a block of their own"
            )
        return dict(what)
    if not isinstance(what, list | tuple):
        raise TypeError(
            f"arg_scope's first argument is {what!r}: pass a list of functions or a scope"
        )
    scope = {key: dict(values) for key, values in current_arg_scope().items()}
    for function in what:
        if not has_arg_scope(function):
            raise DataError(
                f"arg_scope cannot set arguments of {function!r}: decorate it with add_arg_scope"
            )
        scope.setdefault(arg_scope_func_key(function), {}).update(arguments)
    return scope
