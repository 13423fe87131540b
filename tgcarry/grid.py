"""A grid of settings: read from a small JSON file, checked, multiplied out, named.

    {"fixed": {"data": "series", "epochs": 2},
     "grid": {"policy": ["truncated", "exact"], "units": ["32", "64,32"]},
     "runs": [{"policy": "stale", "decay": 0.5}]}

are five runs: each policy of the grid with each of its units, and the one that is written out.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from tgcarry.data.wording import because, listed, named, regular_file, shown
from tgcarry.errors import DataError
from tgcarry.flag_values import Flag, known_flag, to_text

MOST_RUNS = 1000
_PARTS = ("fixed", "grid", "runs")
# A folder's name takes 255 bytes at most, and what is written beside it adds an ending.
_LONGEST_NAME = 120
_ODD = re.compile(r"[^A-Za-z0-9._+-]")


class Run(NamedTuple):
    """Holds the settings of one run: names of flags without dashes, and their values."""

    name: str
    """Follows from `changed` alone; fit for a folder."""
    settings: dict[str, str]
    """All flags that are given."""
    changed: dict[str, str]
    """Those of "grid", or of its entry in "runs"."""

    def arguments(self) -> list[str]:
        """Writes the settings as a command line."""
        return [f"--{name}={value}" for name, value in self.settings.items()]


def read_grid(
    path: str | Path,
    flags: Mapping[str, Flag],
    more: Sequence[str] = (),
    kept: Mapping[str, str] | None = None,
) -> tuple[Run, ...]:
    """Reads a grid and lists its runs: the product of "grid", its last key fastest, then "runs".

    Args:
      path: the JSON file.
      flags: those that a run takes.
      more: further settings of all runs, as on a command line; they replace those in "fixed".
      kept: flags that a grid may not set -> what to do instead.

    Raises:
      DataError: the file cannot be read, is no grid, names a flag that is not there or gives it
        a value that it does not take, says something twice, or makes more than `MOST_RUNS`.
    """
    return _Reader(regular_file(path), flags, kept or {}).runs(more)


def varied(runs: Sequence[Run]) -> list[str]:
    """Lists the flags that some run sets for itself."""
    return list(dict.fromkeys(name for run in runs for name in run.changed))


def name_of(changed: Mapping[str, str]) -> str:
    """Names a run after its settings: `policy=exact__units=64+32`.

    The order of the settings does not matter. Characters that are a nuisance in a folder's name
    become dashes, and the name then ends with a digest, so that no two are alike.
    """
    if not changed:
        return "run"
    ordered = sorted(changed.items())
    exact = "__".join(f"{name}={value}" for name, value in ordered)
    plain = [
        (name, _ODD.sub("-", value.replace("+", " ").replace(",", "+"))) for name, value in ordered
    ]
    text = "__".join(f"{name}={value}" for name, value in plain)
    lossless = all(
        value.replace("+", ",") == before
        for (_, value), (_, before) in zip(plain, ordered, strict=True)
    )
    if lossless and len(text) <= _LONGEST_NAME:
        return text
    digest = hashlib.sha256(exact.encode()).hexdigest()[:8]
    return f"{text[:_LONGEST_NAME]}-{digest}"


class _Reader:
    """Reads one file; every message begins with its name."""

    def __init__(self, path: Path, flags: Mapping[str, Flag], kept: Mapping[str, str]) -> None:
        self._path = path
        self._flags = flags
        self._kept = kept

    def runs(self, more: Sequence[str]) -> tuple[Run, ...]:
        parts = self._parts()
        ranges = self._ranges(parts.get("grid", {}))
        written_out = self._written_out(parts.get("runs", []))
        fixed = self._settings("fixed", parts.get("fixed", {}))
        for name in ranges:
            if name in fixed:
                self._refuse("grid", f"{name} is in fixed, too: leave one of them out")
        given = self._given(more)
        places = [("grid", list(ranges)), *((place, list(own)) for place, own in written_out)]
        for place, names in places:
            for name in given:
                if name in names:
                    self._refuse(place, f"{name} is given behind -- as well: leave one out")
        everywhere = {**fixed, **given}
        found = [
            Run(name_of(changed), {**everywhere, **changed}, changed)
            for changed in _product(ranges)
        ]
        found += [Run(name_of(own), {**everywhere, **own}, own) for _, own in written_out]
        self._check_unlike(found)
        return tuple(found)

    def _parts(self) -> dict[str, Any]:
        """Parses the file, as far as its three parts."""
        try:
            text = self._path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(
                f"{named(self._path)}: cannot be read: {because(error)}: give a JSON file"
            ) from error
        try:
            parts = json.loads(text, object_pairs_hook=self._once, parse_constant=self._no_number)
        except json.JSONDecodeError as error:
            raise DataError(
                f"{named(self._path)}: not JSON: line {error.lineno}, column {error.colno}: "
                f"{error.msg}"
            ) from error
        except (RecursionError, ValueError) as error:
            if isinstance(error, DataError):
                raise
            raise DataError(f"{named(self._path)}: not JSON: {because(error)}") from error
        if not isinstance(parts, dict):
            self._refuse(None, f'{shown(parts)}: give an object, {{"fixed": ..., "grid": ...}}')
        for name in parts:
            if name not in _PARTS:
                remedy = "settings belong into fixed, grid or runs" if name in self._flags else ""
                self._refuse(None, f"{shown(name)}: {remedy or 'give fixed, grid and runs only'}")
        if "grid" not in parts and "runs" not in parts:
            self._refuse(None, 'nothing to run: give "grid", "runs" or both')
        return parts

    def _once(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        values = dict(pairs)
        if len(values) < len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            self._refuse(None, f"{shown(twice)} is there twice: leave one of them out")
        return values

    def _no_number(self, text: str) -> NoReturn:
        self._refuse(None, f"{text} is no number in JSON: give a finite one")

    def _ranges(self, grid: Any) -> dict[str, list[str]]:
        """Reads the part whose product is taken."""
        if not isinstance(grid, dict):
            self._refuse(
                "grid", f'{shown(grid)}: give an object, {{"policy": ["stale", "exact"]}}'
            )
        ranges: dict[str, list[str]] = {}
        for name, values in grid.items():
            flag = self._flag("grid", name)
            if not isinstance(values, list):
                self._refuse("grid", f"{name} {shown(values)}: give a list of values")
            if not values:
                self._refuse("grid", f"{name} []: give at least one value, or leave {name} out")
            ranges[name] = self._unlike("grid", name, flag, values)
        count = math.prod(map(len, ranges.values()))
        if count > MOST_RUNS:
            factors = " x ".join(f"{len(values)} {name}" for name, values in ranges.items())
            self._refuse(
                "grid", f"{factors} are {count} runs: give at most {MOST_RUNS} in one file"
            )
        return ranges

    def _unlike(self, place: str, name: str, flag: Flag, values: list[Any]) -> list[str]:
        where, seen = self._where(place), dict[str, Any]()
        for value in values:
            text = to_text(where, name, flag, value)
            if text in seen:
                self._refuse(
                    place,
                    f"{name} has {shown(seen[text])} and {shown(value)}, which are the same: "
                    f"leave one of them out",
                )
            seen[text] = value
        return list(seen)

    def _written_out(self, runs: Any) -> list[tuple[str, dict[str, str]]]:
        if not isinstance(runs, list):
            self._refuse("runs", f"{shown(runs)}: give a list of objects")
        if len(runs) > MOST_RUNS:
            self._refuse("runs", f"{len(runs)} runs: give at most {MOST_RUNS} in one file")
        places = [f"runs, number {number}" for number in range(1, len(runs) + 1)]
        return [
            (place, self._settings(place, run)) for place, run in zip(places, runs, strict=True)
        ]

    def _settings(self, place: str, values: Any) -> dict[str, str]:
        if not isinstance(values, dict):
            self._refuse(place, f'{shown(values)}: give an object, {{"policy": "exact"}}')
        where = self._where(place)
        return {
            name: to_text(where, name, self._flag(place, name), value)
            for name, value in values.items()
        }

    def _given(self, more: Sequence[str]) -> dict[str, str]:
        """Reads settings as a command line has them: `--name=value` or `--name value`."""
        given: dict[str, str] = {}
        waiting = list(more)
        while waiting:
            word = waiting.pop(0)
            name, equals, value = word.removeprefix("--").removeprefix("-").partition("=")
            if not word.startswith("-") or not name:
                raise DataError(f"{shown(word)} behind --: give settings as --name=value")
            if name.startswith("no") and name not in self._flags and not equals:
                positive = self._flags.get(name.removeprefix("no"))
                if positive is not None and positive.kind == "bool":
                    name, equals, value = name.removeprefix("no"), "=", "false"
            flag = self._flag(None, name)
            if not equals:
                value = "true" if flag.kind == "bool" else waiting.pop(0) if waiting else ""
            if name in given:
                raise DataError(f"--{name} is there twice behind --: leave one of them out")
            given[name] = to_text("behind --", name, flag, value)
        return given

    def _flag(self, place: str | None, name: str) -> Flag:
        where = "behind --" if place is None else self._where(place)
        if name in self._kept:
            raise DataError(f"{where}: {name}: {self._kept[name]}")
        return known_flag(where, name, self._flags)

    def _check_unlike(self, runs: list[Run]) -> None:
        if not runs:
            self._refuse(None, 'nothing to run: "grid" and "runs" are empty')
        if len(runs) > MOST_RUNS:
            self._refuse(None, f"{len(runs)} runs: give at most {MOST_RUNS} in one file")
        seen = set[frozenset[tuple[str, str]]]()
        for run in runs:
            settings = frozenset(run.settings.items())
            if settings in seen:
                told = listed(run.arguments(), 6)
                self._refuse(None, f"two runs have the settings {told}: leave one of them out")
            seen.add(settings)

    def _where(self, place: str | None) -> str:
        return named(self._path) if place is None else f"{named(self._path)}: {place}"

    def _refuse(self, place: str | None, problem: str) -> NoReturn:
        raise DataError(f"{self._where(place)}: {problem}")


def _product(ranges: Mapping[str, list[str]]) -> list[dict[str, str]]:
    if not ranges:
        return []
    return [
        dict(zip(ranges, values, strict=True)) for values in itertools.product(*ranges.values())
    ]
