"""The dotted names that a file uses, with what it calls their modules resolved."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import NamedTuple


class Use(NamedTuple):
    """Says where a name is used."""

    name: str
    """Dotted and full, e.g. "tensorflow.nn.dynamic_rnn"."""
    line: int
    guarded: bool = False
    """Whether it is inside a `try` that may let it fail."""


def uses(tree: ast.Module, roots: Iterable[str]) -> list[Use]:
    """Lists the names of the packages `roots` that a file uses, in the order of the file.

    `import ... as` is followed, and so is an assignment such as `rnn_cell = tf.nn.rnn_cell`.
    """
    finder = _Finder(frozenset(roots))
    finder.visit(tree)
    return sorted(set(finder.found), key=lambda use: (use.line, use.name))


class _Finder(ast.NodeVisitor):
    def __init__(self, roots: frozenset[str]) -> None:
        self._roots = roots
        self._known: dict[str, str] = {}
        self._guards = 0
        self.found: list[Use] = []

    def visit_Try(self, node: ast.Try) -> None:
        self._guards += bool(node.handlers)
        for part in node.body:
            self.visit(part)
        self._guards -= bool(node.handlers)
        self._guards += 1
        for handler in node.handlers:
            self.visit(handler)
        self._guards -= 1
        for part in (*node.orelse, *node.finalbody):
            self.visit(part)

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            if self._covers(alias.name):
                first = alias.name.partition(".")[0]
                self._known[alias.asname or first] = alias.name if alias.asname else first
                self._add(alias.name, node.lineno)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        if node.level or node.module is None or not self._covers(node.module):
            return
        for alias in node.names:
            if alias.name == "*":
                self._add(node.module, node.lineno)
                continue
            name = f"{node.module}.{alias.name}"
            self._known[alias.asname or alias.name] = name
            self._add(name, node.lineno)

    def visit_Assign(self, node: ast.Assign) -> None:
        self.generic_visit(node)
        name = self._dotted(node.value)
        for target in node.targets:
            if isinstance(target, ast.Name):
                if name is not None:
                    self._known[target.id] = name
                else:
                    self._known.pop(target.id, None)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        name = self._dotted(node)
        if name is None:
            self.generic_visit(node)
        else:
            self._add(name, node.lineno)

    def _dotted(self, node: ast.expr) -> str | None:
        """Returns the full name of `a.b.c` if `a` is known, else None."""
        if isinstance(node, ast.Name):
            return self._known.get(node.id)
        if isinstance(node, ast.Attribute):
            owner = self._dotted(node.value)
            return None if owner is None else f"{owner}.{node.attr}"
        return None

    def _covers(self, name: str) -> bool:
        return name.partition(".")[0] in self._roots

    def _add(self, name: str, line: int) -> None:
        self.found.append(Use(name, line, self._guards > 0))
