"""Lets a script import single rooms of the package without TensorFlow.

Importing any room runs the package's `__init__` first, which takes TensorFlow's seconds. Here an
empty package stands in for it. Only rooms that do without TensorFlow can be had so.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

_PACKAGE = Path(__file__).resolve().parent.parent / "tgcarry"


def bare_package() -> None:
    """Puts the stand-in where Python looks for tgcarry, unless the package is loaded already."""
    if "tgcarry" not in sys.modules:
        package = ModuleType("tgcarry")
        package.__path__ = [str(_PACKAGE)]
        sys.modules["tgcarry"] = package
