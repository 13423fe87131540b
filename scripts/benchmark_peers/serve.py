"""A worker's side of the conversation: one JSON line in, one JSON line out.

    {"do": "prepare", "work": {...}, "data": PATH, "options": {...}}  ->  {}
    {"do": "run", "times": N}                                         ->  {"seconds": [...]}
    {"do": "memory"}                                                  ->  {"bytes": N or null}
    {"do": "gradients", "path": PATH}                                 ->  {}

Between requests a worker sleeps on its pipe. Python 3.7 reads this file too.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmark_peers.work import ERROR, MISSING, work_from


class Prepared(NamedTuple):
    """Holds one piece of work, ready to be repeated."""

    run: Callable[[], Any]
    """Does the work once, every gradient computed and looked at before it returns."""
    gradients: Callable[[], dict[str, np.ndarray]]
    """Does the work once and returns the gradients, and "loss", under the names of `Work`."""


def serve(load: Callable[[], tuple[dict[str, str], Any]]) -> None:
    """Answers requests until standard input ends.

    Args:
      load: imports the framework; returns its versions and a function of (work, arrays,
        options) that returns `Prepared`.
    """
    say = _channel()
    try:
        versions, prepare = load()
    except ImportError as error:
        say({MISSING: " ".join(str(error).split())})
        return
    say({"versions": versions})
    worker = _Worker(prepare)
    for line in sys.stdin:
        try:
            say(worker.answer(json.loads(line)))
        except Exception as error:
            say({ERROR: f"{type(error).__name__}: {' '.join(str(error).split())[:500]}"})


def _channel() -> Callable[[dict[str, Any]], None]:
    """Keeps standard output for the conversation; whatever a library prints goes to stderr."""
    stream = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def say(answer: dict[str, Any]) -> None:
        stream.write(json.dumps(answer) + "\n")
        stream.flush()

    return say


class _Worker:
    def __init__(self, prepare: Callable[..., Prepared]) -> None:
        self._prepare = prepare
        self._work: Any = None

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Does what one request asks for."""
        do = request["do"]
        if do == "prepare":
            self._work = None
            with np.load(request["data"]) as data:
                arrays = {name: data[name] for name in data.files}
            self._work = self._prepare(work_from(request["work"]), arrays, request["options"])
            return {}
        if do == "run":
            return {"seconds": [_timed(self._work.run) for _ in range(request["times"])]}
        if do == "memory":
            return {"bytes": peak_memory()}
        np.savez(request["path"], **self._work.gradients())
        return {}


def _timed(run: Callable[[], Any]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def peak_memory() -> int | None:
    """Returns the most memory that this process ever had resident, in bytes, where known."""
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return None
