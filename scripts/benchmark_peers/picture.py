"""Draws the ratios as bars, on a logarithmic scale."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

COLOURS = (
    "#0055a4",
    "#4d9de0",
    "#c44e00",
    "#7a7a7a",
    "#3b7a57",
    "#8e5ea2",
    "#b8a100",
    "#111111",
    "#e58fb1",
)


def draw(results: Mapping[str, Any], path: Path) -> None:
    """Writes a picture: how many times the first row's time each row took.

    Each cell has a panel, and another one for its cut cases, whose rows are others.

    Raises:
      ImportError: matplotlib is missing.
    """
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    groups: dict[tuple[str, bool], list[Mapping[str, Any]]] = {}
    for result in results["results"]:
        groups.setdefault((result["cell"], bool(result["work"]["chunk"])), []).append(result)
    figure, panels = pyplot.subplots(
        len(groups), 1, figsize=(9, 3.2 * len(groups)), squeeze=False, layout="constrained"
    )
    for axes, ((cell, _), found) in zip(panels[:, 0], groups.items(), strict=True):
        _panel(axes, cell, found)
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def _panel(axes: Any, cell: str, found: list[Mapping[str, Any]]) -> None:
    labels: dict[str, str] = {}
    for result in found:
        first, *others = result["rows"]
        labels.update((row["key"], row["label"]) for row in others)
    width = 0.8 / max(1, len(labels))
    for place, (key, label) in enumerate(labels.items()):
        rows = [
            (n, row["ratio"]["median"])
            for n, result in enumerate(found)
            for row in result["rows"]
            if row["key"] == key
        ]
        at = [n + (place - (len(labels) - 1) / 2) * width for n, _ in rows]
        colour = COLOURS[place % len(COLOURS)]
        # Bars rise and fall from the first row's own time.
        heights = [ratio - 1 for _, ratio in rows]
        axes.bar(at, heights, width, bottom=1, label=label, color=colour)
    axes.set_yscale("log")
    axes.axhline(1, color="black", linewidth=0.8)
    low, high = axes.get_ylim()
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter("{x:.1g}" if high < 10 * low else "")
    axes.set_xticks(range(len(found)), [f"{r['case']}\n{r['title']}" for r in found], fontsize=8)
    axes.set_ylabel(f"time / {first['label']}'s")
    axes.set_title(f"{cell.upper()}, forward and backward: above 1 is slower", fontsize=10)
    if labels:
        axes.legend(frameon=False, fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5))
