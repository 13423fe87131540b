"""Runs an old program in this process, as `python PROGRAM ARGS` would."""

from __future__ import annotations

import contextlib
import os
import pathlib
import sys
import types
from collections.abc import Iterator, Sequence
from typing import Any

from tgcarry.errors import LegacyError
from tgcarry.legacy import behaviour, registry, settings, source
from tgcarry.legacy.imports import World


def run(
    path: str, argv: Sequence[str] = (), *, engine: str = "auto", stand_ins: bool = False
) -> dict[str, Any]:
    """Runs a TensorFlow 1 program to its end.

    The program's own files see TensorFlow 1.15 as far as docs/legacy.md says; the packages
    that it imports see what is installed. Behind the call TensorFlow behaves as before.

    Args:
      path: the program's file, `.py` or `.ipynb`.
      argv: its arguments, `sys.argv[1:]`.
      engine: how its recurrent layers are unrolled; see `dynamic_rnn`.
      stand_ins: whether made-up data may stand in for MNIST's files.

    Returns:
      The program's global names.

    Raises:
      LegacyError: the file cannot be read or translated, or uses what is not there.
      SystemExit: the program ended itself.
      Exception: whatever the program raises.
    """
    path = os.fspath(path)
    if not pathlib.Path(path).is_file():
        raise LegacyError(f"{path}: no such file; give the path of a .py or .ipynb program")
    chosen = settings.Settings(engine=engine, stand_ins=stand_ins)
    main = types.ModuleType("__main__")
    main.__file__ = path
    with settings.using(chosen), behaviour.tensorflow1():
        world = world_for(_folder(path))
        with _as_main(main, [path, *argv]), world.siblings():
            world.execute(path, main.__dict__)
            # The caller wants values; a module that is collected clears them.
            return main.__dict__.copy()


def world_for(folder: str) -> World:
    """Makes the world of a program whose files are in `folder`."""
    return World(registry.by_module(), folder, source.compiled)


def _folder(path: str) -> str:
    return str(pathlib.Path(path).absolute().parent)


@contextlib.contextmanager
def _as_main(main: types.ModuleType, argv: list[str]) -> Iterator[None]:
    """Puts a program in the place that `python PROGRAM` gives it."""
    kept = sys.modules["__main__"], sys.argv, sys.path[:]
    sys.modules["__main__"], sys.argv = main, argv
    sys.path.insert(0, _folder(argv[0]))
    try:
        yield
    finally:
        sys.modules["__main__"], sys.argv, sys.path[:] = kept
