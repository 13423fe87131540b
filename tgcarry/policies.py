"""Policies: where the upstream of a chunk comes from, and in which order chunks are visited.

A policy only plans: it turns the breaks of a stream of chunks into `tgcarry.schedule` steps.
It never sees a session, a tensor or the runner.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, Protocol, runtime_checkable

from tgcarry import schedule
from tgcarry.budget import to_bytes
from tgcarry.errors import PolicyError


@runtime_checkable
class Policy(Protocol):
    """Plans the visits of a stream of chunks; implement it to bring a policy of your own.

    The same breaks have to give the same steps: a run that goes on after an interruption has
    its policy plan again what was done already. A policy with an attribute `clip_norm` has its
    upstreams scaled down to this norm.
    """

    @property
    def revisits(self) -> bool:
        """Says whether a chunk is visited more than once, so that it must be readable again."""
        ...

    def schedule(self, breaks: Iterable[bool]) -> Iterator[schedule.Step]:
        """Yields the steps for chunks whose `breaks` say where nothing is carried in."""
        ...


@dataclass(frozen=True)
class Truncated:
    """Drops the gradient at every chunk's end: the classic truncated back-propagation.

        upstream_k = 0

    One optimiser step per chunk. Biased: whatever a chunk owes to losses after it is lost.

    Source: Williams and Peng 1990, "An efficient gradient-based algorithm for on-line
      training of recurrent network trajectories", Neural Computation 2(4).
    """

    @property
    def revisits(self) -> bool:
        """Is False: each chunk is visited once."""
        return False

    def schedule(self, breaks: Iterable[bool]) -> Iterator[schedule.Step]:
        """Yields `backward k upstream zero advance` and `apply` for every chunk."""
        return schedule.one_by_one(breaks)


@dataclass(frozen=True)
class Stale:
    """Feeds the previous chunk's state gradient into the next one, as it stands.

        upstream_k = decay * d_{k-1},   d_k = dloss_k/ds_k + (ds_{k+1}/ds_k)^T upstream_k

    where s_k is the state that enters chunk k. One optimiser step per chunk. Biased: d_{k-1}
    was taken one chunk earlier and at another state than the one it stands for, and nothing
    says that it resembles the true upstream d_{k+1}. With `decay` near 1 it feeds on itself.

    Args:
      decay: float in [0, 1]; 0 is `Truncated`.
      clip_norm: largest norm of an upstream, over all streams and leaves; a larger one is scaled
        down to it. None for no limit.
    """

    decay: float = 1.0
    clip_norm: float | None = None

    def __post_init__(self) -> None:
        _check_share("Stale(decay", self.decay)
        _check_limit("Stale", self.clip_norm)

    @property
    def revisits(self) -> bool:
        """Is False: each chunk is visited once."""
        return False

    def schedule(self, breaks: Iterable[bool]) -> Iterator[schedule.Step]:
        """Yields `backward k upstream earlier` and `apply`; zero where a sequence starts."""
        return schedule.one_by_one(breaks, self.decay)


@dataclass(frozen=True)
class ExactSweep:
    """Visits a window of chunks forwards, then in reverse: the exact gradient of the window.

        upstream_k = d_{k+1} within the window

    One optimiser step per window, with weights frozen in between. Equals the gradient of the
    unbroken window to rounding, in the memory of one chunk and one state per chunk; costs one
    more forward pass. Windows also end where every stream starts a new sequence.

    With a memory budget, the activations of as many chunks as fit are kept from the way
    forwards, and only the others are computed twice; `Runner.plan` says how many. The budget
    is for these activations alone.

    Not exact across the end of a bounded window, where the sequence goes on: there the
    upstream is `end_decay` times the state gradient at the start of the window before
    (0, the default: dropped).

    Args:
      window: most chunks per window and optimiser step; None for the whole sequence.
      end_decay: float in [0, 1].
      memory_budget: bytes as an int, or text such as "512MiB"; None or 0 to keep nothing.
      clip_norm: largest norm of an upstream, as in `Stale`. Where one is scaled down, the
        gradient is that of a chunk whose future counts less, and not exact.

    Source: Werbos 1990, "Backpropagation through time: what it does and how to do it", Proc.
      IEEE 78(10); the recomputation of chunks from saved states is Chen et al. 2016,
      "Training deep nets with sublinear memory cost", arXiv:1604.06174.
    """

    window: int | None = None
    end_decay: float = 0.0
    memory_budget: str | int | None = None
    clip_norm: float | None = None

    def __post_init__(self) -> None:
        window: Any = self.window
        whole = isinstance(window, Integral) and not isinstance(window, bool)
        if window is not None and not (whole and window >= 1):
            raise PolicyError(
                f"ExactSweep(window={window!r}): give the number of chunks as a whole number "
                f"of at least 1, or None for the whole sequence"
            )
        _check_share("ExactSweep(end_decay", self.end_decay)
        to_bytes(self.memory_budget, "ExactSweep(memory_budget")
        _check_limit("ExactSweep", self.clip_norm)

    @property
    def revisits(self) -> bool:
        """Is True, unless every window is a single chunk."""
        return self.window != 1

    @property
    def budget(self) -> int:
        """The memory budget in bytes."""
        return to_bytes(self.memory_budget)

    def schedule(self, breaks: Iterable[bool], keep: int = 0) -> Iterator[schedule.Step]:
        """Yields saves and forwards over a window, then loads and backwards, then `apply`.

        The first `keep` chunks of a window are kept; the runner asks for as many as the plan for
        its chunks says.
        """
        return schedule.sweep(breaks, self.window, self.end_decay, keep)


def _check_share(what: str, value: Any) -> None:
    number = isinstance(value, Real) and not isinstance(value, bool)
    if not (number and math.isfinite(value) and 0 <= value <= 1):
        raise PolicyError(f"{what}={value!r}): give a number from 0 to 1")


def _check_limit(policy: str, value: Any) -> None:
    number = isinstance(value, Real) and not isinstance(value, bool)
    if value is not None and not (number and 0 < value < math.inf):
        raise PolicyError(
            f"{policy}(clip_norm={value!r}): give a finite number above 0, or None for no limit"
        )
