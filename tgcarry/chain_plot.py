"""Draws which step of two chained models depends on which, as matrices side by side."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

from tgcarry import plots
from tgcarry.chain import ChainFlow
from tgcarry.data.wording import listed, shown
from tgcarry.errors import CarryError

# By mark; told apart by lightness and hatching too.
_LOOKS = {"#": ("#0055a4", ""), "~": ("#f0a060", "//"), ".": ("white", "")}


def draw_chain_flows(
    path: str | PathLike[str], flows: Mapping[str, ChainFlow], sample: int = 0
) -> Path:
    """Draws a matrix per title: a row per inner step, a column per what it may depend on.

    Blue is a gradient, white none, orange one that has vanished. Steps that the stream does not
    make are left out.

    Args:
      path: the PNG to write; needs matplotlib.
      flows: title -> `ChainFlow`, of the same number of streams.
      sample: the stream.

    Returns:
      `path`.

    Raises:
      CarryError: there is no flow, or no such stream, or it makes no inner step.
      LogError: there is no matplotlib, or the file cannot be written.
    """
    where = Path(path)
    marks = {title: flow.marks(sample) for title, flow in flows.items()}
    empty = [title for title, lines in marks.items() if not lines]
    if empty or not flows:
        raise CarryError(
            f"draw_chain_flows(flows=, sample={sample}): nothing to draw for "
            f"{listed(empty) if empty else shown(flows)}: name flows and a stream with inner steps"
        )
    across = max(len(lines[0]) for lines in marks.values())
    down = max(map(len, marks.values()))
    size = ((1.2 + 0.24 * across) * len(flows), 1.4 + 0.24 * down)
    with plots.figure(where, 1, len(flows), figsize=size, squeeze=False) as grid:
        for axes, (title, flow) in zip(grid[0], flows.items(), strict=True):
            _fill(axes, flow, marks[title], sample)
            axes.set_title(title, fontsize=9)
    return where


def _fill(axes: Any, flow: ChainFlow, marks: list[str], sample: int) -> None:
    from matplotlib.patches import Rectangle

    for r, line in enumerate(marks):
        for c, mark in enumerate(line):
            colour, hatch = _LOOKS[mark]
            axes.add_patch(
                Rectangle((c, r), 1, 1, facecolor=colour, hatch=hatch, edgecolor="#c0c0c0")
            )
    steps = [f"{i},{j}" for i, j in flow.made(sample)]
    outer = range(flow.steps.shape[1])
    names = [*steps, *(f"{name}{i}" for name in ("IR", "x") for i in outer), "outer", "inner"]
    for edge in _edges(flow, sample):
        axes.axvline(edge, color="black", linewidth=1)
    axes.set_xticks([c + 0.5 for c in range(len(names))], names, rotation=90, fontsize=7)
    axes.set_yticks([r + 0.5 for r in range(len(steps))], steps, fontsize=7)
    axes.set_xlim(0, len(names))
    axes.set_ylim(len(steps), 0)
    axes.set_aspect("equal")
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    axes.set_ylabel("Out[i][j]", fontsize=8)


def _edges(flow: ChainFlow, sample: int) -> list[int]:
    """Returns where one group of columns ends."""
    counts = [n for n in flow.steps[sample].tolist() if n]
    outer = flow.steps.shape[1]
    return [sum(counts[: k + 1]) for k in range(len(counts))] + [
        sum(counts) + outer,
        sum(counts) + 2 * outer,
    ]
