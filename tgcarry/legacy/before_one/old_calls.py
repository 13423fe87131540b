"""Classes that take the arguments of an older version and make objects of today's class."""

from __future__ import annotations

import inspect
from typing import Any


class OldCalls(type):
    """Is the class of classes that stand for their base and only read arguments otherwise.

    Calling one makes an object of the base itself, so that all code that knows the base's class
    knows the object. A program's subclass is an ordinary class, whose `super().__init__` takes
    the older arguments too.

    A class of this kind defines `_today(args, kwargs)`, which returns both as the base takes
    them, and may define `_finish(made)`, which is shown each object.
    """

    def __new__(mcs, name: str, bases: tuple[type, ...], members: dict[str, Any]) -> Any:
        """Makes a class; one that defines `_today` gets its constructor."""
        cls = super().__new__(mcs, name, bases, members)
        if "_today" in members:
            _add_constructor(cls, bases[0])
        return cls

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        """Makes an object: of the base, or of a program's subclass."""
        if "_today" not in vars(cls):
            return super().__call__(*args, **kwargs)
        args, kwargs = cls._today(args, kwargs)  # type: ignore[attr-defined]
        made = cls.__base__(*args, **kwargs)  # type: ignore[misc]
        if "_finish" in vars(cls):
            cls._finish(made)  # type: ignore[attr-defined]
        return made

    def __instancecheck__(cls, value: Any) -> bool:
        """Says that the base's objects belong to a class that stands for it."""
        asked = cls.__base__ if "_today" in vars(cls) else cls
        return type.__instancecheck__(asked, value)  # type: ignore[arg-type]


def _add_constructor(cls: Any, base: Any) -> None:
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        args, kwargs = cls._today(args, kwargs)
        base.__init__(self, *args, **kwargs)

    # Programs ask whether a cell takes `reuse`.
    __init__.__signature__ = inspect.signature(base.__init__)  # type: ignore[attr-defined]
    cls.__init__ = __init__
