"""Two chained stacks, the second run anew on each output of the first, forward and backward."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from tgcarry.errors import CellError, DataError
from tgcarry.reference.arrays import floats_or_zeros, shown
from tgcarry.reference.cell import Cell
from tgcarry.reference.sequence import (
    Unrolled,
    UnrollGradients,
    check_states,
    unroll,
    unroll_backward,
)

MODES = ("carry", "reset")


class Chained(NamedTuple):
    """Holds the forward pass of a chain."""

    outputs: np.ndarray
    """`[B, T, S, H]`, S the most steps; 0 behind the steps of an outer step."""
    mask: np.ndarray
    """Bool `[B, T, S]`: the step was made."""
    outer: Unrolled
    """The first stack's own pass; its outputs are the intermediate representation."""
    inner_final: list[Any]
    """For each inner cell its state after the last step, `[B, H]` or a pair."""
    tape: list[list[list[Unrolled]]]
    """By stream, then by outer step, then by inner step: one step of the second stack each."""


class ChainGradients(NamedTuple):
    """Holds the gradients of `<d_outputs, outputs>` plus those at both final states."""

    outer: UnrollGradients
    inner_params: list[dict[str, np.ndarray]]
    """For each inner cell a dict like its `params`."""
    inner_initial: list[Any]
    """For each inner cell a gradient like its state; 0 in mode "reset"."""
    intermediate: np.ndarray
    """At the outer outputs, `[B, T, O]`."""
    inner_inputs: np.ndarray
    """`[B, T, S, J]`."""


def unroll_chain(
    outer: Sequence[Cell],
    inner: Sequence[Cell],
    x: Any,
    steps: Any,
    inner_state: str = "carry",
    *,
    inner_inputs: Any = None,
    outer_initial: Any = None,
    inner_initial: Any = None,
    resets: Any = None,
    lengths: Any = None,
) -> Chained:
    """Runs a stack over a sequence, and a second one for a number of steps on each output.

        v_t        = outer(x_t, outer state)
        out_{t, j} = inner([v_t, e_{t, j}], inner state)     for j = 0 .. steps[b, t] - 1

    In mode "carry" the inner state goes on from outer step to outer step; in mode "reset" it is
    zero at each one's start. Written with a loop for each axis, to be obvious.

    B is the batch, T the outer steps, S the most inner steps, I the input's width, H the inner
    output's, O the outer output's, J the inner inputs'.

    Args:
      outer: cells of the first stack.
      inner: cells of the second stack; the first one reads O + J numbers.
      x: `[B, T, I]`.
      steps: int `[B, T]`, 0 or more.
      inner_state: "carry" or "reset".
      inner_inputs: e, `[B, T, S or more, J]`; None for none.
      outer_initial: as `unroll(initial=)`.
      inner_initial: the same of the second stack; not in mode "reset".
      resets: bool `[B, T]`: both states become 0 before this outer step.
      lengths: int `[B]`, the real outer steps; behind them neither stack steps.

    Returns:
      `Chained`.

    Raises:
      CellError: an unknown mode, or as `unroll` raises it.
      DataError: steps that do not fit.
    """
    if inner_state not in MODES:
        raise CellError(
            f"unroll_chain(inner_state={shown(inner_state)}): choose from {', '.join(MODES)}"
        )
    first = unroll(outer, x, outer_initial, resets, lengths)
    batch, times = first.outputs.shape[:2]
    steps = _steps(steps, batch, times) * first.tape.live
    most = int(steps.max(initial=0))
    beside = (
        np.zeros((batch, times, most, 0)) if inner_inputs is None else np.asarray(inner_inputs)
    )
    states = check_states("unroll_chain(inner_initial=)", list(inner), inner_initial, batch)

    outputs = np.zeros((batch, times, most, list(inner)[-1].outputs))
    tape: list[list[list[Unrolled]]] = []
    finals = []
    for b in range(batch):
        own = [_row(state, b) for state in states]
        zero = [_scaled(state, 0.0) for state in own]
        tape.append([])
        for t in range(times):
            if steps[b, t] if inner_state == "reset" else first.tape.cut[b, t]:
                own = zero
            tape[b].append([])
            for j in range(steps[b, t]):
                step_input = np.concatenate([first.outputs[b, t], beside[b, t, j]])
                ran = unroll(inner, step_input[None, None], own)
                outputs[b, t, j] = ran.outputs[0, 0]
                own = ran.final_states
                tape[b][t].append(ran)
        finals.append(own)
    mask = np.arange(most)[None, None] < steps[..., None]
    return Chained(outputs, mask, first, _stacked(finals), tape)


