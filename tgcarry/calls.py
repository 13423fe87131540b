"""The session calls of a chunk: what is fed and fetched at each kind of visit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import tensorflow.compat.v1 as tf

from tgcarry import states
from tgcarry.chunk import ChunkGraph
from tgcarry.data import Chunk
from tgcarry.errors import NumericsError, RunError
from tgcarry.updates import NOT_FINITE

_WHAT_IS_NOT_FINITE = re.compile(f"the [a-z' ]+ {NOT_FINITE}")


class Visit(NamedTuple):
    """Holds what a visit of one chunk returned; gradients are None in a forward visit."""

    loss: float
    metrics: dict[str, float]
    final_state: Any
    """Nest of `[B, H]` arrays."""
    state_gradient: Any = None
    """Nest of `[B, H]` arrays: at the state that was fed, before any cut."""
    grad_norm: float = float("nan")
    """Global norm of the gradient that was applied; NaN where none was."""


class Calls:
    """Runs one chunk's graph in a session. Keeps nothing between calls but the session.

    Args:
      chunk: the graph.
      session: an open `tf.Session` or `MonitoredSession` on it.
      feed_dict: values fed at every call (a dropout rate, say).
      seed: first half of the "seed" feed; the second is the chunk's number.
    """

    def __init__(
        self, chunk: ChunkGraph, session: Any, feed_dict: Mapping[tf.Tensor, Any], seed: int
    ) -> None:
        self._chunk = chunk
        self._session = session
        self._constants = dict(feed_dict)
        self._seed = seed

    def zero_state(self, batch: int) -> Any:
        """Makes the zero state of `batch` streams, as arrays."""
        return _zeros(self._chunk.ports.initial_state, batch)

    def zero_upstream(self, batch: int) -> Any:
        """Makes the upstream of `batch` streams that nothing follows, as arrays."""
        return _zeros(self._chunk.ports.upstream, batch)

    def checked_state(self, state: Any) -> Any:
        """Returns a state that a user gave as arrays of the ports' dtypes.

        Raises:
          RunError: another structure, width or kind of values.
        """
        ports = self._chunk.ports.initial_state
        if not tf.nest.is_nested(ports):
            state = np.asarray(state)
        try:
            tf.nest.assert_same_structure(ports, state)
        except (TypeError, ValueError) as error:
            raise RunError(
                f"initial_state of type {type(state).__name__} is not like the cell's state: "
                f"take runner.state, or arrays in the structure of cell.state_size"
            ) from error

        def checked(port: tf.Tensor, value: Any) -> np.ndarray:
            array = np.asarray(value)
            if not np.can_cast(array.dtype, port.dtype.as_numpy_dtype, "same_kind"):
                raise RunError(
                    f"initial_state: values of {array.dtype} do not fit {port.name!r}, which is "
                    f"{port.dtype.name}"
                )
            if not port.shape.is_compatible_with(array.shape):
                raise RunError(
                    f"initial_state: an array of shape {array.shape} does not fit {port.name!r}, "
                    f"which is {port.shape}"
                )
            return array.astype(port.dtype.as_numpy_dtype, copy=False)

        return states.map_numpy(checked, ports, state)

    def forward(self, data: Chunk, index: int, state: Any) -> Any:
        """Returns the chunk's final state, and computes nothing else."""
        return self._run(self._chunk.final_state, self._feeds(data, index, state), index)

    def evaluate(self, data: Chunk, index: int, state: Any) -> Visit:
        """Returns loss, metrics and final state without any gradient."""
        graph = self._chunk
        fetches = (graph.loss, dict(graph.metrics), graph.final_state)
        loss, metrics, final = self._run(fetches, self._feeds(data, index, state), index)
        return Visit(_finite(loss, "loss", index), _floats(metrics), final)

    def gather(self, data: Chunk, index: int, state: Any, upstream: Any, advance: bool) -> Visit:
        """Visits the chunk backwards and adds its weight gradients to the accumulators."""
        return self._backward(
            data, index, state, upstream, advance, self._chunk.updates.accumulate
        )

    def step(self, data: Chunk, index: int, state: Any, upstream: Any, advance: bool) -> Visit:
        """Visits the chunk backwards and steps at once with its gradients alone."""
        updates = self._chunk.updates
        return self._backward(
            data, index, state, upstream, advance, updates.step, updates.step_norm
        )

    def carry_back(self, data: Chunk, index: int, state: Any, upstream: Any) -> Any:
        """Carries `upstream` to the chunk's start without the chunk's own loss or updates."""
        feeds = self._feeds(data, index, state, upstream)
        feeds[self._chunk.loss_weight] = 0.0
        return self._run(self._chunk.gradients.initial_state, feeds, index)

    def own_gradient(self, data: Chunk, index: int, state: Any) -> Any:
        """Returns the gradient of the chunk's own loss at its start."""
        feeds = self._feeds(data, index, state, self.zero_upstream(data.batch))
        return self._run(self._chunk.gradients.initial_state, feeds, index)

    def apply(self, scale: float) -> float:
        """Steps with the accumulated gradients times `scale`, clears them, returns their norm."""
        updates = self._chunk.updates
        feeds = {**self._constants, updates.scale: scale}
        _, norm = self._run((updates.apply, updates.norm), feeds, None)
        self._session.run(updates.clear)
        return float(norm)

    def clear(self) -> None:
        """Throws the accumulated gradients away."""
        self._session.run(self._chunk.updates.clear)

    def accumulated(self) -> dict[str, np.ndarray]:
        """Returns the accumulated gradients by variable name."""
        values = self._session.run(list(self._chunk.updates.accumulators))
        sums: dict[str, np.ndarray] = {}
        for variable, value in zip(self._chunk.slots, values, strict=True):
            name = variable.op.name
            sums[name] = sums[name] + value if name in sums else value
        return sums

    def _backward(
        self,
        data: Chunk,
        index: int,
        state: Any,
        upstream: Any,
        advance: bool,
        update: tf.Operation,
        norm: tf.Tensor | None = None,
    ) -> Visit:
        graph = self._chunk
        fetches = {
            "update": update,
            "loss": graph.loss,
            "metrics": dict(graph.metrics),
            "gradient": graph.gradients.initial_state,
            "final": graph.final_state if advance else (),
            "norm": () if norm is None else norm,
        }
        got = self._run(fetches, self._feeds(data, index, state, upstream), index)
        for leaf in tf.nest.flatten(got["gradient"]):
            _finite(leaf[~np.isfinite(leaf)][:1].sum(), "state gradient", index)
        return Visit(
            _finite(got["loss"], "loss", index),
            _floats(got["metrics"]),
            got["final"] if advance else None,
            got["gradient"],
            float("nan") if norm is None else float(got["norm"]),
        )

    def _run(self, fetches: Any, feeds: Mapping[tf.Tensor, Any], index: int | None) -> Any:
        try:
            return self._session.run(fetches, feeds)
        except tf.errors.InvalidArgumentError as error:
            found = _WHAT_IS_NOT_FINITE.search(str(error.message))
            if not found:
                raise
            where = "" if index is None else f"chunk {index}: "
            raise NumericsError(
                f"{where}{found[0]}, and nothing was applied: check the data, lower the learning "
                f"rate or the carry's decay, or set clip_norm"
            ) from error

    def _feeds(
        self, data: Chunk, index: int, state: Any, upstream: Any = None
    ) -> dict[tf.Tensor, Any]:
        graph = self._chunk
        feeds = dict(self._constants)
        for port in tf.nest.flatten(graph.ports):
            streams = port.shape[:1].as_list()[0]
            if streams not in (None, data.batch):
                raise RunError(
                    f"chunk {index} has {data.batch} streams, but the ports were made for "
                    f"{streams}: make them with carry_ports(cell), for any number"
                )
        for name, placeholder in graph.feeds.items():
            feeds[placeholder] = self._array(data, index, name, placeholder)
        if data.ragged and not {"lengths", "mask"} & set(graph.feeds):
            raise RunError(
                f"chunk {index} has streams that end early (lengths {data.lengths.tolist()} of "
                f"{data.length}), but the graph takes neither feeds['lengths'] nor feeds['mask']: "
                f"give dynamic_rnn(sequence_length=) and the loss a placeholder each"
            )
        feeds.update(_pairs(graph.ports.initial_state, state))
        if upstream is not None:
            feeds.update(_pairs(graph.ports.upstream, upstream))
        return feeds

    def _array(self, data: Chunk, index: int, name: str, placeholder: tf.Tensor) -> Any:
        if name in data.arrays:
            array = data.arrays[name]
        elif name == "lengths":
            array = data.lengths
        elif name == "mask":
            array = data.mask
        elif name == "seed":
            array = np.array([self._seed, index], np.int32)
        else:
            raise RunError(
                f"chunk {index} has no array {name!r}, which the graph is fed; it has "
                f"{', '.join(sorted(data.arrays))}"
            )
        if not placeholder.shape.is_compatible_with(array.shape):
            raise RunError(
                f"chunk {index}: {name!r} has shape {tuple(array.shape)}, but the graph takes "
                f"{placeholder.shape}: check features, batch and chunk length"
            )
        if not np.can_cast(array.dtype, placeholder.dtype.as_numpy_dtype, "same_kind"):
            raise RunError(
                f"chunk {index}: {name!r} is {array.dtype}, but the graph takes "
                f"{placeholder.dtype.name}: convert one of them"
            )
        return array


def _zeros(placeholders: Any, batch: int) -> Any:
    return states.map_numpy(
        lambda p: np.zeros([batch, *p.shape[1:].as_list()], p.dtype.as_numpy_dtype), placeholders
    )


def _pairs(placeholders: Any, values: Any) -> dict[tf.Tensor, Any]:
    return dict(zip(tf.nest.flatten(placeholders), tf.nest.flatten(values), strict=True))


def _floats(metrics: Mapping[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in metrics.items()}


def _finite(value: Any, what: str, index: int) -> float:
    value = float(value)
    if not np.isfinite(value):
        raise NumericsError(
            f"chunk {index}: the {what} is {value}: check the data, lower the learning rate, or "
            f"set clip_norm"
        )
    return value
