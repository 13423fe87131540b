"""Work that rank 0 does for all, while the others stay."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from tgcarry.cluster.group import Group
from tgcarry.cluster.worker import Worker

_Result = TypeVar("_Result")

# Seconds from one meeting to the next.
_PAUSE = 0.5
_GOING_ON, _DONE = 0.0, 1.0


def of_chief(group: Group, work: Callable[[], _Result]) -> _Result | None:
    """Has rank 0 do something, and no rank leave before it is done.

    A rank that has left cannot be had back: if rank 0 is lost with work left to do, all have to
    be there to start again. They meet over and over, so that what takes longer than a group's
    timeout is waited for, and a rank that is lost is noticed. The work is done in a thread of its
    own.

    Args:
      group: the ranks, each of which calls this.
      work: to be done by rank 0.

    Returns:
      What it returns, on rank 0; None elsewhere, and also if it failed.

    Raises:
      LostRankError: a rank is gone or gives no answer.
      Exception: on rank 0, the work's own.
    """
    if group.size == 1:
        return work()
    if group.rank:
        while not _is_done(group):
            pass
        return None
    worker = Worker("tgcarry rank 0")
    begun = worker.begin(work)
    worker.close()
    while not _is_done(group, begun.wait(_PAUSE)):
        pass
    return begun.result(0.0)


def _is_done(group: Group, done: bool = False) -> bool:
    _, table = group.sum([], [_DONE if done else _GOING_ON])
    return bool(table[0, 0] == _DONE)
