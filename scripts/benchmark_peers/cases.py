"""The work that is measured: its sizes, its arrays, and the operations that it takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np

from benchmark_peers.work import Work

CELLS = ("gru", "lstm", "rnn")


class Case(NamedTuple):
    """Holds one case's sizes, for any cell."""

    batch: int
    steps: int
    inputs: int
    units: tuple[int, ...]
    chunk: int = 0
    """Steps of a chunk; 0 where the sequence is not cut."""
    whole: bool = True
    """Whether a pass over the unbroken sequence is measured as well."""

    def work(self, cell: str) -> Work:
        """Gives it a cell."""
        return Work(cell, self.batch, self.steps, self.inputs, self.units, self.chunk)

    def title(self) -> str:
        """Writes the sizes as B x T x I, units."""
        units = "+".join(map(str, self.units))
        chunks = f" in chunks of {self.chunk}" if self.chunk else ""
        return f"{self.batch}x{self.steps}x{self.inputs}, {units}{chunks}"


CASES: Mapping[str, Case] = {
    "stack": Case(34, 100, 200, (64, 32)),
    "narrow": Case(1, 500, 1, (32,)),
    "wide": Case(32, 100, 256, (512,)),
    "deep": Case(128, 200, 64, (128, 128)),
    "long": Case(8, 20_000, 16, (128,), chunk=500),
    "million": Case(1, 1_000_000, 1, (64,), chunk=1000, whole=False),
    "tiny": Case(2, 6, 3, (5, 4)),
    "tinylong": Case(2, 24, 3, (5,), chunk=8),
}
# What is measured unless other cases are asked for; the geometric mean is over these.
USUAL = ("stack", "narrow", "wide", "deep")


def flops(work: Work) -> int:
    """Counts the floating-point operations of the matrix products that the work needs.

        3 passes * 2 T B k H (I + H)     summed over the layers

    k is the number of gates; the passes are the forward one, and the gradients at the inputs
    and at the weights. Computing a chunk again is no needed work and does not count.
    """
    gates = {"gru": 3, "lstm": 4, "rnn": 1}[work.cell]
    products = sum(gates * units * (inputs + units) for inputs, units in work.layer_sizes())
    return 3 * 2 * work.steps * work.batch * products


def weight_shapes(work: Work) -> dict[str, tuple[int, ...]]:
    """Returns the shape of every weight."""
    shapes: dict[str, tuple[int, ...]] = {}
    for n, (inputs, units) in enumerate(work.layer_sizes()):
        parts = {"gru": {"gates/": 2, "candidate/": 1}, "lstm": {"": 4}, "rnn": {"": 1}}
        for part, gates in parts[work.cell].items():
            shapes[f"layer{n}/{part}kernel"] = (inputs + units, gates * units)
            shapes[f"layer{n}/{part}bias"] = (gates * units,)
    return shapes


def make_arrays(work: Work, seed: int) -> dict[str, np.ndarray]:
    """Draws weights, x, states and cotangents, all float32.

    Kernels are Glorot uniform, which keeps every cell from being chaotic. Cut sequences get one
    cotangent per step, `[B, T, 1]`, which keeps it out of the figures of memory.
    """
    rng = np.random.default_rng(seed)
    arrays: dict[str, np.ndarray] = {}
    for name, shape in weight_shapes(work).items():
        limit = np.sqrt(6 / sum(shape)) if len(shape) == 2 else 0.2
        arrays[name] = rng.uniform(-limit, limit, shape).astype(np.float32)

    def normal(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape, np.float32)

    arrays["x"] = normal(work.batch, work.steps, work.inputs)
    arrays["d_outputs"] = normal(work.batch, work.steps, 1 if work.chunk else work.units[-1])
    for what in ("initial",) if work.chunk else ("initial", "d_final"):
        for names, units in zip(work.state_names(what), work.units, strict=True):
            arrays.update((name, normal(work.batch, units) / 2) for name in names)
    return arrays


def of_layer(names: Iterable[str], n: int) -> dict[str, str]:
    """Maps a layer's own names, e.g. "gates/kernel", to the work's, "layer0/gates/kernel"."""
    start = f"layer{n}/"
    return {name[len(start) :]: name for name in names if name.startswith(start)}
