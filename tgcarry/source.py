"""Reads chunks for the session loop: again by number, or held until they are done with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from tgcarry.data import Chunk, check_chunk
from tgcarry.errors import RunError

# The chunk at work, the one before, and the two that a schedule may look ahead to.
_KEPT = 4


class ChunkSource:
    """Gives chunks by number and checks each once.

    A sequence is read again at every visit, so that memory does not grow with its length.
    From any other iterable the chunks are held from their first read to their release.
    """

    def __init__(self, chunks: Iterable[Chunk]) -> None:
        wrong = isinstance(chunks, Chunk | Mapping | np.ndarray | str)
        if wrong or not isinstance(chunks, Iterable):
            raise RunError(
                f"chunks are of type {type(chunks).__name__}: give several, as "
                f"split_chunks(arrays, length) makes them, or [chunk] for one"
            )
        self._sequence = chunks if isinstance(chunks, Sequence) else None
        self._iterator = iter(()) if self._sequence is not None else iter(chunks)
        self._held: dict[int, Chunk] = {}
        self._resets: dict[int, np.ndarray] = {}
        self._read = 0
        self._oldest = 0

    def breaks(self) -> Iterator[bool]:
        """Yields for each chunk whether every stream starts anew there; reads as it goes."""
        while self._advance():
            yield bool(self._resets[self._read - 1].all())

    def __getitem__(self, index: int) -> Chunk:
        if index not in self._held:
            if self._sequence is None:
                raise RunError(f"chunk {index} was released; its schedule visits it too often")
            self._hold(index, self._sequence[index])
        return self._held[index]

    def resets(self, index: int) -> np.ndarray:
        """Returns the reset flags of a chunk that was read."""
        return self._resets[index]

    def release(self, index: int) -> None:
        """Lets go of a chunk that had its last visit."""
        self._held.pop(index, None)

    def forget_before(self, index: int) -> None:
        """Lets go of the reset flags of chunks before `index`."""
        while self._oldest < index:
            self._resets.pop(self._oldest, None)
            self._oldest += 1

    def _advance(self) -> bool:
        """Reads the next chunk for the first time; False at the end."""
        index = self._read
        if self._sequence is not None:
            if index >= len(self._sequence):
                return False
            chunk = self._sequence[index]
        else:
            try:
                chunk = next(self._iterator)
            except StopIteration:
                return False
        if not isinstance(chunk, Chunk):
            raise RunError(
                f"chunk {index} is of type {type(chunk).__name__}, not a tgcarry.Chunk: make "
                f"chunks with split_chunks(arrays, length)"
            )
        check_chunk(chunk, index)
        self._read += 1
        self._resets[index] = np.asarray(chunk.resets, bool)
        self._hold(index, chunk)
        return True

    def _hold(self, index: int, chunk: Chunk) -> None:
        self._held[index] = chunk
        if self._sequence is not None:
            while len(self._held) > _KEPT:
                del self._held[next(iter(self._held))]
