"""What an earlier attempt at a run has left in its folder, and whether it can be gone on with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from tgcarry import fingerprint, logs
from tgcarry.errors import RunError
from tgcarry.options import TrainOptions

# What does not change how a schedule goes over the chunks.
_NO_MATTER = (
    *("engine", "learning_rate", "clip_norm", "reduce", "eval_every", "steps", "epochs"),
    *("parts", "segment", "synthetic_rate"),
)

_REMEDY = (
    "--override_config to go on all the same, --overwrite to remove the run, or another --logdir"
)


class Earlier(NamedTuple):
    """Holds the configuration that a run was begun with, and its summary if it has finished."""

    folder: Path
    config: dict[str, Any]
    summary: dict[str, Any] | None

    def check_options(self, now: Mapping[str, Any], override: bool) -> None:
        """Refuses other options than those of the run, unless they are to be overridden.

        Raises:
          RunError: it does; the differences are shown.
        """
        found = fingerprint.differences(self.config.get("options"), as_json(now))
        if found and not override:
            raise RunError(
                f"{self.folder}: holds a run of other options ({'; '.join(found)}): give those, "
                f"or {_REMEDY}"
            )

    def check_data(self, now: str, override: bool) -> None:
        """Refuses other data, likewise."""
        if self.config.get("data") != now and not override:
            raise RunError(
                f"{self.folder}: holds a run on other data, though the options are the same: "
                f"bring back the data as they were, or {_REMEDY}"
            )

    def is_finished(self, config: Mapping[str, Any]) -> bool:
        """Says whether there is nothing to be done to have run what `config` says."""
        same = all(self.config.get(key) == as_json(config[key]) for key in ("options", "data"))
        return self.summary is not None and same

    def same_schedule(self, options: Mapping[str, Any]) -> bool:
        """Says whether under these options chunks are visited as they were."""
        before, now = dict(self.config.get("options") or {}), dict(as_json(options))
        for name in (*_NO_MATTER, "data"):
            before.pop(name, None)
            now.pop(name, None)
        return before == now

    def same_data(self, options: Mapping[str, Any], data: str) -> bool:
        """Says whether the chunks are those of the run, as far as there are as many."""
        before = dict(self.config.get("options") or {}).get("data")
        return before == as_json(options)["data"] and self.config.get("data") == data


def find_earlier(folder: Path) -> Earlier | None:
    """Reads what an earlier attempt has left; None if there was none.

    Raises:
      LogError: its configuration is damaged.
    """
    if not (folder / logs.CONFIG).exists():
        return None
    config = logs.read_config(folder)
    if isinstance(config.get("options"), dict):
        config["options"] = _with_defaults(config["options"])
    done = (folder / logs.SUMMARY).exists()
    return Earlier(folder, config, logs.read_summary(folder) if done else None)


def _with_defaults(options: dict[str, Any]) -> dict[str, Any]:
    """Adds options that an earlier version did not know; it did as their defaults say."""
    defaults = as_json(asdict(TrainOptions()))
    data = options.get("data")
    filled = _filled(options, defaults)
    return (
        {**filled, "data": _filled(data, defaults["data"])} if isinstance(data, dict) else filled
    )


def _filled(values: dict[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    # In the order of the file, in which differences are told.
    return values | {key: value for key, value in defaults.items() if key not in values}


def as_json(values: Any) -> Any:
    """Returns values as they come back from JSON."""
    return json.loads(json.dumps(values))
