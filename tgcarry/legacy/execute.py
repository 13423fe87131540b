"""Runs an old program in this process, as `python PROGRAM ARGS` would."""

from __future__ import annotations

import contextlib
import os
import pathlib
import types
from collections.abc import Iterator, Sequence
from typing import Any

from tgcarry import tf1
from tgcarry.errors import LegacyError
from tgcarry.legacy import behaviour, registry, settings, siblings, surroundings
from tgcarry.legacy.imports import World
from tgcarry.legacy.program import Program
from tgcarry.legacy.shims import flags


def run(
    path: str,
    argv: Sequence[str] = (),
    *,
    engine: str = "auto",
    stand_ins: bool = False,
    explain: bool = False,
) -> dict[str, Any]:
    """Runs a TensorFlow 1 program to its end.

    The program's own files see TensorFlow 1.15 as far as docs/legacy.md says; the packages
    that it imports see what is installed. Behind the call TensorFlow behaves as before.

    Args:
      path: the program's file, `.py` or `.ipynb`, or a folder with a `__main__.py`.
      argv: its arguments, `sys.argv[1:]`.
      engine: how its recurrent layers are unrolled; see `dynamic_rnn`.
      stand_ins: whether made-up data may stand in for MNIST's files.
      explain: whether to tell on standard error what is translated and replaced.

    Returns:
      The program's global names.

    Raises:
      LegacyError: the file cannot be read or translated, or uses what is not there.
      SystemExit: the program ended itself.
      Exception: whatever the program raises.
    """
    path = os.fspath(path)
    file = surroundings.program_file(path)
    if not pathlib.Path(file).is_file():
        raise LegacyError(f"{path}: {_problem(path)}; give the path of a .py or .ipynb program")
    chosen = settings.Settings(engine=engine, stand_ins=stand_ins, explain=explain)
    main = types.ModuleType("__main__")
    main.__file__ = file
    with settings.using(chosen):
        world = world_for(file)
        place = surroundings.as_main(main, [path, *argv], surroundings.folder_of(path))
        with place, around(world):
            world.execute(file, main.__dict__)
            # The caller wants values; a module that is collected clears them.
            return main.__dict__.copy()


@contextlib.contextmanager
def around(world: World) -> Iterator[None]:
    """Holds TensorFlow 1's behaviour and the rest of its time inside the block."""
    with contextlib.ExitStack() as stack:
        # Outside for the host's graphs, inside for those that the program leaves open.
        stack.enter_context(tf1.own_graphs())
        stack.enter_context(behaviour.tensorflow1())
        stack.enter_context(tf1.own_graphs())
        stack.enter_context(surroundings.as_in_2019())
        stack.enter_context(flags.of_this_run())
        stack.enter_context(siblings.imported_into(world))
        yield


def world_for(path: str | None) -> World:
    """Makes the world of a program: of its main file, or of a caller's own code."""
    return World(registry.by_module(), Program(path))


def _problem(path: str) -> str:
    if pathlib.Path(path).is_dir():
        return "a folder without a __main__.py"
    return "not a file" if pathlib.Path(path).exists() else "no such file"
