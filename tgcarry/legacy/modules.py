"""The modules that an old program imports: names looked up when they are first used."""

from __future__ import annotations

import importlib
import sys
import types
from collections.abc import Callable
from typing import Any

from tgcarry.errors import MissingNameError
from tgcarry.legacy.table import Table


class Facade:
    """Makes the facade's modules, each once.

    Args:
      tables: by module name; see `registry.by_module`.
      where: returns " (FILE, line N)" of the program's own line that runs now, or "".
    """

    def __init__(self, tables: dict[str, Table], where: Callable[[], str] = lambda: "") -> None:
        self._tables = tables
        self._where = where
        self._modules: dict[str, FacadeModule] = {}
        self._parents = {
            ".".join(parts[:count])
            for parts in (name.split(".") for name in tables)
            for count in range(1, len(parts))
        }

    def covers(self, name: str) -> bool:
        """Says whether the facade, and not Python, answers for an imported name."""
        return name.partition(".")[0] in self._parents | self._tables.keys()

    def has(self, name: str) -> bool:
        """Says whether `name` is a module of the facade's own."""
        return name in self._tables or name in self._parents

    def module(self, name: str) -> FacadeModule:
        """Returns the facade's module of that name, for which `has` is true."""
        if name not in self._modules:
            table = self._tables.get(name, Table(name))
            self._modules[name] = FacadeModule(name, table, self)
        return self._modules[name]

    def find(self, name: str) -> Any:
        """Returns the module that `import name` is to give.

        Raises:
          MissingNameError: there is none.
        """
        if self.has(name):
            return self.module(name)
        parent, _, last = name.rpartition(".")
        return getattr(self.find(parent), last)

    def refuse(self, module: str, name: str, advice: str) -> MissingNameError:
        """Makes the error for a name that is not there."""
        text = f"{module}.{name} is not in tgcarry's TensorFlow 1{self._where()}"
        return MissingNameError(f"{text}: {advice}")


class FacadeModule(types.ModuleType):
    """Is one module of the facade."""

    def __init__(self, name: str, table: Table, facade: Facade) -> None:
        super().__init__(name)
        self.__path__: list[str] = []
        self._table = table
        self._facade = facade

    def __getattr__(self, name: str) -> Any:
        value = self._find(name)
        setattr(self, name, value)
        return value

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self._listed()})

    def _listed(self) -> set[str]:
        names = set(self._table.names)
        for fallback in self._table.fallback:
            names.update(dir(importlib.import_module(fallback)))
        return {name for name in names - set(self._table.missing) if not name.startswith("_")}

    def _find(self, name: str) -> Any:
        if name == "__all__":
            return sorted(self._listed())
        table = self._table
        if name in table.names:
            return resolve(table.names[name])
        child = f"{self.__name__}.{name}"
        if self._facade.has(child):
            return self._facade.module(child)
        if name in table.missing:
            raise self._facade.refuse(self.__name__, name, table.missing[name])
        for fallback in table.fallback:
            found = _real(fallback, name)
            if found is not None:
                return found
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        raise self._facade.refuse(self.__name__, name, _advice(self.__name__))


def resolve(target: str) -> Any:
    """Returns what "python.module:attribute" or "python.module" names."""
    module, _, attribute = target.partition(":")
    value: Any = importlib.import_module(module)
    for part in attribute.split(".") if attribute else ():
        value = getattr(value, part)
    return value


def _real(fallback: str, name: str) -> Any:
    module = importlib.import_module(fallback)
    try:
        return getattr(module, name)
    except (AttributeError, ImportError):
        # Keras' lazy modules raise either for what they have lost.
        pass
    try:
        return importlib.import_module(f"{module.__name__}.{name}")
    except ImportError:
        return sys.modules.get(f"{module.__name__}.{name}")


def _advice(module: str) -> str:
    if module.partition(".")[0] != "tensorflow":
        return "the installed package does not have it either; see docs/legacy.md"
    return "see docs/legacy.md for what there is, and write the few lines out where you can"
