"""What the runner gives back: per optimiser step, per gradient, per evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from tgcarry.errors import NumericsError


class Report(NamedTuple):
    """Tells of one optimiser step: one chunk's, or one sweep's over several chunks."""

    step: int
    """Optimiser steps taken by this runner so far, this one included."""
    chunks: range
    """Numbers of the chunks in the step, within this run."""
    loss: float
    """Sum of the chunks' losses."""
    chunk_losses: tuple[float, ...]
    """Loss of each chunk, in the order of `chunks`."""
    metrics: dict[str, float]
    """Sums of `build_chunk(metrics=)` over the chunks."""
    time_steps: int
    """Real time steps in the chunks, over all streams."""
    grad_norm: float
    """Global norm of the applied gradient, before clipping."""
    upstream_norms: tuple[float, ...]
    """Norm of the upstream that entered each chunk's end, in the order of `chunks`; of all ranks'
    streams."""
    seconds: float
    """Wall time of the step, without what the caller did between steps."""
    clipped: int = 0
    """Upstreams that were scaled down to the policy's `clip_norm`."""
    synthetic_error: float | None = None
    """Mean square of what predictions of state gradients missed, by the running mean square of
    these gradients: near 0 they are right, at 1 no better than zero. None where nothing was
    learnt from."""


class Gradients(NamedTuple):
    """Holds the gradient of a whole run of chunks; nothing was applied."""

    loss: float
    """Sum of the chunks' losses."""
    variables: dict[str, np.ndarray]
    """Gradient by variable name."""
    initial_state: Any
    """Nest like the state: gradient at the state that the run began with. With partitions a
    tuple of such nests, one per loss."""
    final_state: Any
    """Nest like the state: the state behind the last chunk."""
    metrics: dict[str, float]
    """Sums of the metrics."""


class Evaluation(NamedTuple):
    """Holds the result of a forward run over chunks."""

    loss: float
    """Sum of the chunks' losses."""
    metrics: dict[str, float]
    """Sums of the metrics."""
    time_steps: int
    """Real time steps in the chunks, over all streams."""
    final_state: Any
    """Nest like the state: the state behind the last chunk."""


def add_metrics(totals: dict[str, float], more: Mapping[str, float]) -> None:
    """Adds `more` to `totals`, name by name."""
    for name, value in more.items():
        totals[name] = totals.get(name, 0.0) + value


def check_finite(variables: Mapping[str, np.ndarray]) -> None:
    """Refuses gradients that are not finite, by name."""
    bad = [name for name, value in variables.items() if not np.isfinite(value).all()]
    if bad:
        raise NumericsError(
            f"the gradient of {', '.join(bad)} is not finite: look for a division by zero, or the "
            f"root or logarithm of zero, on the way to the loss"
        )
