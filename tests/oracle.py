"""A slow, obvious recurrent network in NumPy: forward and backward by hand, in float64.

Tests hold every engine and policy against it, so it has one loop over time, one over layers,
and no clever step. Letters: B streams, T steps, I inputs, H units of a layer, K outputs of
the head. With `[x, h]` for columns side by side and `*` element by element, one step is

    rnn    h' = tanh([x, h] W + b)                           Elman 1990
    lstm   i, j, f, o = split([x, h] W + b)                  Hochreiter, Schmidhuber 1997;
           c' = sigm(f + forget_bias) * c + sigm(i) * tanh(j)     Zaremba et al. 2014
           h' = sigm(o) * tanh(c')
    gru    r, u = split(sigm([x, h] W_g + b_g))              Cho et al. 2014
           n = tanh([x, r * h] W_n + b_n)
           h' = u * h + (1 - u) * n

in TensorFlow 1's layouts and gate orders. Not here: peepholes, projections, cell clipping.

At step t of stream b, in this order:

  1. t >= lengths[b]: nothing happens. The output is 0, the state is copied, and a reset flag
     is not looked at.
  2. resets[b, t]: the state of all layers becomes 0; no gradient passes.
  3. all layers step.

The task's loss is a sum over the real steps, never a mean:

    softmax   w[b, t] * (log sum_k exp(logit_k) - logit_y)   y: int [B, T]
    squared   w[b, t] * 0.5 * sum_k (logit_k - y_k)^2        y: [B, T, K]
"""

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np


class Layer(NamedTuple):
    """One recurrent layer: its kind, "rnn", "lstm" or "gru", and its weights under TF1's names.

    `params` holds "kernel" and "bias", or for a GRU "gates/kernel", "gates/bias",
    "candidate/kernel" and "candidate/bias".
    """

    kind: str
    params: dict[str, np.ndarray]


class OracleResult(NamedTuple):
    """A loss and its gradients.

    Attributes:
      loss: the task's loss alone.
      objective: loss + <upstream, finals>; every gradient below is a gradient of this.
      layers: for each layer a dict like its `params`.
      head: (dW, db).
      initial: for each layer the gradient at its initial state, [B, H] or (c, h).
      finals: for each layer its final state (a value, not a gradient).
      outputs: [B, T, H] of the last layer.
      inputs: the gradient at x, [B, T, I].
      chunks: of `stale_gradients` only, the results of the chunks in order.
    """

    loss: float
    objective: float
    layers: list[dict[str, np.ndarray]]
    head: tuple[np.ndarray, np.ndarray]
    initial: list[Any]
    finals: list[Any]
    outputs: np.ndarray
    inputs: np.ndarray
    chunks: tuple["OracleResult", ...] = ()


# --- one step of one layer ----------------------------------------------------------------
# States are tuples of leaves in here: (h,) or (c, h). A forward step returns the new state
# and whatever its backward step wants to see again. A backward step maps the gradient at the
# new state to those at the input, the old state and the weights.


def _sigm(z):
    return 1.0 / (1.0 + np.exp(-z))


def _rnn(p, x, state, forget_bias):
    xh = np.concatenate([x, state[0]], 1)
    h = np.tanh(xh @ p["kernel"] + p["bias"])
    return (h,), (xh, h)


def _rnn_back(p, saved, d_state, n_in):
    xh, h = saved
    dz = d_state[0] * (1 - h**2)
    dxh = dz @ p["kernel"].T
    grads = {"kernel": xh.T @ dz, "bias": dz.sum(0)}
    return dxh[:, :n_in], (dxh[:, n_in:],), grads


def _lstm(p, x, state, forget_bias):
    c, h = state
    xh = np.concatenate([x, h], 1)
    zi, zj, zf, zo = np.split(xh @ p["kernel"] + p["bias"], 4, axis=1)
    i, j, f, o = _sigm(zi), np.tanh(zj), _sigm(zf + forget_bias), _sigm(zo)
    c_new = f * c + i * j
    return (c_new, o * np.tanh(c_new)), (xh, c, c_new, i, j, f, o)


