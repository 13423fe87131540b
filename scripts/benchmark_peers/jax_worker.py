"""Worker: JAX, `lax.scan` over time under `jit`, the inputs' projection taken out of the loop.

Options: "mode": "whole", or "checkpoint": a scan over chunks under `jax.checkpoint`; "unroll":
steps of the scan in one turn of the loop.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmark_peers.serve import Prepared, serve
from benchmark_peers.work import WEIGHTS, Work

State = tuple[Any, ...]


def load() -> tuple[dict[str, str], Any]:
    """Imports JAX."""
    import jax

    return {"jax": jax.__version__}, prepare


def prepare(work: Work, arrays: dict[str, np.ndarray], options: dict[str, Any]) -> Prepared:
    """Compiles nothing yet: the first call does."""
    import jax

    given = {name: jax.device_put(value) for name, value in arrays.items()}
    names = work.gradient_names()
    held = {name: value for name, value in given.items() if name not in names}
    varied = {name: given[name] for name in names}
    loss_of = _checkpointed if options["mode"] == "checkpoint" else _whole

    def loss(varied: dict[str, Any], held: dict[str, Any]) -> Any:
        return loss_of(work, {**held, **varied}, options["unroll"])

    step = jax.jit(jax.value_and_grad(loss))

    def run() -> Any:
        # The gradients themselves: the compiler could get a sum of one with less work.
        return jax.block_until_ready(step(varied, held))

    def gradients() -> dict[str, np.ndarray]:
        value, grads = run()
        return {"loss": np.asarray(value), **{k: np.asarray(v) for k, v in grads.items()}}

    return Prepared(run, gradients)


def _steps(cell: str) -> Callable[..., tuple[State, Any]]:
    """Returns a step (recurrent weights, state, projected input) -> (state, output)."""
    import jax.numpy as jnp
    from jax.nn import sigmoid

    def gru(w: dict[str, Any], state: State, z: Any) -> tuple[State, Any]:
        (h,) = state
        units = h.shape[1]
        r, u = jnp.split(sigmoid(z[:, : 2 * units] + h @ w["gates/kernel"]), 2, axis=1)
        c = jnp.tanh(z[:, 2 * units :] + (r * h) @ w["candidate/kernel"])
        h = u * h + (1 - u) * c
        return (h,), h

    def lstm(w: dict[str, Any], state: State, z: Any) -> tuple[State, Any]:
        c, h = state
        i, j, f, o = jnp.split(z + h @ w["kernel"], 4, axis=1)
        c = sigmoid(f + 1.0) * c + sigmoid(i) * jnp.tanh(j)
        h = sigmoid(o) * jnp.tanh(c)
        return (c, h), h

    def rnn(w: dict[str, Any], state: State, z: Any) -> tuple[State, Any]:
        h = jnp.tanh(z + state[0] @ w["kernel"])
        return (h,), h

    return {"gru": gru, "lstm": lstm, "rnn": rnn}[cell]


def _layer(
    work: Work, n: int, given: dict[str, Any], x: Any, state: State, unroll: int
) -> tuple[Any, State]:
    """Runs one layer over `[T, B, I]`."""
    import jax
    import jax.numpy as jnp

    inputs = x.shape[2]
    weights = {name: given[f"layer{n}/{name}"] for name in WEIGHTS[work.cell]}
    kernels = [name for name in weights if name.endswith("kernel")]
    kernel = jnp.concatenate([weights[name][:inputs] for name in kernels], axis=1)
    bias = jnp.concatenate([weights[name.replace("kernel", "bias")] for name in kernels])
    recurrent = {name: weights[name][inputs:] for name in kernels}
    step = _steps(work.cell)
    state, outputs = jax.lax.scan(
        lambda state, z: step(recurrent, state, z), state, x @ kernel + bias, unroll=unroll
    )
    return outputs, state


def _unrolled(
    work: Work, given: dict[str, Any], x: Any, states: list[State], unroll: int
) -> tuple[Any, list[State]]:
    finals = []
    for n, state in enumerate(states):
        x, final = _layer(work, n, given, x, state, unroll)
        finals.append(final)
    return x, finals


def _initial(work: Work, given: dict[str, Any]) -> list[State]:
    return [tuple(given[name] for name in row) for row in work.state_names()]


def _whole(work: Work, given: dict[str, Any], unroll: int) -> Any:
    x = given["x"].swapaxes(0, 1)
    outputs, finals = _unrolled(work, given, x, _initial(work, given), unroll)
    loss = (outputs.swapaxes(0, 1) * given["d_outputs"]).sum()
    if work.chunk:
        return loss
    for names, final in zip(work.state_names("d_final"), finals, strict=True):
        for name, leaf in zip(names, final, strict=True):
            loss += (leaf * given[name]).sum()
    return loss


def _checkpointed(work: Work, given: dict[str, Any], unroll: int) -> Any:
    import functools

    import jax

    def in_chunks(array: Any) -> Any:
        parts = array.swapaxes(0, 1)
        return parts.reshape(work.steps // work.chunk, work.chunk, *parts.shape[1:])

    # Inside a scan nothing can be merged away, so that the guard against it only costs.
    @functools.partial(jax.checkpoint, prevent_cse=False)
    def chunk(states: list[State], piece: tuple[Any, Any]) -> tuple[list[State], Any]:
        x, weighting = piece
        outputs, finals = _unrolled(work, given, x, states, unroll)
        return finals, (outputs * weighting).sum()

    pieces = (in_chunks(given["x"]), in_chunks(given["d_outputs"]))
    _, losses = jax.lax.scan(chunk, _initial(work, given), pieces)
    return losses.sum()


if __name__ == "__main__":
    serve(load)
