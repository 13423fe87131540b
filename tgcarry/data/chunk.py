"""Chunks: L consecutive steps of B streams, and how arrays become a sequence of them.

B is the batch, T the steps of a whole array, L the steps of one chunk.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from tgcarry.data.lazy import LazySequence
from tgcarry.data.wording import shown, whole
from tgcarry.errors import DataError


class Chunk(NamedTuple):
    """Holds L consecutive steps of B streams, as the graph is fed them.

    Attributes:
      arrays: name -> `[B, L, ...]` array. Steps that are not real hold zeros.
      resets: bool `[B]`: the stream starts a new sequence at this chunk's first step, so
        neither its state nor its gradient passes that boundary.
      lengths: int32 `[B]`: how many of the L steps are real, 0..L; the rest is padding.
      anew: whether *every* stream starts a new sequence here, if the streams are a share of
        more; None to take it from `resets`.
    """

    arrays: Mapping[str, np.ndarray]
    resets: np.ndarray
    lengths: np.ndarray
    anew: bool | None = None

    @property
    def batch(self) -> int:
        """Counts the streams, B."""
        return int(self.resets.shape[0])

    @property
    def length(self) -> int:
        """Counts the steps, L, padding included."""
        for array in self.arrays.values():
            return int(array.shape[1])
        return int(self.lengths.max(initial=0))

    @property
    def mask(self) -> np.ndarray:
        """Marks the real steps: float32 `[B, L]`, 1 where real and 0 where padding."""
        return (np.arange(self.length) < self.lengths[:, None]).astype(np.float32)

    @property
    def starts_anew(self) -> bool:
        """Tells whether nothing at all is carried into this chunk."""
        return bool(np.all(self.resets)) if self.anew is None else self.anew

    @property
    def ragged(self) -> bool:
        """Tells whether any stream has padding in this chunk."""
        return bool(np.any(self.lengths != self.length))


def split_chunks(
    arrays: Mapping[str, Any],
    length: int | Sequence[int],
    *,
    lengths: Any = None,
    resets: Any = None,
) -> LazySequence[Chunk]:
    """Splits arrays along time into chunks, in order, each step in exactly one chunk.

    Chunks are views of the arrays. Only a chunk with padding is copied, so that its padding
    is zero whatever the arrays hold there. The last chunk has fewer steps when `length` does
    not divide T; it is not padded. Nothing is shuffled, scaled or checked for NaN here (see
    `check_chunk`).

    Args:
      arrays: name -> `[B, T, ...]`, all with the same B and T.
      length: steps of each chunk; or one number for each chunk, adding up to T.
      lengths: int `[B]`: steps of each stream that are real, counted from step 0. All T when
        None.
      resets: bool `[B, T]`: True where a stream starts a new sequence, always at the first
        step of a chunk. None means nowhere: not at step 0 either, where a reset would cut
        the gradient of the initial state that was given.

    Returns:
      A lazy sequence of `Chunk`s: `len`, indices and slices work, items are made on demand.

    Raises:
      DataError: arrays that differ in B or T, a length that does not fit, or a reset inside
        a chunk.
    """
    ready = {str(name): _as_array(name, array) for name, array in arrays.items()}
    batch, steps = _common_shape(ready)
    starts = _starts(length, steps)
    real = _real_steps(lengths, batch, steps)
    flags = _flags(resets, batch, steps, starts)
    return _Split(ready, starts, real, flags)


class _Split(LazySequence[Chunk]):
    """Cuts arrays at `starts`, which opens with 0 and closes with T."""

    def __init__(
        self,
        arrays: Mapping[str, np.ndarray],
        starts: np.ndarray,
        real: np.ndarray,
        flags: np.ndarray | None,
    ) -> None:
        self._arrays = arrays
        self._starts = starts
        self._real = real
        self._flags = flags

    def __len__(self) -> int:
        return len(self._starts) - 1

    def item(self, position: int) -> Chunk:
        """Makes the chunk at `position`."""
        start, stop = int(self._starts[position]), int(self._starts[position + 1])
        lengths = np.clip(self._real - start, 0, stop - start).astype(np.int32)
        if self._flags is None:
            resets = np.zeros(len(lengths), bool)
        else:
            resets = self._flags[:, start].copy()
        arrays = {name: array[:, start:stop] for name, array in self._arrays.items()}
        if np.any(lengths != stop - start):
            padding = np.arange(stop - start) >= lengths[:, None]
            arrays = {name: _zeroed(array, padding) for name, array in arrays.items()}
        return Chunk(arrays, resets, lengths)


def _zeroed(array: np.ndarray, padding: np.ndarray) -> np.ndarray:
    copy = array.copy()
    copy[padding] = 0
    return copy


def _as_array(name: object, array: Any) -> np.ndarray:
    try:
        ready = np.asarray(array)
    except ValueError as error:
        raise DataError(
            f"array {shown(name)} is not rectangular: pad it and give lengths=[...]"
        ) from error
    if ready.dtype.hasobject:
        raise DataError(f"array {shown(name)} holds Python objects: convert it to numbers")
    if ready.ndim < 2:
        raise DataError(
            f"array {shown(name)} has shape {list(ready.shape)}: give [batch, time, ...]"
        )
    return ready


def _common_shape(arrays: Mapping[str, np.ndarray]) -> tuple[int, int]:
    if not arrays:
        raise DataError('there are no arrays to split: give {"x": x, ...}')
    first, shape = next((name, array.shape) for name, array in arrays.items())
    for name, array in arrays.items():
        if array.shape[:2] != shape[:2]:
            raise DataError(
                f"array {shown(name)} is {list(array.shape[:2])} in batch and time but "
                f"{shown(first)} is {list(shape[:2])}: give arrays with the same batch and time"
            )
    if 0 in shape[:2]:
        raise DataError(
            f"array {shown(first)} has shape {list(shape)}: give at least one stream and one step"
        )
    return shape[0], shape[1]


def _starts(length: int | Sequence[int], steps: int) -> np.ndarray:
    if isinstance(length, Sequence | np.ndarray) and not isinstance(length, str | bytes):
        parts = [whole(part, f"length[{place}]", 1) for place, part in enumerate(length)]
        if sum(parts) != steps:
            raise DataError(
                f"the {len(parts)} chunk lengths add up to {sum(parts)} but the arrays have "
                f"{steps} steps: make them add up to {steps}"
            )
        return np.cumsum([0, *parts])
    return np.append(np.arange(0, steps, whole(length, "length", 1)), steps)


def _real_steps(lengths: Any, batch: int, steps: int) -> np.ndarray:
    if lengths is None:
        return np.full(batch, steps, np.int64)
    real = np.asarray(lengths)
    if real.shape != (batch,) or real.dtype.kind not in "iu":
        raise DataError(
            f"lengths is {real.dtype} of shape {list(real.shape)}: give {batch} ints, "
            "one for each stream"
        )
    for stream in np.flatnonzero((real < 0) | (real > steps)):
        raise DataError(
            f"lengths[{stream}] is {real[stream]} but the arrays have {steps} steps: "
            f"give 0 to {steps}"
        )
    return real.astype(np.int64)


def _flags(resets: Any, batch: int, steps: int, starts: np.ndarray) -> np.ndarray | None:
    if resets is None:
        return None
    flags = np.asarray(resets)
    if flags.shape != (batch, steps) or flags.dtype != np.bool_:
        raise DataError(
            f"resets is {flags.dtype} of shape {list(flags.shape)}: give bool "
            f"[{batch}, {steps}], True where a stream starts a new sequence"
        )
    inside = flags.copy()
    inside[:, starts[:-1]] = False
    for stream, step in np.argwhere(inside)[:1]:
        chunk = int(np.searchsorted(starts, step, side="right")) - 1
        raise DataError(
            f"stream {stream} starts a new sequence at step {step}, inside chunk {chunk} (steps "
            f"{starts[chunk]} to {starts[chunk + 1] - 1}): choose the lengths so that a chunk "
            "begins there, or feed the flags per step to dynamic_rnn(resets=...)"
        )
    return flags
