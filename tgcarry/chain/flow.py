"""Says which step of two chained models depends on which, by their Jacobians."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tgcarry.chain.asked import checked
from tgcarry.chain.jacobians import jacobian_sizes
from tgcarry.data.wording import shown
from tgcarry.errors import CarryError

# Beside a gradient of size 1 this is lost in most sums.
LEAST = 1e-12
_MARKS = {"flows": "#", "vanished": "~", "none": "."}


@dataclass(frozen=True, eq=False)
class ChainFlow:
    """Holds what depends on what in two chained models; R rows, C columns, B streams.

    A row is an inner step's output, `Out[i][j]`. The columns are these again, then what the
    models read: `IR[i]`, `x[i]`, "outer state", "inner state". `print(flow)` shows the marks.
    """

    steps: np.ndarray
    """Int `[B, T]`: the inner steps of each outer step. What a stream does not make is zero."""
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    sizes: np.ndarray
    """Float64 `[B, R, B, C]`: the largest entry of (a random row vector) J, where J is the
    Jacobian of a stream's row with respect to a stream's column. 0.0 is no gradient."""
    flows: np.ndarray
    """Bool `[B, R, C]`, within each stream: a gradient flows."""
    vanished: np.ndarray
    """Bool `[B, R, C]`: it flows, but is below 1e-12, or zero where steps in between have some."""
    crossings: tuple[str, ...]
    """Where a gradient flows from one stream to another; there should be none."""

    def depends(self, row: str, column: str, sample: int = 0) -> bool:
        """Says whether a gradient flows from a row, such as "Out[2][0]", to a column.

        Args:
          row: one of `rows`.
          column: one of `columns`.
          sample: the stream.

        Raises:
          CarryError: there is no such row, column or stream.
        """
        self._check_sample("depends", sample)
        for name, known in ((row, self.rows), (column, self.columns)):
            if name not in known:
                raise CarryError(
                    f"ChainFlow.depends: there is no {shown(name)}; choose from {known[0]} to "
                    f"{known[-1]}"
                )
        return bool(self.flows[sample, self.rows.index(row), self.columns.index(column)])

    def describe(self, sample: int | None = None) -> str:
        """Writes the rows of a stream as marks, a column of text each.

        Args:
          sample: the stream; None for all, those that are alike once.

        Returns:
          Lines, with what the marks mean at the end.

        Raises:
          CarryError: there is no such stream.
        """
        if sample is not None:
            self._check_sample("describe", sample)
            groups = {self._table(sample): [sample]}
        else:
            groups = {}
            for stream in range(len(self.steps)):
                groups.setdefault(self._table(stream), []).append(stream)
        parts = []
        for table, streams in groups.items():
            if len(self.steps) > 1:
                plural = "s" if len(streams) > 1 else ""
                parts.append(f"stream{plural} {', '.join(map(str, streams))}")
            parts.append(table)
        crossings = self.crossings or ("nothing flows between streams",)
        legend = "# flows  . does not  ~ vanished  (state: o outer, i inner)"
        return "\n".join([*parts, legend, *(crossings if len(self.steps) > 1 else ())])

    def __str__(self) -> str:
        return self.describe()

    def made(self, sample: int) -> list[tuple[int, int]]:
        """Lists the inner steps (i, j) that a stream makes, in their order.

        Raises:
          CarryError: there is no such stream.
        """
        self._check_sample("made", sample)
        return [(i, j) for i, n in enumerate(self.steps[sample].tolist()) for j in range(n)]

    def marks(self, sample: int) -> list[str]:
        """Writes a stream's rows, a mark per column, without what it does not make.

        Raises:
          CarryError: there is no such stream.
        """
        made = [f"Out[{i}][{j}]" for i, j in self.made(sample)]
        columns = [c for c, n in enumerate(self.columns) if n in made or not n.startswith("Out[")]
        rows = (self.rows.index(name) for name in made)
        return ["".join(self._mark(sample, row, c) for c in columns) for row in rows]

    def _mark(self, sample: int, row: int, column: int) -> str:
        if self.vanished[sample, row, column]:
            return _MARKS["vanished"]
        return _MARKS["flows" if self.flows[sample, row, column] else "none"]

    def _table(self, sample: int) -> str:
        if not self.steps[sample].any():
            return "makes no inner step"
        outer = [str(i) for i in range(self.steps.shape[1])]
        counts = enumerate(self.steps[sample].tolist())
        groups = [(f"Out[{i}]", [str(j) for j in range(n)]) for i, n in counts if n]
        groups += [("IR", outer), ("x", outer), ("state", ["o", "i"])]
        widths = [max(len(title), len(" ".join(names))) for title, names in groups]
        cells = [[title for title, _ in groups], [" ".join(names) for _, names in groups]]
        for marks in self.marks(sample):
            rest = iter(marks)
            cells.append(
                [" ".join(next(rest).ljust(len(n)) for n in names) for _, names in groups]
            )
        heads = ["", "", *(f"Out[{i}][{j}]" for i, j in self.made(sample))]
        first = max(map(len, heads))
        lines = []
        for head, line in zip(heads, cells, strict=True):
            padded = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
            lines.append("  ".join([head.ljust(first), *padded]).rstrip())
        return "\n".join(lines)

    def _check_sample(self, where: str, sample: Any) -> None:
        if (
            isinstance(sample, bool)
            or not isinstance(sample, int | np.integer)
            or not 0 <= sample < len(self.steps)
        ):
            raise CarryError(
                f"ChainFlow.{where}(sample={shown(sample)}): there are {len(self.steps)} streams, "
                f"from 0"
            )


def chain_flow(
    outer_cell: Any,
    inner_cell: Any,
    inputs: Any,
    inner_steps: Any,
    *,
    inner_state: str = "carry",
    cut_outer_gradient: bool = False,
    sequence_length: Any = None,
    resets: Any = None,
    engine: str = "stock",
    seed: int = 0,
) -> ChainFlow:
    """Says which inner step of two chained models depends on which, by numbers.

        flows[b, (i, j), c]  d Out[i][j] / d c != 0 in stream b, for c of

        Out[i'][j']  in total: whatever later steps make of it, by the inner state
        IR[i']       the outer output as the inner model reads it, and nothing else
        x[i']        in total: through the outer model's recurrence as well
        outer state, inner state  the initial ones

    The chain is built in a graph of its own, in float64, with random weights, and its Jacobians
    are taken; where there is no way a gradient is exactly 0.0. With `cut_outer_gradient` so are
    IR, x and the outer state. One that is too small to count is said to have vanished, and so
    is one that is zero between steps with gradients that would make it up. Not included: such
    a guard for the outer model's recurrence and for a single step whose units are all saturated;
    your weights.

    B is the batch, T the outer steps, I the input width.

    Args:
      outer_cell: an RNN cell that no graph has called yet.
      inner_cell: another one, whose output is a leaf of its state.
      inputs: float array `[B, T, I]`; small, as each inner step takes a session call.
      inner_steps: int array `[T]` or `[B, T]`.
      inner_state: as for `chained_rnn`.
      cut_outer_gradient: as for `chained_rnn`.
      sequence_length: int array `[B]`, as for `chained_rnn`.
      resets: bool array `[B, T]`, as for `chained_rnn`.
      engine: as for `chained_rnn`, for all columns but the outputs, which "stock" computes; for
        looking whether another engine differentiates along the same ways.
      seed: of the weights and of the initial states.

    Returns:
      A `ChainFlow`.

    Raises:
      CarryError: arrays of a wrong kind or shape, or too large; cells that were called before,
        or the inner one's output is no leaf of its state; as `chained_rnn` raises it.

    Source: the question which outputs a chain's gradients run between, of the post about
      chaining "model_a" and "model_b"; answered by `tf.gradients` of TensorFlow 1.
    """
    asked = checked(
        inputs=inputs,
        inner_steps=inner_steps,
        inner_state=inner_state,
        cut_outer_gradient=cut_outer_gradient,
        sequence_length=sequence_length,
        resets=resets,
        engine=engine,
        seed=seed,
    )
    sizes = jacobian_sizes(outer_cell, inner_cell, asked)
    steps = asked.steps
    outer, most = range(steps.shape[1]), range(int(steps.max()))
    rows = tuple(f"Out[{i}][{j}]" for i in outer for j in most)
    read = tuple(f"{name}[{i}]" for name in ("IR", "x") for i in outer)
    columns = (*rows, *read, "outer state", "inner state")
    streams = np.arange(len(steps))
    within = sizes[streams, :, streams]
    flows = _composed(within > 0)
    return ChainFlow(
        steps=steps,
        rows=rows,
        columns=columns,
        sizes=sizes,
        flows=flows,
        vanished=flows & (within < LEAST),
        crossings=tuple(_crossings(sizes, rows, columns)),
    )


def _composed(measured: np.ndarray) -> np.ndarray:
    """Adds, to bool `[B, R, C]`, what flows in several steps: there a number can underflow."""
    count = measured.shape[1]
    flows = measured
    while True:
        onward = np.matmul(flows[:, :, :count].astype(np.int64), flows.astype(np.int64)) > 0
        more = flows | onward
        if (more == flows).all():
            return flows
        flows = more


def _crossings(sizes: np.ndarray, rows: tuple[str, ...], columns: tuple[str, ...]) -> list[str]:
    return [
        f"{rows[r]} of stream {a} depends on {columns[c]} of stream {b}"
        for a, r, b, c in np.argwhere(sizes != 0).tolist()
        if a != b
    ]
