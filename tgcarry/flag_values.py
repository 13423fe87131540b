"""The flags of a script, and a user's values for them in one way of writing each."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from tgcarry.data.wording import listed, shown
from tgcarry.errors import DataError

_BOOLS = {"true": "true", "t": "true", "1": "true", "false": "false", "f": "false", "0": "false"}


class Flag(NamedTuple):
    """Describes a flag of a script."""

    kind: str
    """"string", "integer", "float", "bool", "enum" or "list"."""
    choices: tuple[str, ...] | None = None
    """What an enum accepts; None where only the script itself can tell."""


def known_flag(where: str, name: str, flags: Mapping[str, Flag]) -> Flag:
    """Looks a flag up.

    Args:
      where: what the message begins with: file and place.
      name: as the user wrote it.
      flags: all that there are.

    Raises:
      DataError: there is none of that name.
    """
    if name in flags:
        return flags[name]
    close = difflib.get_close_matches(name.lstrip("-"), flags, n=1)
    remedy = f"did you mean {close[0]!r}?" if close else f"there are {listed(sorted(flags), 40)}"
    raise DataError(f"{where}: there is no flag {shown(name)}: {remedy}")


def to_text(where: str, name: str, flag: Flag, value: Any) -> str:
    """Writes a value as a command line has it, equal values alike: 1e-3 and "0.001" as "0.001".

    Not included: whatever only the script can check, such as a range.

    Args:
      where: what the message begins with: file and place.
      name: the flag's.
      flag: what it takes.
      value: a string, number, bool or, for a "list" flag, a list of strings and numbers.

    Raises:
      DataError: the flag does not take it.
    """

    def refuse(remedy: str) -> DataError:
        return DataError(f"{where}: {name} {shown(value)}: {remedy}")

    if value is None:
        raise refuse("give a value, or leave the flag out")
    if isinstance(value, bool) and flag.kind != "bool":
        raise refuse(f"this flag takes a {flag.kind}, neither true nor false")
    if isinstance(value, list):
        if flag.kind != "list":
            raise refuse('one value is wanted here: what is to vary belongs into "grid"')
        if not value or not all(_plain(one) for one in value):
            raise refuse("give at least one, each a string or a number")
        text = ",".join(map(str, value))
    elif isinstance(value, dict):
        raise refuse("give a string or a number")
    else:
        text = str(value).lower() if isinstance(value, bool) else str(value)
    if not text.strip() or not text.isprintable():
        raise refuse("give a value without line breaks, or leave the flag out")
    try:
        return _CANONICAL.get(flag.kind, _as_it_is)(text, flag)
    except ValueError as error:
        raise refuse(str(error)) from error


def _plain(value: Any) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)


def _integer(text: str, _: Flag) -> str:
    try:
        return str(int(text))
    except ValueError:
        raise ValueError("give a whole number") from None


def _float(text: str, _: Flag) -> str:
    try:
        number = float(text)
    except ValueError:
        raise ValueError("give a number") from None
    if not math.isfinite(number):
        raise ValueError("give a finite number")
    return repr(number)


def _bool(text: str, _: Flag) -> str:
    if text.lower() not in _BOOLS:
        raise ValueError("give true or false")
    return _BOOLS[text.lower()]


def _enum(text: str, flag: Flag) -> str:
    if flag.choices is not None and text not in flag.choices:
        raise ValueError(f"choose among {', '.join(flag.choices)}")
    return text


def _list(text: str, _: Flag) -> str:
    return ",".join(part.strip() for part in text.split(","))


def _as_it_is(text: str, _: Flag) -> str:
    return text


_CANONICAL = {"integer": _integer, "float": _float, "bool": _bool, "enum": _enum, "list": _list}
