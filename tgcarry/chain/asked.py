"""What `chain_flow` is asked, checked: arrays that fit together, few enough steps."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from tgcarry.chain.states import check_mode
from tgcarry.data.wording import shown
from tgcarry.errors import CarryError

# Each row of each stream is a session call.
MOST_ROWS = 4096


class Asked(NamedTuple):
    """Holds the chain that is asked about."""

    inputs: np.ndarray
    """Float64 `[B, T, I]`."""
    steps: np.ndarray
    """Int32 `[B, T]`, those made."""
    inner_state: str
    cut_outer_gradient: bool
    lengths: np.ndarray | None
    """Int32 `[B]`."""
    resets: np.ndarray | None
    """Bool `[B, T]`."""
    engine: str
    seed: int


def checked(
    *,
    inputs: Any,
    inner_steps: Any,
    inner_state: Any,
    cut_outer_gradient: Any,
    sequence_length: Any,
    resets: Any,
    engine: Any,
    seed: Any,
) -> Asked:
    """Checks the arguments of `chain_flow`.

    Raises:
      CarryError: an array of a wrong kind or shape, steps that are none or too many, a mode that
        is not known, a seed that is no number of 0 or more.
    """
    check_mode("chain_flow", inner_state)
    x = _checked_inputs(inputs)
    steps, lengths = _cut_off(_checked_steps(inner_steps, x), sequence_length)
    flags = None if resets is None else _checked_resets(resets, x)
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise CarryError(f"chain_flow(seed={shown(seed)}): give an integer of 0 or more")
    cut = bool(cut_outer_gradient)
    return Asked(x, steps, inner_state, cut, lengths, flags, engine, int(seed))


def _checked_inputs(inputs: Any) -> np.ndarray:
    x = _array("inputs", inputs)
    if x.ndim != 3 or x.dtype.kind not in "fiu" or 0 in x.shape:
        raise CarryError(
            f"chain_flow(inputs=): {shown(inputs)} is {x.dtype.name} of shape {x.shape}; give "
            f"floats [batch, time, width], at least one of each"
        )
    if not np.isfinite(x).all():
        raise CarryError(f"chain_flow(inputs=): {shown(inputs)} has entries that are not finite")
    return x.astype(np.float64)


def _checked_steps(inner_steps: Any, x: np.ndarray) -> np.ndarray:
    steps = _array("inner_steps", inner_steps)
    if steps.dtype.kind not in "iu" or steps.shape not in (x.shape[1:2], x.shape[:2]):
        raise CarryError(
            f"chain_flow(inner_steps=): {shown(inner_steps)} is {steps.dtype.name} of shape "
            f"{steps.shape}; give integers, {x.shape[1:2]} or {x.shape[:2]} for inputs of shape "
            f"{x.shape}"
        )
    if steps.min() < 0 or steps.max() < 1:
        raise CarryError(
            f"chain_flow(inner_steps=): {shown(inner_steps)} has to be of 0 or more, and 1 "
            f"somewhere: without an inner step nothing depends on anything"
        )
    count = x.shape[0] * x.shape[1] * int(steps.max())
    if count > MOST_ROWS:
        raise CarryError(
            f"chain_flow(inputs=, inner_steps=): {x.shape[0]} streams of {x.shape[1]} outer "
            f"steps of up to {steps.max()} inner ones take {count} session calls, above "
            f"{MOST_ROWS}: what flows where shows with fewer"
        )
    return np.broadcast_to(steps, x.shape[:2]).astype(np.int32)


def _cut_off(steps: np.ndarray, sequence_length: Any) -> tuple[np.ndarray, np.ndarray | None]:
    """Returns the steps that are made, and the lengths."""
    if sequence_length is None:
        return steps, None
    lengths = _array("sequence_length", sequence_length)
    batch, times = steps.shape
    if lengths.dtype.kind not in "iu" or lengths.shape != (batch,):
        raise CarryError(
            f"chain_flow(sequence_length=): {shown(sequence_length)} is {lengths.dtype.name} of "
            f"shape {lengths.shape}; give {batch} integers"
        )
    made = np.where(np.arange(times) < lengths[:, None], steps, 0)
    if lengths.min() < 0 or lengths.max() > times or not made.any():
        raise CarryError(
            f"chain_flow(sequence_length=): {shown(sequence_length)} has to be from 0 to {times} "
            f"and leave an inner step"
        )
    return made.astype(np.int32), lengths.astype(np.int32)


def _checked_resets(resets: Any, x: np.ndarray) -> np.ndarray:
    flags = _array("resets", resets)
    if flags.dtype.kind != "b" or flags.shape != x.shape[:2]:
        raise CarryError(
            f"chain_flow(resets=): {shown(resets)} is {flags.dtype.name} of shape {flags.shape}; "
            f"give bools {x.shape[:2]}"
        )
    return flags


def _array(name: str, value: Any) -> np.ndarray:
    # A tensor of a graph becomes an array of one object, or refuses.
    try:
        array = np.asarray(value)
    except (TypeError, ValueError, NotImplementedError) as error:
        raise CarryError(f"chain_flow({name}=): {shown(value)} is no array: give one") from error
    if array.dtype.kind not in "biuf":
        raise CarryError(f"chain_flow({name}=): {shown(value)} is no array of numbers: give one")
    return array
