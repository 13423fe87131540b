"""What an old program's own `import` statements find; nobody else's are touched."""

from __future__ import annotations

import builtins
import importlib
import importlib.util
import pathlib
import sys
import types
from collections.abc import Mapping, Sequence
from typing import Any

from tgcarry.errors import MissingModuleError, MissingNameError
from tgcarry.legacy import lost, notes, rewriting
from tgcarry.legacy.modules import Facade
from tgcarry.legacy.program import Program
from tgcarry.legacy.python2 import library
from tgcarry.legacy.python2.builtin_names import built_ins
from tgcarry.legacy.table import Table


class World:
    """Is where a program's modules are executed: with built-ins of its own.

    An `import` statement calls the `__import__` of its module's built-ins, so that the facade
    is seen from the program's files only, and not from the packages that it imports.

    Args:
      tables: of the modules to show; see `registry.by_module`.
      program: reads its files.
    """

    def __init__(self, tables: dict[str, Table], program: Program) -> None:
        self._facade = Facade(tables, self.line, _told)
        own = {table.module: table for table in library.TABLES}
        own |= {alias: table for table in library.TABLES for alias in table.aliases}
        self._library = Facade(own, self.line, _told)
        self._program = program
        shared = {**vars(builtins), rewriting.ATTRIBUTE: lost.attribute}
        self.builtins = {**shared, "__import__": self._import}
        self._builtins2 = {
            **shared,
            **built_ins(self.execute),
            "__import__": self._import2,
        }
        # A caller's own namespace, for code that runs on the caller's built-ins.
        self.guests: list[dict[str, Any]] = []

    def execute(self, path: str, into: dict[str, Any]) -> None:
        """Runs a file in a module's namespace."""
        file = self._program.told(path)
        into["__builtins__"] = self._builtins2 if file.python2 else self.builtins
        exec(file.code(), into)

    def line(self) -> str:
        """Returns " (FILE, line N)" of the program's innermost line that runs now, or ""."""
        frame: types.FrameType | None = sys._getframe()
        while frame is not None:
            if self._owns(frame):
                return f" ({frame.f_code.co_filename}, line {frame.f_lineno})"
            frame = frame.f_back
        return ""

    def imported(
        self,
        name: str,
        globals: Mapping[str, Any] | None = None,
        locals: Mapping[str, Any] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> Any:
        """Does what an `import` statement of the program does."""
        return self._import(name, globals, locals, fromlist, level)

    def _owns(self, frame: types.FrameType) -> bool:
        if frame.f_builtins is self.builtins or frame.f_builtins is self._builtins2:
            return True
        return any(frame.f_globals is guest for guest in self.guests)

    def _import2(
        self,
        name: str,
        globals: Mapping[str, Any] | None = None,
        locals: Mapping[str, Any] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> Any:
        """Imports for Python 2: its standard library, and a package's own files first."""
        if level <= 0:
            beside = _beside(name, globals)
            if beside is not None:
                return builtins.__import__(name, globals, locals, fromlist or (), 1)
            if self._library.covers(name) and not _is_sibling(name):
                return _from(self._library, name, fromlist)
        return self._import(name, globals, locals, fromlist, max(level, 0))

    def _import(
        self,
        name: str,
        globals: Mapping[str, Any] | None = None,
        locals: Mapping[str, Any] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> Any:
        if not level and self._facade.covers(name) and not _is_sibling(name):
            return _from(self._facade, name, fromlist)
        try:
            return builtins.__import__(name, globals, locals, fromlist or (), level)
        except ModuleNotFoundError as error:
            if level or error.name != name.partition(".")[0] or not _beside(name, globals):
                raise
            # Python 2 looked into the importing file's package first.
            return builtins.__import__(name, globals, locals, fromlist or (), 1)


def _from(facade: Facade, name: str, fromlist: Sequence[str] | None) -> Any:
    try:
        leaf = facade.find(name)
    except MissingNameError as error:
        raise MissingModuleError(str(error)) from None
    except AttributeError:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name) from None
    for wanted in fromlist or ():
        if wanted == "*":
            continue
        try:
            getattr(leaf, wanted)
        except MissingNameError as error:
            raise MissingModuleError(str(error)) from None
        except AttributeError:
            text = f"cannot import name {wanted!r} from {name!r}"
            raise ImportError(text, name=name) from None
    return leaf if fromlist else facade.find(name.partition(".")[0])


def _beside(name: str, globals: Mapping[str, Any] | None) -> Any:
    """Returns the spec of a module in the importing file's package, or None."""
    package = (globals or {}).get("__package__")
    if not package:
        return None
    first = f"{package}.{name.partition('.')[0]}"
    try:
        return importlib.util.find_spec(first)
    except (ImportError, AttributeError, ValueError):
        return None


def _is_sibling(name: str) -> bool:
    """Says whether a program's own file hides a module of the facade, as `commands.py` may."""
    first = name.partition(".")[0]
    if first == "tensorflow":
        return False
    place = pathlib.Path(sys.path[0])
    return (place / f"{first}.py").is_file() or (place / first / "__init__.py").is_file()


def _told(name: str, target: str) -> None:
    notes.explain(f"{name} is {target.replace(':', '.')}")
