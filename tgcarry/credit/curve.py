"""Reads a curve of credit over the steps that it has travelled; NumPy only."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np

from tgcarry.data.wording import shown
from tgcarry.errors import RunError

Kind = Literal["vanishing", "exploding", "truncated", "steady", "none"]

# What counts as gone: less than this share of what there was.
_SHARE = 0.01
# A curve that changes less than so many times over all of its steps is called steady.
_MANY = 10.0
# No single step of a network shrinks a gradient to nothing from above this share of its largest:
# what falls off there was cut. Far below it float32 runs out of numbers.
_CUT = 1e-12

LARGEST = float(np.finfo(np.float64).max)
"""What a norm is taken for that is beyond all numbers."""


class Diagnosis(NamedTuple):
    """Says what becomes of credit on its way back."""

    kind: Kind
    factor: float
    """By what the model multiplies credit per step in the mean, from a straight line through the
    curve's logarithm, as far as that is a number; NaN if there are fewer than two positive values,
    infinite if one of them or none is a number."""
    reach: int
    """Steps back that at least a hundredth of the largest credit arrives from; 0 for none."""
    cut: int | None
    """First number of steps back that nothing arrives from although the model would carry it."""
    sentence: str
    """The same in words."""


def diagnose_curve(curve: Any, arriving: Any = None) -> Diagnosis:
    """Tells vanishing, exploding and truncated credit apart.

        truncated   less than 1% arrives from k steps back of what the model would carry from
                    there, which is at least 1% of the largest before; or the model's own
                    curve falls to exact zeros at once
        exploding   the curve rises, to ten times its first value or more; or beyond all numbers
        vanishing   the curve falls, to a tenth of its largest value or less
        steady      neither, over the steps that were measured
        none        there is no credit at all

    in that order. Rising and falling is what a straight line through the logarithm does.

    Args:
      curve: norms of d loss_t / d s_{t-k} for k = 1, 2, ..., `[K]`; not negative, infinite where
        they overflowed. What the model itself carries.
      arriving: likewise, what a policy leaves of it; the same if None.

    Returns:
      A `Diagnosis`.

    Raises:
      RunError: these are no curves, or not of one length.

    Source: vanishing and exploding as in Bengio, Simard and Frasconi 1994, "Learning long-term
      dependencies with gradient descent is difficult", IEEE Trans. Neural Networks 5(2). The
      bounds are this package's.
    """
    model = _checked(curve, "curve")
    got = model if arriving is None else _checked(arriving, "arriving")
    if len(got) != len(model):
        raise RunError(
            f"diagnose_curve: arriving has {len(got)} values and curve {len(model)}: give one "
            f"for each step back"
        )
    if not model.any():
        return Diagnosis("none", np.nan, 0, None, "none: no loss depends on a state before it")
    factor, peak, start = _factor(model), float(model.max()), _start(model)
    reach = _reach(got, peak)
    cut = _cut(model, got)
    if cut is not None:
        return Diagnosis("truncated", factor, reach, cut, _told_cut(model, got, cut, factor))
    if peak >= LARGEST:
        return Diagnosis("exploding", factor, reach, None, _told_beyond(model, factor))
    if factor > 1 and peak / _MANY >= start:
        times = peak / start if peak / LARGEST < start else np.inf
        text = f"exploding: credit grows {factor:.3g}-fold per step, {times:.3g}-fold in all"
        return Diagnosis("exploding", factor, reach, None, f"{text}, {_over(model)}")
    if factor < 1 and model[-1] <= peak / _MANY:
        text = f"vanishing: credit shrinks {factor:.3g}-fold per step"
        gone = f", and less than 1% is left beyond {reach} steps" if reach < len(model) else ""
        return Diagnosis("vanishing", factor, reach, None, f"{text}, {_over(model)}{gone}")
    left = model[-1] / start
    text = f"steady: {_over(model)} credit comes to {left:.3g} times what it is one step back"
    return Diagnosis("steady", factor, reach, None, text)


def _checked(values: Any, name: str) -> np.ndarray:
    array = np.asarray(values, np.float64)
    if array.ndim != 1 or not array.size or np.isnan(array).any() or (array < 0).any():
        raise RunError(
            f"diagnose_curve({name}={shown(values)}): give a norm of at least 0 for each step back"
        )
    return np.minimum(array, LARGEST)


def _factor(curve: np.ndarray) -> float:
    (steps,) = np.nonzero((curve > 0) & (curve < LARGEST))
    if len(steps) < 2:
        return float("nan" if np.count_nonzero(curve) < 2 else "inf")
    slope = np.polyfit(steps, np.log(curve[steps]), 1)[0]
    with np.errstate(over="ignore"):
        return float(np.exp(slope))


def _start(curve: np.ndarray) -> float:
    """Returns the first value above 0."""
    return float(curve[np.nonzero(curve)[0][0]])


def _reach(curve: np.ndarray, peak: float) -> int:
    (far,) = np.nonzero(curve >= _SHARE * peak)
    return int(far[-1]) + 1 if len(far) else 0


def _cut(model: np.ndarray, got: np.ndarray) -> int | None:
    """Returns the first k from which nothing arrives that would not have vanished anyway."""
    lost = (got < _SHARE * model) & (model >= _SHARE * np.maximum.accumulate(model))
    if lost.any():
        return int(np.argmax(lost)) + 1
    last = int(np.nonzero(model)[0][-1])
    falls = last + 1 < len(model) and model[last] >= _CUT * model.max()
    return last + 2 if falls else None


def _told_cut(model: np.ndarray, got: np.ndarray, cut: int, factor: float) -> str:
    steps = "step" if cut == 1 else "steps"
    text = f"truncated: nothing arrives from {cut} {steps} back"
    if not np.array_equal(model, got):
        start, there = _start(model), float(model[cut - 1])
        share = f"{there / start:.3g}" if there / LARGEST < start else "more than any number"
        text += f", where the model would still carry {share} times what it does one step back"
    return text + (f" ({factor:.3g}-fold per step)" if np.isfinite(factor) else "")


def _told_beyond(model: np.ndarray, factor: float) -> str:
    first = int(np.argmax(model >= LARGEST)) + 1
    grows = f"grows {factor:.3g}-fold per step and " if 1 < factor < np.inf else ""
    steps = "step" if first == 1 else "steps"
    return f"exploding: credit {grows}is beyond all numbers from {first} {steps} back"


def _over(curve: np.ndarray) -> str:
    return f"over {len(curve)} steps"
