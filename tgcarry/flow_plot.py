"""Draws which loss reaches which variable as a matrix."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def fill(axes: Any, flow: Any) -> None:
    """Draws a cell per entry: blue a gradient, orange an unwanted one, grey a stopped one."""
    for i in range(len(flow.losses)):
        for j in range(len(flow.variables)):
            colour, hatch = "white", ""
            if flow.reaches[i, j]:
                unwanted = flow.wanted is not None and not flow.wanted[i, j]
                colour, hatch = ("#f0a060", "//") if unwanted else ("#9cc3e6", "")
            elif flow.stopped[i, j]:
                colour = "#d0d0d0"
            corner = (i - 0.5, j - 0.5)
            axes.add_patch(_rectangle(corner, colour, hatch))
            axes.text(
                i,
                j,
                flow.cell(i, j),
                ha="center",
                va="center",
                fontsize=9,
                bbox={"facecolor": colour, "edgecolor": "none", "pad": 1.5},
            )
    axes.set_xlim(-0.5, len(flow.losses) - 0.5)
    axes.set_ylim(len(flow.variables) - 0.5, -0.5)
    axes.set_xticks(range(len(flow.losses)), plain(flow.losses))
    axes.set_yticks(range(len(flow.variables)), plain(flow.variables))
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    what = "gradient" if flow.norms is None else "norm of the gradient"
    axes.set_xlabel(f"{what} of each loss at each variable\n- not connected, ! not wanted")


def _rectangle(corner: tuple[float, float], colour: str, hatch: str) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle(corner, 1, 1, facecolor=colour, edgecolor="white", hatch=hatch, linewidth=1.5)


def plain(names: Iterable[str]) -> list[str]:
    """Keeps a dollar sign in a name from starting a formula."""
    return [name.replace("$", r"\$") for name in names]
