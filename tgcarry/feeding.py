"""Chunks made ready to be fed: checked against the graph, and laid out as it takes them."""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np
import tensorflow.compat.v1 as tf

from tgcarry.chunk import ChunkGraph
from tgcarry.data import Chunk
from tgcarry.engines import compiles_each_length
from tgcarry.errors import RunError

# TensorFlow takes an array as it lies if it starts at such an address, and copies it otherwise.
_ALIGNMENT = 64
# Distinct shapes of chunks after which compiling them is likely to cost more than it saves.
_MANY_SHAPES = 8
# Between the seeds of two readers of one run, and how many a "seed" feed can tell apart.
_APART, _SEEDS = 1_000_003, 1 << 31


def seed_apart(seed: int, number: int) -> int:
    """Returns the seed of one of several that draw beside one another: ranks, or parts."""
    return (seed + number * _APART) % _SEEDS


def check_redraws(
    chunk: ChunkGraph, who: str, instead: str = ", or take Truncated() or Stale()"
) -> None:
    """Refuses to visit a chunk twice whose second visit would not compute what the first did."""
    if chunk.random_ops:
        raise RunError(
            f"{who} visits chunks again, but {', '.join(chunk.random_ops[:3])} would "
            f"draw other numbers (or the next element) then: draw with tf.random.stateless_* "
            f"from a placeholder 'seed' in feeds{instead}"
        )


class Ready(NamedTuple):
    """Holds a chunk as the graph is fed it, with what the session loop needs of it besides."""

    number: int
    """The chunk's place in its run."""
    arrays: tuple[np.ndarray, ...]
    """One per entry of `ChunkGraph.feeds`, in that order and of those dtypes."""
    batch: int
    """The streams, B."""
    time_steps: int
    """Real time steps over all streams."""
    resets: np.ndarray
    """bool `[B]`: the stream starts a new sequence here."""


class Feeding:
    """Makes chunks ready for one graph; those of one shape are checked once.

    Args:
      chunk: the graph.
      seed: first half of the "seed" feed; the second is the chunk's number.
    """

    def __init__(self, chunk: ChunkGraph, seed: int) -> None:
        self._placeholders = [
            (name, tensor, tensor.dtype.as_numpy_dtype) for name, tensor in chunk.feeds.items()
        ]
        self._streams = [port.shape[:1].as_list()[0] for port in tf.nest.flatten(chunk.ports)]
        self._takes_padding = not {"lengths", "mask"}.isdisjoint(chunk.feeds)
        self._seed = seed
        self._fitting: set[tuple[Any, ...]] = set()
        self._compiles = compiles_each_length(chunk.graph)

    def ready(self, data: Chunk, index: int) -> Ready:
        """Checks a chunk and lays its arrays out; those that already fit are not copied.

        Raises:
          RunError: an array is missing, or has another shape or kind of values than the graph
            takes; streams end early in a graph that takes neither lengths nor mask; or the
            ports were made for another number of streams.
        """
        arrays = [self._array(data, index, name) for name, _, _ in self._placeholders]
        shapes = (data.batch, *((array.shape, array.dtype) for array in arrays))
        if shapes not in self._fitting:
            self._check(data.batch, arrays, index)
            self._fitting.add(shapes)
            if self._compiles and len(self._fitting) == _MANY_SHAPES:
                warnings.warn(
                    f"chunk {index} is the {_MANY_SHAPES}th shape of this run, {data.batch} "
                    f"streams by {data.length} steps, and XLA compiles for each: cut chunks of "
                    f"one length, or unroll with dynamic_rnn(pad_to=) or (engine='loop')",
                    RuntimeWarning,
                    stacklevel=2,
                )
        if not self._takes_padding and data.ragged:
            raise RunError(
                f"chunk {index} has streams that end early (lengths {data.lengths.tolist()} of "
                f"{data.length}), but the graph takes neither feeds['lengths'] nor feeds['mask']: "
                f"give dynamic_rnn(sequence_length=) and the loss a placeholder each"
            )
        laid_out = [
            fit(array, dtype)
            for array, (_, _, dtype) in zip(arrays, self._placeholders, strict=True)
        ]
        return Ready(index, tuple(laid_out), data.batch, int(data.lengths.sum()), data.resets)

    def _array(self, data: Chunk, index: int, name: str) -> np.ndarray:
        if name in data.arrays:
            return np.asarray(data.arrays[name])
        if name == "lengths":
            return data.lengths
        if name == "mask":
            return data.mask
        if name == "seed":
            return np.array([self._seed, index], np.int32)
        raise RunError(
            f"chunk {index} has no array {name!r}, which the graph is fed; it has "
            f"{', '.join(sorted(data.arrays))}"
        )

    def _check(self, batch: int, arrays: list[np.ndarray], index: int) -> None:
        for streams in self._streams:
            if streams not in (None, batch):
                raise RunError(
                    f"chunk {index} has {batch} streams, but the ports were made for {streams}: "
                    f"make them with carry_ports(cell), for any number"
                )
        for array, (name, placeholder, dtype) in zip(arrays, self._placeholders, strict=True):
            if not placeholder.shape.is_compatible_with(array.shape):
                raise RunError(
                    f"chunk {index}: {name!r} has shape {tuple(array.shape)}, but the graph takes "
                    f"{placeholder.shape}: check features, batch and chunk length"
                )
            if not np.can_cast(array.dtype, dtype, "same_kind"):
                raise RunError(
                    f"chunk {index}: {name!r} is {array.dtype}, but the graph takes "
                    f"{placeholder.dtype.name}: convert one of them"
                )


def fit(array: np.ndarray, dtype: Any) -> np.ndarray:
    """Returns an array in a dtype and as TensorFlow takes it without copying it again.

    An array that is so already is returned as it is.
    """
    dtype = np.dtype(dtype)
    if dtype.hasobject:
        return np.asarray(array, dtype)
    if array.dtype == dtype and array.flags.c_contiguous and not array.ctypes.data % _ALIGNMENT:
        return array
    memory = np.empty(array.size * dtype.itemsize + _ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % _ALIGNMENT
    place = memory[start : start + array.size * dtype.itemsize].view(dtype).reshape(array.shape)
    np.copyto(place, array, casting="same_kind")
    return place
