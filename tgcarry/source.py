"""Reads chunks for the session loop: again by number, or held until they are done with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from tgcarry.beside import Beside
from tgcarry.data import Chunk, check_chunk
from tgcarry.data.check import checked_type
from tgcarry.errors import RunError

# The chunk at work, the one before, and the three that a schedule may look ahead to.
_KEPT = 5
# The chunk at work and the next one.
_READY = 3


class ChunkSource:
    """Gives chunks by number, made ready to be fed, and checks each once.

    A sequence is read again at every visit, so that memory does not grow with its length.
    From any other iterable the chunks are held from their first read to their release.

    While a session call runs in `beside`, a second thread reads a sequence's next chunk and
    makes the next one to be visited ready. At all other times it rests, so that it never runs
    beside code of the caller's. If something fails there, it is done again where it is needed
    (and fails there), and nothing more is read ahead. Iterables are read in the caller's thread
    only.

    Args:
      chunks: a sequence of chunks, or any other iterable of them.
      make_ready: makes a chunk of a number ready to be fed; None leaves chunks as they are.
      first: the chunk to begin with.
      breaks: those of chunks from there on that an earlier run has read. A sequence's are not
        read again, other chunks are, in their turn.
      resets: the flags that the carry may still cross, of chunks that were read.
      idle: bool `[B]` by chunk, of the same ones, streams without a step there; none if it is
        left out.
      mend: checks a chunk of a number in place of `check_chunk`, and returns what to read for it;
        called at the first read, and again for one that it changed or that an earlier run read.
    """

    def __init__(
        self,
        chunks: Iterable[Chunk],
        make_ready: Callable[[Chunk, int], Any] | None = None,
        *,
        first: int = 0,
        breaks: Iterable[bool] = (),
        resets: Mapping[int, np.ndarray] | None = None,
        idle: Mapping[int, np.ndarray] | None = None,
        mend: Callable[[Chunk, int], Chunk] | None = None,
    ) -> None:
        wrong = isinstance(chunks, Chunk | Mapping | np.ndarray | str)
        if wrong or not isinstance(chunks, Iterable):
            raise RunError(
                f"chunks are of type {type(chunks).__name__}: give several, as "
                f"split_chunks(arrays, length) makes them, or [chunk] for one"
            )
        self._sequence = chunks if isinstance(chunks, Sequence) else None
        self._iterator = iter(()) if self._sequence is not None else iter(chunks)
        self._make_ready = make_ready or (lambda chunk, index: chunk)
        self._mend = mend
        self._held: dict[int, Chunk] = {}
        self._ready: dict[int, Any] = {}
        self._resets: dict[int, np.ndarray] = dict(resets or {})
        self._idle: dict[int, np.ndarray] = dict(idle or {})
        self.first = first
        self._breaks = bytearray(breaks)
        self._read = self._begun = first + len(self._breaks)
        self._changed: set[int] = set()
        self._oldest = min(self._resets, default=first)
        self._ahead: Chunk | None = None
        self._expected: int | None = None
        self._beside: Beside | None = Beside()

    @property
    def count(self) -> int | None:
        """The number of chunks; None if it is not known."""
        return None if self._sequence is None else len(self._sequence)

    def breaks(self) -> Iterator[bool]:
        """Yields for each chunk whether every stream starts anew there; reads as it goes."""
        known = len(self._breaks)
        if self._sequence is None:
            self._pass_over(self.first)
        for place in range(known):
            if self._sequence is None:
                self._read_again(self.first + place)
            yield bool(self._breaks[place])
        while self._advance():
            yield bool(self._breaks[-1])

    @property
    def breaks_read(self) -> np.ndarray:
        """The breaks of the chunks that were read, from the first on."""
        return np.frombuffer(bytes(self._breaks), bool)

    @property
    def resets_held(self) -> dict[int, np.ndarray]:
        """The reset flags that are not forgotten, by chunk."""
        return dict(self._resets)

    @property
    def idle_held(self) -> dict[int, np.ndarray]:
        """Which streams had no step, by the chunks that are not forgotten."""
        return dict(self._idle)

    def __getitem__(self, index: int) -> Any:
        if index not in self._ready:
            self._get_ready(index)
        return self._ready[index]

    def expect(self, index: int | None) -> None:
        """Says which chunk is visited next; None for the one that is read next."""
        self._expected = index

    def beside(self, call: Callable[[], Any]) -> Any:
        """Reads ahead while `call` runs, which is to be one session call; returns its result."""
        work = self._work_ahead()
        if self._beside is None or not work:
            return call()
        self._beside.start(work)
        try:
            return call()
        finally:
            if not self._beside.finish():
                self.close()

    def resets(self, index: int) -> np.ndarray:
        """Returns the reset flags of a chunk that was read."""
        return self._resets[index]

    def going_on(self, index: int) -> np.ndarray:
        """Says which streams' sequences go on in a chunk that was read.

        Not those that start anew there, nor those without a step there, which are over.
        """
        resets = self._resets[index]
        return ~(resets | self._idle.get(index, np.zeros_like(resets)))

    def release(self, index: int) -> None:
        """Lets go of a chunk that had its last visit."""
        self._held.pop(index, None)
        self._ready.pop(index, None)

    def forget_before(self, index: int) -> None:
        """Lets go of the reset flags of chunks before `index`."""
        while self._oldest < index:
            self._resets.pop(self._oldest, None)
            self._idle.pop(self._oldest, None)
            self._oldest += 1

    def close(self) -> None:
        """Ends the second thread, if there is one; from here on nothing is read ahead."""
        if self._beside is not None:
            self._beside.close()
        self._beside = None

    def _work_ahead(self) -> list[Callable[[], None]]:
        """Lists what to do while a session call runs; it touches no chunk at work."""
        work: list[Callable[[], None]] = []
        unread = self._sequence is not None and self._read < len(self._sequence)
        if unread and self._ahead is None:
            work.append(self._read_ahead)
        following = self._read if self._expected is None and unread else self._expected
        if following is not None and following not in self._ready:
            work.append(lambda: self._get_ready(following))
        return work

    def _read_ahead(self) -> None:
        self._ahead = self._first_read()

    def _advance(self) -> bool:
        """Reads the next chunk for the first time; False at the end."""
        index = self._read
        if self._sequence is not None and index >= len(self._sequence):
            return False
        try:
            chunk = self._first_read() if self._ahead is None else self._ahead
        except StopIteration:
            return False
        self._ahead = None
        self._read += 1
        self._resets[index] = np.asarray(chunk.resets, bool)
        self._idle[index] = np.asarray(chunk.lengths) == 0
        self._breaks.append(chunk.starts_anew)
        self._held[index] = chunk
        if self._sequence is not None:
            _shorten(self._held, _KEPT)
        return True

    def _first_read(self) -> Chunk:
        return self._checked(self._read, self._given(self._read))

    def _given(self, index: int) -> Any:
        return next(self._iterator) if self._sequence is None else self._sequence[index]

    def _checked(self, index: int, chunk: Any) -> Chunk:
        chunk = checked_type(chunk, index)
        if self._mend is None:
            check_chunk(chunk, index)
            return chunk
        readable = self._mend(chunk, index)
        if readable is not chunk:
            self._changed.add(index)
        return readable

    def _pass_over(self, count: int) -> None:
        for index in range(count):
            if next(self._iterator, None) is None:
                raise _too_few(index, count)

    def _read_again(self, index: int) -> None:
        """Takes a chunk that an earlier run has read from an iterable, and holds it."""
        try:
            chunk = self._checked(index, self._given(index))
        except StopIteration:
            raise _too_few(index, self._read) from None
        if chunk.starts_anew != bool(self._breaks[index - self.first]):
            raise RunError(
                f"chunk {index} is another than when the run stood there: its streams "
                f"{'start' if chunk.starts_anew else 'do not start'} anew: give the same "
                f"chunks from the first on"
            )
        self._held[index] = chunk

    def _get_ready(self, index: int) -> None:
        chunk = self._ahead if index == self._read else self._held.get(index)
        if chunk is None:
            if self._sequence is None:
                raise RunError(f"chunk {index} was released; its schedule visits it too often")
            chunk = self._sequence[index]
            # What was read before this run began may have been mended then.
            if self._mend is not None and (index < self._begun or index in self._changed):
                chunk = self._mend(chunk, index)
        self._ready[index] = self._make_ready(chunk, index)
        _shorten(self._ready, _READY)
        if self._sequence is not None:
            self._held.pop(index, None)


def _too_few(count: int, wanted: int) -> RunError:
    return RunError(
        f"there are {count} chunks, but the run stood at {wanted}: give the same chunks, from the "
        f"first on"
    )


def _shorten(by_age: dict[int, Any], most: int) -> None:
    """Drops the entries that came first until `most` are left."""
    while len(by_age) > most:
        del by_age[next(iter(by_age))]
