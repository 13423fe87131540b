"""Weights between TensorFlow 1's layout and PyTorch's, in NumPy.

TensorFlow's kernel is `[I+H, kH]`, PyTorch has `weight_ih [kH, I]` and `weight_hh [kH, H]`:

    gru   TensorFlow: gates r, u and candidate c    PyTorch: r, z, n     (u is z, c is n)
    lstm  TensorFlow: i, j, f, o                    PyTorch: i, f, g, o  (j is g)

PyTorch's second bias, which adds nothing to the first, stays zero and gets no gradient. Its
first takes TensorFlow's forget bias in.

PyTorch's GRU is another function of the same weights: it applies the reset gate behind the
product with the candidate's recurrent weights, TensorFlow's before it.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

FORGET_BIAS = 1.0
# PyTorch's gate at each place, as a place in TensorFlow's order; each its own inverse.
ORDERS = {"gru": (0, 1, 2), "lstm": (0, 2, 1, 3), "rnn": (0,)}
FORGET_PLACE = 1


def to_torch(cell: str, weights: Mapping[str, np.ndarray], inputs: int) -> dict[str, np.ndarray]:
    """Returns `weight_ih`, `weight_hh` and `bias_ih` of one layer's TensorFlow weights."""
    kernel, bias = weights.get("kernel"), weights.get("bias")
    if cell == "gru":
        kernel = np.concatenate([weights["gates/kernel"], weights["candidate/kernel"]], axis=1)
        bias = np.concatenate([weights["gates/bias"], weights["candidate/bias"]])
    assert kernel is not None and bias is not None
    kernel, bias = _reordered(cell, kernel), _reordered(cell, bias)
    if cell == "lstm":
        _gates(cell, bias)[FORGET_PLACE] += FORGET_BIAS
    return {
        "weight_ih": np.ascontiguousarray(kernel[:inputs].T),
        "weight_hh": np.ascontiguousarray(kernel[inputs:].T),
        "bias_ih": bias,
    }


def gradients_from_torch(cell: str, found: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Maps the gradients of one layer's PyTorch weights to TensorFlow's names and layout."""
    kernel = np.concatenate([found["weight_ih"].T, found["weight_hh"].T])
    kernel, bias = _reordered(cell, kernel), _reordered(cell, found["bias_ih"])
    if cell != "gru":
        return {"kernel": kernel, "bias": bias}
    both = 2 * (len(bias) // 3)
    return {
        "gates/kernel": kernel[:, :both],
        "gates/bias": bias[:both],
        "candidate/kernel": kernel[:, both:],
        "candidate/bias": bias[both:],
    }


def _gates(cell: str, array: np.ndarray) -> list[np.ndarray]:
    return np.split(array, len(ORDERS[cell]), axis=-1)


def _reordered(cell: str, array: np.ndarray) -> np.ndarray:
    gates = _gates(cell, array)
    return np.concatenate([gates[place] for place in ORDERS[cell]], axis=-1)
