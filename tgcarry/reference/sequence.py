"""A stack of cells over a sequence, forward and backward through time."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from tgcarry.errors import CellError, DataError
from tgcarry.reference.arrays import floats, floats_or_zeros, pair, shown
from tgcarry.reference.cell import Cell


class Tape(NamedTuple):
    """Holds what `unroll_backward` sees again."""

    cut: np.ndarray
    """Bool `[B, T]`: the state was zeroed before this step."""
    live: np.ndarray
    """Bool `[B, T]`: the step was real, not behind the end."""
    saved: list[list[Any]]
    """By step, then by cell, what the cell's step saved."""


class Unrolled(NamedTuple):
    """Holds the forward pass over a sequence."""

    outputs: np.ndarray
    """`[B, T, H]` of the last cell; 0 behind a stream's end."""
    final_states: list[Any]
    """For each cell `[B, H]`, or a pair."""
    tape: Tape
    """For `unroll_backward`."""


class UnrollGradients(NamedTuple):
    """Holds the gradients of `<d_outputs, outputs> + <d_final_states, final_states>`."""

    params: list[dict[str, np.ndarray]]
    """For each cell a dict like its `params`."""
    x: np.ndarray
    """`[B, T, I]`; 0 behind a stream's end."""
    initial: list[Any]
    """For each cell a gradient like its state."""


def unroll(
    cells: Sequence[Cell], x: Any, initial: Any = None, resets: Any = None, lengths: Any = None
) -> Unrolled:
    """Runs a stack of cells over a sequence.

    At step t of stream b, in this order:

      1. t >= lengths[b]: the output is 0, the state is copied, x and resets are not looked at.
      2. resets[b, t]: the state of all cells becomes 0.
      3. all cells step, each on the output of the one before it.

    B is the batch, T the steps, I the input's width, H the last cell's output width.

    Args:
      cells: at least one `Cell`, from the input up.
      x: `[B, T, I]`.
      initial: a state for each cell, `[B, H]` or a pair; None for zeros.
      resets: bool `[B, T]`; None for nowhere.
      lengths: int `[B]`, 0 to T; None for T.

    Returns:
      `Unrolled(outputs, final_states, tape)`.

    Raises:
      CellError: cells that do not fit each other, x or their states.
      DataError: `resets` or `lengths` of the wrong dtype, shape or range.

    Source: TensorFlow 1.15 `tf.nn.dynamic_rnn` for the lengths.
    """
    cells = _stack(cells)
    x = floats("unroll(x=)", x, (None, None, cells[0].inputs), "the first cell's kernel")
    batch, steps = x.shape[:2]
    states = check_states("unroll(initial=)", cells, initial, batch)
    live = np.arange(steps)[None, :] < _lengths(lengths, batch, steps)[:, None]
    cut = _resets(resets, batch, steps) & live

    outputs = np.zeros((batch, steps, cells[-1].outputs))
    saved: list[list[Any]] = []
    for t in range(steps):
        # Padding may hold anything, NaN included.
        below = np.where(live[:, t, None], x[:, t], 0.0)
        saved.append([])
        for n, cell in enumerate(cells):
            old = _where(~cut[:, t], states[n])
            output, new, kept = cell.step(below, _as_state(old))
            states[n] = _where(live[:, t], _leaves(new), old)
            below = np.where(live[:, t, None], output, 0.0)
            saved[t].append(kept)
        outputs[:, t] = below
    return Unrolled(outputs, [_as_state(leaves) for leaves in states], Tape(cut, live, saved))


def unroll_backward(
    cells: Sequence[Cell], tape: Tape, d_outputs: Any = None, d_final_states: Any = None
) -> UnrollGradients:
    """Differentiates `unroll`, from the last step to the first.

        objective = <d_outputs, outputs> + <d_final_states, final_states>

    No gradient passes a reset, or comes from behind a stream's end.

    Args:
      cells: as given to `unroll`.
      tape: as `unroll` returned it.
      d_outputs: gradient at the outputs, `[B, T, H]`; None for 0.
      d_final_states: gradients at the final states, one for each cell; None for 0.

    Returns:
      `UnrollGradients(params, x, initial)`: the objective's gradients.

    Raises:
      CellError: cells, tape and gradients do not belong together.

    Source: Werbos 1990, "Backpropagation through time: what it does and how to do it",
      Proc. IEEE 78(10).
    """
    cells = _stack(cells)
    if not isinstance(tape, Tape):
        raise CellError(f"unroll_backward(tape=): {type(tape).__name__} is not unroll(...).tape")
    batch, steps = tape.live.shape
    shape = (batch, steps, cells[-1].outputs)
    d_outputs = floats_or_zeros("unroll_backward(d_outputs=)", d_outputs, shape)
    d_states = check_states("unroll_backward(d_final_states=)", cells, d_final_states, batch)
    if any(len(row) != len(cells) for row in tape.saved):
        raise CellError(
            f"unroll_backward(tape=): it is of {len(tape.saved[0])} cells, and {len(cells)} are "
            f"given"
        )

    d_params = [{k: np.zeros(np.shape(v)) for k, v in cell.params.items()} for cell in cells]
    d_x = np.zeros((batch, steps, cells[0].inputs))
    for t in reversed(range(steps)):
        live = tape.live[:, t]
        d_above = d_outputs[:, t]
        for n, cell in reversed(list(enumerate(cells))):
            d_new = _as_state(_where(live, d_states[n]))
            d_here = np.where(live[:, None], d_above, 0.0)
            grads, d_above, d_old = cell.step_backward(tape.saved[t][n], d_here, d_new)
            passed = _where(~tape.cut[:, t], _leaves(d_old))
            d_states[n] = _where(live, passed, d_states[n])
            for name, grad in grads.items():
                d_params[n][name] += grad
        d_x[:, t] = d_above
    return UnrollGradients(d_params, d_x, [_as_state(leaves) for leaves in d_states])


