"""Python 2's built-in functions and types."""

from __future__ import annotations

import builtins
import decimal
import functools
import importlib
import itertools
import math
import sys
from collections.abc import Callable
from typing import Any

from tgcarry.legacy import rewriting
from tgcarry.legacy.python2 import division
from tgcarry.legacy.python2 import rewriting as names
from tgcarry.legacy.python2.attributes import attribute, sort_key
from tgcarry.legacy.python2.files import open_file

# Digits behind the point that any rounding leaves alone, and digits of the longest float.
_EXACT, _PRECISION = 330, 1500


class _UnicodeMeta(type):
    def __instancecheck__(cls, value: Any) -> bool:
        return isinstance(value, str)

    def __subclasscheck__(cls, other: type) -> bool:
        return issubclass(other, str)

    def __eq__(cls, other: object) -> bool:
        return other is cls or other is str

    def __hash__(cls) -> int:
        return hash(str)


class Unicode(str, metaclass=_UnicodeMeta):
    """Stands for `unicode`: makes strings, and is what every string is."""

    __slots__ = ()

    def __new__(cls, value: Any = "", encoding: str = "utf-8", errors: str = "strict") -> Any:
        """Returns a plain string."""
        if isinstance(value, bytes | bytearray):
            return bytes(value).decode(encoding, errors)
        return str(value)


def _range(*ends: Any) -> list[int]:
    return list(builtins.range(*(int(end) if isinstance(end, float) else end for end in ends)))


def _map(function: Any, *sources: Any) -> list[Any]:
    if len(sources) == 1:
        return list(sources[0]) if function is None else [function(item) for item in sources[0]]
    rows = itertools.zip_longest(*sources)
    return list(rows) if function is None else list(itertools.starmap(function, rows))


def _filter(function: Any, source: Any) -> Any:
    kept = list(builtins.filter(function, source))
    if isinstance(source, str):
        return "".join(kept)
    return tuple(kept) if type(source) is tuple else kept


def _zip(*sources: Any) -> list[Any]:
    return list(builtins.zip(*sources, strict=False))


def _round(number: Any, digits: int = 0) -> Any:
    """Rounds halves away from zero, to a float."""
    if not isinstance(number, int | float):
        return builtins.round(number, digits)
    value = float(number)
    if not math.isfinite(value) or digits > _EXACT:
        return value
    # Exactly: 2.675 is a little less than it looks.
    exact = decimal.Decimal(value)
    place = decimal.Decimal(1).scaleb(-digits)
    with decimal.localcontext() as context:
        context.prec = _PRECISION
        return float(exact.quantize(place, rounding=decimal.ROUND_HALF_UP))


def _sorted(source: Any, cmp: Any = None, key: Any = None, reverse: bool = False) -> list[Any]:
    return builtins.sorted(source, key=sort_key(cmp, key), reverse=reverse)


def _cmp(left: Any, right: Any) -> int:
    return int(left > right) - int(left < right)


def _print(*values: Any, **kwargs: Any) -> None:
    """Prints; a float with twelve digits, as Python 2's `str` gives it."""
    builtins.print(*(_shown(value) for value in values), **kwargs)


def _shown(value: Any) -> Any:
    if type(value) is not float or not math.isfinite(value):
        return value
    text = f"{value:.12g}"
    return text if any(mark in text for mark in ".e") else f"{text}.0"


def _input(prompt: str = "") -> Any:
    caller = sys._getframe(1)
    return eval(builtins.input(prompt), caller.f_globals, caller.f_locals)


def _apply(function: Any, args: Any = (), kwargs: Any = None) -> Any:
    return function(*args, **(kwargs or {}))


def _reload(module: Any) -> Any:
    # `reload(sys)` is there to reach `setdefaultencoding`, which is not needed any more.
    is_program = getattr(module, "__file__", None) and module.__name__ in sys.modules
    return importlib.reload(module) if is_program else module


def built_ins(run_file: Callable[[str, dict[str, Any]], None]) -> dict[str, Any]:
    """Returns the built-ins of Python 2 that differ from Python 3's.

    Args:
      run_file: runs a file of the program in a namespace.
    """

    def execfile(path: str, into: dict[str, Any] | None = None, _: Any = None) -> None:
        run_file(path, sys._getframe(1).f_globals if into is None else into)

    return {
        "StandardError": Exception,
        "apply": _apply,
        "basestring": Unicode,
        "buffer": memoryview,
        "cmp": _cmp,
        "execfile": execfile,
        "file": open_file,
        "filter": _filter,
        "input": _input,
        "intern": sys.intern,
        "long": int,
        "map": _map,
        "open": open_file,
        "print": _print,
        "range": _range,
        "raw_input": builtins.input,
        "reduce": functools.reduce,
        "reload": _reload,
        "round": _round,
        "sorted": _sorted,
        "unichr": chr,
        "unicode": Unicode,
        "xrange": range,
        "zip": _zip,
        rewriting.ATTRIBUTE: attribute,
        names.DIVIDE: division.divide,
        names.DIVIDE_ATTRIBUTE: division.divide_attribute,
        names.DIVIDE_IN_PLACE: division.divide_in_place,
        names.DIVIDE_ITEM: division.divide_item,
    }