def _lstm_back(p, saved, d_state, n_in):
    xh, c, c_new, i, j, f, o = saved
    dc, dh = d_state
    th = np.tanh(c_new)
    dc = dc + dh * o * (1 - th**2)
    dzi = dc * j * i * (1 - i)
    dzj = dc * i * (1 - j**2)
    dzf = dc * c * f * (1 - f)
    dzo = dh * th * o * (1 - o)
    dz = np.concatenate([dzi, dzj, dzf, dzo], 1)
    dxh = dz @ p["kernel"].T
    grads = {"kernel": xh.T @ dz, "bias": dz.sum(0)}
    return dxh[:, :n_in], (dc * f, dxh[:, n_in:]), grads


def _gru(p, x, state, forget_bias):
    (h,) = state
    xh = np.concatenate([x, h], 1)
    r, u = np.split(_sigm(xh @ p["gates/kernel"] + p["gates/bias"]), 2, axis=1)
    xrh = np.concatenate([x, r * h], 1)
    n = np.tanh(xrh @ p["candidate/kernel"] + p["candidate/bias"])
    return (u * h + (1 - u) * n,), (xh, xrh, h, r, u, n)


def _gru_back(p, saved, d_state, n_in):
    xh, xrh, h, r, u, n = saved
    (dh_new,) = d_state
    dzn = dh_new * (1 - u) * (1 - n**2)
    dxrh = dzn @ p["candidate/kernel"].T
    drh = dxrh[:, n_in:]
    dzr = drh * h * r * (1 - r)
    dzu = dh_new * (h - n) * u * (1 - u)
    dz = np.concatenate([dzr, dzu], 1)
    dxh = dz @ p["gates/kernel"].T
    grads = {
        "gates/kernel": xh.T @ dz,
        "gates/bias": dz.sum(0),
        "candidate/kernel": xrh.T @ dzn,
        "candidate/bias": dzn.sum(0),
    }
    return dxrh[:, :n_in] + dxh[:, :n_in], (dh_new * u + drh * r + dxh[:, n_in:],), grads


_FORWARD = {"rnn": _rnn, "lstm": _lstm, "gru": _gru}
_BACKWARD = {"rnn": _rnn_back, "lstm": _lstm_back, "gru": _gru_back}


# --- states -------------------------------------------------------------------------------


def _leaves(state):
    """Copies one layer's state to a tuple of float64 leaves."""
    leaves = state if isinstance(state, tuple | list) else (state,)
    return tuple(np.array(leaf, np.float64) for leaf in leaves)


def _state(kind, leaves):
    return tuple(leaves) if kind == "lstm" else leaves[0]


def units(layer):
    """Returns the number of units H of a layer."""
    name = "candidate/bias" if layer.kind == "gru" else "bias"
    return layer.params[name].shape[0] // (4 if layer.kind == "lstm" else 1)


def zero_states(layers, batch):
    """Returns an all-zero state for every layer, [B, H] or (c, h)."""
    return [
        _state(y.kind, [np.zeros((batch, units(y)))] * (2 if y.kind == "lstm" else 1))
        for y in layers
    ]


def inner(one, other):
    """Returns <one, other>, summed over two lists of states or gradients built alike."""
    return float(
        sum(
            np.vdot(a, b)
            for x, y in zip(one, other, strict=True)
            for a, b in zip(_leaves(x), _leaves(y), strict=True)
        )
    )


def cut_rows(states, rows):
    """Copies a list of states with 0 in the streams where `rows`, bool [B], is True."""
    keep = ~np.asarray(rows, bool)[:, None]
    return [
        tuple(leaf * keep for leaf in state) if isinstance(state, tuple) else state * keep
        for state in states
    ]


def scaled(states, factor):
    """Copies a list of states, multiplied by a number."""
    return [
        tuple(leaf * factor for leaf in state) if isinstance(state, tuple) else state * factor
        for state in states
    ]


# --- the whole sequence -------------------------------------------------------------------


def _flags(x, resets, lengths):
    batch, steps = x.shape[:2]
    resets = np.zeros((batch, steps), bool) if resets is None else np.asarray(resets, bool)
    lengths = np.full(batch, steps) if lengths is None else np.asarray(lengths)
    live = np.arange(steps)[None, :] < lengths[:, None]
    return resets & live, live


