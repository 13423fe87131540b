"""Indentation as Python 2 read it: a tab leads to the next multiple of eight."""

from __future__ import annotations

import io

from tgcarry.legacy.python2 import syntax


def expanded(text: str) -> str:
    """Returns the text with spaces instead of tabs at the beginnings of its lines."""
    inside = syntax.spans(text)
    return "".join(
        line if number in inside else _expand(line)
        for number, line in enumerate(io.StringIO(text), start=1)
    )


def _expand(line: str) -> str:
    rest = line.lstrip(" \t\f")
    indent = line[: len(line) - len(rest)].rpartition("\f")[2]
    return indent.expandtabs(8) + rest
