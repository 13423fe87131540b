"""The LSTM with peepholes, clips and a projection, forward and backward."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from tgcarry.reference.activations import Activation, activation_named, sigmoid, sigmoid_slope
from tgcarry.reference.arrays import floats, floats_or_zeros, number, pair, params_like, saved_by

Pair = tuple[np.ndarray, np.ndarray]
PEEPHOLES = ("w_f_diag", "w_i_diag", "w_o_diag")


class LstmSaved(NamedTuple):
    """Holds what the backward step sees again; the gates behind their functions."""

    xh: np.ndarray
    c: np.ndarray
    i: np.ndarray
    j: np.ndarray
    f: np.ndarray
    o: np.ndarray
    c_new: np.ndarray
    act_c: np.ndarray
    m: np.ndarray
    outputs: int
    c_passes: np.ndarray
    h_passes: np.ndarray
    activation: Activation


def lstm_shapes(
    inputs: int, units: int, outputs: int, peepholes: bool, projection: bool
) -> dict[str, tuple[int, ...]]:
    """Returns the params' shapes; `outputs` is M, which is `units` without a projection."""
    shapes: dict[str, tuple[int, ...]] = {
        "kernel": (inputs + outputs, 4 * units),
        "bias": (4 * units,),
    }
    if peepholes:
        shapes.update((name, (units,)) for name in PEEPHOLES)
    if projection:
        shapes["projection/kernel"] = (units, outputs)
    return shapes


def lstm_step(
    params: Mapping[str, Any],
    x: Any,
    state: Any,
    *,
    forget_bias: float = 1.0,
    cell_clip: float | None = None,
    proj_clip: float | None = None,
    activation: str = "tanh",
) -> tuple[np.ndarray, Pair, LstmSaved]:
    """Runs one step of the LSTM with all its options.

        [i, j, f, o] = [x, h] W + b
        c^ = sigmoid(f + forget_bias + pf * c) * c + sigmoid(i + pi * c) * activation(j)
        c' = clip(c^, cell_clip)
        m  = sigmoid(o + po * c') * activation(c')
        h' = clip(m P, proj_clip),            output = h'

    pf, pi and po are 0 unless `params` holds them. Without P in `params`, h' is m, and
    `proj_clip` does nothing. `clip` cuts to [-limit, limit], where a limit is given.

    B is the batch, I the input's width, H the units, M the output's width: P's, or H.

    Args:
      params: `kernel` W `[I+M, 4H]` and `bias` b `[4H]`, columns i, j, f, o; for peepholes
        `w_f_diag`, `w_i_diag` and `w_o_diag` `[H]`: pf, pi, po; for a projection
        `projection/kernel` P `[H, M]`.
      x: `[B, I]`.
      state: the pair (c, h), `[B, H]` and `[B, M]`.
      forget_bias: added to f, besides b.
      cell_clip: limit of c', 0 or more; None for none.
      proj_clip: limit of h', 0 or more; None for none.
      activation: "tanh", "sigmoid", "relu", "linear", "softsign" or "hard_sigmoid".

    Returns:
      `(output, new_state, saved)`: h' `[B, M]`, (c', h'), and what `lstm_step_backward` needs.

    Raises:
      CellError: a name, shape, dtype or number does not fit.

    Source: Gers, Schraudolph and Schmidhuber 2002, "Learning precise timing with LSTM
      recurrent networks", JMLR 3 (peepholes); Sak, Senior and Beaufays 2014, "Long
      short-term memory recurrent neural network architectures for large scale acoustic
      modeling" (projection; their r is h'); the clips are TensorFlow 1's.
    """
    act = activation_named("lstm_step", activation)
    forget_bias = number("lstm_step(): forget_bias", forget_bias)
    c_limit = _limit("lstm_step(): cell_clip", cell_clip)
    h_limit = _limit("lstm_step(): proj_clip", proj_clip)
    x = floats("lstm_step(x=)", x, (None, None))
    c, h = pair("lstm_step(state=)", state)
    c = floats("lstm_step(c)", c, (x.shape[0], None), f"x of shape {list(x.shape)}")
    h = floats("lstm_step(h)", h, (x.shape[0], None), f"x of shape {list(x.shape)}")
    w = _weights("lstm_step", params, x.shape[1], c.shape[1], h.shape[1])
    p_f, p_i, p_o = (w.get(name, 0.0) for name in PEEPHOLES)

    xh = np.concatenate([x, h], 1)
    z_i, z_j, z_f, z_o = np.split(xh @ w["kernel"] + w["bias"], 4, axis=1)
    f, i, j = sigmoid(z_f + forget_bias + p_f * c), sigmoid(z_i + p_i * c), act.value(z_j)
    c_new, c_passes = _clip(f * c + i * j, c_limit)
    o, act_c = sigmoid(z_o + p_o * c_new), act.value(c_new)
    m = o * act_c
    if "projection/kernel" in w:
        h_new, h_passes = _clip(m @ w["projection/kernel"], h_limit)
    else:
        h_new, h_passes = _clip(m, np.inf)
    saved = LstmSaved(xh, c, i, j, f, o, c_new, act_c, m, h.shape[1], c_passes, h_passes, act)
    return h_new, (c_new, h_new), saved


