"""What an old program's own `import` statements find; nobody else's are touched."""

from __future__ import annotations

import builtins
import contextlib
import importlib.abc
import importlib.machinery
import os
import pathlib
import sys
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from tgcarry.errors import MissingModuleError, MissingNameError
from tgcarry.legacy.modules import Facade
from tgcarry.legacy.table import Table

# Reads a file and returns code to execute.
Compile = Callable[[str], Any]


class World:
    """Is where a program's modules are executed: with built-ins of its own.

    An `import` statement calls the `__import__` of its module's built-ins, so that the facade
    is seen from the program's files only, and not from the packages that it imports.

    Args:
      tables: of the modules to show; see `registry.by_module`.
      folder: whose files belong to the program.
      compiled: how to read a file.
      extra: more built-ins, by name.
    """

    def __init__(
        self,
        tables: dict[str, Table],
        folder: str,
        compiled: Compile,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        self._facade = Facade(tables, self.line)
        self._folder = os.path.realpath(folder)
        self._compiled = compiled
        self.builtins = {**vars(builtins), **(extra or {}), "__import__": self._import}

    def _import(
        self,
        name: str,
        globals: Mapping[str, Any] | None = None,
        locals: Mapping[str, Any] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> Any:
        if level or not self._facade.covers(name):
            return builtins.__import__(name, globals, locals, fromlist or (), level)
        try:
            leaf = self._facade.find(name)
            for wanted in fromlist or ():
                if wanted != "*":
                    getattr(leaf, wanted)
        except MissingNameError as error:
            raise MissingModuleError(str(error)) from None
        return leaf if fromlist else self._facade.find(name.partition(".")[0])

    def execute(self, path: str, into: dict[str, Any]) -> None:
        """Runs a file in a module's namespace."""
        into["__builtins__"] = self.builtins
        exec(self._compiled(path), into)

    def owns(self, path: str) -> bool:
        """Says whether a file is the program's own."""
        real = os.path.realpath(path)
        inside = os.path.commonpath([real, self._folder]) == self._folder
        return inside and "site-packages" not in pathlib.Path(real).parts

    def line(self) -> str:
        """Returns " (FILE, line N)" of the program's innermost line that runs now, or ""."""
        frame: types.FrameType | None = sys._getframe()
        while frame is not None:
            if frame.f_builtins is self.builtins:
                return f" ({frame.f_code.co_filename}, line {frame.f_lineno})"
            frame = frame.f_back
        return ""

    @contextlib.contextmanager
    def siblings(self) -> Iterator[None]:
        """Lets the program's own modules be imported as part of it, inside the block."""
        finder = _Siblings(self)
        before = set(sys.modules)
        sys.meta_path.insert(0, finder)
        try:
            yield
        finally:
            sys.meta_path.remove(finder)
            for name in set(sys.modules) - before:
                if name in finder.found:
                    del sys.modules[name]


class _Siblings(importlib.abc.MetaPathFinder):
    """Finds the program's own modules and has them executed in its world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.found: set[str] = set()

    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is None or not isinstance(spec.loader, importlib.machinery.SourceFileLoader):
            return None
        if spec.origin is None or not self._world.owns(spec.origin):
            return None
        self.found.add(name)
        spec.loader = _Loader(self._world, name, spec.origin)
        return spec


class _Loader(importlib.machinery.SourceFileLoader):
    def __init__(self, world: World, name: str, path: str) -> None:
        super().__init__(name, path)
        self._world = world

    def exec_module(self, module: Any) -> None:
        self._world.execute(self.path, module.__dict__)
