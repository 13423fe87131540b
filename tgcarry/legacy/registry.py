"""All tables of the facade, by the dotted name of the module."""

from __future__ import annotations

import importlib
from collections.abc import Iterator

from tgcarry.legacy.table import Table

GROUPS = (
    "root",
    "before_one",
    "contrib_rnn",
    "contrib_seq2seq",
    "legacy_seq2seq",
    "contrib_layers",
    "contrib_learn",
    "contrib_training",
    "contrib_rest",
    "layers",
    "examples",
    "keras",
    "numpy_names",
    "packages",
)


def tables() -> Iterator[Table]:
    """Yields every table, group by group; each group is a module with `TABLES`."""
    for group in GROUPS:
        yield from importlib.import_module(f"tgcarry.legacy.names.{group}").TABLES


def by_module() -> dict[str, Table]:
    """Returns the tables by module name and alias.

    Raises:
      ValueError: two tables claim one module.
    """
    found: dict[str, Table] = {}
    for table in tables():
        for name in (table.module, *table.aliases):
            if name in found:
                raise ValueError(f"two tables for the module {name}: merge them")
            found[name] = table
    return found
