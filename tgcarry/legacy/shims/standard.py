"""Functions of Python's standard library that have gone since Python 3.7."""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import inspect
import re
import sys
import time
import types
from typing import Any, NamedTuple

clock = time.process_time


class ArgSpec(NamedTuple):
    """Is what `inspect.getargspec` returned."""

    args: list[str]
    varargs: str | None
    keywords: str | None
    defaults: tuple[Any, ...] | None


def getargspec(func: Any) -> ArgSpec:
    """Returns a function's arguments, without those that only go by name."""
    full = inspect.getfullargspec(func)
    return ArgSpec(full.args, full.varargs, full.varkw, full.defaults)


def load_source(name: str, pathname: str, file: Any = None) -> types.ModuleType:
    """Imports a file as a module of the given name."""
    del file
    spec = importlib.util.spec_from_file_location(name, pathname)
    if spec is None or spec.loader is None:
        raise ImportError(f"{pathname} is no Python file", name=name, path=pathname)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def reload(module: Any) -> Any:
    """Imports a module again."""
    return importlib.reload(module)


def new_module(name: str) -> types.ModuleType:
    """Makes an empty module."""
    return types.ModuleType(name)


def find_module(name: str, path: Any = None) -> Any:
    """Finds a module's file: `(None, path, ("", "", 0))`."""
    spec = importlib.machinery.PathFinder.find_spec(name, path)
    if spec is None:
        raise ImportError(f"No module named {name!r}", name=name)
    return None, spec.origin, ("", "", 0)


class LooseVersion:
    """Compares versions such as "1.10.0rc1" part by part.

    Source: `distutils.version`.
    """

    def __init__(self, vstring: str = "") -> None:
        self.vstring = vstring
        parts = [part for part in re.split(r"(\d+|[a-z]+|\.)", vstring) if part not in ("", ".")]
        self.version = [int(part) if part.isdigit() else part for part in parts]

    def __str__(self) -> str:
        return self.vstring

    def __repr__(self) -> str:
        return f"{type(self).__name__} ('{self.vstring}')"

    def _order(self, other: Any) -> int:
        theirs = other if isinstance(other, LooseVersion) else LooseVersion(str(other))
        left, right = self._key(), theirs._key()
        return (left > right) - (left < right)

    def _key(self) -> list[tuple[bool, int, str]]:
        # A letter comes before a number: "1.0rc1" before "1.0.0".
        return [(isinstance(p, int), p if isinstance(p, int) else 0, str(p)) for p in self.version]

    def __eq__(self, other: object) -> bool:
        return self._order(other) == 0

    def __lt__(self, other: Any) -> bool:
        return self._order(other) < 0

    def __le__(self, other: Any) -> bool:
        return self._order(other) <= 0

    def __gt__(self, other: Any) -> bool:
        return self._order(other) > 0

    def __ge__(self, other: Any) -> bool:
        return self._order(other) >= 0

    def __hash__(self) -> int:
        return hash(self.vstring)


StrictVersion = LooseVersion
