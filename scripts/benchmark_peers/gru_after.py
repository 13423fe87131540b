"""PyTorch's GRU in NumPy and float64, forward and backward, to check PyTorch's gradients with.

    r, u = sigmoid(x Wx_ru + b_ru + h Wh_ru)
    c    = tanh(x Wx_c + b_c + r * (h Wh_c))
    h'   = u * h + (1 - u) * c,         output = h'

The reset gate r acts behind the product with Wh_c; in TensorFlow's GRU it acts before. The
weights are held in TensorFlow's layout: kernels `[I+H, 2H]` and `[I+H, H]`, inputs first.

Source: Cho et al. 2014, "Learning phrase representations using RNN encoder-decoder",
  arXiv:1406.1078v1, in the variant of cuDNN.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

Params = Mapping[str, np.ndarray]


def sigmoid(z: np.ndarray) -> np.ndarray:
    """Returns the logistic function, without overflow."""
    return 0.5 * (1 + np.tanh(0.5 * z))


def forward(
    layers: Sequence[Params], x: np.ndarray, initial: Sequence[np.ndarray]
) -> tuple[np.ndarray, list[np.ndarray], list[Any]]:
    """Runs the layers over `[B, T, I]`: outputs, final states, and what `backward` needs."""
    finals, tapes = [], []
    for params, start in zip(layers, initial, strict=True):
        x, final, tape = _forward(_matrices(params), x, start)
        finals.append(final)
        tapes.append(tape)
    return x, finals, tapes


def backward(
    layers: Sequence[Params], tapes: Sequence[Any], d_outputs: np.ndarray, d_finals: Any
) -> tuple[list[dict[str, np.ndarray]], np.ndarray, list[np.ndarray]]:
    """Differentiates `forward`: gradients of the params, of x and of the initial states."""
    d_params, d_initial = [], []
    above = d_outputs
    for params, tape, d_final in reversed(list(zip(layers, tapes, d_finals, strict=True))):
        grads, above, d_start = _backward(_matrices(params), tape, above, d_final)
        d_params.append(grads)
        d_initial.append(d_start)
    return d_params[::-1], above, d_initial[::-1]


def _matrices(params: Params) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns Wx `[I, 3H]`, Wh `[H, 3H]` and b `[3H]`, columns r, u, c, in float64."""
    bias = np.concatenate([params["gates/bias"], params["candidate/bias"]]).astype(np.float64)
    kernel = np.concatenate([params["gates/kernel"], params["candidate/kernel"]], axis=1)
    inputs = kernel.shape[0] - bias.shape[0] // 3
    return kernel[:inputs].astype(np.float64), kernel[inputs:].astype(np.float64), bias


def _forward(w: Any, x: np.ndarray, h: np.ndarray) -> tuple[np.ndarray, np.ndarray, Any]:
    wx, wh, b = w
    x, h = np.float64(x), np.float64(h)
    steps, outputs = [], []
    for t in range(x.shape[1]):
        z_r, z_u, z_c = np.split(x[:, t] @ wx + b, 3, axis=1)
        y_r, y_u, y_c = np.split(h @ wh, 3, axis=1)
        r, u = sigmoid(z_r + y_r), sigmoid(z_u + y_u)
        c = np.tanh(z_c + r * y_c)
        steps.append((h, r, u, c, y_c))
        h = u * h + (1 - u) * c
        outputs.append(h)
    return np.stack(outputs, axis=1), h, (x, steps)


def _backward(
    w: Any, tape: Any, d_outputs: np.ndarray, d_h: np.ndarray
) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    wx, wh, b = w
    x, steps = tape
    d_wx, d_wh, d_b, d_x = np.zeros_like(wx), np.zeros_like(wh), np.zeros_like(b), []
    for t in reversed(range(len(steps))):
        h, r, u, c, y_c = steps[t]
        d_new = d_h + d_outputs[:, t]
        d_c = d_new * (1 - u) * (1 - c * c)
        d_r = d_c * y_c * r * (1 - r)
        d_u = d_new * (h - c) * u * (1 - u)
        d_z, d_y = np.hstack([d_r, d_u, d_c]), np.hstack([d_r, d_u, d_c * r])
        d_wx += x[:, t].T @ d_z
        d_wh += h.T @ d_y
        d_b += d_z.sum(0)
        d_x.append(d_z @ wx.T)
        d_h = d_new * u + d_y @ wh.T
    kernel = np.concatenate([d_wx, d_wh])
    both = 2 * (len(d_b) // 3)
    grads = {
        "gates/kernel": kernel[:, :both],
        "gates/bias": d_b[:both],
        "candidate/kernel": kernel[:, both:],
        "candidate/bias": d_b[both:],
    }
    return grads, np.stack(d_x[::-1], axis=1), d_h
