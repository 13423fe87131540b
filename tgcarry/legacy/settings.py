"""What the person who runs an old program chose for this run."""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Iterator
from typing import NamedTuple


class Settings(NamedTuple):
    """Holds the choices of one run."""

    engine: str = "auto"
    """How recurrent layers are unrolled; see `tgcarry.dynamic_rnn`."""
    stand_ins: bool = False
    """Whether made-up data may stand in for a data set that is not on this disk."""
    explain: bool = False
    """Whether to tell on standard error what is translated and replaced."""


_current: contextvars.ContextVar[Settings] = contextvars.ContextVar("tgcarry_legacy_settings")
_DEFAULT = Settings()


def current() -> Settings:
    """Returns the settings of the run that this code is part of."""
    return _current.get(_DEFAULT)


@contextlib.contextmanager
def using(settings: Settings) -> Iterator[None]:
    """Makes `settings` current inside the block."""
    token = _current.set(settings)
    try:
        yield
    finally:
        _current.reset(token)
