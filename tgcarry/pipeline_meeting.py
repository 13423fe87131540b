"""What ranks agree on before they pass a sequence along, and tell one another behind a window."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from tgcarry.cluster import Group
from tgcarry.data.wording import because
from tgcarry.errors import ClusterError, NumericsError, TgcarryError
from tgcarry.pipeline_loop import GivenUpError, PipelineLoop
from tgcarry.pipeline_plan import Costs

# How a rank's window ended; the worst is the highest.
_WHOLE, _GIVEN_UP, _BAD, _FAILED = range(4)


class _Row(NamedTuple):
    """Is what a rank tells the others of a window, or a column of each; metrics follow."""

    kind: Any
    stop: Any
    steps: Any
    seconds: Any
    waited: Any
    loss: Any
    time_steps: Any
    upstream_norm: Any
    forwards: Any
    forward_seconds: Any
    backwards: Any
    backward_seconds: Any


class Agreed(NamedTuple):
    """Holds what ranks have found out together."""

    batch: int
    """Streams of every chunk."""
    blob: bytes
    """What rank 0 gave."""


class Windowed(NamedTuple):
    """Holds sums over all ranks, of one window."""

    arrays: list[np.ndarray]
    loss: float
    metrics: dict[str, float]
    time_steps: int
    upstream_norm: float
    """The largest of a chunk's."""
    stop: bool
    """Whether some rank is to stop."""
    bubble: float
    """The share of all ranks' time in which they had nothing to do."""
    idle: tuple[float, ...]
    """The same by rank."""
    costs: Costs
    """Seconds that visits took in the mean; those of messages are not known."""


class PipelineReport(NamedTuple):
    """Tells of one optimiser step of ranks that share out one sequence.

    All but `seconds` is the same on every rank.
    """

    step: int
    """Optimiser steps so far, this one included."""
    chunks: range
    """Numbers of the window's chunks."""
    loss: float
    """Sum of the chunks' losses, over all streams."""
    metrics: dict[str, float]
    """Sums of `build_chunk(metrics=)`."""
    time_steps: int
    """Real time steps over all streams."""
    grad_norm: float
    """Global norm of the applied gradient, before clipping."""
    upstream_norm: float
    """Largest norm of the upstream that entered a chunk's end, over all streams."""
    seconds: float
    """Wall time of the window and the step."""
    bubble: float
    """The share of the ranks' time, from 0 to 1, in which they waited for messages, or for others
    to come to the window's end. Beside it `plan.bubble` is what was to be expected."""
    idle: tuple[float, ...]
    """The same by rank."""
    costs: Costs
    """Seconds that a chunk of one part took in the mean, to plan with; for messages 0."""


def agree(group: Group, look: Callable[[], tuple[Mapping[str, Any], bytes]]) -> Agreed:
    """Makes sure that all ranks are about to do the same.

    Args:
      group: the ranks.
      look: says what this rank is about to do, as JSON; its "batch" may be None where the rank
        cannot know. And what it has for all, of which rank 0's counts.

    Raises:
      ClusterError: they are not, or another rank cannot look.
      Exception: `look`'s own, of which the others are told.
    """
    try:
        said, blob = look()
    except Exception as error:
        group.exchange(_with_length({"error": _told(error)}))
        raise
    told, blobs = zip(*map(_parted, group.exchange(_with_length(said) + blob)), strict=True)
    for rank, other in enumerate(told):
        if "error" in other:
            raise ClusterError(f"rank {rank}: {other['error']}")
    for rank, other in enumerate(told):
        for name, value in told[0].items():
            if name != "batch" and other.get(name) != value:
                raise ClusterError(
                    f"rank {rank} has {name} {other.get(name)} and rank 0 has {value}: start all "
                    f"ranks alike"
                )
    batches = {other["batch"]: rank for rank, other in enumerate(told) if other["batch"]}
    if len(batches) != 1:
        raise ClusterError(
            f"ranks {list(batches.values())} have chunks of {list(batches)} streams: give every "
            f"rank chunks of the same streams"
        )
    return Agreed(next(iter(batches)), blobs[0])


