"""Unrolls two chained models: the second one on each output of the first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.chain.inner import InnerModel
from tgcarry.chain.outer import run_outer
from tgcarry.chain.outputs import ChainOutputs, packed
from tgcarry.chain.states import check_mode, split_state
from tgcarry.chain.steps import read_most, read_steps
from tgcarry.data.wording import shown
from tgcarry.errors import CarryError


def chained_rnn(
    outer_cell: Any,
    inner_cell: Any,
    inputs: Any,
    inner_steps: Any = None,
    *,
    inner_state: str = "carry",
    max_inner_steps: Any = None,
    stop_fn: Callable[..., Any] | None = None,
    initial_state: Any = None,
    inner_inputs: Any = None,
    sequence_length: Any = None,
    resets: Any = None,
    time_major: bool = False,
    cut_outer_gradient: bool = False,
    engine: str = "auto",
    scope: Any = None,
) -> ChainOutputs:
    """Unrolls one cell over a sequence, and another for some steps on each of its outputs.

        v_t, s_t         = outer(x_t, s_{t-1})                for t = 0 .. T-1
        out_{t, j}, u    = inner([v_t, e_{t, j}], u)          for j = 0 .. steps_t - 1

    With `inner_state="carry"` u goes on from the last inner step of an outer step to the first
    one of the next; with "reset" it is zero at the start of each outer step. Nothing flows from
    the inner model to the outer one. A step that is not made costs nothing: an outer step of
    zero inner ones is skipped, and a stream does not wait for another one's longer outer step.

    Not included: the loss, which has to weigh the outputs with `mask`, or be made of
    `ragged.flat_values`.

    B is the batch, T the outer steps, S the most inner steps, I the input width, O the outer
    output's, H the inner output's, J the inner inputs'.

    Args:
      outer_cell: an RNN cell.
      inner_cell: another one; it reads O numbers, or O + J with `inner_inputs`.
      inputs: float `[B, T, I]`, `[T, B, I]` if `time_major`.
      inner_steps: the number of inner steps of each outer step: int `[T]`, or `[B, T]` (`[T, B]`
        if `time_major`) for each stream its own. 0 is allowed. May be a placeholder.
      inner_state: "carry" or "reset".
      max_inner_steps: the most inner steps allowed, an int or an int scalar; needed with
        `stop_fn`. More in `inner_steps` are refused.
      stop_fn: instead of `inner_steps`, decides while running: maps the inner model's
        `(output, state, step)`, `[N, H]`, a nest of `[N, H]` and int32 `[N]` from 0, to bool
        `[N]`, True where this inner step is the last of its outer step. N are the streams, in
        mode "reset" the streams times the outer steps. No gradient passes through the decision.
      initial_state: `ChainState(outer, inner)`, as of `chain_ports`; zeros if None, and so is a
        part that is None.
      inner_inputs: float `[B, T, S, J]` (`[T, B, S, J]`), read beside v_t, such as the step
        before's target. At least as many S as inner steps.
      sequence_length: int `[B]`, the real outer steps; behind them no model steps.
      resets: bool `[B, T]` (`[T, B]`): both states are zeros before this outer step.
      time_major: whether time comes before the batch in inputs and outputs.
      cut_outer_gradient: whether the inner model's gradient ends at v_t.
      engine: as for `dynamic_rnn`, for both models. With `stop_fn` a hand-written engine runs
        the inner model twice, to find the steps and to unroll them, and "stock" once. A
        compiled inner model is compiled once per length of its tape, which is rounded up so that
        few occur.
      scope: variable scope, "chained_rnn" by default; the models are in "outer" and "inner".

    Returns:
      `ChainOutputs`.

    Raises:
      CarryError: arguments that do not fit together, or steps that are wrong for sure.
      tf.errors.InvalidArgumentError: in a run, steps that are negative, above
        `max_inner_steps`, or do not fit the inputs.

    Source: the chain of "model_a" and "model_b" with a number of output steps for each input
      step; TensorFlow's `dynamic_rnn` for each of them.
    """
    check_mode("chained_rnn", inner_state)
    inputs = _inputs(inputs)
    x = inputs if time_major else tf.transpose(inputs, [1, 0, 2])
    if (inner_steps is None) == (stop_fn is None):
        given = "neither" if stop_fn is None else "both"
        raise CarryError(
            f"chained_rnn: {given} of inner_steps= and stop_fn= given; one of them says how many "
            f"steps the inner model makes"
        )
    most = read_most(max_inner_steps, needed=stop_fn is not None)
    outer_initial, inner_initial = split_state(initial_state, inner_state)
    with tf.variable_scope(scope or "chained_rnn"):
        outer = run_outer(
            outer_cell, x, outer_initial, sequence_length, resets, time_major, engine
        )
        values = outer.values
        if cut_outer_gradient:
            values = tf.stop_gradient(values)
        beside = _beside(inner_inputs, inputs)
        inner = InnerModel(
            inner_cell, values, beside, outer.real, outer.fresh, inner_state, time_major, engine
        )
        initial = inner.initial(inner_initial)
        if stop_fn is None:
            counts = read_steps(inner_steps, most, x, time_major)
            ran = inner.unrolled(counts, initial)
        else:
            ran = inner.until(stop_fn, most, initial)
    return packed(ran, outer, inner_state, time_major)


def _inputs(inputs: Any) -> Any:
    x = tf.convert_to_tensor(inputs)
    if x.shape.rank != 3 or not x.dtype.is_floating:
        raise CarryError(
            f"chained_rnn(inputs=): {shown(inputs)} is {x.dtype.name} of shape {x.shape}; give "
            f"floats [batch, time, width]"
        )
    return x


def _beside(inner_inputs: Any, inputs: Any) -> Any:
    if inner_inputs is None:
        return None
    beside = tf.convert_to_tensor(inner_inputs)
    if beside.dtype != inputs.dtype or beside.shape.rank != 4:
        raise CarryError(
            f"chained_rnn(inner_inputs=): {shown(inner_inputs)} is {beside.dtype.name} of shape "
            f"{beside.shape}; give {inputs.dtype.name} with the axes of the inputs, then inner "
            f"step and width"
        )
    if beside.shape.as_list()[3] is None or not beside.shape[:2].is_compatible_with(
        inputs.shape[:2]
    ):
        raise CarryError(
            f"chained_rnn(inner_inputs=): {shown(inner_inputs)} has shape {beside.shape}, the "
            f"inputs {inputs.shape}: the first two axes must be theirs, and the last one known"
        )
    return beside
