"""The classic mistakes in which loss reaches which variable, found by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tgcarry.data.wording import listed


def find_problems(
    flow: Any,
    ways: Sequence[Sequence[str]],
    parts: Mapping[str, Sequence[str]] | None,
    frozen: Sequence[tf.Variable],
) -> Iterator[str]:
    """Names the mistakes that a `GradientFlow` shows, a line each.

    Args:
      flow: the `GradientFlow`.
      ways: for each loss and variable, the kind of what is in the way.
      parts: for each loss the variables that it is to train; None if it was not said.
      frozen: variables that no loss is to reach.
    """
    held = {variable.op.name for variable in frozen}
    yield from _unreached(flow, ways, parts, held)
    for i, loss in enumerate(flow.losses):
        reached = [v for j, v in enumerate(flow.variables) if flow.reaches[i, j]]
        if not reached:
            yield f"the loss {loss} reaches no variable: minimising it trains nothing"
        leaks = [v for v in reached if v in held]
        if leaks:
            yield (
                f"the loss {loss} leaks into {listed(leaks)}, which should be frozen: put "
                f"tf.stop_gradient before it, or leave it out of var_list"
            )
        if parts is not None and loss in parts:
            yield from _beyond(flow, loss, reached, parts, held)
            yield from _missed(flow, i, ways[i], parts[loss])
        yield from _bad_norms(flow, i)


def _unreached(
    flow: Any,
    ways: Sequence[Sequence[str]],
    parts: Mapping[str, Sequence[str]] | None,
    held: set[str],
) -> Iterator[str]:
    """Reports variables that no loss reaches, though one should."""
    for j, name in enumerate(flow.variables):
        if flow.reaches[:, j].any():
            continue
        if name in held or parts is not None:
            continue
        pairs = zip(ways, flow.stopped.tolist(), strict=True)
        stops = sorted({(row[j], names[j]) for row, names in pairs if names[j]})
        reasons = [f"{way} at {names} is in the way" for way, names in stops]
        yield f"no loss reaches {name}: {'; '.join(reasons) or 'nothing connects it to one'}"


def _beyond(
    flow: Any,
    loss: str,
    reached: Sequence[str],
    parts: Mapping[str, Sequence[str]],
    held: set[str],
) -> Iterator[str]:
    """Reports what a loss reaches beyond its partition."""
    own = parts[loss]
    leaks = []
    for name in reached:
        if name in own or name in held:
            continue
        others = [other for other, names in parts.items() if name in names]
        leaks.append(f"{name} (of {listed(others)})" if others else f"{name} (of none)")
    if leaks:
        yield (
            f"the loss {loss} leaks into {listed(leaks)}: minimised without var_list it would "
            f"train what is not its own; use partition_gradients"
        )


def _missed(flow: Any, i: int, ways: Sequence[str], own: Sequence[str]) -> Iterator[str]:
    """Reports what a loss cannot reach of its own partition."""
    for name, reached, stops, way in zip(
        flow.variables, flow.reaches[i], flow.stopped[i].tolist(), ways, strict=True
    ):
        if name in own and not reached:
            why = f"{way} at {stops} is in the way" if stops else "nothing connects them"
            yield f"the loss {flow.losses[i]} cannot reach {name} of its own partition: {why}"


def _bad_norms(flow: Any, i: int) -> Iterator[str]:
    if flow.norms is None:
        return
    wanted = flow.reaches[i] if flow.wanted is None else flow.reaches[i] & flow.wanted[i]
    norms = flow.norms[i]
    zeros = [flow.variables[j] for j in np.flatnonzero(wanted & (norms == 0)).tolist()]
    if zeros:
        yield (
            f"the loss {flow.losses[i]} is connected to {listed(zeros)}, but the gradient is "
            f"exactly zero: look for dead units, masks and zero weights"
        )
    broken = [flow.variables[j] for j in np.flatnonzero(~np.isfinite(norms)).tolist()]
    if broken:
        yield f"the gradient of the loss {flow.losses[i]} at {listed(broken)} is not finite"