def unroll(layers, x, initial, resets=None, lengths=None, forget_bias=1.0):
    """Runs the layers over a sequence x [B, T, I].

    Returns:
      (outputs [B, T, H] of the last layer, finals: one state per layer, tape for `gradients`:
      tape[t][n] is what layer n's step t saved).
    """
    x = np.asarray(x, np.float64)
    resets, live = _flags(x, resets, lengths)
    states = [_leaves(s) for s in initial]
    outputs, tape = [], []
    for t in range(x.shape[1]):
        keep, alive = ~resets[:, t, None], live[:, t, None]
        below, saved_here = x[:, t], []
        for n, layer in enumerate(layers):
            old = tuple(leaf * keep for leaf in states[n])
            new, saved = _FORWARD[layer.kind](layer.params, below, old, forget_bias)
            states[n] = tuple(np.where(alive, *pair) for pair in zip(new, old, strict=True))
            below = np.where(alive, new[-1], 0.0)
            saved_here.append(saved)
        outputs.append(below)
        tape.append(saved_here)
    finals = [_state(layer.kind, s) for layer, s in zip(layers, states, strict=True)]
    return np.stack(outputs, 1), finals, tape


def task_loss(logits, y, weights, loss):
    """Returns the loss summed over `weights` [B, T], and its gradient at logits [B, T, K]."""
    if loss == "softmax":
        top = logits - logits.max(-1, keepdims=True)
        log_p = top - np.log(np.exp(top).sum(-1, keepdims=True))
        hot = np.eye(logits.shape[-1])[np.asarray(y)]
        return -(weights[..., None] * hot * log_p).sum(), weights[..., None] * (
            np.exp(log_p) - hot
        )
    if loss == "squared":
        diff = logits - np.asarray(y, np.float64)
        return 0.5 * (weights[..., None] * diff**2).sum(), weights[..., None] * diff
    raise ValueError(f"loss is {loss!r}: choose 'softmax' or 'squared'")


def gradients(
    layers,
    head,
    x,
    y,
    initial,
    *,
    resets=None,
    lengths=None,
    weights=None,
    upstream=None,
    loss="softmax",
    forget_bias=1.0,
):
    """Differentiates loss + <upstream, finals> over the whole sequence.

    Args:
      layers: list of `Layer`, from the input up.
      head: (W [H, K], b [K]); logits_t = h_t W + b.
      x: [B, T, I].
      y: int [B, T] for "softmax", [B, T, K] for "squared".
      initial: one state per layer, [B, H] or (c, h).
      resets: bool [B, T], None for none.
      lengths: int [B], None for T.
      weights: [B, T] that multiply the steps' losses, None for ones.
      upstream: one gradient per layer, built like the states, None for 0.
      loss: "softmax" or "squared".
      forget_bias: of all LSTM layers.

    Returns:
      OracleResult.
    """
    return truncated_gradients(
        layers,
        head,
        x,
        y,
        initial,
        cuts=(),
        resets=resets,
        lengths=lengths,
        weights=weights,
        upstream=upstream,
        loss=loss,
        forget_bias=forget_bias,
    )


