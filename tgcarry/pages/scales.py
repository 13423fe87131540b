"""Where values lie along an axis, and which of them are written beside it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

# Beyond these nothing is drawn: the arithmetic of an axis needs room on either side.
LARGEST, SMALLEST = 1e300, 1e-300
_TICKS = 5


class Scale(NamedTuple):
    """Maps values between `low` and `high` to 0 ... 1."""

    low: float
    high: float
    logarithmic: bool

    def place(self, value: float) -> float | None:
        """Returns where a value lies; None for one that the axis cannot show."""
        if abs(value) > LARGEST:
            return None
        if not self.logarithmic:
            return (value - self.low) / (self.high - self.low)
        if value < SMALLEST:
            return None
        low, high = math.log10(self.low), math.log10(self.high)
        return (math.log10(value) - low) / (high - low)

    def ticks(self) -> list[tuple[float, str]]:
        """Lists the values to write beside the axis, with their text."""
        return self._decades() if self.logarithmic else self._round()

    def _round(self) -> list[tuple[float, str]]:
        rough = (self.high - self.low) / _TICKS
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(n * power for n in (1, 2, 5, 10, 20) if n * power >= rough)
        first, last = math.ceil(self.low / step), math.floor(self.high / step)
        digits = 4 + max(0, math.ceil(math.log10(max(abs(first), abs(last), 1) / 1000)))
        return [(k * step, f"{k * step:.{digits}g}") for k in range(first, last + 1)]

    def _decades(self) -> list[tuple[float, str]]:
        low, high = (round(math.log10(value)) for value in (self.low, self.high))
        step = max(1, -(-(high - low) // _TICKS))
        return [(10.0**k, f"1e{k}") for k in range(low, high + 1, step)]


def linear(values: Iterable[float]) -> Scale | None:
    """Makes a scale that holds the values; None if there are none that can be shown."""
    shown = [value for value in values if abs(value) <= LARGEST]
    if not shown:
        return None
    low, high = min(shown), max(shown)
    largest = max(abs(low), abs(high))
    if high - low <= max(1e-9 * largest, SMALLEST):
        pad = 0.05 * largest if largest > SMALLEST else 1.0
        low, high = low - pad, high + pad
    return Scale(low, high, logarithmic=False)


def logarithmic(values: Iterable[float]) -> Scale | None:
    """Makes a scale of whole decades that holds the positive values; None if there are none."""
    shown = [value for value in values if SMALLEST <= value <= LARGEST]
    if not shown:
        return None
    low = math.floor(math.log10(min(shown)))
    high = max(low + 1, math.ceil(math.log10(max(shown))))
    return Scale(10.0**low, 10.0**high, logarithmic=True)
