"""What ranks that train together agree on, optimiser step by optimiser step.

Each rank has a schedule of its own and meets the others where its sweep ends, in one sum: of the
gathered gradients, and of a row of figures by which all ranks come to the same decision.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from tgcarry.errors import ClusterError, NumericsError, TgcarryError
from tgcarry.loop import Done, Loop
from tgcarry.reports import Report, add_metrics

# Visits of a sweep whose norms ride in the row; those of more take a sum of their own, which is
# little beside so many visits.
_RIDING = 16
# What a rank comes to a meeting for.
_READY, _RESTING, _BAD, _FAILED, _ENDED, _TELLING, _MEASURING = range(7)


class Peers(Protocol):
    """Adds up what the ranks of a job have; see `tgcarry.Group`."""

    @property
    def rank(self) -> int:
        """The number of this process."""
        ...

    @property
    def size(self) -> int:
        """The number of ranks."""
        ...

    def sum(
        self, arrays: Sequence[np.ndarray], row: Sequence[float]
    ) -> tuple[list[np.ndarray], np.ndarray]:
        """Returns the arrays' sums over the ranks, and a table of every rank's row."""
        ...

    def exchange(self, blob: bytes) -> list[bytes]:
        """Gives bytes to every rank and returns those of each, by rank."""
        ...

    def align(self, session: Any, variables: Sequence[Any]) -> None:
        """Gives every rank rank 0's values of variables."""
        ...


class _Row(NamedTuple):
    """Is what a rank tells the others; norms of `_RIDING` visits and its metrics follow."""

    kind: float
    stop: float
    steps: float
    visits: float
    through: float
    loss: float = 0.0
    time_steps: float = 0.0
    clipped: float = 0.0
    norm: float = 0.0


class _Told(NamedTuple):
    """Is what all ranks have told."""

    rows: list[_Row]
    norms: np.ndarray
    """`[ranks, _RIDING]`, of the upstreams of the first visits."""
    metrics: list[float]
    """Their sums."""
    sums: list[np.ndarray]
    """Of all gradients; nothing where rows come first."""


class Figures(NamedTuple):
    """Holds sums over all ranks."""

    loss: float
    metrics: dict[str, float]
    time_steps: int
    clipped: int
    upstream_norms: tuple[float, ...]


