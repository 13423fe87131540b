"""HTML elements whose text and attributes are escaped where they are made."""

from __future__ import annotations

import html


class Markup(str):
    """Is text that is HTML already."""

    __slots__ = ()


def element(name: str, *children: str, **attributes: object) -> Markup:
    """Makes an element: children that are no `Markup` are text and are escaped.

    An attribute's name loses a final underscore, and its others become hyphens: `class_`,
    `stroke_width`.
    """
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_escaped(str(value))}"'
        for key, value in attributes.items()
    )
    return Markup(f"<{name}{given}>{join(*children)}</{name}>")


def join(*children: str) -> Markup:
    """Puts elements and texts one behind another."""
    return Markup(
        "".join(child if isinstance(child, Markup) else _escaped(child) for child in children)
    )


def _escaped(text: str) -> str:
    """Escapes what HTML gives a meaning, and spells out what cannot be printed."""
    shown = "".join(c if c.isprintable() or c in "\n\t" else ascii(c)[1:-1] for c in text)
    return html.escape(shown)
