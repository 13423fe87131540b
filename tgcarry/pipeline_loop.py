"""One window of a long sequence as one rank sees it: its visits, and messages to and fro."""

from __future__ import annotations

import math
import time
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from tgcarry import states
from tgcarry.calls import Calls, Visit
from tgcarry.cluster.lanes import Lane
from tgcarry.cluster.shares import rows_of, share_of
from tgcarry.data import Chunk, check_chunk
from tgcarry.data.check import checked_type
from tgcarry.errors import ClusterError, NumericsError, RunError
from tgcarry.feeding import Feeding, Ready
from tgcarry.loop import At
from tgcarry.pipeline_schedule import Backward, Forward, Message, Receive, Step
from tgcarry.pipeline_wire import Wire
from tgcarry.reports import add_metrics

# Chunks that are held because another part is likely to be at them next.
_HELD = 4

Lanes = Callable[[int, int, int], Lane]
OnVisit = Callable[[int, Visit], None]


class GivenUpError(Exception):
    """A window was given up on some rank's wish; it is to be begun again."""


class Tally:
    """Counts up what a rank has done in a window."""

    def __init__(self, names: Iterable[str]) -> None:
        self.loss = 0.0
        self.metrics = dict.fromkeys(names, 0.0)
        self.time_steps = 0
        self.back = 0
        """Parts of chunks visited backwards, up to this moment."""
        self.visits = {False: 0, True: 0}
        """Chunks visited, by whether backwards."""
        self.seconds = {False: 0.0, True: 0.0}
        """Time that it took."""
        self.waited = 0.0
        """Seconds in which there was nothing to do but to wait for messages."""
        self._squares: dict[int, float] = defaultdict(float)

    def add_upstream(self, chunk: int, upstream: Any) -> None:
        """Adds a part's upstream to the norm of its chunk's."""
        self._squares[chunk] += states.nest_norm(upstream) ** 2

    @property
    def upstream_norm(self) -> float:
        """The largest norm of a chunk's upstream, over all streams."""
        return math.sqrt(max(self._squares.values(), default=0.0))


class Shares:
    """Gives the parts of a rank's own chunks, ready to be fed; reads no others.

    Args:
      chunks: the whole sequence.
      batch: streams of each chunk.
      parts: that they are put into.
      feedings: one per part.
    """

    def __init__(
        self, chunks: Sequence[Chunk], batch: int, parts: int, feedings: Sequence[Feeding]
    ) -> None:
        self.batch, self.parts = batch, parts
        self._chunks, self._feedings = chunks, feedings
        self._held: OrderedDict[int, Chunk] = OrderedDict()
        self._looked_at: set[int] = set()

    def rows(self, part: int) -> int:
        """Counts a part's streams."""
        rows = rows_of(self.batch, part, self.parts)
        return rows.stop - rows.start

    def ready(self, index: int, part: int) -> Ready:
        """Reads a chunk, unless it is held, and makes a part of it ready.

        Raises:
          DataError, RunError: it does not fit.
        """
        chunk = self._held.get(index)
        if chunk is None:
            chunk = self._held[index] = self._read(index)
            if len(self._held) > _HELD:
                self._held.popitem(last=False)
        self._held.move_to_end(index)
        return self._feedings[part].ready(share_of(chunk, part, self.parts), index)

    def _read(self, index: int) -> Chunk:
        chunk = checked_type(self._chunks[index], index)
        if index not in self._looked_at:
            check_chunk(chunk, index)
            self._looked_at.add(index)
        if chunk.batch != self.batch:
            raise RunError(
                f"chunk {index} has {chunk.batch} streams, but the first one of this rank has "
                f"{self.batch}: keep the number of streams the same through a run"
            )
        return chunk


class Failed(NamedTuple):
    """Tells of a session call that gave a number that is not finite."""

    at: At
    """What it was made with."""
    streams: slice
    """The streams of the whole batch that were in it."""


class _Awaited(NamedTuple):
    """Is a message that was asked for, by the lane that it comes on."""

    lane: Lane
    message: Message


