"""Plans a run within its policy's memory budget: looks at the first chunk, and asks for steps."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

import tensorflow.compat.v1 as tf

from tgcarry import schedule
from tgcarry.budget import MemoryPlan
from tgcarry.loop import Loop
from tgcarry.policies import ExactSweep, Policy


def plan_memory(policy: Policy, loop: Loop) -> MemoryPlan:
    """Plans what is kept under a policy, given a loop that has read its first chunk.

    Visits that chunk forwards, unless one of its shape was looked at before.
    """
    data, residuals = loop.source[loop.source.first], loop.calls.residuals
    state = loop.calls.zero_state(data.batch)
    size = policy.window if isinstance(policy, ExactSweep) else None if policy.revisits else 1
    known = [n for n in (size, loop.source.count) if n is not None]
    return MemoryPlan(
        budget=policy.budget if isinstance(policy, ExactSweep) else 0,
        chunk_bytes=0 if residuals.obstacle else loop.calls.activation_bytes(data, state),
        state_bytes=sum(leaf.nbytes for leaf in tf.nest.flatten(state)),
        chunks=min(known, default=None),
        obstacle=residuals.obstacle,
    )


def steps_for(policy: Policy, loop: Loop) -> Iterator[schedule.Step]:
    """Yields a policy's steps for the chunks of a loop, keeping what its budget has room for."""
    breaks = loop.source.breaks()
    if not (isinstance(policy, ExactSweep) and policy.budget and policy.revisits):
        return policy.schedule(breaks)
    loop.budget = policy.budget
    return _within_budget(policy, loop, breaks)


def _within_budget(
    policy: ExactSweep, loop: Loop, breaks: Iterator[bool]
) -> Iterator[schedule.Step]:
    # Nothing is visited before the first step is asked for, where what goes wrong is looked after.
    first = next(breaks, None)
    if first is not None:
        kept = plan_memory(policy, loop).kept
        yield from policy.schedule(chain([first], breaks), keep=kept)
