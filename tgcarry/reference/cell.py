"""One cell of a stack: which equations, which weights, which options."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from tgcarry.errors import CellError
from tgcarry.reference.arrays import params_like, shown
from tgcarry.reference.basic_lstm import (
    basic_lstm_shapes,
    basic_lstm_step,
    basic_lstm_step_backward,
)
from tgcarry.reference.gru import gru_shapes, gru_step, gru_step_backward
from tgcarry.reference.lstm import PEEPHOLES, lstm_shapes, lstm_step, lstm_step_backward
from tgcarry.reference.rnn import rnn_shapes, rnn_step, rnn_step_backward


class Kind(NamedTuple):
    """Holds a kind's two passes and the options of the first."""

    step: Callable[..., tuple[np.ndarray, Any, Any]]
    backward: Callable[..., tuple[dict[str, np.ndarray], np.ndarray, Any]]
    options: tuple[str, ...]


KINDS = {
    "rnn": Kind(rnn_step, rnn_step_backward, ("activation",)),
    "gru": Kind(gru_step, gru_step_backward, ("activation",)),
    "basic_lstm": Kind(basic_lstm_step, basic_lstm_step_backward, ("forget_bias", "activation")),
    "lstm": Kind(
        lstm_step,
        lstm_step_backward,
        ("forget_bias", "cell_clip", "proj_clip", "activation"),
    ),
}


@dataclass(frozen=True, eq=False)
class Cell:
    """Describes one cell of a stack for `unroll`.

    Attributes:
      kind: "rnn", "gru", "basic_lstm" or "lstm".
      params: arrays under TensorFlow 1's variable names, as the kind's step wants them.
      options: of the kind's step, e.g. `{"forget_bias": 0.0}`.

    Raises:
      CellError: an unknown kind, param or option, or arrays that do not fit together.

    Source: the equations are those of `rnn_step`, `gru_step`, `basic_lstm_step`, `lstm_step`.
    """

    kind: str
    params: Mapping[str, Any]
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.kind, str) or self.kind not in KINDS:
            raise CellError(f"Cell(kind={self.kind!r}): choose from {', '.join(KINDS)}")
        if not isinstance(self.params, Mapping):
            raise CellError(f"Cell(params={shown(self.params)}) is not a dict of arrays")
        known = KINDS[self.kind].options
        for name in self.options:
            if name not in known:
                raise CellError(
                    f"Cell({self.kind!r}, options={{{name!r}: ...}}): no such option; there are "
                    f"{', '.join(known)}"
                )
        params = params_like(f"Cell[{self.kind}]", self.params, self._shapes(), "the others")
        object.__setattr__(self, "params", params)
        # A step on no streams checks the options too.
        self.step(np.zeros((0, self.inputs)), self.zero_state(0))

    def _rows(self, name: str, axis: int, ndim: int) -> int:
        shape = np.shape(self.params.get(name, ()))
        return int(shape[axis]) if len(shape) == ndim else 0

    @property
    def units(self) -> int:
        """H."""
        if self.kind == "gru":
            return self._rows("candidate/bias", 0, 1)
        return self._rows("bias", 0, 1) // (1 if self.kind == "rnn" else 4)

    @property
    def outputs(self) -> int:
        """The output's width: the projection's, or H."""
        projected = self.kind == "lstm" and "projection/kernel" in self.params
        return self._rows("projection/kernel", 1, 2) if projected else self.units

    @property
    def inputs(self) -> int:
        """I, the width of the inputs that the kernel is made for."""
        kernel = "gates/kernel" if self.kind == "gru" else "kernel"
        return max(0, self._rows(kernel, 0, 2) - self.outputs)

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        if self.kind == "lstm":
            peepholes = any(name in self.params for name in PEEPHOLES)
            projection = "projection/kernel" in self.params
            return lstm_shapes(self.inputs, self.units, self.outputs, peepholes, projection)
        of_kind = {"rnn": rnn_shapes, "gru": gru_shapes, "basic_lstm": basic_lstm_shapes}
        return of_kind[self.kind](self.inputs, self.units)

    @property
    def state_size(self) -> Any:
        """H, or for an LSTM the widths of (c, h)."""
        return (self.units, self.outputs) if "lstm" in self.kind else self.units

    def zero_state(self, batch: int) -> Any:
        """Makes an all-zero state: `[B, H]`, or a pair."""
        if "lstm" in self.kind:
            return np.zeros((batch, self.units)), np.zeros((batch, self.outputs))
        return np.zeros((batch, self.units))

    def step(self, x: Any, state: Any) -> tuple[np.ndarray, Any, Any]:
        """Runs the kind's step on the cell's params: `(output, new_state, saved)`."""
        return KINDS[self.kind].step(self.params, x, state, **self.options)

    def step_backward(
        self, saved: Any, d_output: Any, d_state: Any
    ) -> tuple[dict[str, np.ndarray], np.ndarray, Any]:
        """Runs the kind's backward step: `(d_params, d_x, d_state)`."""
        return KINDS[self.kind].backward(self.params, saved, d_output, d_state)
