"""One LSTM step and a whole sequence as the functions that TensorFlow 1's kernels had."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tgcarry.errors import CellError


class LSTMStep(NamedTuple):
    """Holds what one step computes, `[B, H]` each, in the kernel's order."""

    i: Any
    cs: Any
    f: Any
    o: Any
    ci: Any
    co: Any
    h: Any


def one_step(
    x: Any,
    c: Any,
    h: Any,
    kernel: Any,
    bias: Any,
    diagonals: Mapping[str, Any],
    forget_bias: float,
    cell_clip: float,
) -> LSTMStep:
    """Runs one step of the LSTM; see `LSTMBlockCell` for the equations.

    Args:
      x: `[B, I]`.
      c: memory `[B, H]`.
      h: output of the step before, `[B, H]`.
      kernel: `[I+H, 4H]`, gates i, j, f, o.
      bias: `[4H]`.
      diagonals: peepholes `[H]` of the gates "i", "f" and "o", or empty for none.
      forget_bias: added to f.
      cell_clip: limit of c', none unless above 0.
    """
    gates = tf.matmul(tf.concat([x, h], 1), kernel)
    i, j, f, o = tf.split(tf.nn.bias_add(gates, bias), 4, axis=1)
    f = f + tf.cast(forget_bias, f.dtype)
    if diagonals:
        i = i + diagonals["i"] * c
        f = f + diagonals["f"] * c
    i, j, f = tf.sigmoid(i), tf.tanh(j), tf.sigmoid(f)
    new_c = f * c + i * j
    if cell_clip > 0:
        limited = tf.clip_by_value(new_c, -cell_clip, cell_clip)
        new_c = new_c + tf.stop_gradient(limited - new_c)
    if diagonals:
        o = o + diagonals["o"] * new_c
    o, squashed = tf.sigmoid(o), tf.tanh(new_c)
    return LSTMStep(i, new_c, f, o, j, squashed, o * squashed)


def lstm_block_cell(
    x: Any,
    cs_prev: Any,
    h_prev: Any,
    w: Any,
    b: Any,
    wci: Any = None,
    wcf: Any = None,
    wco: Any = None,
    forget_bias: float | None = None,
    cell_clip: float | None = None,
    use_peephole: bool | None = None,
    name: str | None = None,
) -> LSTMStep:
    """Runs one step of the LSTM with weights that the caller made.

    Args:
      x: `[B, I]`.
      cs_prev: memory `[B, H]`.
      h_prev: output of the step before, `[B, H]`.
      w: weights `[I+H, 4H]` of the gates i, j, f, o.
      b: their biases `[4H]`.
      wci: peephole `[H]` of i, used if `use_peephole`, like the next two.
      wcf: peephole of f.
      wco: peephole of o.
      forget_bias: 1 if None.
      cell_clip: limit of the memory; none if None or negative.
      use_peephole: bool.
      name: of the ops.

    Returns:
      Gates, memory and output `(i, cs, f, o, ci, co, h)`, `[B, H]` each.

    Raises:
      CellError: peepholes are wanted but not given.

    Source: TensorFlow 1.15 `tensorflow.contrib.rnn.python.ops.lstm_ops._lstm_block_cell`.
    """
    diagonals = {"i": wci, "f": wcf, "o": wco} if use_peephole else {}
    _check_peepholes(diagonals)
    with tf.name_scope(name, "LSTMBlockCell"):
        return one_step(x, cs_prev, h_prev, w, b, diagonals, _bias(forget_bias), _clip(cell_clip))


def block_lstm(
    seq_len_max: Any,
    x: Sequence[Any],
    w: Any,
    b: Any,
    cs_prev: Any = None,
    h_prev: Any = None,
    wci: Any = None,
    wcf: Any = None,
    wco: Any = None,
    forget_bias: float | None = None,
    cell_clip: float | None = None,
    use_peephole: bool | None = None,
    name: str | None = None,
) -> tuple[list[Any], ...]:
    """Runs a whole sequence by TensorFlow's `BlockLSTM` kernel.

    Args:
      seq_len_max: int64, number of steps to run, T at most.
      x: T inputs `[B, I]`.
      w: weights `[I+H, 4H]` of the gates i, j, f, o.
      b: their biases `[4H]`.
      cs_prev: memory `[B, H]` to start from; zeros by default.
      h_prev: output before the first step, `[B, H]`; zeros by default.
      wci: peephole `[H]` of i, used if `use_peephole`, like the next two.
      wcf: peephole of f.
      wco: peephole of o.
      forget_bias: 1 if None.
      cell_clip: limit of the memory; none if None or negative.
      use_peephole: bool.
      name: of the op.

    Returns:
      `(i, cs, f, o, ci, co, h)`: lists of T tensors `[B, H]`.

    Raises:
      CellError: peepholes are wanted but not given, or b of unknown length.

    Source: TensorFlow 1.15 `tensorflow.contrib.rnn.python.ops.lstm_ops._block_lstm`.
    """
    size = b.shape.as_list()[0]
    if size is None:
        raise CellError(f"the bias b has the shape {b.shape}: give it a known length")
    units = size // 4
    _check_peepholes({"i": wci, "f": wcf, "o": wco} if use_peephole else {})
    inputs = tf.stack(x)
    start = tf.zeros([tf.shape(inputs)[1], units], inputs.dtype)
    none = tf.zeros([units], inputs.dtype)
    found = tf.raw_ops.BlockLSTM(
        seq_len_max=seq_len_max,
        x=inputs,
        cs_prev=start if cs_prev is None else cs_prev,
        h_prev=start if h_prev is None else h_prev,
        w=w,
        wci=none if wci is None else wci,
        wcf=none if wcf is None else wcf,
        wco=none if wco is None else wco,
        b=b,
        forget_bias=_bias(forget_bias),
        cell_clip=_clip(cell_clip),
        use_peephole=bool(use_peephole),
        name=name,
    )
    return tuple(tf.unstack(output) for output in found)


def _bias(forget_bias: float | None) -> float:
    return 1.0 if forget_bias is None else forget_bias


def _clip(cell_clip: float | None) -> float:
    return -1.0 if cell_clip is None else cell_clip


def _check_peepholes(diagonals: Mapping[str, Any]) -> None:
    absent = [f"wc{gate}" for gate, weights in diagonals.items() if weights is None]
    if absent:
        raise CellError(f"use_peephole=True, but {absent} are None: pass them, or leave it out")
