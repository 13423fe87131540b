"""A program's own modules, imported as parts of it."""

from __future__ import annotations

import contextlib
import importlib.abc
import importlib.machinery
import os
import pathlib
import sys
import sysconfig
from collections.abc import Iterator
from typing import Any

from tgcarry.legacy.imports import World

_PACKAGE = pathlib.Path(__file__).resolve().parent.parent


@contextlib.contextmanager
def imported_into(world: World) -> Iterator[None]:
    """Lets the program's own modules be imported as part of `world`, inside the block."""
    finder = _Finder(world)
    before = dict(sys.modules)
    hidden = _hidden(before)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name in finder.found:
            sys.modules.pop(name, None)
        sys.modules.update({name: before[name] for name in hidden})


def _hidden(before: dict[str, Any]) -> list[str]:
    """Takes away modules of another run that have the names of this program's files."""
    folder = pathlib.Path(sys.path[0])
    stems = {path.stem for path in folder.glob("*.py")}
    stems |= {path.parent.name for path in folder.glob("*/__init__.py")}
    hidden = []
    for name, module in before.items():
        file = getattr(module, "__file__", None)
        if name.partition(".")[0] in stems and file and owns(str(file)):
            hidden.append(name)
    for name in hidden:
        del sys.modules[name]
    return hidden


def owns(path: str) -> bool:
    """Says whether a file is a program's own: installed by nobody."""
    file = pathlib.Path(os.path.realpath(path))
    if {"site-packages", "dist-packages"} & set(file.parts):
        return False
    return not any(file.is_relative_to(folder) for folder in (*_installed(), _PACKAGE))


def _installed() -> list[pathlib.Path]:
    names = ("stdlib", "platstdlib")
    return [pathlib.Path(os.path.realpath(sysconfig.get_path(name))) for name in names]


class _Finder(importlib.abc.MetaPathFinder):
    """Finds the program's own modules and has them executed in its world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.found: set[str] = set()

    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is None or not isinstance(spec.loader, importlib.machinery.SourceFileLoader):
            return None
        if spec.origin is None or not owns(spec.origin):
            return None
        self.found.add(name)
        spec.loader = Loader(self._world, name, spec.origin)
        return spec


class Loader(importlib.machinery.SourceFileLoader):
    """Executes one of the program's own modules in its world."""

    def __init__(self, world: World, name: str, path: str) -> None:
        super().__init__(name, path)
        self._world = world

    def exec_module(self, module: Any) -> None:
        """Runs the module's file."""
        self._world.execute(self.path, module.__dict__)
