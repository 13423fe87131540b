"""The page: tables and curves in order, with its style, in one file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tgcarry.data.wording import because
from tgcarry.errors import LogError
from tgcarry.pages.curves import bars, curves
from tgcarry.pages.markup import Markup, element, join
from tgcarry.pages.runs import Run, smoothed
from tgcarry.pages.tables import (
    bad_numbers_table,
    differences_table,
    figures_table,
    versions_table,
)

_TITLE = "Training runs"
_STYLE = Markup("""
body { font: 15px/1.45 system-ui, sans-serif; color: #222; margin: 2em auto; max-width: 1120px;
  padding: 0 1em; }
h2 { margin: 2em 0 .5em; }
h3 { font-size: 1em; margin: 0 0 .3em; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; }
th, td { padding: .25em .8em .25em 0; text-align: left; vertical-align: top; font-weight: normal;
  border-bottom: 1px solid #ddd; overflow-wrap: anywhere; min-width: 4em; }
thead th { font-weight: 600; }
td { font-variant-numeric: tabular-nums; }
.figures { display: grid; grid-template-columns: repeat(auto-fill, minmax(400px, 1fr)); gap: 2em; }
figure { margin: 0; }
figcaption { font-size: .85em; }
.key { display: inline-block; margin-right: 1.2em; overflow-wrap: anywhere; }
.empty { color: #666; }
svg text { font: 12px system-ui, sans-serif; fill: #444; }
.line, .swatch path { fill: none; stroke-width: 1.6; stroke-linecap: round; }
.grid { stroke: #ddd; fill: none; }
""")


def write_page(runs: Sequence[Run], path: Path) -> None:
    """Writes the page that shows runs beside one another.

    Raises:
      LogError: it cannot be written.
    """
    try:
        path.write_text(compose(runs), encoding="utf-8")
    except OSError as error:
        raise LogError(f"{path}: cannot be written: {because(error)}") from error


def compose(runs: Sequence[Run]) -> str:
    """Puts the page together: HTML without references to anything outside of it."""
    body = element(
        "body",
        element("h1", _TITLE),
        figures_table(runs),
        _bad_numbers(runs),
        _section("Losses", _losses(runs)),
        _section("Gradients", _gradients(runs)),
        _section("Time and memory", _costs(runs)),
        element("h2", "Settings that differ"),
        differences_table(runs),
        element("h2", "Versions"),
        versions_table(runs),
    )
    head = element(
        "head",
        Markup('<meta charset="utf-8">'),
        Markup('<meta name="viewport" content="width=device-width">'),
        element("title", _TITLE),
        element("style", _STYLE),
    )
    return f"<!DOCTYPE html>\n{element('html', head, body, lang='en')}\n"


def _bad_numbers(runs: Sequence[Run]) -> Markup:
    table = bad_numbers_table(runs)
    return join() if table is None else join(element("h2", "Bad numbers"), table)


def _losses(runs: Sequence[Run]) -> list[Markup]:
    figures = []
    for kind, title in (("validation", "Validation loss"), ("train", "Training loss, smoothed")):
        for x, label in (("chunks", "chunks read"), ("step", "optimiser steps")):
            lines = [(run, run.points(kind, x, "loss")) for run in runs]
            if kind == "train":
                lines = [(run, smoothed(points)) for run, points in lines]
            figures.append(curves(f"{title}, over {label}", label, "loss per scored step", lines))
    return figures


def _gradients(runs: Sequence[Run]) -> list[Markup]:
    figures = []
    for key, title in (
        ("upstream_norm", "Largest carried gradient that entered a chunk of the step"),
        ("grad_norm", "Gradient of the step, before clipping"),
    ):
        lines = [(run, run.points("train", "step", key)) for run in runs]
        figures.append(curves(title, "optimiser steps", "norm", lines, log=True))
    figures += _if_known(runs, "clipped", "Carried gradients that were clipped", "in the step")
    title = "How far back the gradient of one chunk's loss reaches"
    lines = [(run, run.carry_norms()) for run in runs]
    away = "chunk boundaries back from the loss"
    return [*figures, curves(title, away, "norm of the carried gradient", lines, log=True)]


def _costs(runs: Sequence[Run]) -> list[Markup]:
    lines = [(run, run.speed()) for run in runs]
    memory = [(run, run.summed_up("peak_memory_mib")) for run in runs]
    known = [(run, value) for run, value in memory if value is not None]
    return [
        curves("Speed of training, smoothed", "seconds of training", "chunks per second", lines),
        bars("Peak memory of the process", "MiB", known),
        *_if_known(runs, "memory_mib", "Memory of the process", "MiB"),
    ]


def _if_known(runs: Sequence[Run], key: str, title: str, unit: str) -> list[Markup]:
    """Draws a figure of training, or else of validation, over the steps, if any line holds it."""
    kinds = ("train", "validation")
    points = [[run.points(kind, "step", key) for kind in kinds] for run in runs]
    lines = [(run, train or held) for run, (train, held) in zip(runs, points, strict=True)]
    return [curves(title, "optimiser steps", unit, lines)] if any(p for _, p in lines) else []


def _section(title: str, figures: Sequence[Markup]) -> Markup:
    return join(element("h2", title), element("div", *figures, class_="figures"))
