"""Reads, joins and judges what was measured, as it is in the JSON file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmark_peers.figures import geometric_mean

VERSION = 1
# Float32 rounds one part in 10^7, the gradients are sums of T * B such terms of both signs, and
# some libraries approximate tanh and sigmoid; 5e-6 was the most seen up to 20,000 steps.
TOLERANCE = 2e-5
# A million steps are too many for float64 in NumPy: both sides of the comparison round.
LONG_TOLERANCE, LONG = 1e-4, 100_000


def peak_of(results: Mapping[str, Any]) -> float:
    """Returns the machine's peak in GFLOP/s."""
    return max(results["gemm"].values())


def versions_of(results: Mapping[str, Any]) -> dict[str, str]:
    """Collects the versions of everything that was measured."""
    versions: dict[str, str] = {}
    for result in results["results"]:
        for row in result["rows"]:
            versions.update(row["versions"])
    return versions


def uncut(results: Mapping[str, Any], cell: str) -> list[Mapping[str, Any]]:
    """Returns a cell's cases that are not cut into chunks."""
    return [r for r in results["results"] if r["cell"] == cell and not r["work"]["chunk"]]


def means(results: Mapping[str, Any], cell: str) -> dict[str, float]:
    """Returns every row's geometric mean of the ratios over the cell's uncut cases."""
    found = uncut(results, cell)
    keys = {row["key"] for result in found for row in result["rows"]}
    by_key = {key: [ratio_of(result, key) for result in found] for key in keys}
    return {
        key: geometric_mean([ratio for ratio in ratios if ratio is not None])
        for key, ratios in sorted(by_key.items())
        if None not in ratios
    }


def ratio_of(result: Mapping[str, Any], key: str) -> float | None:
    """Returns a row's ratio to the first row, None where the case has no such row."""
    for row in result["rows"]:
        if row["key"] == key:
            return float(row["ratio"]["median"])
    return None


def with_means(results: dict[str, Any]) -> dict[str, Any]:
    """Adds every cell's geometric means."""
    cells = dict.fromkeys(result["cell"] for result in results["results"])
    return {**results, "geometric_means": {cell: means(results, cell) for cell in cells}}


def joined(results: dict[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Joins two measurements of one machine; a case that both have is the later one's.

    Raises:
      ValueError: they are not of one machine, or not of the same arrays.
    """
    for name in ("machine", "settings"):
        mine, others = _but_rounds(results[name]), _but_rounds(more[name])
        if mine != others:
            raise ValueError(f"its {name} is {others}, the first file's is {mine}: show it alone")
    cases = {(r["cell"], r["case"]): r for r in [*results["results"], *more["results"]]}
    gemm = {name: max(rate, more["gemm"][name]) for name, rate in results["gemm"].items()}
    skipped = list(dict.fromkeys([*results["skipped"], *more["skipped"]]))
    return {
        **results,
        "gemm": gemm,
        "skipped": skipped,
        "failed": [*results["failed"], *more["failed"]],
        "results": list(cases.values()),
    }


def _but_rounds(told: Mapping[str, Any]) -> dict[str, Any]:
    """Leaves out what every row tells for itself, and numbers finer than they are printed."""
    kept = {k: v for k, v in told.items() if k != "rounds"}
    # The system's own share of the memory may differ by some pages.
    return kept | ({"memory_gib": round(kept["memory_gib"])} if "memory_gib" in kept else {})


def rounds_of(results: Mapping[str, Any]) -> str:
    """Says how many rounds were measured: of all cases, or the fewest and the most."""
    counts = {len(row["seconds"]) for result in results["results"] for row in result["rows"]}
    counts = counts or {results["settings"]["rounds"]}
    few, most = min(counts), max(counts)
    return f"{few} rounds" if few == most else f"{few} to {most} rounds"


def problems(results: Mapping[str, Any]) -> list[str]:
    """Lists what failed or cannot be true: wrong gradients, figures above the machine's peak."""
    found, peak = list(results["failed"]), peak_of(results)
    for result in results["results"]:
        limit = TOLERANCE if result["work"]["steps"] <= LONG else LONG_TOLERANCE
        for row in result["rows"]:
            where = f"{case_title(result)}: {row['label']}"
            if row["error"] is not None and not row["error"] <= limit:
                found.append(
                    f"{where}: the gradient of {row['worst']} is off by {row['error']:.1e} "
                    f"(at most {limit:g})"
                )
            if row["gflops"] > peak:
                found.append(
                    f"{where}: {row['gflops']:.0f} GFLOP/s is above the machine's {peak:.0f}: "
                    f"work was left out, or is counted wrongly"
                )
    return found


def case_title(result: Mapping[str, Any]) -> str:
    """Names a case: its cell and sizes."""
    return f"{result['cell'].upper()}, {result['case']}: {result['title']}"
