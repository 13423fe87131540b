"""Training along a schedule, with every optimiser step taken together with other ranks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from tgcarry import schedule
from tgcarry.drive import Drive, OnBadNumbers
from tgcarry.errors import ClusterError, NumericsError, TgcarryError
from tgcarry.loop import Loop
from tgcarry.peers import Meetings, Peers
from tgcarry.policies import Policy
from tgcarry.position import Position
from tgcarry.reports import Report


class JointDrive(Drive):
    """Takes a loop along its schedule, and meets the other ranks where a sweep ends.

    All ranks take the same steps, leave out the same sweeps, and end behind the same step. One
    that is to stop in the middle of a sweep gives it up, and so do the others: `position` is
    where the last sweep ended.

    Args:
      peers: the ranks.
      loop: as in `Drive`, as the others are.
      policy: the same on every rank.
      reduce: likewise.
      start: of the same place on every rank.
      on_rest: called between two visits of a sweep.
      on_bad_numbers: decides the same on every rank.
    """

    def __init__(
        self,
        peers: Peers,
        loop: Loop,
        policy: Policy,
        reduce: str,
        start: Position,
        on_rest: Callable[[], None] | None = None,
        on_bad_numbers: OnBadNumbers | None = None,
    ) -> None:
        super().__init__(loop, policy, reduce, start, on_rest, on_bad_numbers)
        self._meetings = Meetings(peers, loop)
        loop.whole_norm = self._whole_norm
        self._between = start
        self._left = False
        # Nothing can be added up that was not gathered.
        self._gathers = True

    @property
    def position(self) -> Position:
        """Where the last sweep ended; ranks stand at the same place there only."""
        return self._between

    def reports(self) -> Iterator[Report]:
        """Yields a report per optimiser step, of all ranks' streams."""
        self._meetings.begin()
        with self._failures_told(), suppress(_OthersRestError):
            yield from super().reports()
            if not self._left:
                self._meetings.ended(self._steps)

    @contextmanager
    def _failures_told(self) -> Iterator[None]:
        """Tells the other ranks why this one fails; of a bad number they know already."""
        try:
            yield
        except TgcarryError as error:
            if not isinstance(error, ClusterError | NumericsError):
                with suppress(ClusterError):
                    self._meetings.failed(self._steps, error)
            raise

    def _take(
        self, step: schedule.Step, following: schedule.Step | None
    ) -> tuple[Report | None, bool]:
        report, failed = super()._take(step, following)
        self._stopping = self._stopping or self._meetings.stop
        if report is not None or failed:
            self._between = super().position
        return report, failed

    def _apply(self, step: schedule.Apply) -> Report:
        if not self._meetings.ready(self._steps, self._stopping):
            raise _OthersRestError
        return self._meetings.whole(super()._apply(step))

    def _whole_norm(self, norm: float) -> float:
        whole = self._meetings.norm(self._steps, norm)
        if whole is None:
            raise _OthersRestError
        return whole

    def _skip(self, error: NumericsError, step: schedule.Step) -> None:
        # What goes wrong in an optimiser's step does so on every rank.
        if not isinstance(step, schedule.Apply) and error is not self._meetings.heard:
            self._meetings.bad(self._steps, error)
        super()._skip(error, step)

    def _may_leave(self, step: schedule.Step, following: schedule.Step | None) -> bool:
        """Tells the others of a stop in the middle of a sweep, if they do not know."""
        if not self._meetings.stop:
            # The next meeting is near; and between two sweeps there is none.
            if isinstance(step, schedule.Apply) or isinstance(following, schedule.Apply):
                return False
            try:
                self._meetings.rest(self._steps)
            except NumericsError as error:
                super()._skip(error, step)
                self._between = super().position
        self._left = True
        return True


class _OthersRestError(Exception):
    """Another rank stands still in its sweep, so that there is no step to take."""
