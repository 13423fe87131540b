"""Measures one case: all its rows side by side, in rounds that alternate between them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmark_peers.cases import CASES, flops, make_arrays
from benchmark_peers.figures import ratio, round_medians, spread
from benchmark_peers.peers import Row
from benchmark_peers.process import BenchmarkError, PeerError, PeerMissing, Worker
from benchmark_peers.results import LONG
from benchmark_peers.truth import deviation, true_gradients
from benchmark_peers.work import Work

# A pool's threads may spin for a while after their last work; the next worker starts when
# they sleep.
SETTLE = 0.1
MOST_CALLS = 50
SLOW = 10.0


@dataclass(frozen=True)
class Settings:
    """Holds how much is measured."""

    rounds: int
    seconds: float
    """About how long each row runs in each round."""
    seed: int
    timeout: float
    say: Callable[[str], None]
    """Told of progress, and of what was left out."""


@dataclass
class Measured:
    """Holds what is known of one row so far."""

    row: Row
    worker: Worker
    option: dict[str, Any]
    first_call: float
    first_result: float
    seconds: list[list[float]]
    calls: int
    """Of each turn."""


def measure_case(
    cell: str, name: str, rows: Sequence[Row], settings: Settings, folder: Path
) -> dict[str, Any]:
    """Measures all rows on one case.

    Each row runs in a fresh process, and all of them stay until the last round is over. In a
    round each has its turn, a few calls long; a row sleeps while the others run.

    Returns:
      Everything that is reported of the case, ready for JSON.

    Raises:
      BenchmarkError: the first row, which the others are compared with, cannot be measured.
    """
    work = CASES[name].work(cell)
    arrays = make_arrays(work, settings.seed)
    data = folder / "work.npz"
    np.savez(data, **arrays)  # type: ignore[arg-type]
    skipped: dict[str, str] = {}
    with ExitStack() as stack:
        measured = _start_all(work, data, rows, settings, skipped, stack)
        _check_baseline(rows[0], skipped)
        _run_rounds(measured, settings, skipped, rows[0])
        memory, found = _finish(measured, settings, skipped, folder)
        _check_baseline(rows[0], skipped)
    errors = _check(work, arrays, measured, found)
    data.unlink()
    return {
        "cell": cell,
        "case": name,
        "title": CASES[name].title(),
        "work": work._asdict(),
        "flops": flops(work),
        "baseline": rows[0].key,
        "skipped": skipped,
        "rows": [
            {
                **_figures(work, one, measured[0]),
                "peak_memory": memory[one.row.key],
                **errors.get(one.row.key, {"error": None, "worst": None}),
                "versions": one.worker.versions,
            }
            for one in measured
        ],
    }


def _check_baseline(row: Row, skipped: dict[str, str]) -> None:
    if row.key in skipped:
        raise BenchmarkError(f"nothing to compare with: {skipped[row.key]}")


def _start_all(
    work: Work,
    data: Path,
    rows: Sequence[Row],
    settings: Settings,
    skipped: dict[str, str],
    stack: ExitStack,
) -> list[Measured]:
    measured = []
    for row in rows:
        try:
            option = _fastest(work, data, row, settings)
            measured.append(_start(work, data, row, option, settings))
            stack.callback(measured[-1].worker.close)
            settings.say(f"  {row.label}: first result after {measured[-1].first_result:.1f} s")
        except (PeerMissing, PeerError) as problem:
            _leave_out(row, problem, settings, skipped)
            _check_baseline(rows[0], skipped)
    return measured


def _start(
    work: Work, data: Path, row: Row, option: dict[str, Any], settings: Settings
) -> Measured:
    worker = Worker(row, settings.timeout)
    try:
        worker.prepare(work, data, {**row.options, **option})
        (first,) = worker.run()
        result = time.perf_counter() - worker.started
        calls = _calls(_warm(worker, first, settings.seconds), settings.seconds)
    except BaseException:
        worker.close()
        raise
    return Measured(row, worker, option, first, result, [], calls)


def _fastest(work: Work, data: Path, row: Row, settings: Settings) -> dict[str, Any]:
    """Tries a row's choices in a process that is then thrown away."""
    if len(row.choices) < 2:
        return dict(row.choices[0]) if row.choices else {}
    best: list[float] = []
    with Worker(row, settings.timeout) as worker:
        for choice in row.choices:
            worker.prepare(work, data, {**row.options, **choice})
            best.append(_warm(worker, worker.run()[0], settings.seconds))
    return dict(row.choices[best.index(min(best))])


