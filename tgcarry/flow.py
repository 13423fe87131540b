"""Which loss reaches which variable, what stops it on the way, and how large its gradient is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tgcarry import plots
from tgcarry.data.wording import listed, shown
from tgcarry.errors import ChunkError
from tgcarry.flow_norms import norms_of
from tgcarry.flow_plot import fill
from tgcarry.flow_problems import find_problems
from tgcarry.partition import check_partitions, find_variables
from tgcarry.paths import INTEGERS, STAIRS, STOP, Paths, Place


@dataclass(frozen=True, eq=False)
class GradientFlow:
    """Holds which loss reaches which variable; n losses, m variables.

    `print(flow)` shows it as a table, `flow.draw("flow.png")` as a picture.
    """

    losses: tuple[str, ...]
    variables: tuple[str, ...]
    reaches: np.ndarray
    """Bool `[n, m]`: a gradient can flow."""
    stopped: np.ndarray
    """Str `[n, m]`: the operations in the way, if it would flow without them; else ''."""
    norms: np.ndarray | None
    """Float64 `[n, m]`: Euclidean norms, 0 where nothing is reached; None without a session."""
    wanted: np.ndarray | None
    """Bool `[n, m]`: the given partitions train the variable by the loss; None without."""
    problems: tuple[str, ...]
    """What looks like a mistake, a line each."""

    def cell(self, loss: int, variable: int) -> str:
        """Writes one entry: a norm or "yes", "stopped", or "-"; "!" marks an unwanted one."""
        if not self.reaches[loss, variable]:
            return "stopped" if self.stopped[loss, variable] else "-"
        mark = "" if self.wanted is None or self.wanted[loss, variable] else "! "
        return mark + ("yes" if self.norms is None else f"{self.norms[loss, variable]:.3g}")

    def __str__(self) -> str:
        rows = [["variable", *self.losses]]
        rows += [
            [name, *(self.cell(i, j) for i in range(len(self.losses)))]
            for j, name in enumerate(self.variables)
        ]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        rows.insert(1, ["-" * width for width in widths])
        lines = []
        for first, *rest in rows:
            cells = [cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True)]
            lines.append("  ".join([first.ljust(widths[0]), *cells]))
        lines += [f"stopped: {note}" for note in self._stops()]
        return "\n".join([*lines, *(f"problem: {problem}" for problem in self.problems)])

    def _stops(self) -> Iterator[str]:
        """Writes out what is in the way, loss by loss."""
        for loss, row in zip(self.losses, self.stopped.tolist(), strict=True):
            for names in sorted({names for names in row if names}):
                missed = [v for v, n in zip(self.variables, row, strict=True) if n == names]
                yield f"{loss} at {names}, on the way to {listed(missed)}"

    def draw(self, path: str | PathLike[str]) -> Path:
        """Draws the table as a PNG; needs matplotlib.

        Returns:
          The file that was written.

        Raises:
          LogError: there is no matplotlib, or the file cannot be written.
        """
        where = Path(path)
        column = max(1.25, 0.2 + 0.09 * max(map(len, self.losses)))
        width = 1.5 + 0.085 * max(map(len, self.variables)) + column * len(self.losses)
        size = (max(4.5, width), 1.6 + 0.32 * len(self.variables))
        with plots.figure(where, figsize=size) as axes:
            fill(axes, self)
        return where


def gradient_flow(
    losses: Mapping[str, tf.Tensor] | Sequence[tf.Tensor],
    variables: Any = None,
    session: tf.Session | None = None,
    feed_dict: Mapping[Any, Any] | None = None,
    *,
    partitions: Sequence[Any] | None = None,
    frozen: Any = None,
) -> GradientFlow:
    """Says which loss reaches which variable, and what looks like a mistake.

        reaches[i, j]  a gradient of loss i can flow to variable j
        norms[i, j]    | d loss_i / d variable_j |

    Without a session nothing is run and nothing is added to the graph. With one, the gradients
    of all losses are added and taken in one run; if there is a loop, in a copy of the graph,
    which has the variables' values but no tables or iterators of the session's. A gradient
    cannot pass `tf.stop_gradient`, integers, and steps such as `tf.round`. Not included:
    gradients that flow through a carry from other chunks, and what `tf.custom_gradient` does.

    Args:
      losses: scalar float tensors of one graph, by name or in a list.
      variables: as a partition's `var_list`; all trainable ones by default.
      session: to take the gradients' norms in.
      feed_dict: of that run.
      partitions: `(loss, var_list)` of some of the losses, as for `partition_gradients`. What
        those losses reach beyond is reported: minimised without `var_list`, they would train it.
      frozen: variables that no loss should reach, as a `var_list`.

    Returns:
      A `GradientFlow`.

    Raises:
      ChunkError: no loss or variable, one that is none or of another graph, a loss that is not
        a scalar, a partition of a loss that is not given.
    """
    named = _named_losses(losses)
    tensors = list(named.values())
    graph = tensors[0].graph
    _check_session(graph, session, feed_dict)
    with graph.as_default():
        every = _variables(variables, "gradient_flow(variables=)", graph)
        held = [] if frozen is None else _variables(frozen, "gradient_flow(frozen=)", graph)
        parts = None if partitions is None else _parts(partitions, named)
        paths = Paths(graph)
        rows = [_row(paths, tensor, every) for tensor in tensors]
        reaches = np.array([[way == "" for way, _ in row] for row in rows])
        norms = None if session is None else norms_of(named, every, reaches, session, feed_dict)
    flow = GradientFlow(
        losses=tuple(named),
        variables=tuple(variable.op.name for variable in every),
        reaches=reaches,
        stopped=np.array([[names for _, names in row] for row in rows]),
        norms=norms,
        wanted=_wanted(parts, {v.op.name for v in held}, list(named), every),
        problems=(),
    )
    ways = [[way for way, _ in row] for row in rows]
    return replace(flow, problems=tuple(find_problems(flow, ways, parts, held)))


def _named_losses(losses: Any) -> dict[str, tf.Tensor]:
    if isinstance(losses, tf.Tensor) or not isinstance(losses, Mapping | Iterable):
        raise ChunkError(f"gradient_flow(losses={shown(losses)}): give a dict or list of tensors")
    if isinstance(losses, Mapping):
        pairs = [(str(name), tensor) for name, tensor in losses.items()]
    else:
        pairs = [(getattr(tensor, "name", shown(tensor)), tensor) for tensor in losses]
    if not pairs:
        raise ChunkError("gradient_flow(losses=): there is no loss; give a dict or list of them")
    for name, loss in pairs:
        if not isinstance(loss, tf.Tensor) or not hasattr(loss, "graph"):
            raise ChunkError(f"gradient_flow: the loss {name!r} is {shown(loss)}; give a tensor")
        if loss.shape.rank not in (0, None):
            raise ChunkError(
                f"gradient_flow: the loss {name!r} ({loss.name!r}) has shape {loss.shape}; sum it "
                f"to a scalar with tf.reduce_sum"
            )
        if not loss.dtype.is_floating:
            raise ChunkError(f"gradient_flow: the loss {name!r} is {loss.dtype.name}, not a float")
        if loss.graph is not pairs[0][1].graph:
            raise ChunkError(
                f"gradient_flow: the loss {name!r} is not in the graph of the loss "
                f"{pairs[0][0]!r}; ask about one graph at a time"
            )
    named = dict(pairs)
    if len(named) != len(pairs):
        raise ChunkError(
            f"gradient_flow(losses=): {listed(n for n, _ in pairs)}: give each loss once"
        )
    return named


def _check_session(
    graph: tf.Graph, session: tf.Session | None, feed_dict: Mapping[Any, Any] | None
) -> None:
    if session is None:
        if feed_dict is not None:
            raise ChunkError("gradient_flow: feed_dict without a session; give session= too")
        return
    if session.graph is not graph:
        raise ChunkError("gradient_flow: the session is not of the losses' graph; open one there")
    if graph.finalized:
        raise ChunkError(
            "gradient_flow: the graph is finalized, so that no gradient can be added; ask before "
            "that, or without a session"
        )


def _variables(var_list: Any, where: str, graph: tf.Graph) -> list[tf.Variable]:
    if var_list is None:
        var_list = tf.trainable_variables()
        if not var_list:
            raise ChunkError(f"{where}: the graph has no trainable variable; build a model first")
    found = find_variables(var_list, where)
    for variable in found:
        if variable.graph is not graph:
            raise ChunkError(f"{where}: {variable.op.name} is not in the graph of the losses")
    return found


def _parts(partitions: Sequence[Any], named: Mapping[str, tf.Tensor]) -> dict[str, list[str]]:
    """Returns for each loss with a partition the names of the variables that it is to train."""
    names = {tensor.name: name for name, tensor in named.items()}
    parts: dict[str, list[str]] = {}
    for number, part in enumerate(check_partitions(partitions, None, True)):
        if part.loss.name not in names:
            raise ChunkError(
                f"gradient_flow(partitions=): partition {number} is of {part.loss.name!r}, which "
                f"is not among the losses {listed(named)}; add it there"
            )
        own = parts.setdefault(names[part.loss.name], [])
        own += [variable.op.name for variable in part.var_list]
    return parts


def _wanted(
    parts: Mapping[str, Sequence[str]] | None,
    held: set[str],
    losses: Sequence[str],
    variables: Sequence[tf.Variable],
) -> np.ndarray | None:
    if parts is None and not held:
        return None
    names = [variable.op.name for variable in variables]
    own = {loss: set(names if parts is None else parts.get(loss, names)) for loss in losses}
    return np.array([[name in own[loss] - held for name in names] for loss in losses])


def _row(paths: Paths, loss: tf.Tensor, variables: Sequence[tf.Variable]) -> list[tuple[str, str]]:
    """Returns for each variable (what is in the way, names of those operations).

    What is in the way is empty if a gradient can flow, and "nothing" if there is no way at all.
    """
    reached, ends = paths.carrying(loss)
    missing = [v for v in variables if v.op.name not in reached]
    users = paths.users(loss) if ends and missing else {}
    return [
        ("", "") if v.op.name in reached else _in_the_way(paths, v.op.name, users, ends)
        for v in variables
    ]


def _in_the_way(
    paths: Paths,
    name: str,
    users: Mapping[Place, Sequence[Place]],
    ends: Mapping[Place, str],
) -> tuple[str, str]:
    """Looks from a variable towards the loss for what ended the walk from there."""
    # What lies behind integers explains nothing if something else is in the way before them.
    for past_integers in (False, True):
        found: dict[str, set[str]] = {}
        waiting = [Place(None, name, 0)]
        seen = set(waiting)
        while waiting:
            place = waiting.pop()
            if place in ends:
                found.setdefault(ends[place], set()).add(place.full_name)
            if past_integers or paths.carries(place):
                more = [user for user in users.get(place, ()) if user not in seen]
                seen.update(more)
                waiting.extend(more)
        for way in (STOP, STAIRS, INTEGERS):
            if way in found:
                return way, ", ".join(sorted(found[way]))
    return "nothing", ""
