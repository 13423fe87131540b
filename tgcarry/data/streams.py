"""Packing a table's sequences into B streams that are read side by side."""

import heapq
from typing import NamedTuple

import numpy as np

from tgcarry.data.chunk import Chunk
from tgcarry.data.lazy import LazySequence
from tgcarry.data.table import Table
from tgcarry.data.wording import whole
from tgcarry.errors import DataError


class Streams(LazySequence[Chunk]):
    """Is a table as chunks: a lazy sequence that reads from the table what it is asked for.

    Floats come as float32 and everything else as int32.

    Attributes:
      table: the table.
      batch: the number of streams, B.
      length: the most steps that a chunk has, L.
      steps: the steps of the table that the chunks hold, all streams together.
      dropped: the steps at the end of the table that do not fill up B equal streams.
    """

    def __init__(self, table: Table, batch: int, length: int) -> None:
        self.table = table
        self.batch = whole(batch, "batch", 1)
        self.length = whole(length, "length", 1)
        if table.sequences == 1:
            self._lanes = _cut(table, self.batch)
        else:
            self._lanes = _pack(table, self.batch, self.length)
        self.steps = sum(int(lane.rows.sum()) for lane in self._lanes)
        self.dropped = table.steps - self.steps
        ends = [lane.chunk[-1] + -(-lane.rows[-1] // self.length) for lane in self._lanes]
        self._count = int(max(ends))

    def __len__(self) -> int:
        return self._count

    @property
    def breaks(self) -> list[int]:
        """The chunks behind the first in which every stream starts anew; none is read."""
        begun = [set(lane.chunk[lane.rows > 0].tolist()) for lane in self._lanes]
        return sorted(set.intersection(*begun) - {0})

    def item(self, position: int) -> Chunk:
        """Reads the chunk at `position`."""
        starts = np.zeros(self.batch, np.int64)
        lengths = np.zeros(self.batch, np.int32)
        resets = np.zeros(self.batch, bool)
        for stream, lane in enumerate(self._lanes):
            place = int(np.searchsorted(lane.chunk, position, side="right")) - 1
            gone = (position - int(lane.chunk[place])) * self.length
            if gone < lane.rows[place]:
                starts[stream] = lane.first[place] + gone
                lengths[stream] = min(self.length, lane.rows[place] - gone)
                resets[stream] = gone == 0 and position > 0
        longest = int(lengths.max())
        arrays = {}
        for name, column in self.table.columns.items():
            dtype = np.float32 if column.dtype.kind == "f" else np.int32
            array = np.zeros((self.batch, longest, *column.shape[1:]), dtype)
            # Infinity, and a NaN that signals, are then check_chunk's to refuse.
            with np.errstate(over="ignore", invalid="ignore"):
                for stream, (start, real) in enumerate(zip(starts, lengths, strict=True)):
                    if real:
                        array[stream, :real] = column[int(start) : int(start + real)]
            arrays[name] = array
        return Chunk(arrays, resets, lengths)


def streams(table: Table, batch: int, length: int) -> Streams:
    """Arranges a table as B streams and cuts them into chunks of L steps.

    A single sequence is cut into B contiguous streams of N // B steps; the remainder at its
    end is dropped. Several sequences are kept whole: longest first, each goes to the stream
    with the fewest chunks so far (the earliest of equals). There a sequence begins at the first
    step of a chunk, flagged in `resets` except in chunk 0; its end is padded, and a stream that
    is done has length 0. A chunk is only as long as its longest stream needs.

    Args:
      table: the table.
      batch: the number of streams, B.
      length: the steps of a chunk, L. May exceed what there is: one shorter chunk then.

    Returns:
      A lazy sequence of chunks with `.steps`, `.dropped`, `.batch` and `.length`.

    Raises:
      DataError: B or L is below 1, or there is not enough data for B streams.
    """
    return Streams(table, batch, length)


class _Lane(NamedTuple):
    """Is one stream: the sequences (or the piece of one) that it reads, in order."""

    chunk: np.ndarray  # the chunk that each begins in
    first: np.ndarray  # the row that each begins at
    rows: np.ndarray  # how many rows each has


def _cut(table: Table, batch: int) -> list[_Lane]:
    each = table.steps // batch
    if each < 1:
        raise DataError(
            f"batch {batch} needs at least {batch} steps, {table.source} has {table.steps}: "
            "ask for a smaller --batch"
        )
    begin = int(table.bounds[0])
    return [
        _Lane(np.array([0]), np.array([begin + stream * each]), np.array([each]))
        for stream in range(batch)
    ]


def _pack(table: Table, batch: int, length: int) -> list[_Lane]:
    if batch > table.sequences:
        raise DataError(
            f"batch {batch} needs at least {batch} sequences, {table.source} has "
            f"{table.sequences}: ask for a smaller --batch"
        )
    rows = np.diff(table.bounds)
    plan: list[list[tuple[int, int, int]]] = [[] for _ in range(batch)]
    filled = [(0, stream) for stream in range(batch)]
    for sequence in np.argsort(-rows, kind="stable"):
        chunks, stream = heapq.heappop(filled)
        count = int(rows[sequence])
        plan[stream].append((chunks, int(table.bounds[sequence]), count))
        heapq.heappush(filled, (chunks - (-count // length), stream))
    return [_Lane(*np.array(lane, np.int64).T) for lane in plan]
