"""A chunk run again, whole or in part, with nothing written to any variable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tgcarry.chunk import ChunkGraph

# Feeds that are not `[B, L, ...]`, and how they are cut.
_SEED, _LENGTHS, _MASK = "seed", "lengths", "mask"


class Replay:
    """Computes tensors of a chunk from what it was fed.

    Args:
      chunk: the graph.
      session: an open session; hooks of a `MonitoredSession` are passed by.
      arrays: one per entry of `chunk.feeds`, in that order.
      state: nest of `[B, H]` arrays.
      upstream: nest like `chunk.ports.upstream`; None to compute nothing backwards.
      constants: fed besides.

    Attributes:
      pads: leave streams and steps out by taking them for padding, which leaves all shapes as
        they are, so that nothing is compiled anew; only of a graph that `takes_padding`.
    """

    def __init__(
        self,
        chunk: ChunkGraph,
        session: Any,
        arrays: Sequence[np.ndarray],
        state: Any,
        upstream: Any,
        constants: Mapping[tf.Tensor, Any],
    ) -> None:
        self.pads = False
        self.takes_padding = not {_LENGTHS, _MASK}.isdisjoint(chunk.feeds)
        self._session = session
        self._constants = {
            t: v for t, v in constants.items() if t.name not in _names(chunk, upstream)
        }
        self._data = list(zip(chunk.feeds.items(), arrays, strict=True))
        self._carry = list(_pairs(chunk.ports.initial_state, state))
        if upstream is not None:
            self._carry += _pairs(chunk.ports.upstream, upstream)
        self.batch = int(np.shape(self._carry[0][1])[0])
        lengths = {a.shape[1] for (name, _), a in self._data if _has_steps(name, a)}
        self.length: int | None = lengths.pop() if len(lengths) == 1 else None
        # Most are cut to the rows asked for; a port of a fixed size gets them several times.
        ports = [t for t, _ in self._carry]
        ports += [t for (name, t), a in self._data if self._has_rows(name, a)]
        self._open_batch = all(_is_open(t, 0) for t in ports)
        self._open_time = all(_is_open(t, 1) for (n, t), a in self._data if _has_steps(n, a))

    @property
    def can_be_cut(self) -> bool:
        """Says whether the graph takes the first steps alone."""
        return (self._open_time or self.pads) and self.length is not None

    def values(
        self,
        fetches: Sequence[Any],
        streams: Sequence[int] | None = None,
        steps: int | None = None,
    ) -> list[np.ndarray]:
        """Computes tensors, of all streams and steps or of some streams or the first steps.

        Raises:
          tf.errors.OpError: they cannot be computed.
        """
        feeds = {**self._constants, **self._fed(streams, steps)}
        return run_plainly(self._session, fetches, feeds)

    def _fed(self, streams: Sequence[int] | None, steps: int | None) -> dict[Any, Any]:
        if self.pads:
            return self._padded(streams, steps)
        rows = None if streams is None else np.asarray(streams)
        if rows is not None and not self._open_batch:
            rows = np.resize(rows, self.batch)
        fed = {t: v if rows is None else np.asarray(v)[rows] for t, v in self._carry}
        for (name, tensor), array in self._data:
            part = array if steps is None else _first_steps(name, array, steps)
            fed[tensor] = part if rows is None or not self._has_rows(name, part) else part[rows]
        return fed

    def _padded(self, streams: Sequence[int] | None, steps: int | None) -> dict[Any, Any]:
        kept = np.full(self.batch, streams is None)
        kept[list(streams or ())] = True
        length = self.length or 0
        real = kept[:, None] & (np.arange(length) < (length if steps is None else steps))
        fed = dict(self._carry)
        for (name, tensor), array in self._data:
            if name == _LENGTHS:
                fed[tensor] = np.minimum(array, real.sum(axis=1)).astype(array.dtype)
            elif _has_steps(name, array):
                shown = real.reshape(*real.shape, *[1] * (array.ndim - 2))
                fed[tensor] = np.where(shown, array, np.zeros((), array.dtype))
            else:
                fed[tensor] = array
        return fed

    def _has_rows(self, name: str, array: np.ndarray) -> bool:
        return name != _SEED and array.ndim > 0 and array.shape[0] == self.batch


def run_plainly(session: Any, fetches: Sequence[Any], feeds: Mapping[Any, Any]) -> list[Any]:
    """Runs a session without the hooks that a `MonitoredSession` may have."""
    fetches, feeds = list(fetches), dict(feeds)

    def step(step_context: Any) -> Any:
        return step_context.session.run(fetches, feeds)

    if hasattr(session, "run_step_fn"):
        return list(session.run_step_fn(step))
    return list(session.run(fetches, feeds))


def _first_steps(name: str, array: np.ndarray, steps: int) -> np.ndarray:
    if name == _LENGTHS:
        return np.minimum(array, np.asarray(steps, array.dtype))
    return array[:, :steps] if _has_steps(name, array) else array


def _has_steps(name: str, array: np.ndarray) -> bool:
    return name != _SEED and array.ndim > 1


def _is_open(tensor: tf.Tensor, axis: int) -> bool:
    rank = tensor.shape.rank
    return rank is None or (axis < rank and tensor.shape.as_list()[axis] is None)


def _pairs(ports: Any, values: Any) -> list[tuple[tf.Tensor, Any]]:
    # A single leaf may come as a list of numbers, which is no nest of leaves.
    given = tf.nest.flatten(values) if tf.nest.is_nested(ports) else [np.asarray(values)]
    return list(zip(tf.nest.flatten(ports), given, strict=True))


def _names(chunk: ChunkGraph, upstream: Any) -> set[str]:
    filled = [*chunk.feeds.values(), *tf.nest.flatten(chunk.ports.initial_state)]
    filled += [] if upstream is None else tf.nest.flatten(chunk.ports.upstream)
    return {tensor.name for tensor in filled}
