"""The plain LSTM, forward and backward."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from tgcarry.reference.activations import Activation, activation_named, sigmoid, sigmoid_slope
from tgcarry.reference.arrays import floats, floats_or_zeros, number, pair, params_like, saved_by

Pair = tuple[np.ndarray, np.ndarray]


class BasicLstmSaved(NamedTuple):
    """Holds what the backward step sees again; the gates behind their functions."""

    xh: np.ndarray
    c: np.ndarray
    i: np.ndarray
    j: np.ndarray
    f: np.ndarray
    o: np.ndarray
    act_c: np.ndarray
    activation: Activation


def basic_lstm_shapes(inputs: int, units: int) -> dict[str, tuple[int, ...]]:
    """Returns the params' shapes."""
    return {"kernel": (inputs + units, 4 * units), "bias": (4 * units,)}


def basic_lstm_step(
    params: Mapping[str, Any],
    x: Any,
    state: Any,
    *,
    forget_bias: float = 1.0,
    activation: str = "tanh",
) -> tuple[np.ndarray, Pair, BasicLstmSaved]:
    """Runs one step of the plain LSTM.

        [i, j, f, o] = [x, h] W + b
        c' = c * sigmoid(f + forget_bias) + sigmoid(i) * activation(j)
        h' = activation(c') * sigmoid(o),     output = h'

    B is the batch, I the input's width, H the units; `*` multiplies element by element.

    Args:
      params: `kernel` W `[I+H, 4H]` and `bias` b `[4H]`, columns i, j, f, o.
      x: `[B, I]`.
      state: the pair (c, h), `[B, H]` each.
      forget_bias: added to f, besides b.
      activation: "tanh", "sigmoid", "relu", "linear", "softsign" or "hard_sigmoid".

    Returns:
      `(output, new_state, saved)`: h' `[B, H]`, (c', h'), and what
      `basic_lstm_step_backward` needs.

    Raises:
      CellError: a name, shape, dtype or number does not fit.

    Source: Zaremba, Sutskever and Vinyals 2014, "Recurrent neural network regularization",
      arXiv:1409.2329, section 3.1: their g is tanh(j), and they have no forget_bias.
    """
    act = activation_named("basic_lstm_step", activation)
    forget_bias = number("basic_lstm_step(): forget_bias", forget_bias)
    x = floats("basic_lstm_step(x=)", x, (None, None))
    c, h = pair("basic_lstm_step(state=)", state)
    c = floats("basic_lstm_step(c)", c, (x.shape[0], None), f"x of shape {list(x.shape)}")
    h = floats("basic_lstm_step(h)", h, c.shape, "a state of c and h alike")
    w = _weights("basic_lstm_step", params, x.shape[1], c.shape[1])
    xh = np.concatenate([x, h], 1)
    z_i, z_j, z_f, z_o = np.split(xh @ w["kernel"] + w["bias"], 4, axis=1)
    i, j, f, o = sigmoid(z_i), act.value(z_j), sigmoid(z_f + forget_bias), sigmoid(z_o)
    c_new = c * f + i * j
    act_c = act.value(c_new)
    h_new = act_c * o
    return h_new, (c_new, h_new), BasicLstmSaved(xh, c, i, j, f, o, act_c, act)


def basic_lstm_step_backward(
    params: Mapping[str, Any], saved: BasicLstmSaved, d_output: Any, d_state: Any
) -> tuple[dict[str, np.ndarray], np.ndarray, Pair]:
    """Differentiates one step of `basic_lstm_step`.

    With i, j, f, o now behind their functions and (dc', dh') = d_state:

        dh  = dh' + d_output
        dc  = dc' + dh * o * activation'(c')
        dz  = [dc * j * i * (1 - i),  dc * i * activation'(zj),
               dc * c * f * (1 - f),  dh * activation(c') * o * (1 - o)]
        [dx, dh_old] = dz W^T,    dc_old = dc * f
        dW  = [x, h]^T dz,        db = sum over the batch of dz

    Args:
      params: as given to `basic_lstm_step`.
      saved: as `basic_lstm_step` returned it.
      d_output: gradient at the output, `[B, H]`; None for 0.
      d_state: gradients at the new (c, h), `[B, H]` each; None, also within the pair, for 0.

    Returns:
      `(d_params, d_x, d_state)`: a dict like `params`, `[B, I]`, a pair of `[B, H]`.

    Raises:
      CellError: a name, shape or dtype does not fit.

    Source: derived from the equations of `basic_lstm_step`.
    """
    saved_by("basic_lstm_step", saved, BasicLstmSaved)
    xh, c, i, j, f, o, act_c, act = saved
    inputs = xh.shape[1] - c.shape[1]
    w = _weights("basic_lstm_step_backward", params, inputs, c.shape[1])
    d_c, d_h = pair(
        "basic_lstm_step_backward(d_state=)", (None, None) if d_state is None else d_state
    )
    d_c = floats_or_zeros("basic_lstm_step_backward(d_c)", d_c, c.shape)
    d_h = floats_or_zeros("basic_lstm_step_backward(d_h)", d_h, c.shape)
    d_h = d_h + floats_or_zeros("basic_lstm_step_backward(d_output=)", d_output, c.shape)

    d_c = d_c + d_h * o * act.slope(act_c)
    dz = np.concatenate(
        [
            d_c * j * sigmoid_slope(i),
            d_c * i * act.slope(j),
            d_c * c * sigmoid_slope(f),
            d_h * act_c * sigmoid_slope(o),
        ],
        1,
    )
    d_xh = dz @ w["kernel"].T
    d_params = {"kernel": xh.T @ dz, "bias": dz.sum(0)}
    return d_params, d_xh[:, :inputs], (d_c * f, d_xh[:, inputs:])


def _weights(what: str, params: Any, inputs: int, units: int) -> dict[str, np.ndarray]:
    why = f"inputs of width {inputs} and a state of width {units}"
    return params_like(what, params, basic_lstm_shapes(inputs, units), why)
