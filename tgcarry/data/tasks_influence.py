"""Influence balancing: one parameter that pulls one way soon and the other way later.

In float64 NumPy, with its gradient by a forward accumulation that shares nothing with
back-propagation. `tgcarry.influence` builds the same as a chunk's graph.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tgcarry.data.wording import shown, whole
from tgcarry.errors import DataError


class InfluenceGradient(NamedTuple):
    """Holds a loss and its gradients, all float64."""

    loss: float
    theta: float
    """By the parameter."""
    initial_state: np.ndarray
    """`[n]`: by the first state."""


@dataclass(frozen=True)
class InfluenceBalancing:
    """Defines a linear system of n units with one parameter, theta, and a target on unit 1.

        s_{t+1} = A s_t + theta v,    A_ii = A_i,i+1 = 1/2, 0 elsewhere
        v_i = 1 for i <= p,  -1 for i > p
        loss = sum over t = 1..T of (s_t,1 - 1)^2 / 2

    What enters at unit i needs i - 1 steps at least, and about 2 i, to come down to unit 1.
    With most signs negative but the nearest ones positive, theta first raises unit 1 and in the
    end lowers it: the state settles where s_1 = 2 (2 p - n) theta, and the best theta is
    1 / (2 (2 p - n)). A gradient that looks back too few steps sees the rise alone and drives
    theta away from there.

    Args:
      units: n, at least 2.
      positive: p, 1 to n - 1, and not n / 2, where theta has no lasting influence.

    Raises:
      DataError: an argument is out of range.

    Source: Tallec and Ollivier 2017, "Unbiasing truncated backpropagation through time",
      arXiv:1705.08209, section 5, and the same authors' "Unbiased online recurrent
      optimization", arXiv:1702.05043. As far as it could be checked: A, the signs, n = 23 and
      p = 10 are those of a public program that follows the latter; it starts at theta = 1/2 and
      s = 1 and takes steps of 1e-4. Where the papers start was not at hand.
    """

    units: int = 23
    positive: int = 10

    def __post_init__(self) -> None:
        units = whole(self.units, "units", 2)
        positive = whole(self.positive, "positive", 1)
        if positive >= units or 2 * positive == units:
            raise DataError(
                f"positive {positive} of {units} units: give 1 to {units - 1}, and not half of "
                f"them"
            )

    @property
    def matrix(self) -> np.ndarray:
        """A, float64 `[n, n]`."""
        return 0.5 * (np.eye(self.units) + np.eye(self.units, k=1))

    @property
    def signs(self) -> np.ndarray:
        """The vector v, float64 `[n]`."""
        return np.where(np.arange(self.units) < self.positive, 1.0, -1.0)

    @property
    def best_theta(self) -> float:
        """The parameter at which unit 1 settles on its target."""
        return 0.5 / (2 * self.positive - self.units)

    def settled(self, theta: float) -> np.ndarray:
        """Returns the state that repeats itself, float64 `[n]`."""
        return 2 * theta * np.cumsum(self.signs[::-1])[::-1]

    def influence(self, steps: int) -> np.ndarray:
        """Returns how much theta has moved unit 1 after so many steps, d s_k,1 / d theta.

        Args:
          steps: K, at least 1.

        Returns:
          Float64 `[K]`, for k = 1..K, from a first state that does not depend on theta. It
          is what a gradient that looks back k steps takes for the influence of theta.
        """
        matrix, signs = self.matrix, self.signs
        moved, found = np.zeros(self.units), []
        for _ in range(whole(steps, "steps", 1)):
            moved = matrix @ moved + signs
            found.append(moved[0])
        return np.array(found)

    def states(self, theta: float, initial_state: np.ndarray, steps: int) -> np.ndarray:
        """Returns the states s_1 .. s_T, float64 `[T, n]`."""
        matrix, push = self.matrix, theta * self.signs
        state, found = self._state(initial_state), []
        for _ in range(whole(steps, "steps", 1)):
            state = matrix @ state + push
            found.append(state)
        return np.array(found)

    def gradient(
        self,
        theta: float,
        initial_state: np.ndarray,
        lengths: Sequence[int],
        factors: Sequence[float] | None = None,
    ) -> InfluenceGradient:
        """Computes the loss over chunks, and its gradient as it passes from chunk to chunk.

        Forward accumulation: J_t = d s_t / d theta and P_t = d s_t / d s_0 follow the state,

            J_{t+1} = A J_t + v,   P_{t+1} = A P_t,   g = sum_t (s_t,1 - 1) (J_t)_1

        and at the end of chunk k both are multiplied by its factor: by 1 for the exact gradient,
        by 0 for a truncated one, by 0 or 1 / (1 - c) for a random truncation with probability
        c. That is what back-propagation gives when the upstream of chunk k is multiplied by it.

        Args:
          theta: the parameter.
          initial_state: s_0, `[n]`.
          lengths: steps of each chunk, each at least 1.
          factors: one for each chunk but the last; None for ones, the exact gradient.

        Returns:
          An `InfluenceGradient`; the loss does not depend on the factors.

        Raises:
          DataError: an argument does not fit.
        """
        ends = _check_chunks(lengths, factors)
        matrix, signs = self.matrix, self.signs
        state = self._state(initial_state)
        by_theta, by_initial = np.zeros(self.units), np.eye(self.units)
        loss, slope, initial = 0.0, 0.0, np.zeros(self.units)
        for length, factor in zip(lengths, ends, strict=True):
            for _ in range(length):
                state = matrix @ state + theta * signs
                by_theta, by_initial = matrix @ by_theta + signs, matrix @ by_initial
                error = state[0] - 1
                loss += error**2 / 2
                slope += error * by_theta[0]
                initial += error * by_initial[0]
            by_theta, by_initial = factor * by_theta, factor * by_initial
        return InfluenceGradient(float(loss), float(slope), initial)

    def _state(self, given: np.ndarray) -> np.ndarray:
        state = np.asarray(given, np.float64)
        if state.shape != (self.units,):
            raise DataError(
                f"initial_state has shape {list(state.shape)}: give one number for each of "
                f"{self.units} units"
            )
        return state


def _check_chunks(lengths: Sequence[int], factors: Sequence[float] | None) -> list[float]:
    """Returns a factor for each chunk; the last one's has no effect."""
    if not len(lengths):
        raise DataError("lengths is empty: give the steps of one chunk at least")
    for place, length in enumerate(lengths):
        whole(length, f"lengths[{place}]", 1)
    if factors is None:
        return [1.0] * len(lengths)
    if len(factors) != len(lengths) - 1:
        raise DataError(
            f"factors {shown(list(factors))} for {len(lengths)} chunks: give {len(lengths) - 1}, "
            f"one for each chunk but the last"
        )
    return [*map(float, factors), 1.0]
