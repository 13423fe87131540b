"""The gradients in float64, and how far each opponent's are from them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np

from benchmark_peers import gru_after
from benchmark_peers.cases import of_layer
from benchmark_peers.work import WEIGHTS, Work
from tgcarry import reference

Arrays = Mapping[str, np.ndarray]
# A number, because JSON has no infinity.
HOPELESS = 1e30


class Equations(Protocol):
    """Runs a stack of layers over a stretch of steps, forward and backward."""

    def forward(self, x: np.ndarray, states: list[Any]) -> tuple[np.ndarray, list[Any], Any]:
        """Returns outputs, final states, and what `backward` needs."""
        ...

    def backward(
        self, tape: Any, d_outputs: np.ndarray, d_finals: list[Any]
    ) -> tuple[list[dict[str, np.ndarray]], np.ndarray, list[Any]]:
        """Returns the gradients of the params by layer, of x, and of the initial states."""
        ...


class TensorFlowEquations:
    """Is TensorFlow 1's cells, as `tgcarry.reference` writes them out."""

    def __init__(self, work: Work, arrays: Arrays) -> None:
        self._cells = [reference.Cell(work.cell, layer) for layer in _layers(work, arrays)]

    def forward(self, x: np.ndarray, states: list[Any]) -> tuple[np.ndarray, list[Any], Any]:
        """See `Equations`."""
        return reference.unroll(self._cells, x, states)

    def backward(
        self, tape: Any, d_outputs: np.ndarray, d_finals: list[Any]
    ) -> tuple[list[dict[str, np.ndarray]], np.ndarray, list[Any]]:
        """See `Equations`."""
        return reference.unroll_backward(self._cells, tape, d_outputs, d_finals)


class ResetAfterEquations:
    """Is PyTorch's GRU: the reset gate acts behind the product."""

    def __init__(self, work: Work, arrays: Arrays) -> None:
        self._layers = _layers(work, arrays)

    def forward(self, x: np.ndarray, states: list[Any]) -> tuple[np.ndarray, list[Any], Any]:
        """See `Equations`."""
        return gru_after.forward(self._layers, x, states)

    def backward(
        self, tape: Any, d_outputs: np.ndarray, d_finals: list[Any]
    ) -> tuple[list[dict[str, np.ndarray]], np.ndarray, list[Any]]:
        """See `Equations`."""
        return gru_after.backward(self._layers, tape, d_outputs, d_finals)


def true_gradients(work: Work, arrays: Arrays, reset_after: bool) -> dict[str, np.ndarray]:
    """Computes the loss and every gradient of the work in float64.

    A cut sequence is visited chunk by chunk, forwards for the states and then backwards, so
    that memory holds one chunk.
    """
    kind = ResetAfterEquations if reset_after and work.cell == "gru" else TensorFlowEquations
    equations: Equations = kind(work, arrays)
    states = [_state([arrays[name] for name in row]) for row in work.state_names()]
    stretches = _stretches(work)
    entering = [states]
    for stretch in stretches[:-1]:
        entering.append(equations.forward(arrays["x"][:, stretch], entering[-1])[1])
    upstream = [tuple(np.zeros_like(leaf) for leaf in _leaves(state)) for state in states]
    if not work.chunk:
        upstream = [tuple(arrays[n] for n in row) for row in work.state_names("d_final")]
    total: dict[str, Any] = {"loss": 0.0}
    carried: list[Any] = [_state(leaves) for leaves in upstream]
    for stretch, start in reversed(list(zip(stretches, entering, strict=True))):
        outputs, finals, tape = equations.forward(arrays["x"][:, stretch], start)
        d_outputs = np.broadcast_to(np.float64(arrays["d_outputs"][:, stretch]), outputs.shape)
        total["loss"] += float((outputs * d_outputs).sum())
        if not work.chunk:
            total["loss"] += _inner(finals, upstream)
        params, total["x"], carried = equations.backward(tape, d_outputs, carried)
        for n, grads in enumerate(params):
            for name, long in of_layer(work.weight_names(), n).items():
                total[long] = total.get(long, 0.0) + grads[name]
    for names, state in zip(work.state_names(), carried, strict=True):
        total.update(zip(names, _leaves(state), strict=True))
    return {name: np.asarray(total[name]) for name in ["loss", *work.gradient_names()]}


class Deviation(NamedTuple):
    """Holds the worst of several arrays' deviations."""

    error: float
    """Largest difference, relative to the largest entry of the true array."""
    name: str


def deviation(got: Arrays, wanted: Arrays) -> Deviation:
    """Compares gradients array by array; anything missing, misshapen or NaN is `HOPELESS`.

    The loss is left out: it is a sum of terms of both signs, and can be as near to zero as it
    likes.
    """
    worst = Deviation(0.0, "")
    for name, true in wanted.items():
        if name != "loss":
            worst = max(worst, Deviation(_error(got.get(name), true), name))
    return worst


def _error(got: np.ndarray | None, true: np.ndarray) -> float:
    if got is None or got.shape != true.shape:
        return HOPELESS
    largest = float(np.max(np.abs(true))) or 1.0
    error = float(np.max(np.abs(np.float64(got) - true))) / largest
    return error if np.isfinite(error) else HOPELESS


def _layers(work: Work, arrays: Arrays) -> list[dict[str, np.ndarray]]:
    count = range(len(work.units))
    return [{name: arrays[f"layer{n}/{name}"] for name in WEIGHTS[work.cell]} for n in count]


def _stretches(work: Work) -> list[slice]:
    length = work.chunk or work.steps
    return [slice(start, start + length) for start in range(0, work.steps, length)]


def _state(leaves: Any) -> Any:
    return tuple(leaves) if len(leaves) == 2 else leaves[0]


def _leaves(state: Any) -> tuple[np.ndarray, ...]:
    return state if isinstance(state, tuple) else (state,)


def _inner(states: list[Any], others: list[tuple[np.ndarray, ...]]) -> float:
    pairs = zip(states, others, strict=True)
    return float(sum((a * b).sum() for s, o in pairs for a, b in zip(_leaves(s), o, strict=True)))
