"""Executes single files of the package without the package, whose import takes TensorFlow's time.

Only files that need nothing but the standard library can be had so.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

_PACKAGE = Path(__file__).resolve().parent.parent / "tgcarry"


def alone(name: str) -> ModuleType:
    """Executes `tgcarry/<name>.py` and returns it as a module that nobody else sees."""
    spec = importlib.util.spec_from_file_location(name, _PACKAGE / f"{name}.py")
    if spec is None or spec.loader is None:
        raise ImportError(f"tgcarry/{name}.py cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
