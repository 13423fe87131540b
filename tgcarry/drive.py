"""Training along a schedule: each step obeyed, sweeps applied, and a place to go on from."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Literal, NamedTuple

from tgcarry import schedule
from tgcarry.errors import DataError, NumericsError, RunError
from tgcarry.loop import At, Done, Loop, with_next
from tgcarry.planning import steps_for
from tgcarry.policies import Policy
from tgcarry.position import Position
from tgcarry.reports import Report, add_metrics

Pairs = Iterator[tuple[schedule.Step, schedule.Step | None]]


class BadNumbers(NamedTuple):
    """Tells where a number stopped being finite; nothing of its sweep was applied."""

    error: NumericsError | DataError
    """The latter for numbers that were so in the data."""
    step: int
    """Optimiser steps before it."""
    at: At | None
    """What the session call was made with; None if it was the optimiser's, or none was made."""


OnBadNumbers = Callable[[BadNumbers], Literal["stop", "skip"]]


class Drive:
    """Takes a loop along its policy's schedule, optimiser step by optimiser step.

    Args:
      loop: at its beginning.
      policy: plans the steps.
      reduce: as in `Runner`.
      start: where to go on from; `Position()` with the optimiser steps so far for a beginning.
      on_rest: called between two visits of a sweep, where `position` can be asked for.
      on_bad_numbers: says what to do where a number is not finite; None to stop.
    """

    def __init__(
        self,
        loop: Loop,
        policy: Policy,
        reduce: str,
        start: Position,
        on_rest: Callable[[], None] | None = None,
        on_bad_numbers: OnBadNumbers | None = None,
    ) -> None:
        self._loop = loop
        self._mean = reduce == "mean"
        self._start = start
        self._on_rest = on_rest
        self._on_bad_numbers = on_bad_numbers
        self._obeyed = start.obeyed
        self._applied = start.applied
        self._steps = start.steps
        self._busy = self._stepped = False
        self._stopping = False
        self._restored = False
        # Whether gradients are gathered first even where the optimiser could step at once.
        self._gathers = False
        # Whether predictors have something to learn from what was gathered.
        self._asked = False
        loop.clip = getattr(policy, "clip_norm", None)
        loop.learns = loop.calls.predicts
        planned = schedule.numbered_from(start.first, steps_for(policy, loop))
        self._pairs: Pairs = with_next(planned)

    def stop(self) -> None:
        """Has the reports end after the visit that is being made."""
        self._stopping = True

    @property
    def position(self) -> Position:
        """Where this stands.

        Raises:
          RunError: it is in the middle of a visit.
        """
        if not self._restored:
            return self._start
        if self._busy or self._stepped:
            raise RunError("a position in the middle of a visit: take it between two")
        return self._loop.position(
            first=self._start.first,
            obeyed=self._obeyed,
            steps=self._steps,
            applied=self._applied,
        )

    def reports(self) -> Iterator[Report]:
        """Yields a report per optimiser step; the work is done as they are asked for."""
        loop, visits = self._loop, self._loop.calls.visits
        loop.calls.clear()
        with loop:
            self._replay()
            if visits is not None and visits.stop_requested:
                return
            started = time.perf_counter()
            for step, following in self._pairs:
                loop.source.expect(getattr(following, "chunk", None))
                if not self._announced(step):
                    return
                report, failed = self._take(step, following)
                if visits is not None and not failed and _ends_a_visit(step, following):
                    visits.after()
                if report is not None:
                    yield report._replace(seconds=time.perf_counter() - started)
                    started = time.perf_counter()
                elif self._on_rest is not None and self._at_rest:
                    self._on_rest()
                if self._stopping and self._at_rest and self._may_leave(step, following):
                    return
                if report is not None and visits is not None and visits.stop_requested:
                    return

    def _take(
        self, step: schedule.Step, following: schedule.Step | None
    ) -> tuple[Report | None, bool]:
        """Takes a step; returns its report, if any, and whether its sweep was left out."""
        self._busy, failed = True, False
        try:
            report = self._obey(step, following)
        except NumericsError as error:
            self._skip(error, step)
            report, failed = None, True
        self._busy = False
        self._obeyed += 1
        return report, failed

    def _may_leave(self, step: schedule.Step, following: schedule.Step | None) -> bool:
        """Says whether a run that is to stop, and is at rest, may do so behind a step."""
        return True

    @property
    def _at_rest(self) -> bool:
        return self._loop.at_rest and not self._stepped

    def _announced(self, step: schedule.Step) -> bool:
        """Tells hooks of the backward visit that a step begins; False if one ended the run."""
        loop = self._loop
        if loop.calls.visits is None or not loop.at_rest:
            return True
        if not isinstance(step, schedule.Load | schedule.Backward):
            return True
        return loop.calls.announce(loop.source[step.chunk])

    def _replay(self) -> None:
        """Passes over the steps that were obeyed before, and takes up what they had left."""
        count = 0
        for step, _ in islice(self._pairs, self._start.obeyed):
            count += 1
            self._let_go(step)
            if isinstance(step, schedule.Backward):
                self._asked = self._asked or step.upstream == "predicted"
            elif isinstance(step, schedule.Apply):
                self._asked = False
        if count < self._start.obeyed:
            raise RunError(
                f"the run stood {self._start.obeyed} steps into its schedule, and with these "
                f"chunks there are {count}: give the same chunks and the same policy"
            )
        self._loop.restore(self._start)
        self._restored = True

    def _obey(self, step: schedule.Step, following: schedule.Step | None) -> Report | None:
        if isinstance(step, schedule.Apply):
            return self._apply(step)
        open_sweep = self._loop.visited or getattr(step, "kept", False)
        alone = isinstance(following, schedule.Apply) and not open_sweep and not self._gathers
        self._loop.obey(step, update="step" if alone else "gather")
        if isinstance(step, schedule.Backward):
            self._stepped = alone
            self._asked = self._asked or step.upstream == "predicted"
        return None

    def _let_go(self, step: schedule.Step) -> None:
        """Releases the chunk of a step that would have, had it been taken."""
        if isinstance(step, schedule.Correct) or (
            isinstance(step, schedule.Backward) and not step.again
        ):
            self._loop.source.release(step.chunk)

    def _apply(self, step: schedule.Apply) -> Report:
        loop = self._loop
        loop.obey(step, update="gather")
        visits = sorted(loop.visits, key=lambda done: done.chunk)
        norm, error = visits[0].visit.grad_norm, visits[0].visit.synthetic_error
        if not self._stepped:
            loop.last = None
            scale = 1 / len(visits) if self._mean else 1.0
            if self._asked:
                norm, error = loop.calls.apply_and_learn(scale)
            else:
                norm = loop.calls.apply(scale)
        # Not before: where the step fails, they say what is left out.
        loop.take_visits()
        self._stepped = self._asked = False
        self._steps += 1
        self._applied = visits[-1].chunk + 1
        return _report(self._steps, visits, norm, error)

    def _skip(self, error: NumericsError, step: schedule.Step) -> None:
        """Leaves the rest of a sweep out if that is what is wanted; else raises its error."""
        bad = BadNumbers(error, self._steps, self._loop.last)
        if self._on_bad_numbers is None or self._on_bad_numbers(bad) != "skip":
            raise error
        chunks = [done.chunk for done in self._loop.take_visits()]
        while not isinstance(step, schedule.Apply):
            self._let_go(step)
            chunks.append(step.chunk)
            step, _ = next(self._pairs, (schedule.Apply(), None))
            self._obeyed += 1
        through = max([*chunks, self._applied])
        self._loop.abandon(through)
        self._stepped = self._asked = False
        self._applied = through + 1


def _ends_a_visit(step: schedule.Step, following: schedule.Step | None) -> bool:
    """Says whether a step is a visit's last one: its optimiser step, where one follows it."""
    goes_on = isinstance(following, schedule.Correct | schedule.Apply)
    return isinstance(step, schedule.Backward | schedule.Apply) and not goes_on


def _report(step: int, visits: Sequence[Done], norm: float, error: float | None) -> Report:
    metrics: dict[str, float] = {}
    for done in visits:
        add_metrics(metrics, done.visit.metrics)
    losses = tuple(done.visit.loss for done in visits)
    return Report(
        step=step,
        chunks=range(visits[0].chunk, visits[-1].chunk + 1),
        loss=sum(losses),
        chunk_losses=losses,
        metrics=metrics,
        time_steps=sum(done.time_steps for done in visits),
        grad_norm=norm,
        upstream_norms=tuple(done.upstream_norm for done in visits),
        clipped=sum(done.clipped for done in visits),
        synthetic_error=error,
        seconds=0.0,
    )


def always(_: BadNumbers) -> Literal["skip"]:
    """Skips every sweep that has a number that is not finite."""
    return "skip"