class PipelineLoop:
    """Does what a rank's steps say, with its session calls and lanes.

    Once something fails here, or comes to nothing on another rank, nothing more of the window is
    computed, but all its messages are still sent and taken: ranks stay in step, and can tell one
    another why.

    Args:
      calls: the session calls.
      shares: the rank's data.
      lanes: gives the lane from one rank to another for messages of so many words.
      on_visit: called with a chunk's number and a visit behind each backward one.
      on_rest: called behind each visit.

    Attributes:
      entering: by part and chunk, states that are to enter it.
      leaving: by part, the gradient at the start of the window that was visited last.
      tally: of the window.
      error: why this rank's part of the window came to nothing, if it was by its own fault.
      broken: whether it came to nothing, by whosever fault.
      failed_at: the session call that gave a number that is not finite.
      gives_up: whether windows are to come to nothing from here on, on this rank's wish.
    """

    def __init__(
        self,
        calls: Calls,
        shares: Shares,
        lanes: Lanes,
        *,
        on_visit: OnVisit | None = None,
        on_rest: Callable[[], None] | None = None,
    ) -> None:
        self.calls, self.shares, self._lanes = calls, shares, lanes
        self._on_visit, self._on_rest = on_visit, on_rest
        self.gives_up = False
        self._wire: Wire | None = None
        self.entering: dict[tuple[int, int], Any] = {}
        self.leaving: dict[int, Any] = {}
        self._reset()

    def _reset(self) -> None:
        self.tally = Tally(self.calls.metric_names)
        self.error: Exception | None = None
        self.broken = False
        self.failed_at: Failed | None = None
        self._last: At | None = None
        self._upstreams: dict[tuple[int, int], Any] = {}
        self._saved: dict[tuple[int, int], Any] = {}
        self._awaited: dict[int, deque[_Awaited]] = defaultdict(deque)
        self._source: dict[tuple[str, int, int], int] = {}
        self.leaving = {}

    @property
    def wire(self) -> Wire:
        """Writes messages."""
        if self._wire is None:
            most = max(map(self.shares.rows, range(self.shares.parts)))
            self._wire = Wire(self.calls, most)
        return self._wire

    def play(self, steps: Iterable[Step], window: range, shift: int = 0) -> None:
        """Takes the steps of a window.

        Args:
          steps: of this rank.
          window: the chunks.
          shift: added to the steps' chunk numbers.

        Raises:
          ClusterError: another rank is gone or gives no answer.
        """
        self._reset()
        if self.gives_up:
            # Also where there is nothing to do in it.
            self.error = GivenUpError()
        for step in steps:
            if isinstance(step, Forward | Backward):
                self._work(step, window, shift)
            elif isinstance(step, Receive):
                self._expect(step.message, shift)
            else:
                self._send(step.message, shift)
        for awaited in self._awaited.values():
            while awaited:
                self._take(awaited)
        self.broken = self.broken or self.error is not None

    def _work(self, step: Forward | Backward, window: range, shift: int) -> None:
        chunks = range(step.chunks.start + shift, step.chunks.stop + shift)
        backward = isinstance(step, Backward)
        try:
            self._await_what_it_needs(chunks, step.part, backward)
            if self.broken or self.error is not None:
                return
            if self.gives_up:
                raise GivenUpError
            began = time.perf_counter()
            if backward:
                self._backward(chunks, step.part, window)
            else:
                self._forward(chunks, step.part)
            self.tally.visits[backward] += len(chunks)
            self.tally.seconds[backward] += time.perf_counter() - began
        except ClusterError:
            raise
        except Exception as error:  # raised behind the window, when the others were told
            self.error = error
            if isinstance(error, NumericsError) and self._last is not None:
                rows = rows_of(self.shares.batch, step.part, self.shares.parts)
                self.failed_at = Failed(self._last, rows)

    def _await_what_it_needs(self, chunks: range, part: int, backward: bool) -> None:
        needed = [("upstream", chunks[-1])] if backward else []
        needed.append(("state", chunks[0]))
        for what, chunk in needed:
            source = self._source.get((what, part, chunk))
            while source is not None:
                taken = self._take(self._awaited[source])
                if (taken.what, taken.part, taken.chunk) == (what, part, chunk):
                    break

    def _forward(self, chunks: range, part: int) -> None:
        head = self._entering(chunks[0], part)
        for index in chunks:
            data = self.shares.ready(index, part)
            state = self._saved[part, index] = states.cut_rows(head, data.resets)
            self._last = At(data, state)
            head = self.calls.forward(data, state)
            self._rest()
        self.entering[part, chunks.stop] = head

    def _backward(self, chunks: range, part: int, window: range) -> None:
        for index in reversed(chunks):
            data = self.shares.ready(index, part)
            state = self._saved.pop((part, index), None)
            last = index == window[-1]
            if last:
                state = states.cut_rows(self._entering(index, part), data.resets)
                upstream = self.calls.zero_upstream(data.batch)
            else:
                upstream = self._upstreams.pop((part, index))
                self.tally.add_upstream(index, upstream)
            self._last = At(data, state, upstream)
            visit = self.calls.gather(data, state, upstream, last)
            if last:
                self.entering[part, window.stop] = visit.final_state
            carry = states.cut_rows(visit.state_gradient, data.resets)
            if index == window[0]:
                self.leaving[part] = carry
            else:
                self._upstreams[part, index - 1] = carry
            self.tally.loss += visit.loss
            self.tally.time_steps += data.time_steps
            add_metrics(self.tally.metrics, visit.metrics)
            self.tally.back += 1
            if self._on_visit is not None:
                self._on_visit(index, visit)
            self._rest()

    def _rest(self) -> None:
        """Lets somebody look around between two visits, who may have the window given up."""
        if self._on_rest is not None:
            self._on_rest()
        if self.gives_up:
            raise GivenUpError

    def _entering(self, chunk: int, part: int) -> Any:
        state = self.entering.pop((part, chunk), None)
        return self.calls.zero_state(self.shares.rows(part)) if state is None else state

    def _lane(self, message: Message) -> Lane:
        return self._lanes(message.source, message.target, self.wire.words)

    def _send(self, message: Message, shift: int) -> None:
        store: Mapping[tuple[int, int], Any]
        store = self.entering if message.what == "state" else self._upstreams
        key = (message.part, message.chunk + shift)
        failed = self.broken or self.error is not None
        nest = store.pop(key, None)
        self._lane(message).send(self.wire.pack(None if failed else nest))

    def _expect(self, message: Message, shift: int) -> None:
        moved = replace(message, chunk=message.chunk + shift)
        lane = self._lane(message)
        lane.expect()
        self._awaited[message.source].append(_Awaited(lane, moved))
        self._source[moved.what, moved.part, moved.chunk] = moved.source

    def _take(self, awaited: deque[_Awaited]) -> Message:
        """Takes the next message of a lane, and puts it where it belongs."""
        lane, message = awaited.popleft()
        began = time.perf_counter()
        packed = lane.take()
        self.tally.waited += time.perf_counter() - began
        rows = self.shares.rows(message.part)
        nest = self.wire.unpack(packed, message.what, rows)
        del self._source[message.what, message.part, message.chunk]
        store = self.entering if message.what == "state" else self._upstreams
        store[message.part, message.chunk] = nest
        self.broken = self.broken or nest is None
        return message
