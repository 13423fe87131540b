"""Policies: where the upstream of a chunk comes from, and in which order chunks are visited.

A policy only plans: it turns the breaks of a stream of chunks into `tgcarry.schedule` steps.
It never sees a session, a tensor or the runner.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, Protocol, runtime_checkable

from tgcarry import schedule
from tgcarry.budget import to_bytes
from tgcarry.cuts import Cuts, Probability, check_cuts
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
        _check_window("ExactSweep", self.window)
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


@dataclass(frozen=True)
class RandomTruncation:
    """Sweeps as `ExactSweep` does, cut at random, and weighs what is left: right in the mean.

        upstream_k = 0                      with probability p
        upstream_k = d_{k+1} / (1 - p)      otherwise

    within the window. The mean of the factor is 1 at every boundary, and the boundaries are drawn
    apart from one another, so that over the draws

        E[gradient] = that of ExactSweep(window)

    at the weights that the window is visited with. The cuts are for all streams alike and known
    beforehand: each piece between two of them is visited in reverse as soon as its end is read,
    and then its states are let go of. With p the same everywhere a piece has 1 / p chunks in the
    mean, whose states are held, and one forward visit fewer than chunks; without a window it is
    the gradient of the whole sequence that is met in the mean, however long.

    What is unbiased is the gradient, summed over the window, as the optimiser gets it. Not
    unbiased: what is made of it by clipping (here or in `build_chunk`) or by an optimiser that
    is not linear in it, such as Adam; and what lies across the end of a bounded window, which is
    dropped. Losses n boundaries ahead count with probability (1-p)^n and weight (1-p)^-n: the
    further memory has to reach, the noisier the gradient, and the smaller p ought to be.

    Draws follow from `seed` and the chunk's number in its run. Going on with a run repeats them,
    and so does a new run: give it another seed, or all epochs to one run.

    Args:
      p: probability of a cut, from 0 (`ExactSweep`) to below 1; or a sequence whose entry k is
        that at the end of chunk k, begun again at its end; or a function of k.
      window: most chunks per window, as in `ExactSweep`; None for the whole sequence.
      seed: of the draws.
      step_at_cuts: whether each piece ends in an optimiser step, as in the source, rather than
        each window. Weights then move within a sequence as under `Truncated`: the pieces'
        gradients at one set of weights still add up to the exact one in the mean. Sum them:
        `Runner(reduce="mean")` divides each by a number of chunks that was drawn with it.
      clip_norm: largest norm of an upstream, as in `Stale`. Where one is scaled down the gradient
        is no longer unbiased.

    Source: Tallec and Ollivier 2017, "Unbiasing truncated backpropagation through time",
      arXiv:1705.08209.
    """

    p: Probability
    window: int | None = None
    seed: int = 0
    step_at_cuts: bool = False
    clip_norm: float | None = None

    def __post_init__(self) -> None:
        check_cuts(self.p, self.seed, "RandomTruncation")
        if isinstance(self.p, Sequence):
            # A value that does not change, whatever becomes of the list.
            object.__setattr__(self, "p", tuple(self.p))
        _check_window("RandomTruncation", self.window)
        if not isinstance(self.step_at_cuts, bool):
            raise PolicyError(
                f"RandomTruncation(step_at_cuts={self.step_at_cuts!r}): give True or False"
            )
        _check_limit("RandomTruncation", self.clip_norm)

    @property
    def revisits(self) -> bool:
        """Is True, unless every window is a single chunk."""
        return self.window != 1

    def schedule(self, breaks: Iterable[bool]) -> Iterator[schedule.Step]:
        """Yields the steps of a sweep for each piece, with `xF` behind its upstreams."""
        cuts = Cuts(self.p, self.seed)
        return schedule.cut_sweep(breaks, cuts.factor, self.window, self.step_at_cuts)


@dataclass(frozen=True)
class Synthetic:
    """Feeds a learned prediction of the following chunk's state gradient, made from the state.

        upstream_k = M(s_{k+1})      M learns from |M(s_k) - d_k|^2 / 2 at each chunk's start

    where d_k was itself computed with M(s_{k+1}) at the chunk's end (bootstrapping): what is known
    of losses far ahead comes nearer by a chunk with every visit, as a value function does. Each
    chunk is visited once, with one optimiser step, in which the model and M move together. Biased
    as long as M is wrong, and wherever the state does not tell what will be asked of it. At first
    M is zero, and this is `Truncated`. The model must not move faster than M learns.

    The upstream of streams that end with a chunk is zero: the flags and lengths of the following
    chunk are read ahead, and a stream without a step there is over. M learns nothing from streams
    that start with a chunk or have no step in it, for which it is not asked.

    With `trunk` the model is to make states that M can tell the gradient from: what M missed is
    part of its loss,

        trunk |M(s_k) - d_k|^2 / (2 r)      r: root of the running mean square of the d

    carried back through chunk k - 1 alone, which is visited a second time for it, with the weights
    of the step in which d_k became known. The division makes it grow as the loss does when that
    is multiplied by a number.

    Needs a graph with predictors: `build_chunk(..., synthetic=SyntheticGradient())`. They learn
    in `Runner.run` only; `Runner.gradients` asks them and leaves them as they are.

    Args:
      trunk: how much M's error counts for the model; 0 for not at all.

    Source: Jaderberg et al. 2017, "Decoupled neural interfaces using synthetic gradients",
      arXiv:1608.05343, on recurrent networks.
    """

    trunk: float = 0.0

    def __post_init__(self) -> None:
        _check_weight("Synthetic(trunk", self.trunk)

    def __repr__(self) -> str:
        # Runs and tables name it as they did before there was a trunk.
        return f"Synthetic(trunk={self.trunk!r})" if self.trunk else "Synthetic()"

    @property
    def revisits(self) -> bool:
        """Is whether `trunk` is above 0; without it each chunk is visited once."""
        return self.trunk > 0

    def schedule(self, breaks: Iterable[bool]) -> Iterator[schedule.Step]:
        """Yields `backward k upstream predicted advance` and `apply`; `x0` at an end.

        With `trunk` there is a `correct k - 1` before `apply`, unless sequences start with k.
        """
        return schedule.predicted(breaks, self.trunk)


def _check_window(policy: str, window: Any) -> None:
    whole = isinstance(window, Integral) and not isinstance(window, bool)
    if window is not None and not (whole and window >= 1):
        raise PolicyError(
            f"{policy}(window={window!r}): give the number of chunks as a whole number "
            f"of at least 1, or None for the whole sequence"
        )


def _check_share(what: str, value: Any) -> None:
    number = isinstance(value, Real) and not isinstance(value, bool)
    if not (number and math.isfinite(value) and 0 <= value <= 1):
        raise PolicyError(f"{what}={value!r}): give a number from 0 to 1")


def _check_weight(what: str, value: Any) -> None:
    number = isinstance(value, Real) and not isinstance(value, bool)
    if not (number and 0 <= value < math.inf):
        raise PolicyError(f"{what}={value!r}): give a finite number of at least 0")


def _check_limit(policy: str, value: Any) -> None:
    number = isinstance(value, Real) and not isinstance(value, bool)
    if value is not None and not (number and 0 < value < math.inf):
        raise PolicyError(
            f"{policy}(clip_norm={value!r}): give a finite number above 0, or None for no limit"
        )
