"""Checkpoints of ranks that train together: one for all, of the whole batch."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.checkpoints import Checkpoints, Restored
from tgcarry.chunk import ChunkGraph
from tgcarry.cluster import Group
from tgcarry.cluster.shares import part_of, whole_of
from tgcarry.errors import LogError
from tgcarry.positions import packed_position, unpacked_position


class JointCheckpoints:
    """Saves what all ranks have as one checkpoint, and gives each rank its part back.

    Rank 0 has the weights, which are everybody's, and is given the others' streams: it alone
    writes and reads, so that a checkpoint is there for all ranks or for none. It is what one
    process with the whole batch would have written, and any number of ranks can go on with it. All
    ranks call each method together. Not included: anything in the middle of a sweep.

    Args:
      group: the ranks, of an open group.
      checkpoints: rank 0's; the others' are not used.
      chunk: the graph.
      shares: whether a rank's position is of streams of its own; else each has the whole one, as
        `Pipeline.position` gives it.
    """

    def __init__(
        self, group: Group, checkpoints: Checkpoints, chunk: ChunkGraph, *, shares: bool = True
    ) -> None:
        self._group = group
        self._shares = shares
        self._checkpoints = checkpoints
        self._chunk = chunk

    def save(
        self,
        session: Any,
        position: Any,
        *,
        score: float | None = None,
        notes: Mapping[str, Any] | None = None,
        milestone: bool = False,
    ) -> Path:
        """Saves, as `Checkpoints.save` does.

        Raises:
          LogError: on every rank, if rank 0 cannot write.
          ClusterError: the ranks stand at different places, or one is gone.
        """
        whole = position
        if self._shares:
            packed = self._group.exchange(packed_position(position))
            whole = whole_of([unpacked_position(one, self._chunk) for one in packed])

        def save() -> bytes:
            path = self._checkpoints.save(
                session, whole, score=score, notes=notes, milestone=milestone
            )
            return str(path).encode()

        return Path(self._from_chief(save).decode())

    def restore(self, session: Any, *, milestone: bool = False) -> Restored:
        """Restores, as `Checkpoints.restore` does; the position is this rank's part.

        Raises:
          LogError: on every rank, if rank 0 cannot read.
          ClusterError: a rank is gone.
        """

        def restore() -> bytes:
            return _packed(self._checkpoints.restore(session, milestone=milestone))

        return self._taken(self._from_chief(restore), session)

    def share(self, restored: Restored | None, session: Any) -> Restored | None:
        """Gives each rank its part of what rank 0 has restored; the variables, too."""
        packed = self._from_chief(lambda: b"" if restored is None else _packed(restored))
        return self._taken(packed, session) if packed else None

    def _taken(self, packed: bytes, session: Any) -> Restored:
        """Returns this rank's part of rank 0's checkpoint, and takes its variables."""
        with self._chunk.graph.as_default():
            self._group.align(session, tf.global_variables())
        length = int.from_bytes(packed[:8], "big")
        said = json.loads(packed[8 : 8 + length])
        position = unpacked_position(packed[8 + length :], self._chunk)
        if self._shares:
            position = part_of(position, self._group.rank, self._group.size)
        return Restored(said["step"], position, said["notes"], Path(said["path"]))

    def _from_chief(self, work: Callable[[], bytes]) -> bytes:
        """Returns on every rank what rank 0's work returns, or raises what it raises."""
        error: LogError | None = None
        told = b""
        if self._group.rank == 0:
            try:
                told = b"+" + work()
            except LogError as failed:
                error, told = failed, b"-" + str(failed).encode()
        told = self._group.exchange(told)[0]
        if error is not None:
            raise error
        if told[:1] == b"-":
            raise LogError(told[1:].decode(errors="replace"))
        return told[1:]


def _packed(restored: Restored) -> bytes:
    said = {"step": restored.step, "notes": restored.notes, "path": str(restored.path)}
    text = json.dumps(said).encode()
    return len(text).to_bytes(8, "big") + text + packed_position(restored.position)