def meet(
    group: Group,
    loop: PipelineLoop,
    arrays: Sequence[np.ndarray],
    *,
    steps: int,
    seconds: float,
    stop: bool = False,
) -> Windowed:
    """Adds up what the ranks have of a window.

    Args:
      group: the ranks.
      loop: that has played it.
      arrays: to be summed.
      steps: optimiser steps so far.
      seconds: since this rank began with the window.
      stop: whether this rank is to stop.

    Raises:
      NumericsError, ClusterError: the window came to nothing by what another rank says.
      GivenUpError: on every rank, if one gave it up.
      Exception: or by this rank's own error.
    """
    tally, error = loop.tally, loop.error
    row = _Row(
        _kind(error),
        stop,
        steps,
        seconds,
        tally.waited,
        tally.loss,
        tally.time_steps,
        tally.upstream_norm,
        *(tally.visits[False], tally.seconds[False]),
        *(tally.visits[True], tally.seconds[True]),
    )
    sums, table = group.sum(arrays, [*row, *tally.metrics.values()])
    each = _Row(*table.T[: len(row)])
    _raise_why(group, each.kind, error)
    if len(set(each.steps)) > 1:
        raise ClusterError(
            f"the ranks stand at different optimiser steps ({[int(n) for n in each.steps]}): go "
            f"on from one position"
        )
    span = max(float(each.seconds.max()), 1e-9)
    # All ranks began when the sum before was there; until the last one is here they wait.
    idle = (span - each.seconds + each.waited) / span
    metrics = table[:, len(row) :].sum(axis=0)
    return Windowed(
        arrays=sums,
        loss=float(each.loss.sum()),
        metrics=dict(zip(tally.metrics, map(float, metrics), strict=True)),
        time_steps=int(each.time_steps.sum()),
        upstream_norm=float(each.upstream_norm.max()),
        stop=bool(each.stop.any()),
        bubble=float(idle.mean()),
        idle=tuple(map(float, idle)),
        costs=Costs(
            float(each.forward_seconds.sum() / max(each.forwards.sum(), 1)),
            float(each.backward_seconds.sum() / max(each.backwards.sum(), 1)),
            0.0,
        ),
    )


def _kind(error: Exception | None) -> int:
    if error is None:
        return _WHOLE
    if isinstance(error, GivenUpError):
        return _GIVEN_UP
    return _BAD if isinstance(error, NumericsError) else _FAILED


def _raise_why(group: Group, kinds: np.ndarray, error: Exception | None) -> None:
    """Raises this rank's error or, after a failure elsewhere, what the others say of it."""
    worst = kinds.max()
    if worst == _WHOLE:
        return
    if worst == _GIVEN_UP:
        raise GivenUpError
    failed = _kind(error) > _GIVEN_UP
    told = group.exchange(_told(error).encode() if error is not None and failed else b"")
    if error is not None and failed:
        raise error
    rank = int(kinds.argmax())
    text = f"rank {rank}: {told[rank].decode(errors='replace')}"
    raise (ClusterError if worst == _FAILED else NumericsError)(text)


def _told(error: Exception) -> str:
    """Says in a line what another rank is to know of an error."""
    if isinstance(error, TgcarryError):
        return str(error)
    return f"{type(error).__name__}: {because(error)}"


def _with_length(said: Mapping[str, Any]) -> bytes:
    text = json.dumps(said).encode()
    return len(text).to_bytes(8, "big") + text


def _parted(blob: bytes) -> tuple[dict[str, Any], bytes]:
    length = int.from_bytes(blob[:8], "big")
    said: dict[str, Any] = json.loads(blob[8 : 8 + length])
    return said, blob[8 + length :]
