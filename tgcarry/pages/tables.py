"""Tables: the runs' figures, the settings in which they differ, and their versions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from tgcarry.pages.curves import swatch
from tgcarry.pages.markup import Markup, element, join
from tgcarry.pages.runs import Run

_NONE = "-"
# Characters of a setting that are shown; a vocabulary is longer.
_SHOWN = 60
# Bad numbers of a run that are listed; thousands are no more telling.
_LISTED = 20


def figures_table(runs: Sequence[Run]) -> Markup:
    """Tabulates what the runs came to, a row for each."""
    header = [
        *("run", "state", "policy", "steps", "chunks", "training loss", "validation loss"),
        *("best", "perplexity", "ms/step", "peak memory, MiB", "attempts", "bad numbers"),
    ]
    rows = [[_named(run), *_figures(run)] for run in runs]
    return _table(header, rows)


def bad_numbers_table(runs: Sequence[Run]) -> Markup | None:
    """Tabulates where numbers went bad, and what was done; None if that was nowhere."""
    rows = []
    for run in runs:
        events = run.bad_numbers()
        for event in events[:_LISTED]:
            cells = [_as_cell(event.get(key)) for key in ("step", "chunk", "action", "what")]
            rows.append([_named(run), *cells])
        if len(events) > _LISTED:
            rows.append([_named(run), *[_NONE] * 3, f"and {len(events) - _LISTED} more"])
    return _table(["run", "step", "chunk", "action", "what"], rows) if rows else None


def differences_table(runs: Sequence[Run]) -> Markup:
    """Tabulates the settings in which the runs differ, nested ones as `options.data.batch`."""
    settings = [flattened(run.contents.config, without=("versions",)) for run in runs]
    keys = differing(settings)
    if not keys:
        same = "The runs have the same settings." if len(runs) > 1 else "There is one run only."
        return element("p", same, class_="empty")
    return _settings_table(runs, settings, keys)


def versions_table(runs: Sequence[Run]) -> Markup:
    """Tabulates what the runs ran on."""
    versions = [run.contents.config.get("versions") for run in runs]
    settings = [flattened(given) if isinstance(given, dict) else {} for given in versions]
    keys = sorted({key for given in settings for key in given})
    if not keys:
        return element("p", "No run says.", class_="empty")
    return _settings_table(runs, settings, keys)


def flattened(values: dict[str, Any], *, without: Sequence[str] = ()) -> dict[str, Any]:
    """Lays out nested settings under dotted names; lists stay whole."""
    found = {}
    for key, value in values.items():
        if key in without:
            continue
        if isinstance(value, dict) and value:
            found.update({f"{key}.{name}": one for name, one in flattened(value).items()})
        else:
            found[key] = value
    return found


def differing(settings: Sequence[dict[str, Any]]) -> list[str]:
    """Lists the names whose values are not the same everywhere; missing is a value, too."""
    keys = sorted({key for given in settings for key in given})
    return [key for key in keys if len({_as_text(given, key) for given in settings}) > 1]


def _settings_table(
    runs: Sequence[Run], settings: Sequence[dict[str, Any]], keys: Sequence[str]
) -> Markup:
    rows = [[key, *(_clipped(_as_text(given, key)) for given in settings)] for key in keys]
    return _table(["setting", *map(_named, runs)], rows)


def _figures(run: Run) -> list[str]:
    options = run.contents.config.get("options")
    policy = (run.contents.summary or {}).get("policy")
    if policy is None and isinstance(options, dict):
        policy = options.get("policy")
    return [
        "finished" if run.finished else "not finished",
        _NONE if policy is None else str(policy),
        _amount(run.last("train", "step")),
        _amount(run.last("train", "chunks")),
        _amount(run.last("train", "loss")),
        _amount(run.last("validation", "loss")),
        _amount(run.best()),
        _amount(run.perplexity()),
        _amount(run.milliseconds_per_step()),
        _amount(run.summed_up("peak_memory_mib")),
        run.attempts() or _NONE,
        str(len(run.bad_numbers())),
    ]


def _named(run: Run) -> Markup:
    return join(swatch(run), " ", run.name)


def _amount(value: float | None) -> str:
    if value is None:
        return _NONE
    return str(value) if isinstance(value, int) and abs(value) < 1e12 else f"{value:.5g}"


def _as_cell(value: Any) -> str:
    if value is None or value == -1:
        return _NONE
    return value if isinstance(value, str) else json.dumps(value)


def _as_text(given: dict[str, Any], key: str) -> str:
    if key not in given:
        return _NONE
    value = given[key]
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def _clipped(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Markup:
    head = element("tr", *(element("th", cell, scope="col") for cell in header))
    body = [
        element(
            "tr",
            element("th", row[0], scope="row"),
            *(element("td", cell) for cell in row[1:]),
        )
        for row in rows
    ]
    table = element("table", element("thead", head), element("tbody", *body))
    return element("div", table, class_="wide")
