"""What a training job asks of a `Runner`, done by a `Pipeline`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np

from tgcarry.calls import Visit
from tgcarry.chunk import ChunkGraph
from tgcarry.cluster import Cluster, Group
from tgcarry.data import Chunk
from tgcarry.data.wording import listed
from tgcarry.drive import BadNumbers, OnBadNumbers
from tgcarry.errors import DataError, NumericsError
from tgcarry.pipeline import Pipeline
from tgcarry.pipeline_loop import OnVisit
from tgcarry.pipeline_meeting import PipelineReport
from tgcarry.position import Position
from tgcarry.reports import Evaluation
from tgcarry.runner import Runner


class PipelineRunner:
    """Trains by a `Pipeline`, and evaluates by a `Runner` in the same session.

    All ranks call everything alike. Windows end where the chunks' `breaks` say that all streams
    start anew, so that they are those of `ExactSweep(window)`.

    Args:
      chunk: of `build_chunk`.
      group: the ranks; None for this process alone.
      window: chunks per optimiser step; None for the whole sequence.
      parts: as in `Pipeline`.
      segment: likewise.
      reduce: likewise.
      seed: likewise.
      on_visit: called with how many chunks of the run are about behind all ranks, and a visit.
      on_rest: called between two visits; `stop` may be called there.
      on_nan: told of a number that is not finite, before its error is raised.
    """

    def __init__(
        self,
        chunk: ChunkGraph,
        group: Group | None = None,
        *,
        window: int | None = None,
        parts: int | None = None,
        segment: int = 1,
        reduce: str = "sum",
        seed: int = 0,
        on_visit: OnVisit | None = None,
        on_rest: Callable[[], None] | None = None,
        on_nan: OnBadNumbers | None = None,
    ) -> None:
        self._chunk = chunk
        self._group = Group(Cluster()) if group is None else group
        self._on_visit, self._on_nan = on_visit, on_nan
        self._pipeline = Pipeline(
            chunk,
            self._group,
            window=window,
            parts=parts,
            segment=segment,
            reduce=reduce,
            seed=seed,
            on_visit=self._visited,
            on_rest=on_rest,
        )
        self._open = ExitStack()
        self._start = Position()
        self._stands: Position | None = self._start

    def __enter__(self) -> PipelineRunner:
        with ExitStack() as opened:
            session = opened.enter_context(self._pipeline).session
            self._alone = opened.enter_context(Runner(self._chunk, session=session))
            self._together = opened.enter_context(
                Runner(self._chunk, session=session, group=self._group)
            )
            self._open = opened.pop_all()
        return self

    def __exit__(self, *of_the_error: Any) -> None:
        self._open.__exit__(*of_the_error)

    @property
    def session(self) -> Any:
        """The open session."""
        return self._pipeline.session

    @property
    def position(self) -> Position:
        """Where the run stands, behind a window, with the state of all streams.

        Ranks ask one another the first time behind a window; later ones are of no cost.
        """
        if self._stands is None:
            self._stands = self._pipeline.position()
        return self._stands

    def run(
        self, chunks: Sequence[Chunk], *, resume: Position | None = None
    ) -> Iterator[PipelineReport]:
        """Trains on chunks from a position on, and yields a report per window."""
        self._stands = self._start = Position() if resume is None else resume
        return self._reports(chunks)

    def stop(self) -> None:
        """Has the run end on all ranks: behind the last window, or where the open one began."""
        self._pipeline.stop(at_once=True)

    def plan(self, chunks: Sequence[Chunk]) -> str:
        """Says in a line who does what in the first window, and how much time is idle."""
        breaks = _breaks(chunks)
        plan = self._pipeline.plan(chunks, breaks=breaks)
        idle = sorted({*range(plan.size)} - {stage.rank for stage in plan.stages})
        if not idle:
            return str(plan)
        ended = plan.stages[-1].chunks.stop in breaks
        who = f"ranks {listed(idle)} have" if len(idle) > 1 else f"rank {idle[0]} has"
        remedy = "a shorter --chunk, or fewer ranks" if ended else "a larger --window"
        return f"{plan}; {who} nothing to do in it: give {remedy}, or a smaller --segment"

    def evaluate(self, chunks: Sequence[Chunk]) -> Evaluation:
        """Sums loss and metrics over chunks of all streams.

        The streams are shared out over the ranks; if there are fewer, each rank reads all.
        """
        if self._group.size == 1 or chunks[0].batch < self._group.size:
            return self._alone.evaluate(chunks)
        return self._together.evaluate(self._group.cluster.share(chunks))

    def carry_norms(self, chunks: Sequence[Chunk]) -> np.ndarray:
        """Measures how far back the last chunk's loss reaches, as `Runner.carry_norms` does."""
        return self._alone.carry_norms(chunks)

    def _reports(self, chunks: Sequence[Chunk]) -> Iterator[PipelineReport]:
        breaks, steps = _breaks(chunks), self._start.steps
        reports = self._pipeline.run(chunks, resume=self._start, breaks=breaks)
        try:
            for report in reports:
                self._stands, steps = None, report.step
                yield report
        except (NumericsError, DataError) as error:
            if self._on_nan is not None:
                self._tell(self._on_nan, error, steps)
            raise

    def _tell(self, on_nan: OnBadNumbers, error: NumericsError | DataError, steps: int) -> None:
        """Tells of a number that is not finite; who is told may raise an error instead."""
        failed = self._pipeline.failed_at
        try:
            on_nan(BadNumbers(error, steps, None if failed is None else failed.at))
        except NumericsError as told:
            if failed is None or not failed.streams.start:
                raise
            raise NumericsError(
                f"{told}; streams are counted from stream {failed.streams.start} on, where their "
                f"part begins"
            ) from told

    def _visited(self, _: int, visit: Visit) -> None:
        if self._on_visit is not None:
            self._on_visit(int(self._pipeline.progress), visit)


def _breaks(chunks: Sequence[Chunk]) -> list[int]:
    known: list[int] | None = getattr(chunks, "breaks", None)
    if known is None:
        return [k for k, chunk in enumerate(chunks) if k and chunk.starts_anew]
    return known
