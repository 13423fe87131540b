"""Long sequences of noise for the scripts that measure memory: never whole in memory."""

from __future__ import annotations

import math

import numpy as np

import tgcarry as tgc


class NoiseChunks(tgc.data.LazySequence[tgc.Chunk]):
    """Makes chunk k of a long noise sequence from its number, the same at every visit."""

    def __init__(self, steps: int, chunk: int, batch: int, features: int) -> None:
        self._steps, self._chunk = steps, chunk
        self._batch, self._features = batch, features

    def __len__(self) -> int:
        return math.ceil(self._steps / self._chunk)

    def item(self, position: int) -> tgc.Chunk:
        """Makes one chunk."""
        length = min(self._chunk, self._steps - position * self._chunk)
        rng = np.random.default_rng(position)
        x = rng.standard_normal((self._batch, length, self._features), np.float32)
        lengths = np.full(self._batch, length, np.int32)
        return tgc.Chunk({"x": x}, np.zeros(self._batch, bool), lengths)
