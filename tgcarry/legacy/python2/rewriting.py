"""What Python 2's operators and classes mean, put into the syntax tree."""

from __future__ import annotations

import ast

from tgcarry.legacy.python2.attributes import NAMES
from tgcarry.legacy.rewriting import Attributes, call

DIVIDE = "__tgcarry_divide__"
DIVIDE_ATTRIBUTE = "__tgcarry_divide_attribute__"
DIVIDE_ITEM = "__tgcarry_divide_item__"
DIVIDE_IN_PLACE = "__tgcarry_divide_in_place__"

# Python 2's names of special methods.
_SPECIAL = {"next": "__next__", "__nonzero__": "__bool__", "__div__": "__truediv__"}


def rewritten(tree: ast.Module) -> ast.Module:
    """Returns the tree with Python 2's meaning of division, methods and classes."""
    features = {
        alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module == "__future__"
        for alias in node.names
    }
    if "division" not in features:
        tree = _Division().visit(tree)
    tree = _Classes().visit(Attributes(NAMES).visit(tree))
    return ast.fix_missing_locations(tree)


class _Division(ast.NodeTransformer):
    """Has `/` floor where Python 2 did."""

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        if not isinstance(node.op, ast.Div) or _is_float(node.left) or _is_float(node.right):
            return node
        return call(DIVIDE, [node.left, node.right], node)

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        self.generic_visit(node)
        if not isinstance(node.op, ast.Div) or _is_float(node.value):
            return node
        target = node.target
        if isinstance(target, ast.Name):
            old = ast.copy_location(ast.Name(target.id, ast.Load()), target)
            value = call(DIVIDE_IN_PLACE, [old, node.value], node)
            return ast.copy_location(ast.Assign([target], value), node)
        if isinstance(target, ast.Attribute):
            inner: list[ast.expr] = [target.value, ast.Constant(target.attr), node.value]
            made = call(DIVIDE_ATTRIBUTE, inner, node)
        else:
            made = call(DIVIDE_ITEM, [target.value, _index(target.slice), node.value], node)
        return ast.copy_location(ast.Expr(made), node)


def _is_float(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, float)


def _index(node: ast.expr) -> ast.expr:
    """Returns an index as a value: `a:b` becomes `slice(a, b, None)`."""
    if isinstance(node, ast.Slice):
        ends = [part or ast.Constant(None) for part in (node.lower, node.upper, node.step)]
        return call("slice", ends, node)
    if isinstance(node, ast.Tuple):
        return ast.copy_location(ast.Tuple([_index(e) for e in node.elts], ast.Load()), node)
    return node


class _Classes(ast.NodeTransformer):
    """Gives classes Python 3's special methods and metaclass."""

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        self.generic_visit(node)
        defined = {part.name for part in node.body if isinstance(part, ast.FunctionDef)}
        for old, new in _SPECIAL.items():
            is_iterator = old != "next" or "__iter__" in defined
            if old in defined and new not in defined and is_iterator:
                node.body.append(_alias(new, old, node.body[-1]))
        for part in list(node.body):
            if _sets(part, "__metaclass__") and isinstance(part, ast.Assign):
                node.keywords.append(ast.keyword("metaclass", part.value))
                node.body[node.body.index(part)] = ast.copy_location(ast.Pass(), part)
        return node


def _alias(new: str, old: str, place: ast.stmt) -> ast.stmt:
    made = ast.Assign([ast.Name(new, ast.Store())], ast.Name(old, ast.Load()))
    return ast.copy_location(made, place)


def _sets(part: ast.stmt, name: str) -> bool:
    return (
        isinstance(part, ast.Assign)
        and isinstance(part.targets[0], ast.Name)
        and part.targets[0].id == name
    )
