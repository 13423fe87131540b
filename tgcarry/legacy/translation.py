"""Old programs' text turned into today's Python: the same statements on the same lines."""

from __future__ import annotations

import ast
import copy
import warnings
from typing import Any, NamedTuple

from tgcarry.legacy import lost
from tgcarry.legacy.python2 import evidence, rewriting, syntax, tabs
from tgcarry.legacy.rewriting import Attributes
from tgcarry.legacy.source import Source


class Translation(NamedTuple):
    """Holds a program's file as today's Python parses it."""

    path: str
    tree: ast.Module
    python2: bool
    """Whether it is a Python 2 program, and `tree` lacks Python 2's meanings yet."""
    notes: tuple[str, ...]
    """What was found and done, one line each."""

    def code(self) -> Any:
        """Compiles it; attributes and divisions are looked up as the program means them."""
        # The transformers change nodes in place; the caller's stay as they are.
        tree = copy.deepcopy(self.tree)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if self.python2:
                tree = rewriting.rewritten(tree)
            else:
                tree = ast.fix_missing_locations(Attributes(lost.LOST).visit(tree))
            return compile(tree, self.path, "exec", dont_inherit=True)


def translate(source: Source, python2: bool = False) -> Translation:
    """Parses a file, after Python 2's syntax was replaced where there is any.

    Args:
      source: the file.
      python2: whether the rest of its program is Python 2; a text that could be either then is.

    Raises:
      SyntaxError: it is neither Python 3 nor Python 2.
    """
    path, text, notes = source.path, source.text, list(source.notes)
    python2 = python2 or source.python2
    try:
        tree = _parse(text, path)
    except SyntaxError as error:
        if isinstance(error, IndentationError):
            text = tabs.expanded(text)
        tree, is_python2 = _either(text, path, error)
        if not is_python2:
            notes.append(f"{path}: tabs are as wide as eight spaces, as Python 2 had it")
        else:
            notes.append(f"{path}: translated from Python 2 (line {error.lineno}: {error.msg})")
            return Translation(path, tree, True, tuple(notes))
    found = evidence.evidence(tree)
    if found:
        notes.append(f"{path}: translated from Python 2 ({'; '.join(found[:3])})")
    if (found or python2) and not _is_python3(tree):
        # Read again even if it parses as both: `print ("a", 1)` printed a tuple.
        try:
            again = _parse(syntax.translate(text, path), path)
            return Translation(path, again, True, tuple(notes))
        except SyntaxError:
            return Translation(path, tree, bool(found), tuple(notes))
    return Translation(path, tree, False, tuple(notes))


def _either(text: str, path: str, error: SyntaxError) -> tuple[ast.Module, bool]:
    """Parses a text that Python 3 refused: with other tabs, or as Python 2."""
    if isinstance(error, IndentationError):
        try:
            return _parse(text, path), False
        except SyntaxError:
            pass
    try:
        return _parse(syntax.translate(text, path), path), True
    except SyntaxError:
        raise error from None


def _is_python3(tree: ast.Module) -> bool:
    """Says whether a file has what Python 2 cannot parse."""
    for node in ast.walk(tree):
        match node:
            case ast.JoinedStr() | ast.Nonlocal() | ast.AnnAssign() | ast.Starred():
                if not isinstance(node, ast.Starred) or isinstance(node.ctx, ast.Store):
                    return True
            case ast.AsyncFunctionDef() | ast.YieldFrom() | ast.NamedExpr():
                return True
            case ast.arguments() if node.kwonlyargs:
                return True
            case ast.FunctionDef() if node.returns is not None:
                return True
            case ast.BinOp(op=ast.MatMult()):
                return True
    return False


def _parse(text: str, path: str) -> ast.Module:
    with warnings.catch_warnings():
        # Escapes such as "\\d" were no mistake when they were written.
        warnings.simplefilter("ignore")
        return ast.parse(text, path)
