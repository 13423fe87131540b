"""Changes of a program's syntax tree that look attributes up where they went."""

from __future__ import annotations

import ast
from collections.abc import Collection

ATTRIBUTE = "__tgcarry_attribute__"


class Attributes(ast.NodeTransformer):
    """Has some attributes looked up by a function instead of by `getattr`.

    `x.name` becomes `function(x, "name")`, where it is read and not assigned to.

    Args:
      names: of the attributes.
      function: name of the function, among the built-ins.
    """

    def __init__(self, names: Collection[str], function: str = ATTRIBUTE) -> None:
        self._names = names
        self._function = function

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        """Replaces one attribute."""
        self.generic_visit(node)
        if node.attr not in self._names or not isinstance(node.ctx, ast.Load):
            return node
        return call(self._function, [node.value, ast.Constant(node.attr)], node)


def call(function: str, arguments: list[ast.expr], place: ast.expr | ast.stmt) -> ast.Call:
    """Makes a call of a built-in function, on the line of what it replaces."""
    made = ast.Call(ast.Name(function, ast.Load()), arguments, [])
    for node in (made, made.func):
        ast.copy_location(node, place)
    for argument in arguments:
        ast.copy_location(argument, argument if hasattr(argument, "lineno") else place)
    return made
