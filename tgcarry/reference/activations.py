"""The activations that the reference's cells may have, with their slopes.

Each slope is written in the activation's value y, not in its argument z: a cell saves y.

    sigmoid        y = 1 / (1 + exp(-z))            dy/dz = y (1 - y)
    tanh           y = tanh(z)                      1 - y^2
    relu           y = max(z, 0)                    1 where y > 0, else 0
    linear         y = z                            1
    softsign       y = z / (1 + |z|)                (1 - |y|)^2
    hard_sigmoid   y = min(max(0.2 z + 0.5, 0), 1)  0.2 where 0 < y < 1, else 0
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from tgcarry.errors import CellError


class Activation(NamedTuple):
    """Is a function of one number, applied to each element, and its derivative."""

    value: Callable[[np.ndarray], np.ndarray]
    """y of z."""
    slope: Callable[[np.ndarray], np.ndarray]
    """dy/dz of y."""


def sigmoid(z: np.ndarray) -> np.ndarray:
    """Returns 1 / (1 + exp(-z)), with no overflow for any z."""
    return np.exp(-np.logaddexp(0.0, -z))


def sigmoid_slope(y: np.ndarray) -> np.ndarray:
    """Returns the sigmoid's derivative where its value is y: at most 1/4."""
    return y * (1 - y)


ACTIVATIONS = {
    "tanh": Activation(np.tanh, lambda y: 1 - y**2),
    "sigmoid": Activation(sigmoid, sigmoid_slope),
    "relu": Activation(lambda z: np.maximum(z, 0.0), lambda y: (y > 0).astype(np.float64)),
    "linear": Activation(lambda z: z, np.ones_like),
    "softsign": Activation(lambda z: z / (1 + np.abs(z)), lambda y: (1 - np.abs(y)) ** 2),
    "hard_sigmoid": Activation(
        lambda z: np.clip(0.2 * z + 0.5, 0.0, 1.0), lambda y: 0.2 * ((y > 0) & (y < 1))
    ),
}


def activation_named(what: str, name: Any) -> Activation:
    """Returns an activation by its name.

    Raises:
      CellError: there is none of that name.
    """
    if not isinstance(name, str) or name not in ACTIVATIONS:
        raise CellError(
            f"{what}(activation={name!r}): no such activation; choose from "
            f"{', '.join(ACTIVATIONS)}"
        )
    return ACTIVATIONS[name]
