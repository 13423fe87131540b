"""The order in which chunks are visited, as plain data: no TensorFlow, no arrays.

A schedule is a stream of steps over chunks 0, 1, 2, ... The session loop has four things and
obeys: the *head*, the state behind the last chunk that was read forwards; the *saved* states at
chunk boundaries; what was *kept* of forward visits for backward ones; and the *carry*, the
gradient at the start of the last chunk that was visited backwards.

Every chunk gets exactly one `Backward`. Its upstream is one of

    zero       nothing follows, or what follows is dropped
    following  the carry, when it came from the chunk right after this one (exact)
    earlier    the carry, when it came from a chunk before this one (stale)
    predicted  what the graph's own predictors make of the chunk's final state

times the step's `scale`. A predicted one needs to know which streams go on in the chunk behind,
so that its scale is 0 where there is none, or none that goes on. What it turns out to have missed
may be carried back through the chunk by a `Correct`, right after the `Backward` of the next one.

Invariant: a `Backward` of chunk k sees the state that enters chunk k, either the head (no
`Load` before it) or the saved one; if it is marked as kept, there was a `Keep` of k. A test
checks this for every schedule made here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

UpstreamSource = Literal["zero", "following", "earlier", "predicted"]


@dataclass(frozen=True)
class Save:
    """Keeps the head as the state that enters `chunk`."""

    chunk: int

    def __str__(self) -> str:
        return f"save {self.chunk}"


@dataclass(frozen=True)
class Forward:
    """Moves the head across `chunk`; only the final state is computed."""

    chunk: int

    def __str__(self) -> str:
        return f"forward {self.chunk}"


@dataclass(frozen=True)
class Keep:
    """Moves the head across `chunk`, and keeps what its `Backward` needs of the forward pass."""

    chunk: int

    def __str__(self) -> str:
        return f"keep {self.chunk}"


@dataclass(frozen=True)
class Load:
    """Takes the saved state that enters `chunk` for the `Backward` that comes next."""

    chunk: int

    def __str__(self) -> str:
        return f"load {self.chunk}"


@dataclass(frozen=True)
class Backward:
    """Visits `chunk` forwards and backwards; its weight gradients are added up.

    `advance` moves the head across the chunk too. `kept` leaves the forward half out, for a
    chunk that had a `Keep`. The carry becomes the gradient at the chunk's start. `again` holds
    the chunk, and the state that enters it, for a `Correct`.
    """

    chunk: int
    upstream: UpstreamSource
    scale: float = 1.0
    advance: bool = False
    kept: bool = False
    again: bool = False

    def __str__(self) -> str:
        told = self.upstream == "earlier" or (self.upstream != "zero" and self.scale != 1)
        times = f" x{self.scale:g}" if told else ""
        how = " advance" * self.advance + " kept" * self.kept + " again" * self.again
        return f"backward {self.chunk} upstream {self.upstream}{times}{how}"


@dataclass(frozen=True)
class Correct:
    """Carries what was missed in predicting `chunk`'s upstream back through it, times `scale`.

    It comes after the `Backward` of the chunk behind, which tells what the upstream would have
    been. Weight gradients are added up; the chunk's own loss counts no second time. The carry
    stays.
    """

    chunk: int
    scale: float

    def __str__(self) -> str:
        return f"correct {self.chunk} x{self.scale:g}"


@dataclass(frozen=True)
class Apply:
    """Takes one optimiser step with the gradients added up since the last one."""

    def __str__(self) -> str:
        return "apply"


Step = Save | Forward | Keep | Load | Backward | Correct | Apply


def one_by_one(breaks: Iterable[bool], scale: float = 0.0) -> Iterator[Step]:
    """Visits each chunk once and steps after each; the upstream is `scale` times the carry.

    A scale of 0 is the classic truncation. A chunk that starts a window has no earlier
    gradient and gets a zero upstream.
    """
    for chunk, starts_anew in enumerate(breaks):
        if chunk == 0 or starts_anew or scale == 0:
            yield Backward(chunk, "zero", advance=True)
        else:
            yield Backward(chunk, "earlier", scale, advance=True)
        yield Apply()


def sweep(
    breaks: Iterable[bool], size: int | None = None, end_scale: float = 0.0, keep: int = 0
) -> Iterator[Step]:
    """Reads each window forwards, saving states, then visits it in reverse and steps once.

    A window ends before a break, after `size` chunks (None: no limit) or with the last chunk.
    Its last chunk is visited once only: n chunks cost n backward visits and n - 1 forward
    ones. The upstream there is zero where nothing follows; where the limit cut the sequence
    it is `end_scale` times the carry of the window before. Steps are yielded as chunks are
    read, so an endless stream with a bounded window never waits.

    The first `keep` chunks of each window are kept, and are not computed forwards again. Which
    ones makes no difference to memory: all are held at the turning point. The first ones can
    be chosen without knowing where the window ends.
    """
    first = 0
    for chunk, end in _with_ends(breaks, size):
        if end is None:
            yield Save(chunk)
            yield Keep(chunk) if chunk < first + keep else Forward(chunk)
            continue
        if end == "limit" and end_scale and first > 0:
            yield Backward(chunk, "earlier", end_scale, advance=True)
        else:
            yield Backward(chunk, "zero", advance=True)
        for earlier in range(chunk - 1, first - 1, -1):
            yield Load(earlier)
            yield Backward(earlier, "following", kept=earlier < first + keep)
        yield Apply()
        first = chunk + 1


def predicted(breaks: Iterable[bool], trunk: float = 0.0) -> Iterator[Step]:
    """Visits each chunk once and steps after each; the upstream is predicted.

    Looks one chunk ahead, to see whether anything follows. With `trunk`, `trunk` times what a
    prediction missed goes back through the chunk that it was made for, in the step of the next.
    """
    asked = False
    for chunk, end in _with_ends(breaks, None):
        asks = end is None
        again = asks and trunk > 0
        yield Backward(chunk, "predicted", 1.0 if asks else 0.0, advance=True, again=again)
        if asked and trunk:
            yield Correct(chunk - 1, trunk)
        yield Apply()
        asked = asks


def cut_sweep(
    breaks: Iterable[bool],
    factor: Callable[[int], float],
    size: int | None = None,
    step_at_cuts: bool = False,
) -> Iterator[Step]:
    """Sweeps windows in pieces: across chunk k's end the carry is multiplied by `factor(k)`.

    Where that is 0 nothing is carried, so that what was read since the last such place is visited
    in reverse at once, and its saved states are let go of. A window ends as in `sweep`, and one
    optimiser step is taken there; or one at every cut besides.

    `factor` is asked once or several times for a chunk, and says the same every time.
    """
    first = 0
    for chunk, end in _with_ends(breaks, size):
        if end is None and factor(chunk):
            yield Save(chunk)
            yield Forward(chunk)
            continue
        yield Backward(chunk, "zero", advance=True)
        for earlier in range(chunk - 1, first - 1, -1):
            yield Load(earlier)
            yield Backward(earlier, "following", factor(earlier))
        if end is not None or step_at_cuts:
            yield Apply()
        first = chunk + 1


def _with_ends(
    breaks: Iterable[bool], size: int | None
) -> Iterator[tuple[int, Literal["limit", "sequence"] | None]]:
    """Pairs each chunk with what ends its window there, if anything; looks one chunk ahead."""
    start, previous = 0, -1
    for chunk, starts_anew in enumerate(breaks):
        if previous >= 0:
            full = chunk - start == size
            yield previous, "sequence" if starts_anew else "limit" if full else None
            start = chunk if starts_anew or full else start
        previous = chunk
    if previous >= 0:
        yield previous, "sequence"


def numbered_from(first: int, steps: Iterable[Step]) -> Iterator[Step]:
    """Adds `first` to the chunk numbers of a schedule that counts from 0."""
    for step in steps:
        yield step if isinstance(step, Apply) or not first else _moved(step, first)


def _moved(step: Save | Forward | Keep | Load | Backward | Correct, by: int) -> Step:
    return replace(step, chunk=step.chunk + by)


def to_text(steps: Iterable[Step]) -> str:
    """Writes a schedule one step a line, as the tests and the documentation show it."""
    return "\n".join(str(step) for step in steps)
