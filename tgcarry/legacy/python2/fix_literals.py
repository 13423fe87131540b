r"""A fixer for fissix: Python 2's string literals that Python 3 reads otherwise, or not at all.

ur"\d"      becomes r"\d"
"\u0041"  becomes "\\u0041", unless the file has `unicode_literals`
"""

from __future__ import annotations

import re
from typing import Any

from fissix import fixer_base

_ESCAPE = re.compile(r"(?<!\\)((?:\\\\)*)\\(?=[uUN])")


class FixLiterals(fixer_base.BaseFix):
    """Rewrites one string at a time; names such as `unicode` stay."""

    BM_compatible = True
    PATTERN = "STRING"

    def start_tree(self, tree: Any, filename: str) -> None:
        """Notes whether all strings of the file are unicode."""
        super().start_tree(tree, filename)
        self._unicode = "unicode_literals" in tree.future_features

    def transform(self, node: Any, results: Any) -> Any:
        """Returns the string as Python 3 has it, or None to leave it."""
        del results
        text = node.value
        prefix = re.match("[a-zA-Z]*", text)[0].lower()  # type: ignore[index]
        if prefix == "ur":
            text = text[1:]
        elif "u" not in prefix and "r" not in prefix and not self._unicode:
            text = _ESCAPE.sub(r"\1\\\\", text)
        if text == node.value:
            return None
        new = node.clone()
        new.value = text
        return new
