"""How far back the loss of a single step reaches, through a chunk graph's own ports.

B is the batch, T the steps of all chunks, K the steps that credit is followed back.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow.compat.v1 as tf

from tgcarry.chunk import DERIVED_FEEDS, ChunkGraph
from tgcarry.credit.crossing import crossings
from tgcarry.credit.curve import LARGEST, Diagnosis, diagnose_curve
from tgcarry.data import Chunk
from tgcarry.data.wording import shown
from tgcarry.errors import RunError
from tgcarry.policies import Policy
from tgcarry.runner import Runner


class Credit(NamedTuple):
    """Holds how far back some losses reach.

    s_t is the state that step t makes, so that k steps back is the state that step t - k made:
    entry k - 1 along K. Where the stream's sequence began later than that there is NaN, and for a
    loss that depends on no state before it, too.
    """

    steps: tuple[int, ...]
    """Whose losses: t of each, counted over all chunks."""
    norms: np.ndarray
    """Float64 `[losses, K, B]`: |d loss_t / d s_{t-k}| of each stream, as the model carries it;
    where that is no finite number, the largest that there is."""
    shares: np.ndarray
    """Float64 `[losses, K]`: what the policy multiplies that by; 0 where it cuts."""

    @property
    def curve(self) -> np.ndarray:
        """What the model carries, float64 `[K']`: the mean over losses and streams.

        Over those that go back all K steps; or, if there is none, over all that go back so far,
        and then K' may be less than K.
        """
        return _mean(self.norms, self.norms)

    @property
    def arriving(self) -> np.ndarray:
        """What arrives under the policy, float64 `[K']`: the same mean."""
        shares = self.shares[:, :, None]
        with np.errstate(over="ignore"):
            # What is cut off is nothing, however large it was.
            arriving = np.where(shares == 0, 0.0, self.norms * shares)
        return _mean(np.minimum(arriving, LARGEST), self.norms)

    @property
    def diagnosis(self) -> Diagnosis:
        """What becomes of credit on its way back."""
        if not len(self.curve):
            return diagnose_curve([0.0])
        return diagnose_curve(self.curve, self.arriving)


def measure_credit(
    runner: Runner,
    chunks: Iterable[Chunk],
    depth: int = 100,
    *,
    losses: int = 8,
    policy: Policy | None = None,
    initial_state: Any = None,
) -> Credit:
    """Follows the losses of single steps back, exactly, at the runner's present weights.

        n_k = |d loss_t / d s_{t-k}|      k = 1 .. depth

    Every step becomes a chunk of its own, whose loss is carried back by the ports, one step a
    session call: about 2 T + losses x depth calls. Nothing is applied. A model whose placeholders
    have a fixed number of steps cannot be cut so: `Runner.carry_norms` is the cheap and coarse
    way, the loss of the whole last chunk seen from the starts of chunks. Not included: what flows
    otherwise than through the carried state.

    Args:
      runner: open.
      chunks: that follow one another as in training; their ends are where the policy cuts.
      depth: most steps back, at least 1.
      losses: how many losses to follow, evenly spread over the steps that have one `depth` steps
        into a sequence; or, if sequences are shorter, half as far into one as any of them goes.
      policy: whose cuts to show; the runner's by default.
      initial_state: that the first chunk starts from, as for `Runner.run`.

    Returns:
      A `Credit`.

    Raises:
      RunError: an argument is out of range, or the graph takes no single steps.
    """
    for name, value in (("depth", depth), ("losses", losses)):
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise RunError(f"measure_credit({name}={shown(value)}): give at least 1")
    _check_open(runner.chunk)
    held = list(chunks)
    if not held:
        raise RunError("measure_credit: there was no chunk; give at least one")
    steps = [step for chunk in held for step in _steps_of(chunk)]
    lived = _lived(steps)
    ends = _choose(_has_loss(runner, steps, initial_state), lived, depth, losses)
    norms = np.full((len(ends), depth, held[0].batch), np.nan)
    for row, (end, found) in enumerate(
        runner.carries(steps, initial_state, ends=ends, depth=depth)
    ):
        for back, carry in enumerate(found):
            norms[row, back] = np.where(lived[end] > back, _row_norms(carry), np.nan)
        norms[row, :, ~(norms[row, 0] > 0)] = np.nan
    policy = runner.policy if policy is None else policy
    return Credit(tuple(ends), norms, _shares(policy, held, ends, depth))


def _steps_of(chunk: Chunk) -> list[Chunk]:
    """Cuts a chunk into its steps."""
    nowhere = np.zeros_like(chunk.resets)
    return [
        Chunk(
            {name: array[:, at : at + 1] for name, array in chunk.arrays.items()},
            nowhere if at else chunk.resets,
            (chunk.lengths > at).astype(np.int32),
            None if not at else False,
        )
        for at in range(chunk.length)
    ]


def _lived(steps: Sequence[Chunk]) -> np.ndarray:
    """Counts, for each step and stream, the steps of its sequence before it, int `[T, B]`."""
    found = np.zeros((len(steps), steps[0].batch), int)
    for t, step in enumerate(steps[1:], start=1):
        found[t] = np.where(step.resets, 0, found[t - 1] + 1)
    return found


def _has_loss(runner: Runner, steps: Sequence[Chunk], initial_state: Any) -> np.ndarray:
    """Says whose loss depends on the state before its step, bool `[T, B]`."""
    every = runner.carries(steps, initial_state, ends=range(len(steps)), depth=1)
    return np.array([_row_norms(carry) > 0 for _, (carry,) in every])


def _choose(candidates: np.ndarray, lived: np.ndarray, depth: int, losses: int) -> list[int]:
    """Picks losses that go back as far as asked for, or else half as far as any does."""
    longest = np.where(candidates, lived, 0).max(1)
    most = int(longest.max(initial=0))
    (able,) = np.nonzero(longest >= (depth if most >= depth else max(1, most / 2)))
    if not len(able):
        return []
    places = np.linspace(0, len(able) - 1, min(losses, len(able)))
    return [int(able[place]) for place in np.unique(places.round().astype(int))]


def _shares(
    policy: Policy, chunks: Sequence[Chunk], ends: Sequence[int], depth: int
) -> np.ndarray:
    """Multiplies what crosses the ends of chunks, `[losses, depth]`."""
    breaks = [number > 0 and chunk.starts_anew for number, chunk in enumerate(chunks)]
    crossed = crossings(policy, breaks)
    chunk_of = np.repeat(np.arange(len(chunks)), [chunk.length for chunk in chunks])
    shares = np.zeros((len(ends), depth))
    for row, end in enumerate(ends):
        for back in range(1, min(depth, end) + 1):
            shares[row, back - 1] = np.prod(crossed[chunk_of[end - back] : chunk_of[end]])
    return shares


def _row_norms(nest: Any) -> np.ndarray:
    """Returns the norm over all leaves, for each stream, float64 `[B]`; finite in any case."""
    leaves = [np.asarray(leaf, np.float64) for leaf in tf.nest.flatten(nest)]
    flat = np.concatenate([leaf.reshape(len(leaf), -1) for leaf in leaves], 1)
    # Where a gradient has overflowed, what is before that turns into NaN on the way back.
    most = np.nan_to_num(np.abs(flat), nan=LARGEST, posinf=LARGEST).max(1, initial=0.0)
    unit = np.where(most > 0, most, 1.0)
    with np.errstate(over="ignore", invalid="ignore"):
        norms = unit * np.sqrt(np.square(flat / unit[:, None]).sum(1))
    return np.where(most >= LARGEST, LARGEST, np.minimum(norms, LARGEST))


def _mean(values: np.ndarray, norms: np.ndarray) -> np.ndarray:
    known = ~np.isnan(norms)
    whole = known.all(1, keepdims=True)
    known &= whole if whole.any() else True
    counts = known.sum((0, 2))
    some = np.where(known, values, 0.0)
    with np.errstate(over="ignore"):
        means = np.minimum(some.sum((0, 2)) / np.maximum(counts, 1), LARGEST)
    # One that is beyond all numbers is so in the mean, too.
    return np.where((some >= LARGEST).any((0, 2)), LARGEST, means)[counts > 0]


def _check_open(chunk: ChunkGraph) -> None:
    for name, tensor in chunk.feeds.items():
        dims = [] if tensor.shape.rank is None else tensor.shape.as_list()
        if len(dims) > 1 and name not in ("lengths", "seed") and dims[1] not in (None, 1):
            told = f", {DERIVED_FEEDS[name]}" if name in DERIVED_FEEDS else ""
            raise RunError(
                f"measure_credit: the feed {name!r} has shape {tensor.shape}{told}, and takes no "
                f"single step: leave its second dimension open, or ask Runner.carry_norms, which "
                f"measures from chunk to chunk"
            )
