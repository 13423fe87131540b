"""What surrounds a program while it runs: its place in Python, threads, NumPy's printing."""

from __future__ import annotations

import contextlib
import contextvars
import os
import pathlib
import sys
import threading
import types
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

# Prints arrays and numbers as NumPy 1.14 to 1.21 did: `1.0` and not `np.float64(1.0)`.
_PRINTING = "1.21"

# What today's packages say about yesterday's programs, and nobody can mend.
_QUIET = (
    DeprecationWarning,
    FutureWarning,
    PendingDeprecationWarning,
    ResourceWarning,
    SyntaxWarning,
)


@contextlib.contextmanager
def as_main(main: types.ModuleType, argv: list[str], folder: str) -> Iterator[None]:
    """Puts a program in the place that `python PROGRAM` gives it."""
    kept = sys.modules["__main__"], sys.argv, sys.path[:]
    sys.modules["__main__"], sys.argv = main, argv
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        sys.modules["__main__"], sys.argv, sys.path[:] = kept


@contextlib.contextmanager
def as_in_2019() -> Iterator[None]:
    """Prints numbers and warns as Python and NumPy did then; plots into files if at all."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        if not sys.warnoptions:
            for kind in _QUIET:
                warnings.simplefilter("ignore", kind)
            warnings.filterwarnings(
                "ignore", category=UserWarning, module=r"(tensorflow|tf_keras)\b"
            )
        stack.enter_context(np.printoptions(legacy=_PRINTING))  # type: ignore[arg-type]
        stack.enter_context(_plots())
        stack.enter_context(_threads())
        yield


@contextlib.contextmanager
def _plots() -> Iterator[None]:
    """Has matplotlib draw without a window where there is no display."""
    has_display = any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
    linux = sys.platform.startswith("linux")
    if has_display or not linux or "MPLBACKEND" in os.environ or "matplotlib" in sys.modules:
        yield
        return
    os.environ["MPLBACKEND"] = "Agg"
    try:
        yield
    finally:
        os.environ.pop("MPLBACKEND", None)


@contextlib.contextmanager
def _threads() -> Iterator[None]:
    """Gives the threads that start inside the block the settings of their starter."""
    start = threading.Thread.start

    def start_here(thread: threading.Thread) -> None:
        context, run = contextvars.copy_context(), thread.run

        def run_here() -> Any:
            return context.run(run)

        thread.run = run_here  # type: ignore[method-assign]
        start(thread)

    setattr(threading.Thread, "start", start_here)  # noqa: B010
    before = set(threading.enumerate())
    try:
        yield
        # As Python does at its end.
        for thread in set(threading.enumerate()) - before:
            if not thread.daemon and thread is not threading.current_thread():
                thread.join()
    finally:
        setattr(threading.Thread, "start", start)  # noqa: B010


def program_file(path: str) -> str:
    """Returns the file to run for a path: a folder's is its `__main__.py`."""
    folder = pathlib.Path(path)
    inside = folder / "__main__.py"
    return str(inside) if folder.is_dir() and inside.is_file() else path


def folder_of(path: str) -> str:
    """Returns the folder that Python puts first into `sys.path` for a program."""
    place = pathlib.Path(path)
    return str(place.resolve() if place.is_dir() else place.resolve().parent)