def truncated_gradients(
    layers,
    head,
    x,
    y,
    initial,
    *,
    cuts,
    resets=None,
    lengths=None,
    weights=None,
    upstream=None,
    loss="softmax",
    forget_bias=1.0,
):
    """Is `gradients` with the state's gradient zeroed at each of `cuts`.

    A cut t lies between the steps t-1 and t: `cuts=[3, 6]` makes the chunks [0, 3), [3, 6)
    and [6, T). The forward pass is not cut. This is truncated back-propagation through time
    with whole chunks (Williams and Peng 1990, with h' = h): `initial` holds the gradient of
    the first chunk's loss, and `upstream` acts in the last chunk only.
    """
    x = np.asarray(x, np.float64)
    w_head, b_head = (np.asarray(v, np.float64) for v in head)
    reset_flags, live = _flags(x, resets, lengths)
    weights = live * (1.0 if weights is None else np.asarray(weights, np.float64))
    outputs, finals, tape = unroll(layers, x, initial, resets, lengths, forget_bias)

    value, d_logits = task_loss(outputs @ w_head + b_head, y, weights, loss)
    d_outputs = d_logits @ w_head.T
    d_head = (np.einsum("bth,btk->hk", outputs, d_logits), d_logits.sum((0, 1)))

    upstream = zero_states(layers, x.shape[0]) if upstream is None else upstream
    d_states = [_leaves(u) for u in upstream]
    d_params = [{k: np.zeros(np.shape(v)) for k, v in layer.params.items()} for layer in layers]
    d_x = np.zeros_like(x)
    for t in reversed(range(x.shape[1])):
        keep, alive = ~reset_flags[:, t, None], live[:, t, None]
        d_above = d_outputs[:, t]
        for n in reversed(range(len(layers))):
            layer = layers[n]
            n_in = x.shape[2] if n == 0 else units(layers[n - 1])
            d_new = [leaf * alive for leaf in d_states[n]]
            d_new[-1] = d_new[-1] + d_above * alive
            d_below, d_old, grads = _BACKWARD[layer.kind](layer.params, tape[t][n], d_new, n_in)
            d_states[n] = tuple(
                old * keep + copied * ~alive
                for old, copied in zip(d_old, d_states[n], strict=True)
            )
            for name, grad in grads.items():
                d_params[n][name] += grad
            d_above = d_below
        d_x[:, t] = d_above
        if t in cuts and t > 0:
            d_states = [tuple(leaf * 0 for leaf in d) for d in d_states]

    return OracleResult(
        loss=float(value),
        objective=float(value) + inner(upstream, finals),
        layers=d_params,
        head=d_head,
        initial=[_state(layer.kind, d) for layer, d in zip(layers, d_states, strict=True)],
        finals=finals,
        outputs=outputs,
        inputs=d_x,
    )


# --- chunk by chunk -----------------------------------------------------------------------


def chunk_bounds(steps, cuts):
    """Returns the (start, stop) of the chunks that `cuts` make of `steps` steps."""
    edges = [0, *sorted(cuts), steps]
    return list(pairwise(edges))


def chunk_of(start, stop, x, y, resets=None, lengths=None, weights=None):
    """Cuts the steps [start, stop) out of the arguments of `gradients`, as a dict."""

    def piece(a):
        return None if a is None else np.asarray(a)[:, start:stop]

    return {
        "x": piece(x),
        "y": piece(y),
        "resets": piece(resets),
        "weights": piece(weights),
        "lengths": None
        if lengths is None
        else np.clip(np.asarray(lengths) - start, 0, stop - start),
    }


def stale_gradients(
    layers,
    head,
    x,
    y,
    initial,
    *,
    cuts,
    decay,
    resets=None,
    lengths=None,
    weights=None,
    loss="softmax",
    forget_bias=1.0,
):
    """Feeds each chunk the state gradient of the chunk before it, under constant weights.

    With L_k the loss of chunk k, s_k its initial and s_{k+1} its final state,

        g_k = d(L_k + <u_k, s_{k+1}>) / d(s_k)        u_0 = 0,  u_k = decay * g_{k-1}

    where u_k is also 0 in the streams in which chunk k starts with a reset.

    Returns:
      OracleResult: sums over the chunks; `initial` is g_0, `finals` the last chunk's, and
      `chunks` holds each chunk's own result, g_k in its `initial`.
    """
    states, carried, results = initial, None, []
    for start, stop in chunk_bounds(np.shape(x)[1], cuts):
        upstream = zero_states(layers, len(x)) if carried is None else scaled(carried, decay)
        if resets is not None:
            upstream = cut_rows(upstream, np.asarray(resets)[:, start])
        result = gradients(
            layers,
            head,
            initial=states,
            upstream=upstream,
            loss=loss,
            forget_bias=forget_bias,
            **chunk_of(start, stop, x, y, resets, lengths, weights),
        )
        states, carried = result.finals, result.initial
        results.append(result)
    return add_up(results)


def add_up(results):
    """Assembles the results of consecutive chunks: gradients of weights and losses summed."""
    return OracleResult(
        loss=sum(r.loss for r in results),
        objective=sum(r.objective for r in results),
        layers=[
            {name: sum(r.layers[n][name] for r in results) for name in grads}
            for n, grads in enumerate(results[0].layers)
        ],
        head=(sum(r.head[0] for r in results), sum(r.head[1] for r in results)),
        initial=results[0].initial,
        finals=results[-1].finals,
        outputs=np.concatenate([r.outputs for r in results], 1),
        inputs=np.concatenate([r.inputs for r in results], 1),
        chunks=tuple(results),
    )