def unroll_chain_backward(
    outer: Sequence[Cell],
    inner: Sequence[Cell],
    ran: Chained,
    d_outputs: Any = None,
    *,
    inner_state: str = "carry",
    d_outer_outputs: Any = None,
    d_outer_final: Any = None,
    d_inner_final: Any = None,
) -> ChainGradients:
    """Differentiates `unroll_chain`, from the last step to the first.

        objective = <d_outputs, outputs> + <d_outer_outputs, outer outputs>
                    + <d_outer_final, outer final> + <d_inner_final, inner final>

    Args:
      outer: as given to `unroll_chain`.
      inner: as given to `unroll_chain`.
      ran: as `unroll_chain` returned it.
      d_outputs: `[B, T, S, H]`; None for 0.
      inner_state: as given to `unroll_chain`.
      d_outer_outputs: `[B, T, O]`; None for 0.
      d_outer_final: one for each outer cell; None for 0.
      d_inner_final: one for each inner cell; None for 0.

    Returns:
      `ChainGradients`.

    Raises:
      CellError: arrays that do not belong together.
    """
    d_outputs = floats_or_zeros("unroll_chain_backward(d_outputs=)", d_outputs, ran.outputs.shape)
    d_v = floats_or_zeros(
        "unroll_chain_backward(d_outer_outputs=)", d_outer_outputs, ran.outer.outputs.shape
    ).copy()
    batch, times, most = ran.mask.shape
    width = inner[0].inputs - d_v.shape[-1]
    d_beside = np.zeros((batch, times, most, width))
    d_params = [{k: np.zeros(np.shape(v)) for k, v in cell.params.items()} for cell in inner]
    d_states = check_states(
        "unroll_chain_backward(d_inner_final=)", list(inner), d_inner_final, batch
    )
    d_initial = []
    for b in range(batch):
        d_own = [_row(state, b) for state in d_states]
        zero = [_scaled(state, 0.0) for state in d_own]
        for t in reversed(range(times)):
            for j in reversed(range(len(ran.tape[b][t]))):
                one = ran.tape[b][t][j]
                found = unroll_backward(inner, one.tape, d_outputs[b, t, j][None, None], d_own)
                d_v[b, t] += found.x[0, 0, : d_v.shape[-1]]
                d_beside[b, t, j] = found.x[0, 0, d_v.shape[-1] :]
                d_own = found.initial
                for total, part in zip(d_params, found.params, strict=True):
                    for name, grad in part.items():
                        total[name] += grad
            made = len(ran.tape[b][t])
            if made if inner_state == "reset" else ran.outer.tape.cut[b, t]:
                d_own = zero
        d_initial.append(d_own)
    found_outer = unroll_backward(outer, ran.outer.tape, d_v, d_outer_final)
    return ChainGradients(found_outer, d_params, _stacked(d_initial), d_v, d_beside)


def _steps(steps: Any, batch: int, times: int) -> np.ndarray:
    array = np.asarray(steps)
    if array.dtype.kind not in "iu" or array.shape != (batch, times):
        raise DataError(
            f"unroll_chain(steps=): {array.dtype} of shape {list(array.shape)} where ints of "
            f"shape [{batch}, {times}] are needed"
        )
    if array.size and array.min() < 0:
        raise DataError(f"unroll_chain(steps=): {array.min()} is not a number of steps")
    return array


def _row(state: Any, b: int) -> Any:
    """Returns one stream's state, as a batch of one."""
    rows = tuple(leaf[b : b + 1] for leaf in state)
    return rows if len(rows) == 2 else rows[0]


def _scaled(state: Any, factor: float) -> Any:
    return tuple(leaf * factor for leaf in state) if isinstance(state, tuple) else state * factor


def _stacked(rows: list[list[Any]]) -> list[Any]:
    """Puts streams' states together, cell by cell."""

    def joined(leaves: tuple[Any, ...]) -> Any:
        if isinstance(leaves[0], tuple):
            return tuple(np.concatenate(parts) for parts in zip(*leaves, strict=True))
        return np.concatenate(leaves)

    return [joined(cell) for cell in zip(*rows, strict=True)]
