"""One piece of work, as every worker is told it: its sizes, its arrays and their names.

The work is one forward and one backward pass of

    loss = <d_outputs, outputs> + sum over layers of <d_final, final state>

with the gradients of all weights, of x and of the initial states. In work that is cut into
chunks the loss has no final states and x gets no gradient: a runner that reads its chunks
from outside has neither.

Python 3.7 reads this file too.
"""

from __future__ import annotations

from typing import Any, NamedTuple

WEIGHTS: dict[str, tuple[str, ...]] = {
    "gru": ("gates/kernel", "gates/bias", "candidate/kernel", "candidate/bias"),
    "lstm": ("kernel", "bias"),
    "rnn": ("kernel", "bias"),
}
LEAVES: dict[str, tuple[str, ...]] = {"gru": ("h",), "lstm": ("c", "h"), "rnn": ("h",)}
# A worker whose module cannot be imported says so and leaves; that is no failure.
MISSING, ERROR = "missing", "error"


class Work(NamedTuple):
    """Holds the sizes: B streams, T steps, I inputs, the units of each layer."""

    cell: str
    """"gru", "lstm" or "rnn"."""
    batch: int
    steps: int
    inputs: int
    units: tuple[int, ...]
    chunk: int
    """Steps of a chunk; 0 where the sequence is not cut."""

    def layer_sizes(self) -> list[tuple[int, int]]:
        """Lists (inputs, units) of every layer."""
        widths = [self.inputs, *self.units]
        return [(widths[n], widths[n + 1]) for n in range(len(self.units))]

    def weight_names(self) -> list[str]:
        """Names the weights of all layers, e.g. "layer0/gates/kernel"."""
        layers = range(len(self.units))
        return [f"layer{n}/{name}" for n in layers for name in WEIGHTS[self.cell]]

    def state_names(self, what: str = "initial") -> list[list[str]]:
        """Names a state's leaves by layer, e.g. "layer0/initial/h"."""
        leaves = LEAVES[self.cell]
        return [[f"layer{n}/{what}/{leaf}" for leaf in leaves] for n in range(len(self.units))]

    def gradient_names(self) -> list[str]:
        """Names everything that gets a gradient."""
        states = [name for layer in self.state_names() for name in layer]
        return self.weight_names() + states + ([] if self.chunk else ["x"])


def work_from(fields: dict[str, Any]) -> Work:
    """Makes a `Work` of what JSON left of one."""
    return Work(**{**fields, "units": tuple(fields["units"])})
