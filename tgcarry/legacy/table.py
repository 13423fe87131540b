"""The table of one module as an old program sees it: pure data."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

_NONE: Mapping[str, str] = MappingProxyType({})


class Table(NamedTuple):
    """Says what a module of the facade holds and where each name really lives."""

    module: str
    """Dotted name that a program imports, e.g. "tensorflow.contrib.rnn"."""
    names: Mapping[str, str] = _NONE
    """Name to "python.module:attribute", or to "python.module" for a module."""
    fallback: tuple[str, ...] = ()
    """Real modules to ask for all other names, in this order."""
    differs: Mapping[str, str] = _NONE
    """Name to what differs from TensorFlow 1.15, in a few words."""
    missing: Mapping[str, str] = _NONE
    """Name to what to use instead of something that is not there."""
    aliases: tuple[str, ...] = ()
    """Other dotted names of the same module."""
