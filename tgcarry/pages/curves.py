"""Curves and bars as SVG."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import chain

from tgcarry.pages.markup import Markup, element, join
from tgcarry.pages.runs import Points, Run
from tgcarry.pages.scales import Scale, linear, logarithmic

_WIDTH, _HEIGHT = 520.0, 300.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 62.0, 12.0, 10.0, 42.0
# Points of a line, about: more than there are pixels.
_POINTS = 800


def curves(
    title: str, x: str, y: str, lines: Sequence[tuple[Run, Points]], log: bool = False
) -> Markup:
    """Draws a figure with a line for each run, and says which runs have none.

    Args:
      title: of the figure.
      x: what is written below the axis.
      y: what is written beside the axis.
      lines: runs and their points.
      log: whether y is to be logarithmic; it is where any value is above 0.
    """
    across = linear(a for _, points in lines for a, _ in points)
    values = [b for _, points in lines for _, b in points]
    up = (logarithmic(values) if log else None) or linear(values)
    if across is None or up is None:
        return _figure(title, element("p", "No run has such values yet.", class_="empty"), [])
    drawn = [_line(run, points, across, up) for run, points in lines]
    axes = join(_axis_across(across, x), _axis_up(up, y))
    keys = [_key(run, _remark(points, up)) for run, points in lines]
    return _figure(title, _svg(title, axes, *drawn), keys)


def bars(title: str, unit: str, values: Sequence[tuple[Run, float]]) -> Markup:
    """Draws a bar for each run, its value behind it."""
    scale = linear([0.0, *(v for _, v in values)])
    if scale is None or not values:
        return _figure(title, element("p", "No run has such values yet.", class_="empty"), [])
    room, drawn = _WIDTH - _LEFT - 100, []
    thick = min(28.0, (_HEIGHT - _TOP) / len(values))
    for row, (run, value) in enumerate(values):
        top, length = _TOP + row * thick, max(0.0, scale.place(value) or 0.0) * room
        drawn += [
            element(
                "rect",
                x=f"{_LEFT:g}",
                y=f"{top:.1f}",
                width=f"{length:.1f}",
                height=f"{0.7 * thick:.1f}",
                fill=run.colour,
            ),
            _text(f"{value:.4g} {unit}", _LEFT + length + 6, top + 0.5 * thick, "start"),
        ]
    return _figure(title, _svg(title, *drawn), [_key(run) for run, _ in values])


def swatch(run: Run) -> Markup:
    """Draws a bit of a run's line, to know it by."""
    bit = element(
        "path", d="M0 5H26", stroke=run.colour, stroke_dasharray=run.dash, stroke_width=2.5
    )
    return element("svg", bit, class_="swatch", width=26, height=10, viewBox="0 0 26 10")


def thinned(points: Sequence[tuple[float, float]], most: int = _POINTS) -> Points:
    """Leaves about `most` of the points: of each stretch the lowest and the highest."""
    if len(points) <= most:
        return list(points)
    size = math.ceil(2 * len(points) / most)
    kept: Points = []
    for start in range(0, len(points), size):
        places = range(start, min(start + size, len(points)))
        ends = {min(places, key=lambda k: points[k][1]), max(places, key=lambda k: points[k][1])}
        kept += [points[k] for k in sorted(ends)]
    return kept


def _line(run: Run, points: Points, across: Scale, up: Scale) -> Markup:
    """Draws a run's line; it has gaps where a value cannot be shown."""
    parts = []
    for stretch in _stretches(thinned(points), across, up):
        places = [f"{x:.1f} {y:.1f}" for x, y in stretch]
        # A point alone has no length; a round end makes a dot of it.
        parts.append("M" + "L".join(places if len(places) > 1 else places * 2))
    return element(
        "path",
        element("title", run.name),
        d="".join(parts),
        stroke=run.colour,
        stroke_dasharray=run.dash,
        class_="line",
    )


def _stretches(points: Points, across: Scale, up: Scale) -> Iterator[Points]:
    stretch: Points = []
    for a, b in chain(points, [(math.inf, math.inf)]):
        x, y = across.place(a), up.place(b)
        if x is not None and y is not None:
            stretch.append((_to_x(x), _to_y(y)))
        elif stretch:
            yield stretch
            stretch = []


def _axis_across(scale: Scale, label: str) -> Markup:
    bottom = _HEIGHT - _BOTTOM
    parts = [_text(label, _to_x(0.5), _HEIGHT - 6, "middle")]
    for value, text in scale.ticks():
        x = _to_x(scale.place(value) or 0.0)
        parts.append(element("path", d=f"M{x:.1f} {_TOP:g}V{bottom + 4:g}", class_="grid"))
        parts.append(_text(text, x, bottom + 17, "middle"))
    return join(*parts)


def _axis_up(scale: Scale, label: str) -> Markup:
    turned = f"rotate(-90 12 {_to_y(0.5):g})"
    parts = [_text(label, 12, _to_y(0.5), "middle", transform=turned)]
    for value, text in scale.ticks():
        y = _to_y(scale.place(value) or 0.0)
        parts.append(
            element("path", d=f"M{_LEFT - 4:g} {y:.1f}H{_WIDTH - _RIGHT:g}", class_="grid")
        )
        parts.append(_text(text, _LEFT - 7, y + 4, "end"))
    return join(*parts)


def _remark(points: Points, up: Scale) -> str:
    if not points:
        return "no values"
    if not any(up.place(y) is not None for _, y in points):
        return "0 throughout" if all(y == 0 for _, y in points) else "nothing above 0"
    return ""


def _key(run: Run, remark: str = "") -> Markup:
    named = join(swatch(run), " ", run.name, f" ({remark})" if remark else "")
    return element("span", named, class_="key")


def _figure(title: str, drawing: Markup, keys: Sequence[Markup]) -> Markup:
    return element("figure", element("h3", title), drawing, element("figcaption", *keys))


def _svg(title: str, *parts: Markup) -> Markup:
    size = f"0 0 {_WIDTH:g} {_HEIGHT:g}"
    return element("svg", *parts, viewBox=size, role="img", aria_label=title)


def _text(text: str, x: float, y: float, anchor: str, **attributes: object) -> Markup:
    where = {"x": f"{x:.1f}", "y": f"{y:.1f}", "text_anchor": anchor, **attributes}
    return element("text", text, **where)


def _to_x(share: float) -> float:
    return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)


def _to_y(share: float) -> float:
    return _HEIGHT - _BOTTOM - share * (_HEIGHT - _BOTTOM - _TOP)
