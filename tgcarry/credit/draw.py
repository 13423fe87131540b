"""Draws how far back credit travels."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tgcarry.credit.curve import LARGEST
from tgcarry.credit.measure import Credit
from tgcarry.plots import figure

_COLOURS = ("#0055a4", "#c44e00", "#3a8f3a", "#7a4fa3", "#7a7a7a")


def draw_credit(path: Path, credits: Mapping[str, Credit], chunk: int | None = None) -> Path:
    """Draws a curve for each name: solid what arrives, dotted what the model carries.

    Args:
      path: the PNG to write.
      credits: name -> what was measured.
      chunk: steps of a chunk, marked by thin lines if there are at most twenty.

    Returns:
      `path`.

    Raises:
      LogError: the file cannot be written, or there is no matplotlib.
    """
    with figure(path, figsize=(7.5, 4.2)) as axes:
        _fill(axes, credits, chunk)
    return path


def _fill(axes: Any, credits: Mapping[str, Credit], chunk: int | None) -> None:
    longest, largest = 1, 0.0
    for place, (name, credit) in enumerate(credits.items()):
        colour = _COLOURS[place % len(_COLOURS)]
        curve, arriving = credit.curve, credit.arriving
        back = np.arange(1, len(curve) + 1)
        longest, largest = max(longest, len(curve)), max(largest, *_shown(curve), 0.0)
        label = f"{name}: {credit.diagnosis.kind}"
        axes.plot(back, _shown(curve), color=colour, linestyle=":", linewidth=1.2)
        axes.plot(back, _shown(arriving), color=colour, linewidth=1.6, label=label)
    if chunk is not None and longest // chunk <= 20:
        for edge in range(chunk, longest + 1, chunk):
            axes.axvline(edge, color="#cccccc", linewidth=0.6, zorder=0)
    if largest > 0:
        axes.set_yscale("log")
    axes.set_xlabel("steps back, k")
    axes.set_ylabel("norm of d loss(t) / d state(t - k)")
    axes.set_title("How far back credit travels (dotted: what the model would carry)", fontsize=10)
    if credits:
        axes.legend(frameon=False)


def _shown(values: np.ndarray) -> np.ndarray:
    """Leaves out what a logarithmic axis cannot show: nothing, and what is beyond all numbers."""
    return np.where((values > 0) & (values < LARGEST), values, np.nan)
