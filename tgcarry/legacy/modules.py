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
      used: is told the full name of what is replaced, when it is first used.
    """

    def __init__(
        self,
        tables: dict[str, Table],
        where: Callable[[], str] = lambda: "",
        used: Callable[[str, str], None] = lambda name, target: None,
    ) -> None:
        self._tables = tables
        self._where = where
        self.used = used
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
            kind = Overlay if table.fallback == (name,) else FacadeModule
            self._modules[name] = kind(name, table, self)
        return self._modules[name]

    def find(self, name: str) -> Any:
        """Returns the module that `import name` is to give.

        Raises:
          MissingNameError: there is none.
          ImportError: it belongs to a package that is not installed.
        """
        if self.has(name):
            return self.module(name)
        parent, _, last = name.rpartition(".")
        return getattr(self.find(parent), last)

    def refuse(self, module: str, name: str, advice: str) -> MissingNameError:
        """Makes the error for a name that is not there."""
        is_tensorflow = module.partition(".")[0] == "tensorflow"
        whose = "tgcarry's TensorFlow 1" if is_tensorflow else "the package that is installed"
        return MissingNameError(f"{module}.{name} is not in {whose}{self._where()}: {advice}")


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
            module = importlib.import_module(fallback)
            names.update(getattr(module, "__all__", None) or dir(module))
        return {name for name in names - set(self._table.missing) if not name.startswith("_")}

    def _find(self, name: str) -> Any:
        if name == "__all__":
            return sorted(self._listed())
        table = self._table
        if name in table.names:
            self._facade.used(f"{self.__name__}.{name}", table.names[name])
            return resolve(table.names[name])
        child = f"{self.__name__}.{name}"
        if self._facade.has(child):
            return self._facade.module(child)
        if name in table.missing:
            raise self._facade.refuse(self.__name__, name, table.missing[name])
        for fallback in table.fallback:
            found = real(fallback, name)
            if found is not _NOTHING:
                return found
        is_special = name.startswith("__") and name.endswith("__")
        if is_special or self._is_plain():
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        raise self._facade.refuse(self.__name__, name, _ADVICE)

    def _is_plain(self) -> bool:
        return self.__name__.partition(".")[0] != "tensorflow"


class Overlay(FacadeModule):
    """Is an installed module with some names put in front; all else happens to the module."""

    def __init__(self, name: str, table: Table, facade: Facade) -> None:
        super().__init__(name, table, facade)
        vars(self)["_behind"] = importlib.import_module(name)

    def __getattr__(self, name: str) -> Any:
        # Kept nowhere: `sys.stdout` is another thing after an assignment.
        return self._find(name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in ("_table", "_facade", "__path__"):
            super().__setattr__(name, value)
        else:
            setattr(vars(self)["_behind"], name, value)

    def __delattr__(self, name: str) -> None:
        delattr(vars(self)["_behind"], name)


# Is no value of any module's name.
_NOTHING = object()


def resolve(target: str) -> Any:
    """Returns what "python.module:attribute" or "python.module" names."""
    module, _, attribute = target.partition(":")
    value: Any = importlib.import_module(module)
    for part in attribute.split(".") if attribute else ():
        value = getattr(value, part)
    return value


def real(fallback: str, name: str) -> Any:
    """Returns `name` of a real module, also if it is a part not imported yet, or `_NOTHING`."""
    module = sys.modules.get(fallback) or importlib.import_module(fallback)
    try:
        return getattr(module, name)
    except (AttributeError, ImportError):
        # Keras' lazy modules raise either for what they have lost.
        pass
    part = f"{module.__name__}.{name}"
    try:
        return importlib.import_module(part)
    except ImportError:
        return sys.modules.get(part, _NOTHING)


def is_there(fallback: str, name: str) -> bool:
    """Says whether a real module has a name."""
    return real(fallback, name) is not _NOTHING


_ADVICE = "see docs/legacy.md for what there is, and write the few lines out where you can"
