"""The same chunks several times over."""

from collections.abc import Sequence

import numpy as np

from tgcarry.data.chunk import Chunk
from tgcarry.data.lazy import LazySequence
from tgcarry.data.wording import shown, whole
from tgcarry.errors import DataError


def epochs(
    chunks: Sequence[Chunk], count: int, *, reset_first: bool = False
) -> LazySequence[Chunk]:
    """Repeats chunks `count` times, with every stream reset where an epoch begins.

    The order is the same in every epoch: a carry leaves no room for shuffling.

    Args:
      chunks: a sequence of chunks, as `split_chunks` or `streams` gives it.
      count: how many times, at least 1.
      reset_first: whether the very first chunk is reset too. It is not by default, so that
        an initial state that was given, and its gradient, survive.

    Returns:
      A lazy sequence of `count * len(chunks)` chunks.

    Raises:
      DataError: `count` is below 1, or `chunks` is empty or has no length.
    """
    if not isinstance(chunks, Sequence):
        raise DataError(
            f"epochs cannot repeat a {type(chunks).__name__}: give a sequence of chunks, "
            "e.g. list(chunks)"
        )
    if not chunks:
        raise DataError(f"there are no chunks in {shown(chunks)}: give at least one")
    return _Epochs(chunks, whole(count, "count", 1), reset_first)


class _Epochs(LazySequence[Chunk]):
    def __init__(self, chunks: Sequence[Chunk], count: int, reset_first: bool) -> None:
        self._chunks = chunks
        self._count = count
        self._reset_first = reset_first

    def __len__(self) -> int:
        return self._count * len(self._chunks)

    @property
    def breaks(self) -> list[int]:
        """The chunks behind the first in which every stream starts anew.

        Read from the chunks of an epoch, unless these have `breaks` themselves.
        """
        within = getattr(self._chunks, "breaks", None)
        if within is None:
            within = [k for k, chunk in enumerate(self._chunks) if k and chunk.starts_anew]
        every = len(self._chunks)
        return [e * every + k for e in range(self._count) for k in (0, *within) if e or k]

    def item(self, position: int) -> Chunk:
        """Makes the chunk at `position`, reset when it opens an epoch."""
        epoch, place = divmod(position, len(self._chunks))
        chunk = self._chunks[place]
        if place == 0 and (epoch > 0 or self._reset_first):
            return chunk._replace(resets=np.ones(chunk.batch, bool), anew=None)
        return chunk
