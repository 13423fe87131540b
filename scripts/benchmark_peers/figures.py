"""Statistics of the measurements: per-round ratios, quartiles, geometric means."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Spread(NamedTuple):
    """Holds a median and the quartiles around it."""

    median: float
    low: float
    high: float


def spread(values: Sequence[float]) -> Spread:
    """Returns median and quartiles."""
    low, median, high = np.percentile(values, [25, 50, 75])
    return Spread(float(median), float(low), float(high))


def round_medians(seconds: Sequence[Sequence[float]]) -> list[float]:
    """Returns the median call of each round."""
    return [float(np.median(calls)) for calls in seconds]


def ratio(seconds: Sequence[Sequence[float]], baseline: Sequence[Sequence[float]]) -> Spread:
    """Returns how many times as long as the baseline it took, compared round by round.

    A machine that slows down for some rounds slows both, and leaves their ratio.
    """
    pairs = zip(round_medians(seconds), round_medians(baseline), strict=True)
    return spread([mine / theirs for mine, theirs in pairs])


def geometric_mean(values: Sequence[float]) -> float:
    """Returns the mean that ratios have."""
    return math.exp(sum(math.log(value) for value in values) / len(values))
