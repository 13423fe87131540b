"""The way of one rank through a long sequence, window by window."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tgcarry import states
from tgcarry.cluster import Group
from tgcarry.cluster.shares import rows_of
from tgcarry.pipeline_loop import PipelineLoop
from tgcarry.pipeline_plan import PipelinePlan, plan_pipeline
from tgcarry.pipeline_schedule import owner_of
from tgcarry.pipeline_wire import packed_nest, unpacked_nest
from tgcarry.position import Position

Plans = dict[tuple[int, int, int, bool], PipelinePlan]


class Course:
    """Takes a loop through the windows of a sequence, and knows who has the state behind each.

    Args:
      group: the ranks.
      loop: this rank's.
      start: where to begin.
      count: chunks of the sequence.
      length: chunks of a window; None for all that are left.
      segment: chunks that are dealt to a rank at a time.
      breaks: ascending, chunks that a window ends before.
      plans: made before, which are added to.
    """

    def __init__(
        self,
        group: Group,
        loop: PipelineLoop,
        start: Position,
        count: int,
        *,
        length: int | None,
        segment: int,
        breaks: Sequence[int],
        plans: Plans,
    ) -> None:
        self._group = group
        self._count, self._length, self._segment = count, length, segment
        self._breaks, self._plans = breaks, plans
        self._entered: dict[int, Any] | None = None
        self._due = 0
        self.loop = loop
        self.start = start
        self.behind = start.applied
        """Chunks that were gone through."""
        self.holder = self.owner(self.behind)
        """The rank that has the state behind them."""
        shares = loop.shares
        if start.head is not None and group.rank == self.holder:
            for part in range(shares.parts):
                rows = rows_of(shares.batch, part, shares.parts)
                loop.entering[part, self.behind] = states.map_numpy(
                    lambda leaf, rows=rows: leaf[rows], start.head
                )

    @property
    def window(self) -> range | None:
        """The chunks of the window at hand; None behind the last one."""
        if self.behind >= self._count:
            return None
        return window_from(self.behind, self._count, self._length, self._breaks)

    @property
    def progress(self) -> float:
        """Chunks that are about behind all ranks: of the open window as this rank's share says."""
        if self._entered is None or self.window is None or not self._due:
            return self.behind
        return self.behind + len(self.window) * self.loop.tally.back / self._due

    def owner(self, index: int) -> int:
        """Returns the rank that a chunk is dealt to."""
        return owner_of(index, self._segment, self._group.size)

    def play(self) -> None:
        """Visits this rank's chunks of the window at hand.

        Raises:
          ClusterError: another rank is gone or gives no answer.
        """
        window = self.window
        assert window is not None
        # Until the window is behind, what entered it is where this stands.
        self._entered = self.carried
        mine = sum(self.owner(k) == self._group.rank for k in window)
        self._due = mine * self.loop.shares.parts
        plan, shift = self._plan(window)
        self.loop.play(plan.steps(self._group.rank), window, shift)

    def advance(self) -> None:
        """Goes on to the next window."""
        window = self.window
        assert window is not None
        self.behind = window.stop
        # Behind the last chunk nobody waits for the state.
        self.holder = self.owner(self.behind if self.window is not None else window[-1])
        self._entered = None

    @property
    def carried(self) -> dict[int, Any]:
        """By part, the state behind what was gone through, on the rank that has it."""
        if self._entered is not None:
            return self._entered
        entering = self.loop.entering
        return {part: state for (part, chunk), state in entering.items() if chunk == self.behind}

    def gathered(self, nests: Mapping[int, Any], holder: int, what: str) -> Any:
        """Gives all ranks the nest of all streams whose parts one rank has; all ask together.

        Args:
          nests: by part, on the rank that has them; zeros where there is none.
          holder: that rank.
          what: "state" or "upstream", which the nest is like.
        """
        calls, shares = self.loop.calls, self.loop.shares
        like = calls.zero_state if what == "state" else calls.zero_upstream
        blob = b""
        if self._group.rank == holder:
            every = [nests.get(p, like(shares.rows(p))) for p in range(shares.parts)]
            blob = packed_nest(states.map_numpy(lambda *leaves: np.concatenate(leaves), *every))
        return unpacked_nest(self._group.exchange(blob)[holder], like(shares.batch))

    def _plan(self, window: range) -> tuple[PipelinePlan, int]:
        """Returns a plan that was made for an earlier window like it, and how far to move it."""
        size, parts = self._group.size, self.loop.shares.parts
        base = window.start % (self._segment * size)
        goes_on = window.stop < self._count
        key = (base, len(window), parts, goes_on)
        if key not in self._plans:
            self._plans[key] = plan_pipeline(
                range(base, base + len(window)),
                size=size,
                parts=parts,
                segment=self._segment,
                goes_on=goes_on,
            )
        return self._plans[key], window.start - base


def window_from(first: int, count: int, length: int | None, breaks: Sequence[int]) -> range:
    """Returns the window that begins with a chunk.

    Args:
      first: the chunk.
      count: chunks of the sequence.
      length: most chunks of a window; None for any number.
      breaks: ascending, chunks that a window ends before.
    """
    place = bisect_right(breaks, first)
    end = min(count, breaks[place]) if place < len(breaks) else count
    return range(first, end if length is None else min(end, first + length))
