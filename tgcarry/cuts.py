"""Where a carry is cut at random, and what makes up for it where it is not; pure Python."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from numbers import Integral, Real
from typing import Any

from tgcarry.errors import PolicyError

Probability = float | Sequence[float] | Callable[[int], float]


class Cuts:
    """Draws, for each chunk's end, whether the carry is cut there.

        factor_k = 0 with probability p_k, else 1 / (1 - p_k)

    so that its mean is 1. The draw depends on the seed and on k alone: it is the same whenever
    and however often it is asked for.

    Args:
      probability: p, a number for all; or a sequence of them, begun again when it is at its end;
        or a function of k.
      seed: of the draws.
    """

    def __init__(self, probability: Probability, seed: int) -> None:
        self._probability = probability
        self._seed = int(seed)

    def factor(self, chunk: int) -> float:
        """Returns what the carry across the end of a chunk is multiplied by.

        Raises:
          PolicyError: a function gave what is no probability below 1.
        """
        p = self._at(chunk)
        # A text as a seed is hashed whole, by the same rule everywhere.
        cut = random.Random(f"{self._seed} {chunk}").random() < p
        return 0.0 if cut else 1 / (1 - p)

    def _at(self, chunk: int) -> float:
        if callable(self._probability):
            value = self._probability(chunk)
            check_probability(value, f"{_named(self._probability)}({chunk}) = ")
            return float(value)
        if isinstance(self._probability, Sequence):
            return float(self._probability[chunk % len(self._probability)])
        return float(self._probability)


def check_cuts(probability: Any, seed: Any, who: str) -> None:
    """Refuses what `Cuts` cannot draw with.

    Raises:
      PolicyError: in the name of `who`.
    """
    if isinstance(probability, str):
        check_probability(probability, f"{who}(p=", ")")
    elif isinstance(probability, Sequence):
        for place, value in enumerate(probability):
            check_probability(value, f"{who}(p[{place}]=", ")")
        if not probability:
            raise PolicyError(f"{who}(p={probability!r}): give at least one probability")
    elif not callable(probability):
        check_probability(probability, f"{who}(p=", ")")
    whole = isinstance(seed, Integral) and not isinstance(seed, bool)
    if not whole:
        raise PolicyError(f"{who}(seed={seed!r}): give a whole number")


def check_probability(value: Any, before: str, behind: str = "") -> None:
    """Refuses what is no number from 0 to below 1.

    Raises:
      PolicyError: with the value between `before` and `behind`.
    """
    number = isinstance(value, Real) and not isinstance(value, bool)
    if not (number and math.isfinite(value) and 0 <= value < 1):
        text = " ".join(repr(value).split())
        raise PolicyError(
            f"{before}{text}{behind}: give a probability from 0 to below 1; at 1 nothing is "
            f"left to make up for the cuts, which is Truncated()"
        )


def _named(function: Any) -> str:
    return str(getattr(function, "__name__", None) or type(function).__name__)
