"""One pass over chunks: the head, the saved states and the carry, one step at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal, NamedTuple

import numpy as np
import tensorflow.compat.v1 as tf

from tgcarry import schedule, states
from tgcarry.calls import Calls, Kept, Streams, Visit
from tgcarry.errors import NumericsError, RunError
from tgcarry.feeding import Ready
from tgcarry.position import Position, Visited
from tgcarry.source import ChunkSource

OnVisit = Callable[[int, Visit], None]
Update = Literal["step", "gather"]


class Done(NamedTuple):
    """A backward visit that was made, with what the reports need of its data."""

    chunk: int
    visit: Visit
    time_steps: int
    resets: np.ndarray
    upstream_norm: float
    clipped: bool = False
    """Whether the upstream was scaled down."""


class At(NamedTuple):
    """Holds what the last session call was made with."""

    data: Ready
    state: Any
    upstream: Any = None


class Loop:
    """Keeps what passes between the session calls of one run, and obeys single steps.

    A context manager: leaving it ends the source's second thread.

    Args:
      calls: the session calls.
      source: the chunks, which it gives as `calls.ready` makes them.
      initial_state: nest of arrays that the first chunk starts from; None for zeros.
      on_visit: called after each backward visit.

    Attributes:
      budget: most bytes of activations to keep; None for no limit. A chunk that would go beyond
        it, being larger than the plan took it to be, is computed again instead.
      clip: largest norm of an upstream; a larger one is scaled down to it. None for no limit.
      whole_norm: returns the norm of an upstream, given this loop's part of it.
      learns: whether visits that gather have predictors learn at the next step, too.
      last: what the last session call was made with; None before any.
    """

    def __init__(
        self,
        calls: Calls,
        source: ChunkSource,
        initial_state: Any = None,
        on_visit: OnVisit | None = None,
    ) -> None:
        self.calls = calls
        self.source = source
        self.budget: int | None = None
        self.clip: float | None = None
        self.whole_norm: Callable[[float], float] = lambda norm: norm
        self.learns = False
        self.last: At | None = None
        self.head = None if initial_state is None else calls.checked_state(initial_state)
        self._entered: tuple[int, Any, Any] = (-1, None, None)
        self._on_visit = on_visit
        self._saved: dict[int, Any] = {}
        self._kept: dict[int, Kept | None] = {}
        self._kept_from: dict[int, Any] = {}
        self._kept_bytes = 0
        self._again: dict[int, Any] = {}
        self._asked: np.ndarray | None = None
        self._loaded: Any = None
        self._carry: Any = None
        self._carry_of = -1
        self._done: list[Done] = []

    def __enter__(self) -> Loop:
        return self

    def __exit__(self, *of_the_error: object) -> None:
        self.source.close()

    def enter(self, index: int) -> Any:
        """Returns the head as chunk `index` sees it: zeros at first, cut where flagged."""
        data = self.source[index]
        if self.head is None:
            self.head = self.calls.zero_state(data.batch)
        at, head, state = self._entered
        if at != index or head is not self.head:
            self._check_batch(index, data)
            state = states.cut_rows(self.head, data.resets)
            self._entered = (index, self.head, state)
        return state

    def beside(self, call: Callable[..., Any], *arguments: Any) -> Any:
        """Makes a session call while the source reads ahead."""
        return self.source.beside(lambda: call(*arguments))

    def obey(self, step: schedule.Step, update: Update) -> None:
        """Carries out one step of a schedule; the optimiser's part of `Apply` is the caller's.

        Raises:
          RunError: the step cannot be taken here; its schedule is wrong.
        """
        if isinstance(step, schedule.Save):
            self._saved[step.chunk] = self.enter(step.chunk)
        elif isinstance(step, schedule.Forward):
            state = self.enter(step.chunk)
            self.last = At(self.source[step.chunk], state)
            self.head = self.beside(self.calls.forward, *self.last[:2])
        elif isinstance(step, schedule.Keep):
            self._keep(step)
        elif isinstance(step, schedule.Load):
            if step.chunk not in self._saved:
                raise RunError(f"schedule: {step}, but nothing was saved there: save it first")
            self._loaded = self._saved.pop(step.chunk)
        elif isinstance(step, schedule.Backward):
            self._backward(step, update)
        elif isinstance(step, schedule.Correct):
            self._correct(step)
        elif isinstance(step, schedule.Apply):
            if not self._done:
                raise RunError(f"schedule: {step} without a backward visit before it")
            self.source.forget_before(self._carry_of)
        else:
            raise RunError(f"schedule: {step!r} is no step; yield those of tgcarry.schedule")

    @property
    def carry_of(self) -> int:
        """The chunk at whose start the carry is the gradient; -1 before any visit."""
        return self._carry_of

    @property
    def visited(self) -> bool:
        """Says whether backward visits were made since the last `take_visits`."""
        return bool(self._done)

    @property
    def visits(self) -> tuple[Done, ...]:
        """The backward visits made since the last `take_visits`."""
        return tuple(self._done)

    @property
    def at_rest(self) -> bool:
        """Says whether nothing is at hand for a visit that is still to come."""
        return self._loaded is None and self._carry_of - 1 not in self._again

    def position(self, *, first: int, obeyed: int, steps: int, applied: int) -> Position:
        """Says where the loop stands; gathered gradients are fetched.

        Args:
          first: as in `Position`; this and the others from who counts them.
          obeyed: likewise.
          steps: likewise.
          applied: likewise.

        Raises:
          RunError: it is not at rest.
        """
        if not self.at_rest:
            raise RunError("a position in the middle of a visit: take it between two")
        visits = tuple(
            Visited(d.chunk, d.visit.loss, d.visit.metrics, d.time_steps, *d[4:])
            for d in self._done
        )
        return Position(
            first=first,
            obeyed=obeyed,
            steps=steps,
            applied=applied,
            breaks=self.source.breaks_read,
            resets=self.source.resets_held,
            idle=self.source.idle_held,
            head=self.head,
            carry=self._carry,
            carry_of=self._carry_of,
            saved=dict(self._saved),
            kept=dict(self._kept_from),
            again=dict(self._again),
            visits=visits,
            accumulated=tuple(self.calls.accumulators()) if visits else (),
        )

    def restore(self, position: Position) -> None:
        """Puts the loop where a position says; activations that were kept are computed again."""
        if position.head is not None:
            self.head = self.calls.checked_state(position.head)
        self._carry, self._carry_of = position.carry, position.carry_of
        self._saved, self._again = dict(position.saved), dict(position.again)
        for chunk, state in position.kept.items():
            kept = None if state is None else self.calls.keep(self.source[chunk], state)
            self._hold(chunk, state, kept)
        nothing = np.zeros(0, bool)
        for v in position.visits:
            visit = Visit(v.loss, dict(v.metrics), None)
            self._done.append(
                Done(v.chunk, visit, v.time_steps, nothing, v.upstream_norm, v.clipped)
            )
        if position.visits:
            self.calls.set_accumulators(position.accumulated)

    def abandon(self, through: int) -> None:
        """Forgets an open sweep whose last chunk is `through`; behind it every stream is cut."""
        # Zeros, on every rank alike, whether or not one had made a visit yet.
        self._carry, self._carry_of = None, through
        self._saved, self._kept, self._kept_from, self._kept_bytes = {}, {}, {}, 0
        self._again, self._asked = {}, None
        self._loaded, self._done, self.head = None, [], None
        self.source.forget_before(through)
        self.calls.clear()

    def take_visits(self) -> list[Done]:
        """Returns the backward visits made since the last call, by chunk number."""
        done, self._done = sorted(self._done, key=lambda d: d.chunk), []
        return done

    def _keep(self, step: schedule.Keep) -> None:
        state = self.enter(step.chunk)
        self.last = At(self.source[step.chunk], state)
        kept = self.beside(self.calls.keep, *self.last[:2])
        self.head = kept.visit.final_state
        fits = self.budget is None or self._kept_bytes + kept.nbytes <= self.budget
        self._hold(step.chunk, state if fits else None, kept if fits else None)

    def _hold(self, chunk: int, state: Any, kept: Kept | None) -> None:
        self._kept[chunk], self._kept_from[chunk] = kept, state
        self._kept_bytes += kept.nbytes if kept is not None else 0

    def _take_kept(self, step: schedule.Backward) -> Kept | None:
        """Returns what was kept for a step, and leaves it to the caller alone."""
        if not step.kept:
            return None
        if step.chunk not in self._kept or step.advance:
            raise RunError(
                f"schedule: {step}, but nothing was kept there, or the head has crossed it: keep "
                f"{step.chunk} before, which moves the head, and do not advance"
            )
        kept = self._kept.pop(step.chunk)
        self._kept_from.pop(step.chunk)
        self._kept_bytes -= kept.nbytes if kept is not None else 0
        return kept

    def _backward(self, step: schedule.Backward, update: Update) -> None:
        kept = self._take_kept(step)
        data = self.source[step.chunk]
        fresh = self.head is None
        state = self.enter(step.chunk) if self._loaded is None else self._loaded
        self._loaded = None
        upstream, norm = self._upstream(step, data)
        clipped = False
        if self.clip is not None and step.upstream != "zero":
            norm = self.whole_norm(norm)
            if clipped := norm > self.clip:
                upstream = states.scaled(upstream, self.clip / norm)
        self.last = At(data, state, upstream)
        if kept is not None and step.upstream != "predicted":
            visit = self.beside(self.calls.gather_kept, data, state, upstream, kept)
        else:
            call: Callable[..., Visit]
            call = self.calls.step if update == "step" else self.calls.gather
            if step.upstream == "predicted":
                call = self.calls.learn if self.learns and update == "gather" else call
                streams = self._streams(step, data, fresh)
                self._asked = streams.behind
                visit = self._predicted(call, step.advance, streams)
                norm = visit.upstream_norm or 0.0
            else:
                visit = self.beside(call, data, state, upstream, step.advance)
        if step.advance:
            self.head = visit.final_state
        self._carry, self._carry_of = visit.state_gradient, step.chunk
        self._done.append(Done(step.chunk, visit, data.time_steps, data.resets, norm, clipped))
        if step.again:
            self._again[step.chunk] = state
        else:
            self.source.release(step.chunk)
        if self._on_visit is not None:
            self._on_visit(step.chunk, visit)

    def _correct(self, step: schedule.Correct) -> None:
        """Carries what was missed at the start of the chunk visited last through the one before.

        Nothing is left to do where the sweep in between was left out.
        """
        entering = self._again.pop(step.chunk, None)
        if entering is not None:
            if self._carry_of != step.chunk + 1 or self.last is None or self._asked is None:
                raise RunError(
                    f"schedule: {step}, but the visit before it was chunk {self._carry_of}'s: "
                    f"visit chunk {step.chunk + 1} right before, with a predicted upstream"
                )
            missed = self.calls.missed(self.last.state, self._carry, self._asked)
            upstream = states.scaled(missed, step.scale)
            self.last = At(self.source[step.chunk], entering, upstream)
            self.beside(self.calls.gather_back, *self.last)
        self.source.release(step.chunk)

    def _upstream(self, step: schedule.Backward, data: Ready) -> tuple[Any, float]:
        """Returns the upstream of a visit and its norm, before any clipping."""
        if step.upstream in ("zero", "predicted"):
            return self.calls.zero_upstream(data.batch), 0.0
        follows = step.upstream == "following"
        upstream = self._following(step) if follows else self._earlier(step)
        return upstream, states.nest_norm(upstream)

    def _streams(self, step: schedule.Backward, data: Ready, fresh: bool) -> Streams:
        """Says which streams of a chunk go on behind it, and which had gone on before it."""
        if not self.calls.predicts:
            raise RunError(
                f"schedule: {step}, but the graph has no predictor: give "
                f"build_chunk(synthetic=tgcarry.SyntheticGradient())"
            )
        going_on = np.zeros(data.batch, bool)
        if step.scale:
            try:
                going_on = self.source.going_on(step.chunk + 1)
            except KeyError:
                raise RunError(
                    f"schedule: {step}, but nobody knows yet which streams go on behind it: read "
                    f"the next break before, or give a scale of 0 where there is none"
                ) from None
        was_going_on = self.source.going_on(step.chunk) & (not fresh)
        return Streams(going_on * step.scale, was_going_on)

    def _predicted(self, call: Callable[..., Visit], advance: bool, streams: Streams) -> Visit:
        """Makes a visit whose upstream is predicted, with what `last` says."""
        assert self.last is not None
        data, state, upstream = self.last
        try:
            visit: Visit = self.beside(call, data, state, upstream, advance, streams)
        except NumericsError:
            # Whoever looks for what went wrong is to see the upstream that it went wrong with.
            seen = self.calls.predicted_upstream(data, state, upstream, streams)
            self.last = At(data, state, seen)
            raise
        return visit

    def _following(self, step: schedule.Backward) -> Any:
        if self._carry_of != step.chunk + 1:
            raise RunError(
                f"schedule: {step}, but the carry is chunk {self._carry_of}'s: visit chunk "
                f"{step.chunk + 1} right before"
            )
        carry = states.cut_rows(self._carry, self.source.resets(step.chunk + 1))
        return carry if step.scale == 1 else states.scaled(carry, step.scale)

    def _earlier(self, step: schedule.Backward) -> Any:
        if not 0 <= self._carry_of < step.chunk:
            raise RunError(
                f"schedule: {step}, but the carry is chunk {self._carry_of}'s: visit an earlier "
                f"chunk before"
            )
        if self._carry is None:
            # What came right before was left out.
            return self.calls.zero_upstream(self.source[step.chunk].batch)
        since = [self.source.resets(k) for k in range(self._carry_of + 1, step.chunk + 1)]
        return states.scaled(states.cut_rows(self._carry, np.any(since, axis=0)), step.scale)

    def _check_batch(self, index: int, data: Ready) -> None:
        for leaf in tf.nest.flatten(self.head):
            if leaf.shape[0] != data.batch:
                raise RunError(
                    f"chunk {index} has {data.batch} streams, but the state carried into it has "
                    f"{leaf.shape[0]}: keep the number of streams the same through a run, and "
                    f"give an initial_state of as many rows"
                )


def with_next(
    steps: Iterable[schedule.Step],
) -> Iterator[tuple[schedule.Step, schedule.Step | None]]:
    """Pairs each step with the one after it, looking no further than an `Apply`.

    A schedule reads the chunks that it plans for; nothing may keep a finished sweep from being
    applied, so that what follows an `Apply` (paired with None) is not asked for before it was
    obeyed.
    """
    iterator = iter(steps)
    step = next(iterator, None)
    while step is not None:
        if isinstance(step, schedule.Apply):
            yield step, None
            step = next(iterator, None)
        else:
            following = next(iterator, None)
            yield step, following
            step = following