class Meetings:
    """Has the ranks of a job take the same optimiser steps, skip the same sweeps, and end alike.

    Where the loop limits an upstream's norm, they meet at every visit that may be limited, too.

    Args:
      peers: the ranks.
      loop: this rank's.

    Attributes:
      stop: whether some rank asked, at the last optimiser step, for this to be the last.
      heard: the last error that another rank told of.
    """

    def __init__(self, peers: Peers, loop: Loop) -> None:
        self._peers = peers
        self._loop = loop
        # A rank that comes for something else than the others sends as much as they do: without
        # meetings in a sweep everybody's gradients, and with them a row that says what follows.
        self._rows_first = loop.clip is not None
        self.heard: TgcarryError | None = None
        self._names = list(loop.calls.metric_names)
        self._figures: Figures | None = None
        self.stop = False

    def begin(self) -> None:
        """Makes sure that the ranks will meet at the same places.

        Raises:
          ClusterError: they will not.
        """
        limited = self._peers.exchange(b"1" if self._rows_first else b"0")
        if len(set(limited)) > 1:
            rank, other = limited.index(b"1"), limited.index(b"0")
            raise ClusterError(
                f"rank {rank}'s policy limits the carry's norm, and rank {other}'s does not: give "
                f"every rank the same policy"
            )

    def ready(self, steps: int, stop: bool) -> bool:
        """Puts the sum of all ranks' gradients into the accumulators, for the optimiser's step.

        Args:
          steps: optimiser steps so far.
          stop: whether this rank is to stop behind this one.

        Returns:
          False if another rank stands still in its sweep: no step is to be taken.

        Raises:
          NumericsError: on another rank a number is not finite.
          ClusterError: another rank failed, or does something else.
        """
        return self._meet(_READY, steps, stop, self._loop.visits)

    def norm(self, steps: int, norm: float) -> float | None:
        """Returns the norm over all ranks' streams, given this rank's part of it.

        Returns:
          None if another rank stands still in its sweep: no further visit is to be made.

        Raises:
          NumericsError, ClusterError: as `ready`.
        """
        rows = self._told(_Row(_MEASURING, False, steps, 0, -1, norm=norm)).rows
        if any(row.kind != _MEASURING for row in rows):
            return None
        return math.hypot(*(row.norm for row in rows))

    def rest(self, steps: int) -> None:
        """Tells the others that this rank stands still; they leave off where they are.

        Raises:
          NumericsError, ClusterError: as `ready`.
        """
        self._meet(_RESTING, steps, True, ())

    def bad(self, steps: int, error: NumericsError) -> None:
        """Tells the others of a number that is not finite: they leave this sweep out, too."""
        self._meet(_BAD, steps, False, (), error)

    def failed(self, steps: int, error: TgcarryError) -> None:
        """Tells the others why this rank ends; whatever they have to say is not heard."""
        self._meet(_FAILED, steps, False, (), error)

    def ended(self, steps: int) -> None:
        """Makes sure that the others have come to their chunks' end, too.

        Raises:
          NumericsError, ClusterError: as `ready`.
        """
        self._meet(_ENDED, steps, False, ())

    def whole(self, report: Report) -> Report:
        """Returns a report of the step with the figures of all ranks' streams."""
        return report if self._figures is None else report._replace(**self._figures._asdict())

    def _meet(
        self,
        kind: int,
        steps: int,
        stop: bool,
        visits: Sequence[Done],
        error: TgcarryError | None = None,
    ) -> bool:
        """Meets the others; says whether all are ready, and then has their sums in place."""
        metrics = dict.fromkeys(self._names, 0.0)
        for done in visits:
            add_metrics(metrics, done.visit.metrics)
        # In the order of the report.
        norms = [done.upstream_norm for done in sorted(visits, key=lambda done: done.chunk)]
        row = _Row(
            kind,
            stop,
            steps,
            len(visits),
            max((done.chunk for done in visits), default=-1),
            sum(done.visit.loss for done in visits),
            sum(done.time_steps for done in visits),
            sum(done.clipped for done in visits),
        )
        told = self._told(row, list(metrics.values()), error, norms)
        if any(one.kind != _READY for one in told.rows):
            return False
        calls, sums = self._loop.calls, told.sums
        if self._rows_first:
            sums, _ = self._peers.sum(calls.accumulators(), [])
        elif len(norms) > _RIDING:
            _, told_norms = self._peers.sum([], norms)
            told = told._replace(norms=told_norms)
        calls.set_accumulators(sums)
        # Where upstreams are limited, their norms are those of all streams already.
        whole = norms if self._rows_first else np.hypot.reduce(told.norms, axis=0).tolist()
        self._figures = Figures(
            sum(one.loss for one in told.rows),
            dict(zip(self._names, told.metrics, strict=True)),
            int(sum(one.time_steps for one in told.rows)),
            # Which upstreams are scaled down is the same on every rank; of visits before a
            # position that was shared out rank 0 knows alone.
            int(max(one.clipped for one in told.rows)),
            tuple(whole[: len(norms)]),
        )
        return True

    def _told(
        self,
        row: _Row,
        metrics: Sequence[float] = (),
        error: TgcarryError | None = None,
        norms: Sequence[float] = (),
    ) -> _Told:
        """Tells every rank of this one's row, and returns what all have told.

        Raises:
          NumericsError, ClusterError: what happened on another rank.
        """
        arrays = [] if self._rows_first else self._loop.calls.accumulators()
        riding = [*norms[:_RIDING], *[0.0] * (_RIDING - len(norms))]
        figures = metrics or [0.0] * len(self._names)
        sums, table = self._peers.sum(arrays, [*row, *riding, *figures])
        rows = [_Row(*line[: len(row)]) for line in table]
        kinds = [int(one.kind) for one in rows]
        self.stop = any(one.stop for one in rows)
        if _FAILED in kinds or _BAD in kinds:
            self._raise_others(kinds, error)
        else:
            self._check_alike(rows)
        _, of_visits, added = np.split(table, [len(row), len(row) + _RIDING], axis=1)
        return _Told(rows, of_visits, added.sum(axis=0).tolist(), sums)

    def _raise_others(self, kinds: Sequence[int], error: TgcarryError | None) -> None:
        """Raises what happened on another rank, unless this one has an error of its own."""
        told = self._peers.exchange(str(error or "").encode())
        if error is not None and not (isinstance(error, NumericsError) and _FAILED in kinds):
            return
        self._loop.last = None
        worst = _FAILED if _FAILED in kinds else _BAD
        rank = kinds.index(worst)
        text = f"rank {rank}: {told[rank].decode(errors='replace')}"
        self.heard = (ClusterError if worst == _FAILED else NumericsError)(text)
        raise self.heard

    def _check_alike(self, rows: Sequence[_Row]) -> None:
        """Refuses ranks that stand elsewhere, or whose chunks or windows are others."""
        ends = [rank for rank, row in enumerate(rows) if row.kind == _ENDED]
        if ends and len(ends) < len(rows):
            going = next(rank for rank, row in enumerate(rows) if row.kind != _ENDED)
            raise ClusterError(
                f"rank {ends[0]} has no more chunks after step {int(rows[ends[0]].steps)}, and "
                f"rank {going} has: give every rank as many, cut alike"
            )
        if len({row.steps for row in rows}) > 1:
            steps = ", ".join(str(int(row.steps)) for row in rows[:8])
            raise ClusterError(
                f"the ranks stand at different optimiser steps ({steps}): go on from positions of "
                f"one checkpoint"
            )
        ready = [(rank, row) for rank, row in enumerate(rows) if row.kind == _READY]
        measuring = [rank for rank, row in enumerate(rows) if row.kind == _MEASURING]
        if ready and measuring:
            raise ClusterError(
                f"rank {measuring[0]} is at a visit where rank {ready[0][0]} has come to the end "
                f"of its sweep: give every rank the same policy, and cluster.share(chunks) of the "
                f"same chunks"
            )
        for rank, row in ready[1:]:
            first_rank, first = ready[0]
            if (row.visits, row.through) != (first.visits, first.through):
                raise ClusterError(
                    f"step {int(row.steps) + 1} ends with chunk {int(row.through)} after "
                    f"{int(row.visits)} visits on rank {rank}, and with chunk "
                    f"{int(first.through)} after {int(first.visits)} on rank {first_rank}: give "
                    f"every rank the same policy, and cluster.share(chunks) of the same chunks"
                )


def figures_of_all(
    peers: Peers | None, loss: float, metrics: dict[str, float], time_steps: int
) -> tuple[float, dict[str, float], int]:
    """Adds up the figures of a pass that all ranks have made over their streams."""
    if peers is None:
        return loss, metrics, time_steps
    _, table = peers.sum([], [_TELLING, loss, time_steps, *metrics.values()])
    _, total, steps, *sums = table.sum(axis=0)
    return float(total), dict(zip(metrics, map(float, sums), strict=True)), int(steps)


def sums_of_all(peers: Peers | None, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Adds up arrays over the ranks, name by name."""
    if peers is None:
        return arrays
    sums, _ = peers.sum(list(arrays.values()), [_TELLING])
    return dict(zip(arrays, sums, strict=True))
