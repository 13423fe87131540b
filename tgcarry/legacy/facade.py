"""The facade for a caller's own code: a notebook's cells, an interactive session."""

from __future__ import annotations

import builtins
import contextlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tgcarry.legacy import settings
from tgcarry.legacy.execute import around, world_for


def facade(*, engine: str = "auto", stand_ins: bool = False, explain: bool = False) -> Any:
    """Makes `import tensorflow` mean TensorFlow 1.15 in the caller's module, for a while.

        with tgcarry.legacy.facade():
            import tensorflow as tf
            ...

    In the block TensorFlow behaves as version 1 does, in the caller's module and in its own
    modules that are imported there; behind it everything is as before. For several cells of a
    notebook, `enter_context` of a `contextlib.ExitStack` opens it and `close` ends it.

    Args:
      engine: how recurrent layers are unrolled; see `dynamic_rnn`.
      stand_ins: whether made-up data may stand in for MNIST's files.
      explain: whether to tell on standard error what is replaced.

    Returns:
      A context manager.
    """
    chosen = settings.Settings(engine=engine, stand_ins=stand_ins, explain=explain)
    return _inside(sys._getframe(1).f_globals, chosen)


@contextlib.contextmanager
def _inside(guest: dict[str, Any], chosen: settings.Settings) -> Iterator[None]:
    world = world_for(None)
    world.guests.append(guest)
    with settings.using(chosen), around(world), _imports_of(guest, world):
        yield


@contextlib.contextmanager
def _imports_of(guest: dict[str, Any], world: Any) -> Iterator[None]:
    """Leads the `import` statements of one namespace to `world`."""
    kept = builtins.__import__
    inside = False

    def lead(
        name: str,
        globals: Mapping[str, Any] | None = None,
        locals: Mapping[str, Any] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> Any:
        nonlocal inside
        if globals is not guest or inside:
            return kept(name, globals, locals, fromlist or (), level)
        inside = True
        try:
            return world.imported(name, globals, locals, fromlist, level)
        finally:
            inside = False

    builtins.__import__ = lead
    try:
        yield
    finally:
        builtins.__import__ = kept
