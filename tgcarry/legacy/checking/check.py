"""Checks a program: reads it and its own modules, and looks up every name they use."""

from __future__ import annotations

import ast
import importlib.util
import os
import pathlib
from collections.abc import Iterator

from tgcarry import tf1
from tgcarry.errors import LegacyError
from tgcarry.legacy import behaviour, registry, surroundings
from tgcarry.legacy.checking.report import Report, Row
from tgcarry.legacy.checking.status import DIFFERS, MISSING, SUPPORTED, Lookup, Status
from tgcarry.legacy.checking.symbols import uses
from tgcarry.legacy.program import Program
from tgcarry.legacy.python2 import library
from tgcarry.legacy.translation import Translation


def check(path: str) -> Report:
    """Tells what a program uses of TensorFlow 1, NumPy and others, without running it.

    Args:
      path: the program's file, or a folder with a `__main__.py`.

    Raises:
      LegacyError: it cannot be read.
      SyntaxError: it is neither Python 3 nor Python 2.
    """
    path = surroundings.program_file(os.fspath(path))
    files = list(_files(path))
    tables = registry.by_module()
    lookup = Lookup(tables)
    roots = {name.partition(".")[0] for name in tables}
    found: dict[Status, dict[str, list[int]]] = {}
    with tf1.own_graphs(), behaviour.tensorflow1():
        for file in files:
            for use in uses(file.tree, roots):
                status = lookup.status(use.name)
                if status.status == MISSING and use.guarded:
                    status = status._replace(status=DIFFERS, detail="missing, inside a try")
                if status.status != SUPPORTED or lookup.is_worth_telling(use.name):
                    found.setdefault(status, {}).setdefault(file.path, []).append(use.line)
            for name, line in _not_installed(file, roots, _own(files)):
                status = Status(name, MISSING, "not installed: install the package it is in")
                found.setdefault(status, {}).setdefault(file.path, []).append(line)
    rows = tuple(
        Row(status.name, status.status, status.detail, _places(places))
        for status, places in sorted(found.items(), key=lambda item: item[0].name)
    )
    return Report(path, rows, tuple(note for file in files for note in file.notes))


def _files(path: str) -> Iterator[Translation]:
    if not pathlib.Path(path).is_file():
        raise LegacyError(f"{path}: no such file; give the path of a .py or .ipynb program")
    program = Program(path)
    yield from program.files(path)


def _own(files: list[Translation]) -> set[str]:
    """Returns the first parts of the names that the program's own modules have."""
    paths = [pathlib.Path(file.path) for file in files]
    return {path.stem for path in paths} | {path.absolute().parent.name for path in paths}


def _not_installed(file: Translation, roots: set[str], own: set[str]) -> Iterator[tuple[str, int]]:
    """Yields the packages that a file imports, unguarded, and that are not there."""
    known = roots | own
    if file.python2:
        known |= {name for t in library.TABLES for name in (t.module, *t.aliases)}
    guarded = {
        id(inner)
        for node in ast.walk(file.tree)
        if isinstance(node, ast.Try)
        for inner in ast.walk(node)
    }
    for node in ast.walk(file.tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [node.module or ""]
        for name in names if id(node) not in guarded else ():
            first = name.partition(".")[0]
            if first and first not in known and importlib.util.find_spec(first) is None:
                yield first, getattr(node, "lineno", 0)


def _places(lines: dict[str, list[int]]) -> tuple[str, ...]:
    """Returns "FILE:1, 2" for each file."""
    return tuple(
        f"{_shown(path)}:{', '.join(map(str, dict.fromkeys(numbers)))}"
        for path, numbers in lines.items()
    )


def _shown(path: str) -> str:
    try:
        return str(pathlib.Path(path).absolute().relative_to(pathlib.Path.cwd()))
    except ValueError:
        return path
