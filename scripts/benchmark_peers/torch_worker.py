"""Worker: `torch.nn.GRU`, `LSTM` and `RNN`, one module a layer.

Options: "mode": "whole", or "checkpoint": `torch.utils.checkpoint` around every chunk, which
keeps the states between chunks and computes a chunk again when its gradient is due.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmark_peers.layouts import gradients_from_torch, to_torch
from benchmark_peers.serve import Prepared, serve
from benchmark_peers.work import LEAVES, WEIGHTS, Work

NAMES = ("weight_ih", "weight_hh", "bias_ih")


def load() -> tuple[dict[str, str], Any]:
    """Imports PyTorch."""
    import torch

    return {"torch": torch.__version__}, prepare


def prepare(work: Work, arrays: dict[str, np.ndarray], options: dict[str, Any]) -> Prepared:
    """Makes the modules and tensors."""
    import torch

    layers = [_layer(work, n, arrays) for n in range(len(work.units))]
    given = {
        name: torch.from_numpy(arrays[name])
        for name in arrays
        if name not in set(work.weight_names())
    }
    leaves = [name for row in work.state_names() for name in row]
    for name in leaves + ([] if work.chunk else ["x"]):
        given[name].requires_grad_()
    parameters = [getattr(layer, f"{name}_l0") for layer in layers for name in NAMES]
    wanted = parameters + [given[name] for name in leaves + ([] if work.chunk else ["x"])]
    loss_of = _checkpointed if options["mode"] == "checkpoint" else _whole

    def grads() -> tuple[Any, tuple[Any, ...]]:
        for leaf in wanted:
            leaf.grad = None
        loss = loss_of(work, layers, given)
        # Not `autograd.grad`, which the faster kind of checkpoint does not allow.
        loss.backward()
        return loss, tuple(leaf.grad for leaf in wanted)

    def run() -> Any:
        loss, found = grads()
        return torch.stack([loss.detach(), *[grad.sum() for grad in found]]).tolist()

    return Prepared(run, lambda: _named(work, *grads()))


def _layer(work: Work, n: int, arrays: dict[str, np.ndarray]) -> Any:
    import torch

    kinds = {"gru": torch.nn.GRU, "lstm": torch.nn.LSTM, "rnn": torch.nn.RNN}
    inputs, units = work.layer_sizes()[n]
    layer = kinds[work.cell](inputs, units, batch_first=True)
    weights = {name: arrays[f"layer{n}/{name}"] for name in WEIGHTS[work.cell]}
    with torch.no_grad():
        for name, value in to_torch(work.cell, weights, inputs).items():
            getattr(layer, f"{name}_l0").copy_(torch.from_numpy(value))
        layer.bias_hh_l0.zero_()
    # It adds nothing to the first bias, and the opponents have no second one to differentiate.
    layer.bias_hh_l0.requires_grad_(False)
    return layer


def _unrolled(layers: list[Any], x: Any, states: list[tuple[Any, ...]]) -> tuple[Any, list[Any]]:
    """Runs the layers; a state is (h,) or (c, h), each `[B, H]`."""
    finals = []
    for layer, state in zip(layers, states, strict=True):
        # PyTorch's pair is (h, c), each with an axis of layers first.
        pair = tuple(leaf.unsqueeze(0) for leaf in reversed(state))
        x, final = layer(x, pair if len(pair) == 2 else pair[0])
        final = final if isinstance(final, tuple) else (final,)
        finals.append(tuple(leaf.squeeze(0) for leaf in reversed(final)))
    return x, finals


def _initial(work: Work, given: dict[str, Any]) -> list[tuple[Any, ...]]:
    return [tuple(given[name] for name in row) for row in work.state_names()]


def _whole(work: Work, layers: list[Any], given: dict[str, Any]) -> Any:
    outputs, finals = _unrolled(layers, given["x"], _initial(work, given))
    loss = (outputs * given["d_outputs"]).sum()
    if work.chunk:
        return loss
    for names, final in zip(work.state_names("d_final"), finals, strict=True):
        for name, leaf in zip(names, final, strict=True):
            loss = loss + (leaf * given[name]).sum()
    return loss


def _checkpointed(work: Work, layers: list[Any], given: dict[str, Any]) -> Any:
    from torch.utils.checkpoint import checkpoint

    chunk = _chunk(work, layers)
    leaves = [leaf for state in _initial(work, given) for leaf in state]
    loss = 0.0
    for start in range(0, work.steps, work.chunk):
        end = start + work.chunk
        x, weighting = given["x"][:, start:end], given["d_outputs"][:, start:end]
        # The other kind calls a hook for every tensor that it saves, which took 2 to 3 times as
        # long.
        part, *leaves = checkpoint(chunk, x, weighting, *leaves, use_reentrant=True)
        loss = loss + part
    return loss


def _chunk(work: Work, layers: list[Any]) -> Callable[..., tuple[Any, ...]]:
    width = len(LEAVES[work.cell])

    def chunk(x: Any, weighting: Any, *leaves: Any) -> tuple[Any, ...]:
        states = [leaves[n : n + width] for n in range(0, len(leaves), width)]
        outputs, finals = _unrolled(layers, x, states)
        return (outputs * weighting).sum(), *(leaf for final in finals for leaf in final)

    return chunk


def _named(work: Work, loss: Any, found: tuple[Any, ...]) -> dict[str, np.ndarray]:
    grads = [grad.numpy() for grad in found]
    named: dict[str, np.ndarray] = {"loss": loss.detach().numpy()}
    for n in range(len(work.units)):
        of_layer = dict(zip(NAMES, grads[3 * n : 3 * n + 3], strict=True))
        mapped = gradients_from_torch(work.cell, of_layer)
        named.update((f"layer{n}/{name}", value) for name, value in mapped.items())
    rest = work.gradient_names()[len(work.weight_names()) :]
    named.update(zip(rest, grads[3 * len(work.units) :], strict=True))
    return named


if __name__ == "__main__":
    serve(load)
