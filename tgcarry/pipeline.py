"""One very long sequence, whose chunks lie on different ranks."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tgcarry.calls import Calls
from tgcarry.chunk import ChunkGraph
from tgcarry.cluster import Group
from tgcarry.data import Chunk
from tgcarry.data.check import checked_type
from tgcarry.data.wording import because, shown
from tgcarry.errors import RunError
from tgcarry.feeding import Feeding, check_redraws, seed_apart
from tgcarry.hooks import check_fed
from tgcarry.monitored import is_monitored
from tgcarry.pipeline_course import Course, Plans, window_from
from tgcarry.pipeline_loop import Failed, GivenUpError, OnVisit, PipelineLoop, Shares
from tgcarry.pipeline_meeting import PipelineReport, Windowed, agree, meet
from tgcarry.pipeline_plan import Costs, PipelinePlan, plan_pipeline
from tgcarry.pipeline_schedule import owner_of
from tgcarry.position import Position
from tgcarry.positions import packed_position, unpacked_position
from tgcarry.reports import Gradients, add_metrics, check_finite
from tgcarry.sessions import HeldSession


class Pipeline:
    """Trains on one long sequence whose chunks lie on different ranks: exact, part by part.

        with Group(cluster) as group, Pipeline(chunk, group, window=16) as pipeline:
            print(pipeline.plan(chunks))
            for report in pipeline.run(chunks):
                ...

    The chunks are dealt to the ranks in turn. A window's states go forward from rank to rank, and
    its upstreams back, so that the gradient is `ExactSweep(window)`'s, that of the unbroken
    window. Each rank adds up the weight gradients of its own chunks; at the window's end these are
    summed over the ranks, and all take the same optimiser step. So that ranks are at work at the
    same time, the streams are put into parts, which pass through one behind another; with one
    part, or one stream, only the data are shared out, and not the time.

    A rank reads its own chunks and no others: a sequence may hold what it likes elsewhere.
    Nobody knows therefore where all streams start anew at once: unlike `ExactSweep`'s, windows do
    not end there, though states and gradients do, unless `run(breaks=)` says where. The loss and
    the metrics have to be sums over streams, divided by constants only: parts are visited one by
    one. Not included: memory budgets, `end_decay`, hooks, and going on where a number is not
    finite.

    Args:
      chunk: of `build_chunk`.
      group: an open group.
      window: chunks per optimiser step; None for the whole sequence.
      parts: that the streams are put into, as equal as can be; as many as ranks by default, or
        as streams if these are fewer.
      segment: chunks in a row that are dealt to a rank at a time. More than 1 saves messages;
        `window / ranks` gives each rank one stretch.
      reduce: "sum" or "mean", as in `Runner`.
      session: an open session on the chunk's graph; closed by whoever opened it.
      config: `tf.ConfigProto` for a session of its own.
      feed_dict: values fed at every call.
      seed: first half of the "seed" feed, for the first part.
      on_visit: called with (chunk number, visit) behind each backward visit of a part, on the
        rank that made it.
      on_rest: called behind each visit, forwards or backwards; `stop` may be called there.

    Raises:
      RunError: an argument out of its range, or a chunk that draws random numbers anew at each
        visit.
    """

    def __init__(
        self,
        chunk: ChunkGraph,
        group: Group,
        *,
        window: int | None = None,
        parts: int | None = None,
        segment: int = 1,
        reduce: str = "sum",
        session: Any = None,
        config: tf.ConfigProto | None = None,
        feed_dict: Mapping[tf.Tensor, Any] | None = None,
        seed: int = 0,
        on_visit: OnVisit | None = None,
        on_rest: Callable[[], None] | None = None,
    ) -> None:
        if not isinstance(chunk, ChunkGraph):
            raise RunError(f"Pipeline(chunk={shown(chunk)}): give what build_chunk returned")
        if not isinstance(group, Group):
            raise RunError(f"Pipeline(group={shown(group)}): give an open tgcarry.Group")
        if reduce not in ("sum", "mean"):
            raise RunError(f"Pipeline(reduce={reduce!r}): give 'sum' or 'mean'")
        check_redraws(chunk, "Pipeline", "")
        given = {tensor.name for tensor in feed_dict or ()}
        check_fed((t.name for t in chunk.unfed if t.name not in given), who="Pipeline")
        if is_monitored(session):
            raise RunError("Pipeline(session=): a MonitoredSession knows nothing of other ranks")
        self._chunk, self._group = chunk, group
        self._window = None if window is None else _count("window", window)
        self._parts = None if parts is None else _count("parts", parts)
        self._segment = _count("segment", segment)
        self._mean = reduce == "mean"
        self._feed_dict, self._seed = dict(feed_dict or {}), seed
        self._on_visit, self._on_rest = on_visit, on_rest
        self._held = HeldSession(chunk, session, config)
        self._calls: Calls | None = None
        self._plans: Plans = {}
        self._steps = 0
        self._course: Course | None = None
        self._stopping = self._at_once = False

    def __enter__(self) -> Pipeline:
        self._held.open()
        self._calls = Calls(self._chunk, self._held.raw, self._feed_dict, self._seed)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._calls = None
        self._held.close(failed=kind is not None)

    @property
    def session(self) -> Any:
        """The open session, to restore, save or look into variables."""
        self._ready()
        return self._held.session

    def owns(self, index: int) -> bool:
        """Says whether a chunk is this rank's to read."""
        return owner_of(index, self._segment, self._group.size) == self._group.rank

    def plan(
        self, chunks: Sequence[Chunk], costs: Costs | None = None, *, breaks: Sequence[int] = ()
    ) -> PipelinePlan:
        """Plans the first window: who visits what when, and how much of the time is idle.

        Asks nobody, and computes nothing; reads one of this rank's chunks to count the streams,
        unless the number of parts was given.

        Args:
          chunks: as for `run`.
          costs: what visits and messages take; those of a report to see what was to be expected.
          breaks: as for `run`.

        Returns:
          A `PipelinePlan`, with `to_text()`, `timeline()` and `bubble`.
        """
        if not isinstance(costs, Costs | None):
            raise RunError(f"Pipeline.plan(costs={shown(costs)}): give a report's costs")
        count = _checked_length(chunks)
        batch = None if self._parts else self._batch(chunks)
        window = window_from(0, count, self._window, sorted(breaks))
        return plan_pipeline(
            window,
            size=self._group.size,
            parts=self._count_parts(batch),
            segment=self._segment,
            costs=costs,
            goes_on=window.stop < count,
        )

    def run(
        self,
        chunks: Sequence[Chunk],
        initial_state: Any = None,
        *,
        resume: Position | None = None,
        breaks: Sequence[int] = (),
    ) -> Iterator[PipelineReport]:
        """Trains on chunks and yields a report per window; work is done as you iterate.

        All ranks iterate alike, and begin with rank 0's variables.

        Args:
          chunks: a sequence that holds at least this rank's chunks where they belong.
          initial_state: nest of `[B, H]` arrays that the first chunk starts from; zeros if None.
            Rank 0's counts.
          resume: where an earlier run stood between two windows; rank 0's counts. Restore its
            variables before.
          breaks: chunks in which all streams start anew, as far as all ranks know them: windows
            end before these, as `ExactSweep`'s do.

        Yields:
          A `PipelineReport` per window.

        Raises:
          RunError: no optimiser, or chunks that do not fit.
          DataError: a chunk with a NaN, or inconsistent arrays.
          NumericsError: a loss or gradient that is not finite; nothing of it was applied.
          LostRankError: a rank is gone or gives no answer.
          ClusterError: another rank failed, or does something else.
        """
        if self._chunk.updates.apply is None:
            raise RunError(
                "Pipeline.run: build_chunk had no optimizer=; give one, or use gradients()"
            )
        if resume is not None and initial_state is not None:
            raise RunError(
                "Pipeline.run(initial_state=, resume=): the position has a state; leave one out"
            )
        self._stopping = self._at_once = False

        def start() -> Position:
            if resume is None:
                return Position(steps=self._steps, head=self._checked(initial_state))
            if not isinstance(resume, Position):
                raise RunError(f"Pipeline.run(resume={shown(resume)}): give a tgcarry.Position")
            if resume.in_a_sweep:
                raise RunError(
                    f"Pipeline.run(resume=): the position is in the middle of a sweep that began "
                    f"with chunk {resume.applied}: give resume.replanned(), which begins it again"
                )
            return resume

        return self._reports(chunks, start, sorted(breaks))

    def gradients(self, chunks: Sequence[Chunk], initial_state: Any = None) -> Gradients:
        """Computes the gradient of the chunks' summed loss, window by window; applies nothing.

        With the whole sequence as the window this is the gradient of the unbroken sequence.

        Args:
          chunks: as for `run`.
          initial_state: as for `run`.

        Returns:
          `Gradients`, the same on every rank.

        Raises:
          RunError, DataError, NumericsError, ClusterError: as `run`.
        """
        course = self._begin(
            "gradients", chunks, lambda: Position(head=self._checked(initial_state))
        )
        calls, first = course.loop.calls, course.behind
        loss, metrics, leaving = 0.0, dict.fromkeys(self._chunk.metrics, 0.0), None
        while course.window is not None:
            met = self._play(course, [])
            loss += met.loss
            add_metrics(metrics, met.metrics)
            if leaving is None:
                leaving = course.gathered(course.loop.leaving, course.owner(first), "upstream")
            course.advance()
        final = course.gathered(course.carried, course.holder, "state")
        names, arrays = zip(*calls.accumulated().items(), strict=True)
        sums, _ = self._group.sum(arrays, [0.0])
        calls.clear()
        variables = dict(zip(names, sums, strict=True))
        check_finite(variables)
        return Gradients(loss, variables, leaving, final, metrics)

    def stop(self, *, at_once: bool = False) -> None:
        """Has `run` end behind the window at hand, on every rank; one asks for all.

        Args:
          at_once: give the window up if it is not behind this rank: the run ends where that
            window began, and begins it again when it goes on.
        """
        self._stopping, self._at_once = True, self._at_once or at_once
        if self._at_once and self._course is not None:
            self._course.loop.gives_up = True

    @property
    def failed_at(self) -> Failed | None:
        """The session call of this rank that gave a number that is not finite.

        In the window that `run` ended in; None if that happened on another rank, in the
        optimiser's step, or not at all.
        """
        return None if self._course is None else self._course.loop.failed_at

    @property
    def progress(self) -> float:
        """Chunks of the last `run` that are about behind all ranks, for a progress display."""
        return 0.0 if self._course is None else self._course.progress

    def position(self) -> Position:
        """Says where the last `run` stands: behind a window, with the state of all streams.

        All ranks ask together, between two windows; each is given the same. `run(resume=)` takes
        it, and so does a `Runner` in one process.
        """
        course = self._course
        if course is None:
            return Position(steps=self._steps)
        head = course.gathered(course.carried, course.holder, "state")
        return Position(first=course.behind, steps=self._steps, applied=course.behind, head=head)

    def _reports(
        self, chunks: Sequence[Chunk], start: Callable[[], Position], breaks: Sequence[int]
    ) -> Iterator[PipelineReport]:
        course = self._course = self._begin("run", chunks, start, breaks)
        course.loop.gives_up = self._at_once
        calls, self._steps = course.loop.calls, course.start.steps
        while course.window is not None:
            began = time.perf_counter()
            window = course.window
            try:
                met = self._play(course, calls.accumulators)
            except GivenUpError:
                return
            calls.set_accumulators(met.arrays)
            norm = calls.apply(1 / len(window) if self._mean else 1.0)
            self._steps += 1
            course.advance()
            yield PipelineReport(
                step=self._steps,
                chunks=window,
                loss=met.loss,
                metrics=met.metrics,
                time_steps=met.time_steps,
                grad_norm=norm,
                upstream_norm=met.upstream_norm,
                seconds=time.perf_counter() - began,
                bubble=met.bubble,
                idle=met.idle,
                costs=met.costs,
            )
            if met.stop:
                return

    def _play(
        self, course: Course, arrays: Sequence[np.ndarray] | Callable[[], Sequence[np.ndarray]]
    ) -> Windowed:
        """Plays the window at hand, and meets the others behind it."""
        assert course.window is not None
        began = time.perf_counter()
        try:
            course.play()
            seconds = time.perf_counter() - began
            given = arrays() if callable(arrays) else arrays
            return meet(
                self._group,
                course.loop,
                given,
                steps=self._steps,
                seconds=seconds,
                stop=self._stopping,
            )
        except BaseException:
            course.loop.calls.clear()
            raise

    def _begin(
        self,
        what: str,
        chunks: Sequence[Chunk],
        where: Callable[[], Position],
        breaks: Sequence[int] = (),
    ) -> Course:
        """Agrees with the other ranks, and makes what goes through the chunks."""
        calls = self._ready()

        def look() -> tuple[dict[str, Any], bytes]:
            count = _checked_length(chunks)
            said = {
                "task": what,
                "chunks": count,
                "window": self._window,
                "parts": self._parts,
                "segment": self._segment,
                "reduce": "mean" if self._mean else "sum",
                "breaks": _in_brief(breaks),
                "batch": self._batch(chunks),
            }
            return said, packed_position(where()) if self._group.rank == 0 else b""

        agreed = agree(self._group, look)
        start = self._unpacked(agreed.blob)
        self._check_head(start.head, agreed.batch)
        with self._chunk.graph.as_default():
            self._group.align(self.session, tf.global_variables())
        calls.clear()
        parts = self._count_parts(agreed.batch)
        feedings = [Feeding(self._chunk, seed_apart(self._seed, n)) for n in range(parts)]
        shares = Shares(chunks, agreed.batch, parts, feedings)
        return Course(
            self._group,
            PipelineLoop(
                calls,
                shares,
                self._group.lane,
                on_visit=self._on_visit,
                on_rest=self._on_rest,
            ),
            start,
            len(chunks),
            length=self._window,
            segment=self._segment,
            breaks=breaks,
            plans=self._plans,
        )

    def _batch(self, chunks: Sequence[Chunk]) -> int | None:
        """Counts the streams of a chunk of this rank's; None if it has no chunk."""
        mine = self._group.rank * self._segment
        if mine >= len(chunks):
            return None
        return checked_type(chunks[mine], mine).batch

    def _unpacked(self, blob: bytes) -> Position:
        try:
            return unpacked_position(blob, self._chunk)
        except (ValueError, KeyError, TypeError) as error:
            raise RunError(
                f"Pipeline.run(resume=): the position is of another model ({because(error)}): "
                f"give one that this model's run gave"
            ) from error

    def _check_head(self, head: Any, batch: int) -> None:
        rows = set() if head is None else {len(leaf) for leaf in tf.nest.flatten(head)}
        if rows - {batch}:
            raise RunError(
                f"Pipeline: chunks have {batch} streams, and the state to begin with has "
                f"{', '.join(map(str, sorted(rows)))}: give an initial_state, or a position, of "
                f"as many"
            )

    def _count_parts(self, batch: int | None) -> int:
        if self._parts is None:
            return min(self._group.size, batch or self._group.size)
        if batch is not None and self._parts > batch:
            raise RunError(
                f"Pipeline(parts={self._parts}): there are {batch} streams, and each part needs "
                f"one at least: make fewer parts"
            )
        return self._parts

    def _checked(self, state: Any) -> Any:
        return None if state is None else self._ready().checked_state(state)

    def _ready(self) -> Calls:
        if self._calls is None:
            raise RunError("Pipeline: no open session; write `with Pipeline(...) as pipeline:`")
        return self._calls


def _checked_length(chunks: Any) -> int:
    wrong = isinstance(chunks, Chunk) or not isinstance(chunks, Sequence)
    if wrong or not len(chunks):
        raise RunError(
            f"Pipeline: chunks are of type {type(chunks).__name__}: give a sequence of at least "
            f"one chunk, such as split_chunks(arrays, length); each rank reads its own ones"
        )
    return len(chunks)


def _in_brief(breaks: Sequence[int]) -> str:
    """Says which breaks there are, so that ranks can compare them."""
    return f"{len(breaks)} ({zlib.crc32(np.asarray(breaks, np.int64).tobytes()):08x})"


def _count(name: str, value: Any) -> int:
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not whole or value < 1:
        raise RunError(f"Pipeline({name}={value!r}): give a whole number of at least 1")
    return int(value)
