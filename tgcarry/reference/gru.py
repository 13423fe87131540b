"""The gated recurrent unit, forward and backward, with the reset gate before the product."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from tgcarry.reference.activations import Activation, activation_named, sigmoid, sigmoid_slope
from tgcarry.reference.arrays import floats, floats_or_zeros, params_like, saved_by


class GruSaved(NamedTuple):
    """Holds what the backward step sees again."""

    xh: np.ndarray
    xrh: np.ndarray
    h: np.ndarray
    r: np.ndarray
    u: np.ndarray
    c: np.ndarray
    activation: Activation


def gru_shapes(inputs: int, units: int) -> dict[str, tuple[int, ...]]:
    """Returns the params' shapes."""
    return {
        "gates/kernel": (inputs + units, 2 * units),
        "gates/bias": (2 * units,),
        "candidate/kernel": (inputs + units, units),
        "candidate/bias": (units,),
    }


def gru_step(
    params: Mapping[str, Any], x: Any, state: Any, *, activation: str = "tanh"
) -> tuple[np.ndarray, np.ndarray, GruSaved]:
    """Runs one step of the gated recurrent unit.

        [r, u] = sigmoid([x, h] Wg + bg)
        c      = activation([x, r * h] Wc + bc)
        h'     = u * h + (1 - u) * c,         output = h'

    The reset gate r acts before the product with Wc. In the variant of cuDNN and PyTorch it
    acts behind it, `c = activation(x Wx + r * (h Wh + b))`, which is another function.

    B is the batch, I the input's width, H the units; `*` multiplies element by element.

    Args:
      params: `gates/kernel` Wg `[I+H, 2H]` and `gates/bias` bg `[2H]`, columns r then u;
        `candidate/kernel` Wc `[I+H, H]` and `candidate/bias` bc `[H]`.
      x: `[B, I]`.
      state: h, `[B, H]`.
      activation: "tanh", "sigmoid", "relu", "linear", "softsign" or "hard_sigmoid".

    Returns:
      `(output, new_state, saved)`: h' `[B, H]` twice, and what `gru_step_backward` needs.

    Raises:
      CellError: a name, shape or dtype does not fit.

    Source: Cho et al. 2014, "Learning phrase representations using RNN encoder-decoder",
      arXiv:1406.1078, equations 5 to 8: their z is u.
    """
    act = activation_named("gru_step", activation)
    x = floats("gru_step(x=)", x, (None, None))
    h = floats("gru_step(state=)", state, (x.shape[0], None), f"x of shape {list(x.shape)}")
    w = _weights("gru_step", params, x.shape[1], h.shape[1])
    xh = np.concatenate([x, h], 1)
    r, u = np.split(sigmoid(xh @ w["gates/kernel"] + w["gates/bias"]), 2, axis=1)
    xrh = np.concatenate([x, r * h], 1)
    c = act.value(xrh @ w["candidate/kernel"] + w["candidate/bias"])
    h_new = u * h + (1 - u) * c
    return h_new, h_new, GruSaved(xh, xrh, h, r, u, c, act)


def gru_step_backward(
    params: Mapping[str, Any], saved: GruSaved, d_output: Any, d_state: Any
) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """Differentiates one step of `gru_step`.

        d'         = d_output + d_state
        dzc        = d' * (1 - u) * activation'(zc)      zc: c's argument
        [dx1, drh] = dzc Wc^T
        dzr, dzu   = drh * h * r * (1 - r),   d' * (h - c) * u * (1 - u)
        [dx2, dh2] = [dzr, dzu] Wg^T
        dx         = dx1 + dx2,               dh = d' * u + drh * r + dh2
        dWg, dWc   = [x, h]^T [dzr, dzu],     [x, r * h]^T dzc

    Args:
      params: as given to `gru_step`.
      saved: as `gru_step` returned it.
      d_output: gradient at the output, `[B, H]`; None for 0.
      d_state: gradient at the new state, `[B, H]`; None for 0.

    Returns:
      `(d_params, d_x, d_state)`: a dict like `params`, `[B, I]`, `[B, H]`.

    Raises:
      CellError: a name, shape or dtype does not fit.

    Source: derived from the equations of `gru_step`.
    """
    saved_by("gru_step", saved, GruSaved)
    xh, xrh, h, r, u, c, act = saved
    batch, units = h.shape
    inputs = xh.shape[1] - units
    w = _weights("gru_step_backward", params, inputs, units)
    d_new = floats_or_zeros("gru_step_backward(d_output=)", d_output, (batch, units))
    d_new = d_new + floats_or_zeros("gru_step_backward(d_state=)", d_state, (batch, units))

    dz_c = d_new * (1 - u) * act.slope(c)
    d_xrh = dz_c @ w["candidate/kernel"].T
    d_rh = d_xrh[:, inputs:]
    dz = np.concatenate([d_rh * h * sigmoid_slope(r), d_new * (h - c) * sigmoid_slope(u)], 1)
    d_xh = dz @ w["gates/kernel"].T
    d_params = {
        "gates/kernel": xh.T @ dz,
        "gates/bias": dz.sum(0),
        "candidate/kernel": xrh.T @ dz_c,
        "candidate/bias": dz_c.sum(0),
    }
    d_x = d_xrh[:, :inputs] + d_xh[:, :inputs]
    return d_params, d_x, d_new * u + d_rh * r + d_xh[:, inputs:]


def _weights(what: str, params: Any, inputs: int, units: int) -> dict[str, np.ndarray]:
    why = f"inputs of width {inputs} and a state of width {units}"
    return params_like(what, params, gru_shapes(inputs, units), why)
