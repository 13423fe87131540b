"""Streams shared out over ranks: which rows are whose, in chunks and in positions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tgcarry import states
from tgcarry.data import Chunk, LazySequence
from tgcarry.data.wording import shown
from tgcarry.errors import ClusterError
from tgcarry.position import Position


def rows_of(batch: int, rank: int, size: int) -> slice:
    """Returns the streams of a rank: contiguous, and as equal in number as can be.

    Raises:
      ClusterError: there are fewer streams than ranks.
    """
    if batch < size:
        raise ClusterError(
            f"{batch} streams for {size} ranks: each needs one at least: start fewer ranks, or "
            f"make a larger batch"
        )
    return slice(batch * rank // size, batch * (rank + 1) // size)


def share(chunks: Iterable[Chunk], rank: int, size: int) -> Iterable[Chunk]:
    """Returns chunks with one rank's streams; those of a sequence are made on demand."""
    if isinstance(chunks, Sequence):
        return _Share(chunks, rank, size)
    return (share_of(chunk, rank, size) for chunk in chunks)


def share_of(chunk: Chunk, rank: int, size: int) -> Chunk:
    """Returns one rank's streams of a chunk, as views."""
    if not isinstance(chunk, Chunk):
        raise ClusterError(f"chunks hold {shown(chunk)}: give what split_chunks returns")
    rows = rows_of(chunk.batch, rank, size)
    return chunk._replace(
        arrays={name: array[rows] for name, array in chunk.arrays.items()},
        resets=chunk.resets[rows],
        lengths=chunk.lengths[rows],
        anew=chunk.starts_anew,
    )


def part_of(position: Position, rank: int, size: int) -> Position:
    """Returns one rank's part of a position of the whole batch.

    What was gathered since the last optimiser step is rank 0's: only its sum counts.
    """

    def cut(nest: Any) -> Any:
        if nest is None:
            return None
        return states.map_numpy(lambda leaf: leaf[rows_of(len(leaf), rank, size)], nest)

    def cut_flags(flags: Mapping[int, np.ndarray]) -> dict[int, np.ndarray]:
        return {k: array[rows_of(len(array), rank, size)] for k, array in flags.items()}

    mine = rank == 0
    return replace(
        position,
        resets=cut_flags(position.resets),
        idle=cut_flags(position.idle),
        head=cut(position.head),
        carry=cut(position.carry),
        saved={k: cut(state) for k, state in position.saved.items()},
        kept={k: cut(state) for k, state in position.kept.items()},
        again={k: cut(state) for k, state in position.again.items()},
        visits=position.visits if mine else tuple(map(_emptied, position.visits)),
        accumulated=tuple(a if mine else np.zeros_like(a) for a in position.accumulated),
    )


def _emptied(visit: Any) -> Any:
    zeros = dict.fromkeys(visit.metrics, 0.0)
    return visit._replace(loss=0.0, metrics=zeros, time_steps=0, upstream_norm=0.0, clipped=False)


def whole_of(parts: Sequence[Position]) -> Position:
    """Puts the ranks' positions together again, as they stand between two sweeps.

    Raises:
      ClusterError: they do not stand at the same place, or in a sweep.
    """
    first = parts[0]
    for rank, part in enumerate(parts):
        if _place(part) != _place(first) or part.in_a_sweep:
            raise ClusterError(
                f"rank {rank} stands at step {part.steps}, chunk {part.applied}, and rank 0 at "
                f"step {first.steps}, chunk {first.applied}: save between two sweeps, on all ranks"
            )
    return replace(
        first,
        resets=dict(_joined_rows([part.resets for part in parts])),
        idle=dict(_joined_rows([part.idle for part in parts])),
        head=_joined([part.head for part in parts]),
        carry=_joined([part.carry for part in parts]),
        again={k: _joined([part.again[k] for part in parts]) for k in first.again},
    )


def _place(p: Position) -> tuple[Any, ...]:
    counts = (p.first, p.obeyed, p.steps, p.applied, p.carry_of)
    return (
        *counts,
        p.breaks.tobytes(),
        sorted(p.resets),
        sorted(p.idle),
        sorted(p.again),
        p.head is None,
        p.carry is None,
    )


def _joined_rows(each: Sequence[Mapping[int, np.ndarray]]) -> Iterator[tuple[int, np.ndarray]]:
    for chunk in each[0]:
        yield chunk, np.concatenate([flags[chunk] for flags in each])


def _joined(nests: Sequence[Any]) -> Any:
    if nests[0] is None:
        return None
    return states.map_numpy(lambda *leaves: np.concatenate(leaves), *nests)


class _Share(LazySequence[Chunk]):
    """Is one rank's streams of a sequence of chunks."""

    def __init__(self, chunks: Sequence[Chunk], rank: int, size: int) -> None:
        self._chunks, self._rank, self._size = chunks, rank, size

    def __len__(self) -> int:
        return len(self._chunks)

    def item(self, position: int) -> Chunk:
        """Cuts the chunk at `position`."""
        return share_of(self._chunks[position], self._rank, self._size)
