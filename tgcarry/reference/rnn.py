"""The simple recurrence, forward and backward."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from tgcarry.reference.activations import Activation, activation_named
from tgcarry.reference.arrays import floats, floats_or_zeros, params_like, saved_by


class RnnSaved(NamedTuple):
    """Holds what the backward step sees again."""

    xh: np.ndarray
    h_new: np.ndarray
    activation: Activation


def rnn_shapes(inputs: int, units: int) -> dict[str, tuple[int, ...]]:
    """Returns the params' shapes."""
    return {"kernel": (inputs + units, units), "bias": (units,)}


def rnn_step(
    params: Mapping[str, Any], x: Any, state: Any, *, activation: str = "tanh"
) -> tuple[np.ndarray, np.ndarray, RnnSaved]:
    """Runs one step of the simple (Elman) recurrence.

        h' = activation([x, h] W + b),        output = h'

    B is the batch, I the input's width, H the units. `[x, h]` are columns side by side.

    Args:
      params: `kernel` W `[I+H, H]`, the rows of x first, and `bias` b `[H]`.
      x: `[B, I]`.
      state: h, `[B, H]`.
      activation: "tanh", "sigmoid", "relu", "linear", "softsign" or "hard_sigmoid".

    Returns:
      `(output, new_state, saved)`: h' `[B, H]` twice, and what `rnn_step_backward` needs.

    Raises:
      CellError: a name, shape or dtype does not fit.

    Source: Elman 1990, "Finding structure in time", Cognitive Science 14(2).
    """
    act = activation_named("rnn_step", activation)
    x = floats("rnn_step(x=)", x, (None, None))
    h = floats("rnn_step(state=)", state, (x.shape[0], None), f"x of shape {list(x.shape)}")
    w = _weights("rnn_step", params, x.shape[1], h.shape[1])
    xh = np.concatenate([x, h], 1)
    h_new = act.value(xh @ w["kernel"] + w["bias"])
    return h_new, h_new, RnnSaved(xh, h_new, act)


def rnn_step_backward(
    params: Mapping[str, Any], saved: RnnSaved, d_output: Any, d_state: Any
) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """Differentiates one step of `rnn_step`.

        dz       = (d_output + d_state) * activation'(z),    z = [x, h] W + b
        [dx, dh] = dz W^T,    dW = [x, h]^T dz,    db = sum over the batch of dz

    Args:
      params: as given to `rnn_step`.
      saved: as `rnn_step` returned it.
      d_output: gradient at the output, `[B, H]`; None for 0.
      d_state: gradient at the new state, `[B, H]`; None for 0.

    Returns:
      `(d_params, d_x, d_state)`: a dict like `params`, `[B, I]`, `[B, H]`.

    Raises:
      CellError: a name, shape or dtype does not fit.

    Source: Rumelhart, Hinton and Williams 1986, "Learning representations by
      back-propagating errors", Nature 323.
    """
    saved_by("rnn_step", saved, RnnSaved)
    batch, units = saved.h_new.shape
    inputs = saved.xh.shape[1] - units
    w = _weights("rnn_step_backward", params, inputs, units)
    d_new = floats_or_zeros("rnn_step_backward(d_output=)", d_output, (batch, units))
    d_new = d_new + floats_or_zeros("rnn_step_backward(d_state=)", d_state, (batch, units))
    dz = d_new * saved.activation.slope(saved.h_new)
    d_xh = dz @ w["kernel"].T
    d_params = {"kernel": saved.xh.T @ dz, "bias": dz.sum(0)}
    return d_params, d_xh[:, :inputs], d_xh[:, inputs:]


def _weights(what: str, params: Any, inputs: int, units: int) -> dict[str, np.ndarray]:
    why = f"inputs of width {inputs} and a state of width {units}"
    return params_like(what, params, rnn_shapes(inputs, units), why)
