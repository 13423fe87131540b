"""A model of one's own, named on a command line as FILE.py:FUNCTION."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tgcarry.data.wording import because, shown
from tgcarry.errors import RunError
from tgcarry.model import Forward, ModelSpec


def load_forward(named: str | None) -> Callable[[ModelSpec], Forward] | None:
    """Loads the function of "file.py:function", which builds a `Forward` from a `ModelSpec`.

    The file is executed as a module of its own; what it imports from beside itself has to be
    on Python's path.

    Args:
      named: the file and the function; None for none.

    Returns:
      The function, which in turn raises a `RunError` for what it cannot build; None for None.

    Raises:
      RunError: there is no such file or function, or executing the file fails.
    """
    if named is None:
        return None
    path, name = _parted(named)
    # A name that shadows no module of this process.
    spec = importlib.util.spec_from_file_location(f"_tgcarry_model_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise RunError(f"model {shown(named, 120)}: {path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    # Where dataclasses, for one, look for the module that they are in.
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[spec.name]
        raise RunError(f"model {shown(named, 120)}: {_told(error, path)}") from error
    function = getattr(module, name, None)
    if not callable(function):
        raise RunError(
            f"model {shown(named, 120)}: {path} has no function {name}: define it there"
        )

    def build(spec: ModelSpec) -> Forward:
        try:
            made: Any = function(spec)
        except Exception as error:
            raise RunError(f"model {shown(named, 120)}: {_told(error, path)}") from error
        if not isinstance(made, Forward):
            raise RunError(
                f"model {shown(named, 120)}: {name}(spec) gave {shown(made)}: return a "
                f"tgcarry.model.Forward(feeds, ports, final_state, predictions)"
            )
        return made

    return build


def sum_of(named: str | None) -> str:
    """Returns a checksum of the file's text; "" for None.

    Raises:
      RunError: it cannot be read.
    """
    if named is None:
        return ""
    path, _ = _parted(named)
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise RunError(f"model {shown(named, 120)}: cannot be read: {because(error)}") from error


def _parted(named: str) -> tuple[Path, str]:
    path, colon, name = named.rpartition(":")
    if not colon or not name.isidentifier() or not Path(path).is_file():
        raise RunError(
            f"model {shown(named, 120)}: give a Python file that there is and a function in it, "
            f"such as my_model.py:build"
        )
    return Path(path), name


def _told(error: Exception, path: Path) -> str:
    """Says where in the file it happened."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if Path(frame.filename) == path]
    where = f"{path}:{lines[-1]}" if lines else str(path)
    return f"{where}: {type(error).__name__}: {because(error)}"
