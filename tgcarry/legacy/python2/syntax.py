"""Python 2's syntax turned into Python 3's, line by line, by lib2to3's heir fissix."""

from __future__ import annotations

import functools
import importlib
import io
import logging
import os
import pathlib
import tempfile
import warnings
from typing import Any

# Only what Python 3 cannot parse: names and methods are looked up when the program runs.
_FIXERS = (
    "except",
    "exec",
    "ne",
    "numliterals",
    "paren",
    "print",
    "raise",
    "repr",
    "throw",
    "tuple_params",
)


def translate(text: str, path: str) -> str:
    """Returns a Python 2 text as Python 3, each statement on the line where it was.

    Raises:
      SyntaxError: it is not Python 2 either.
    """
    refactor = _module("fissix.refactor")
    parse_error = _module("fissix.pgen2.parse").ParseError
    token_error = _module("fissix.pgen2.tokenize").TokenError
    try:
        tree = _tool(refactor).refactor_string(text, path)
    except parse_error as error:
        line, column = error.context[1]
        lines = text.split("\n")
        shown = lines[line - 1] if 0 < line <= len(lines) else ""
        raise SyntaxError("invalid syntax", (path, line, column + 1, shown)) from None
    except token_error as error:
        message, (line, column) = error.args
        raise SyntaxError(str(message), (path, line, column + 1, "")) from None
    return str(tree)


def spans(text: str) -> set[int]:
    """Returns the lines that begin inside a string, which indentation must not be changed in."""
    tokenizer = _module("fissix.pgen2.tokenize")
    lines = iter(io.StringIO(text))
    inside: set[int] = set()
    try:
        for kind, _, (start, _), (end, _), _ in tokenizer.generate_tokens(
            functools.partial(next, lines)
        ):
            if kind == tokenizer.STRING:
                inside.update(range(start + 1, end + 1))
    except (tokenizer.TokenError, IndentationError):
        # The parser reports it, with its line.
        pass
    return inside


def _tool(refactor: Any) -> Any:
    own = f"{__package__}.fix_literals"
    return refactor.RefactoringTool([*(f"fissix.fixes.fix_{name}" for name in _FIXERS), own])


def _module(name: str) -> Any:
    """Imports a part of fissix, which keeps its tables in a cache folder."""
    logging.getLogger("RefactoringTool").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        package: Any = importlib.import_module("fissix")
        if not _writable(package.CACHE_DIR):
            package.CACHE_DIR = pathlib.Path(tempfile.mkdtemp(prefix="tgcarry-"))
        return importlib.import_module(name)


def _writable(folder: pathlib.Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK)