def _warm(worker: Worker, first: float, seconds: float) -> float:
    """Repeats the work for about as long as a turn is, and returns the fastest call."""
    # What takes this long has warmed up within its first call.
    if first > SLOW:
        return first
    (second,) = worker.run()
    return min(second, *worker.run(_calls(second, seconds))) if second < seconds else second


def _calls(seconds: float, wanted: float) -> int:
    return max(1, min(MOST_CALLS, round(wanted / max(seconds, 1e-6))))


def _run_rounds(
    measured: list[Measured], settings: Settings, skipped: dict[str, str], baseline: Row
) -> None:
    time.sleep(SETTLE)
    for number in range(settings.rounds):
        # Each takes its turn behind each other's.
        place = number % len(measured)
        for one in [*measured[place:], *measured[:place]]:
            try:
                one.seconds.append(one.worker.run(one.calls))
            except PeerError as problem:
                _leave_out(one.row, problem, settings, skipped)
            time.sleep(SETTLE)
        measured[:] = [one for one in measured if one.row.key not in skipped]
        _check_baseline(baseline, skipped)


def _finish(
    measured: list[Measured], settings: Settings, skipped: dict[str, str], folder: Path
) -> tuple[dict[str, int | None], dict[str, dict[str, np.ndarray]]]:
    """Asks every row for its peak memory and, which takes more of it, for its gradients."""
    memory, found = {}, {}
    for one in measured:
        try:
            memory[one.row.key] = one.worker.memory()
            found[one.row.key] = one.worker.gradients(folder / "grads.npz")
        except PeerError as problem:
            _leave_out(one.row, problem, settings, skipped)
    measured[:] = [one for one in measured if one.row.key not in skipped]
    return memory, found


def _leave_out(row: Row, problem: Exception, settings: Settings, skipped: dict[str, str]) -> None:
    skipped[row.key] = str(problem)
    settings.say(f"skipping {problem}")


def _figures(work: Work, one: Measured, baseline: Measured) -> dict[str, Any]:
    typical = spread(round_medians(one.seconds))
    return {
        "key": one.row.key,
        "label": one.row.label,
        "option": one.option,
        "seconds": one.seconds,
        "median": typical.median,
        "quartiles": [typical.low, typical.high],
        "ratio": ratio(one.seconds, baseline.seconds)._asdict(),
        "gflops": flops(work) / typical.median / 1e9,
        "first_call": one.first_call,
        "compile": max(0.0, one.first_call - typical.median),
        "first_result": one.first_result,
        "reset_after": one.row.reset_after and work.cell == "gru",
    }


def _check(
    work: Work,
    arrays: dict[str, np.ndarray],
    measured: Sequence[Measured],
    found: dict[str, dict[str, np.ndarray]],
) -> dict[str, dict[str, Any]]:
    """Compares every row's gradients with float64, or with the first row's if that takes long."""
    truths: dict[bool, dict[str, np.ndarray] | None] = {}
    checked = {}
    for one in measured:
        after = one.row.reset_after and work.cell == "gru"
        if after not in truths:
            truths[after] = _truth(work, arrays, after, found[measured[0].row.key])
        truth = truths[after]
        if truth is not None:
            error, worst = deviation(found[one.row.key], truth)
            checked[one.row.key] = {"error": error, "worst": worst}
    return checked


def _truth(
    work: Work, arrays: dict[str, np.ndarray], after: bool, first: dict[str, np.ndarray]
) -> dict[str, np.ndarray] | None:
    if work.steps <= LONG:
        return true_gradients(work, arrays, after)
    return None if after else first