def _stack(cells: Any) -> list[Cell]:
    if not isinstance(cells, list | tuple) or not cells:
        raise CellError(f"cells={shown(cells)} is not a list of at least one reference.Cell")
    for n, cell in enumerate(cells):
        if not isinstance(cell, Cell):
            raise CellError(f"cells[{n}]={shown(cell)} is not a reference.Cell")
    for n, (lower, upper) in enumerate(pairwise(cells)):
        if lower.outputs != upper.inputs:
            raise CellError(
                f"cells[{n}] gives {lower.outputs} outputs, and the kernel of cells[{n + 1}] is "
                f"made for {upper.inputs} inputs"
            )
    return list(cells)


# States are tuples of leaves in here: (h,) or (c, h).
Leaves = tuple[np.ndarray, ...]


def _leaves(state: Any) -> Leaves:
    return state if isinstance(state, tuple) else (state,)


def _as_state(leaves: Leaves) -> Any:
    return leaves if len(leaves) == 2 else leaves[0]


def _where(rows: np.ndarray, leaves: Leaves, others: Leaves | None = None) -> Leaves:
    """Returns leaves where `rows`, bool `[B]`, is True, and others, or zeros, elsewhere."""
    others = tuple(np.zeros_like(leaf) for leaf in leaves) if others is None else others
    both = zip(leaves, others, strict=True)
    return tuple(np.where(rows[:, None], leaf, other) for leaf, other in both)


def check_states(what: str, cells: list[Cell], states: Any, batch: int) -> list[Leaves]:
    """Returns a state for each cell as its leaves; None for zeros.

    Raises:
      CellError: a state does not fit its cell.
    """
    if states is None:
        return [_leaves(cell.zero_state(batch)) for cell in cells]
    if not isinstance(states, list | tuple) or len(states) != len(cells):
        given = f"{len(states)}" if isinstance(states, list | tuple) else f"{shown(states)}"
        raise CellError(f"{what}: {given} where a list of {len(cells)} is needed, one a cell")
    taken = []
    for n, (cell, state) in enumerate(zip(cells, states, strict=True)):
        size = cell.state_size
        sizes = size if isinstance(size, tuple) else (size,)
        leaves = pair(f"{what}[{n}]", state) if isinstance(size, tuple) else (state,)
        why = f"cells[{n}], a {cell.kind}, and {batch} streams"
        taken.append(
            tuple(
                floats(f"{what}[{n}]", leaf, (batch, width), why)
                for leaf, width in zip(leaves, sizes, strict=True)
            )
        )
    return taken


def _lengths(lengths: Any, batch: int, steps: int) -> np.ndarray:
    if lengths is None:
        return np.full(batch, steps)
    array = np.asarray(lengths)
    if array.dtype.kind not in "iu" or array.shape != (batch,):
        raise DataError(
            f"unroll(lengths=): {array.dtype} of shape {list(array.shape)} where ints of shape "
            f"[{batch}] are needed"
        )
    for stream, length in enumerate(array):
        if not 0 <= length <= steps:
            raise DataError(
                f"unroll(lengths=): {length} in stream {stream} is not from 0 to {steps}, the "
                f"steps of x"
            )
    return array


def _resets(resets: Any, batch: int, steps: int) -> np.ndarray:
    if resets is None:
        return np.zeros((batch, steps), bool)
    array = np.asarray(resets)
    if array.dtype != bool or array.shape != (batch, steps):
        raise DataError(
            f"unroll(resets=): {array.dtype} of shape {list(array.shape)} where bools of shape "
            f"[{batch}, {steps}] are needed"
        )
    return array