def lstm_step_backward(
    params: Mapping[str, Any], saved: LstmSaved, d_output: Any, d_state: Any
) -> tuple[dict[str, np.ndarray], np.ndarray, Pair]:
    """Differentiates one step of `lstm_step`.

    With i, j, f, o now behind their functions, (dc', dh') = d_state, and a clip letting pass
    what lies within its limits, the ends included:

        dy  = (dh' + d_output) where proj_clip let pass, else 0
        dm  = dy P^T
        dzo = dm * activation(c') * o * (1 - o)
        dc  = (dc' + dm * o * activation'(c') + dzo * po) where cell_clip let pass, else 0
        dzi, dzj, dzf = dc * j * i * (1 - i), dc * i * activation'(zj), dc * c * f * (1 - f)
        [dx, dh_old]  = [dzi, dzj, dzf, dzo] W^T
        dc_old        = dc * f + dzf * pf + dzi * pi
        dW  = [x, h]^T [dzi, dzj, dzf, dzo],    dP = m^T dy
        dpf, dpi, dpo = sums over the batch of dzf * c, dzi * c, dzo * c'

    Args:
      params: as given to `lstm_step`.
      saved: as `lstm_step` returned it.
      d_output: gradient at the output, `[B, M]`; None for 0.
      d_state: gradients at the new (c, h), `[B, H]` and `[B, M]`; None, also within the
        pair, for 0.

    Returns:
      `(d_params, d_x, d_state)`: a dict like `params`, `[B, I]`, a pair like the state.

    Raises:
      CellError: a name, shape or dtype does not fit.

    Source: derived from the equations of `lstm_step`.
    """
    saved_by("lstm_step", saved, LstmSaved)
    xh, c, i, j, f, o, c_new, act_c, m, outputs, c_passes, h_passes, act = saved
    inputs = xh.shape[1] - outputs
    w = _weights("lstm_step_backward", params, inputs, c.shape[1], outputs)
    p_f, p_i, p_o = (w.get(name, 0.0) for name in PEEPHOLES)
    d_c, d_h = pair("lstm_step_backward(d_state=)", (None, None) if d_state is None else d_state)
    shape = (len(c), outputs)
    d_c = floats_or_zeros("lstm_step_backward(d_c)", d_c, c.shape)
    d_h = floats_or_zeros("lstm_step_backward(d_h)", d_h, shape)
    d_h = d_h + floats_or_zeros("lstm_step_backward(d_output=)", d_output, shape)

    d_y = np.where(h_passes, d_h, 0.0)
    d_m = d_y @ w["projection/kernel"].T if "projection/kernel" in w else d_y
    dz_o = d_m * act_c * sigmoid_slope(o)
    d_c = np.where(c_passes, d_c + d_m * o * act.slope(act_c) + dz_o * p_o, 0.0)
    dz_i, dz_j, dz_f = (
        d_c * j * sigmoid_slope(i),
        d_c * i * act.slope(j),
        d_c * c * sigmoid_slope(f),
    )
    dz = np.concatenate([dz_i, dz_j, dz_f, dz_o], 1)
    d_xh = dz @ w["kernel"].T
    every = {
        "kernel": xh.T @ dz,
        "bias": dz.sum(0),
        "w_f_diag": (dz_f * c).sum(0),
        "w_i_diag": (dz_i * c).sum(0),
        "w_o_diag": (dz_o * c_new).sum(0),
        "projection/kernel": m.T @ d_y,
    }
    d_c_old = d_c * f + dz_f * p_f + dz_i * p_i
    return {name: every[name] for name in w}, d_xh[:, :inputs], (d_c_old, d_xh[:, inputs:])


def _limit(what: str, value: float | None) -> float:
    return np.inf if value is None else number(what, value, least=0)


def _clip(value: np.ndarray, limit: float) -> Pair:
    """Returns the clipped value, and where it was left as it is."""
    return np.clip(value, -limit, limit), np.abs(value) <= limit


def _weights(
    what: str, params: Any, inputs: int, units: int, outputs: int
) -> dict[str, np.ndarray]:
    named = params if isinstance(params, Mapping) else {}
    peepholes = any(name in named for name in PEEPHOLES)
    projection = "projection/kernel" in named
    why = f"inputs of width {inputs} and a state (c, h) of widths {units} and {outputs}"
    shapes = lstm_shapes(inputs, units, outputs, peepholes, projection)
    if not projection and units != outputs:
        shapes["projection/kernel"] = (units, outputs)
    return params_like(what, params, shapes, why)
