"""Where a run stands between two steps of its schedule: what it takes to go on exactly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np


class Visited(NamedTuple):
    """Tells of a backward visit whose gradients were gathered and not applied yet."""

    chunk: int
    loss: float
    metrics: dict[str, float]
    time_steps: int
    upstream_norm: float
    clipped: bool
    """Whether the upstream was scaled down."""


@dataclass(frozen=True, eq=False)
class Position:
    """Says where a run stands: in its chunks, in its schedule, and with what in its hands.

    `Runner.position` gives it and `Runner.run(chunks, resume=)` takes it. Not included: the
    weights and the optimiser's slots, which are the graph's variables.

    What the schedule had planned is not kept: a policy plans the same again for the same breaks.

    Attributes:
      first: the chunk that the schedule began with.
      obeyed: steps of the schedule that were obeyed since.
      steps: optimiser steps.
      applied: chunks that are behind the last optimiser step; where no sweep is open, the next
        one to be read.
      breaks: bool `[n]`, of the chunks from `first` on that were read, whether every stream
        starts anew there.
      resets: bool `[B]` by chunk, as far as the carry may still cross them.
      idle: bool `[B]`, of the same chunks, streams without a step there.
      head: nest of `[B, H]` arrays, the state behind the last chunk that was read forwards; None
        for zeros.
      carry: nest of `[B, H]` arrays, the gradient at the start of chunk `carry_of`; None before
        any, and behind a sweep that was left out.
      carry_of: that chunk; -1 before any.
      saved: states by the number of the chunk that they enter.
      kept: those that enter chunks whose activations are kept, which are computed again; None
        for a chunk that was to be kept and did not fit.
      again: states by the number of the chunk that they enter, where what was missed in predicting
        for its end is still to go back through it.
      visits: the backward visits since the last optimiser step.
      accumulated: their weight gradients, an array per accumulator; empty without a visit.
    """

    first: int = 0
    obeyed: int = 0
    steps: int = 0
    applied: int = 0
    breaks: np.ndarray = field(default_factory=lambda: np.zeros(0, bool))
    resets: Mapping[int, np.ndarray] = field(default_factory=dict)
    idle: Mapping[int, np.ndarray] = field(default_factory=dict)
    head: Any = None
    carry: Any = None
    carry_of: int = -1
    saved: Mapping[int, Any] = field(default_factory=dict)
    kept: Mapping[int, Any] = field(default_factory=dict)
    again: Mapping[int, Any] = field(default_factory=dict)
    visits: tuple[Visited, ...] = ()
    accumulated: tuple[np.ndarray, ...] = ()

    @property
    def in_a_sweep(self) -> bool:
        """Says whether chunks were read that no optimiser step is behind of."""
        return bool(self.saved or self.kept or self.visits)

    def replanned(self) -> Position:
        """Returns the position for a policy that plans anew from the next chunk on.

        An open sweep begins again at its first chunk, from the state that enters it; from zeros
        if the schedule had let go of that. The carry is dropped.
        """
        entering = {**self.again, **self.kept, **self.saved}.get(self.applied)
        head = entering if self.in_a_sweep else self.head
        return Position(first=self.applied, steps=self.steps, applied=self.applied, head=head)
