"""States and upstreams as messages, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tgcarry import states
from tgcarry.calls import Calls

# What a message begins with.
_WHOLE, _NOTHING = 0, 1


class Wire:
    """Writes a part's states and upstreams into messages, and reads them; not a bit is lost.

    Args:
      calls: say what states are like.
      rows: streams of the largest part.
    """

    def __init__(self, calls: Calls, rows: int) -> None:
        self._like = {"state": calls.zero_state, "upstream": calls.zero_upstream}
        nbytes = max(_nbytes(like(rows)) for like in self._like.values())
        self.words = 1 + -(-nbytes // 4)

    def pack(self, nest: Any) -> np.ndarray:
        """Returns a message that holds a nest, or that nothing came of it if that is None."""
        message = np.zeros(self.words, np.int32)
        message[0] = _NOTHING if nest is None else _WHOLE
        if nest is not None:
            packed = packed_nest(nest)
            message[1:].view(np.uint8)[: len(packed)] = np.frombuffer(packed, np.uint8)
        return message

    def unpack(self, message: np.ndarray, what: str, rows: int) -> Any:
        """Returns the nest that a message holds, of so many streams; None for nothing."""
        if message[0] == _NOTHING:
            return None
        return unpacked_nest(message[1:].tobytes(), self._like[what](rows))


def packed_nest(nest: Any) -> bytes:
    """Returns the bytes of a nest's leaves, one after another."""
    return b"".join(np.ascontiguousarray(leaf).tobytes() for leaf in tf.nest.flatten(nest))


def unpacked_nest(packed: bytes, like: Any) -> Any:
    """Returns the nest that `packed_nest` was given; bytes behind it are passed by.

    Args:
      packed: what it returned.
      like: nest of arrays of the same shapes and dtypes.
    """
    start = 0

    def read(leaf: np.ndarray) -> np.ndarray:
        nonlocal start
        array = np.frombuffer(packed, leaf.dtype, leaf.size, start).reshape(leaf.shape)
        start += leaf.nbytes
        return array

    return states.map_numpy(read, like)


def _nbytes(nest: Any) -> int:
    return sum(leaf.nbytes for leaf in tf.nest.flatten(nest))
