"""Tells whether a text that parses as Python 3 was nevertheless written for Python 2."""

from __future__ import annotations

import ast
from collections.abc import Iterator

_NAMES = frozenset(
    {
        "basestring",
        "cmp",
        "coerce",
        "execfile",
        "file",
        "long",
        "raw_input",
        "reload",
        "unichr",
        "unicode",
        "xrange",
    }
)
_METHODS = frozenset(
    {
        "has_key",
        "iteritems",
        "iterkeys",
        "itervalues",
    }
)
_ATTRIBUTES = frozenset(
    {
        ("itertools", "ifilter"),
        ("itertools", "imap"),
        ("itertools", "izip"),
        ("itertools", "izip_longest"),
        ("os", "getcwdu"),
        ("string", "join"),
        ("string", "letters"),
        ("string", "lowercase"),
        ("string", "maketrans"),
        ("string", "replace"),
        ("string", "split"),
        ("string", "uppercase"),
        ("sys", "maxint"),
        ("sys", "setdefaultencoding"),
        ("urllib", "quote"),
        ("urllib", "urlencode"),
        ("urllib", "urlopen"),
        ("urllib", "urlretrieve"),
    }
)
_MODULES = frozenset(
    {
        "ConfigParser",
        "HTMLParser",
        "Queue",
        "SocketServer",
        "StringIO",
        "Tkinter",
        "__builtin__",
        "cPickle",
        "cStringIO",
        "commands",
        "cookielib",
        "copy_reg",
        "exceptions",
        "htmlentitydefs",
        "httplib",
        "md5",
        "sets",
        "thread",
        "urllib2",
        "urlparse",
    }
)
# Packages that give Python 2's names to Python 3.
_COMPATIBLE = ("six", "future", "past", "builtins")
# A program that asks which Python it runs on was written for both.
_ASKS = ("version_info", "PY2", "PY3", "python_version", "hexversion")


def evidence(tree: ast.Module) -> list[str]:
    """Lists what only Python 2 has and the text uses without a guard, as "line N: ..."."""
    if any(_asks(node) for node in ast.walk(tree)):
        return []
    bound = _bound(tree)
    if "pandas" in ast.unparse(tree):
        # Its tables had `iteritems` in Python 3, too.
        bound |= {".iteritems"}
    return [f"line {line}: {what}" for line, what in _found(tree) if what not in bound]


def _asks(node: ast.AST) -> bool:
    name = getattr(node, "attr", getattr(node, "id", getattr(node, "name", None)))
    return name in _ASKS


def _bound(tree: ast.Module) -> set[str]:
    """Returns every name that the text gives a meaning of its own, anywhere."""
    bound: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
                bound.add(name)
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                bound.add(name)
            case ast.ImportFrom(module=module, names=[ast.alias(name="*")]) if (
                str(module).partition(".")[0] in _COMPATIBLE
            ):
                bound |= _NAMES
            case ast.alias(name=name, asname=asname):
                bound.add(asname or name.partition(".")[0])
    # An import statement is no guard against itself.
    return bound - _MODULES


def _found(tree: ast.Module) -> Iterator[tuple[int, str]]:
    guarded = _guarded(tree)
    for node in ast.walk(tree):
        if id(node) not in guarded:
            yield from ((node.lineno, what) for what in _only_python2(node))  # type: ignore[attr-defined]


def _only_python2(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Name(id=name, ctx=ast.Load()) if name in _NAMES:
            yield name
        case ast.Attribute(attr=name) if name in _METHODS:
            yield f".{name}"
        case ast.Attribute(value=ast.Name(id=module), attr=name):
            if (module, name) in _ATTRIBUTES:
                yield f"{module}.{name}"
        case ast.Expr(value=value) if _prints(value):
            yield "a print statement"
        case ast.Import() | ast.ImportFrom(level=0):
            yield from _imports(node)


def _imports(node: ast.Import | ast.ImportFrom) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names if alias.name in _MODULES)
    elif node.module in _MODULES:
        yield str(node.module)
    else:
        pairs = [(node.module, alias.name) for alias in node.names]
        yield from (f"{module}.{name}" for module, name in pairs if (module, name) in _ATTRIBUTES)


def _guarded(tree: ast.Module) -> set[int]:
    """Returns the nodes inside `try` blocks that have a handler: they may fail."""
    return {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.Try) and node.handlers
        for part in (*node.body, *node.handlers)
        if _small(node)
        for inner in ast.walk(part)
    }


def _small(node: ast.Try) -> bool:
    """Says whether a `try` guards imports or single names, and not the whole program."""
    return len(node.body) <= 3


def _prints(value: ast.expr) -> bool:
    """Says whether an expression is what Python 3 makes of a print statement."""
    if isinstance(value, ast.Tuple) and value.elts:
        value = value.elts[0]
        if isinstance(value, ast.Call) and _is_print(value.func):
            return True
    if isinstance(value, ast.BinOp) and isinstance(value.op, ast.RShift):
        value = value.left
    return _is_print(value)


def _is_print(value: ast.expr) -> bool:
    return isinstance(value, ast.Name) and value.id == "print"
