"""Whether a name of TensorFlow 1 is there, differs, or is missing."""

from __future__ import annotations

import types
from typing import NamedTuple

from tgcarry.errors import MissingNameError
from tgcarry.legacy.modules import Facade, FacadeModule
from tgcarry.legacy.table import Table

SUPPORTED, DIFFERS, MISSING = "supported", "differs", "missing"


class Status(NamedTuple):
    """Says how a name fares."""

    name: str
    """The part of the asked name that belongs to a module: without a class's attributes."""
    status: str
    detail: str = ""
    """What differs, or what to use instead."""


class Lookup:
    """Looks names up as a program would.

    Args:
      tables: of the modules, by name; see `registry.by_module`.
    """

    def __init__(self, tables: dict[str, Table]) -> None:
        self._facade = Facade(tables)
        self._tables = tables

    def status(self, name: str) -> Status:
        """Returns what is known of a full dotted name."""
        parts = name.split(".")
        try:
            value = self._facade.find(parts[0])
        except ImportError as error:
            return Status(parts[0], MISSING, f"install it: {error}")
        found, differs = parts[0], ""
        for part in parts[1:]:
            if not isinstance(value, types.ModuleType):
                break
            found = f"{found}.{part}"
            if isinstance(value, FacadeModule):
                differs = self._differs(value.__name__, part) or differs
            try:
                value = getattr(value, part)
            except (AttributeError, ImportError) as error:
                return Status(found, MISSING, _advice(error))
        return Status(found, DIFFERS if differs else SUPPORTED, differs)

    def is_worth_telling(self, name: str) -> bool:
        """Says whether a name is TensorFlow's, or another package's that went elsewhere."""
        if name.partition(".")[0] == "tensorflow":
            return True
        module, _, last = name.rpartition(".")
        return module in self._tables and last in self._tables[module].names

    def _differs(self, module: str, name: str) -> str:
        table = self._tables.get(module)
        return "" if table is None else table.differs.get(name, "")


def _advice(error: Exception) -> str:
    text = str(error)
    return text.partition(": ")[2] if isinstance(error, MissingNameError) else text
