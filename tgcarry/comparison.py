"""Holds the gradients of policies against that of the unbroken sequence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow.compat.v1 as tf

from tgcarry.data import Chunk
from tgcarry.errors import RunError
from tgcarry.policies import Policy
from tgcarry.reach import Reach
from tgcarry.runner import Runner


class Comparison(NamedTuple):
    """Tells how a policy's gradient of the carried variables differs from the unbroken one."""

    policy: Policy
    cosine: float
    """<g, g*> / (|g| |g*|) over the carried variables as one vector."""
    relative_error: float
    """|g - g*| / |g*|."""


def compare_gradients(
    runner: Runner, chunks: Sequence[Chunk], policies: Iterable[Policy]
) -> list[Comparison]:
    """Computes each policy's gradient and the unbroken one, at the runner's present weights.

    The unbroken gradient comes from the same graph, fed all chunks as a single one: it needs
    the memory of the whole stretch. Only the variables that act on the state are compared;
    a head's gradient is the same under every policy.

    Args:
      runner: open; nothing is applied.
      chunks: full chunks that follow one another, with no reset after the first.
      policies: whose gradients to compare.

    Returns:
      A `Comparison` per policy, in float64 arithmetic on the gradients as computed.

    Raises:
      RunError: chunks with resets inside or with padding.
    """
    whole = _vector(runner, [join_chunks(chunks)], None)
    norm = float(np.linalg.norm(whole))
    found = []
    for policy in policies:
        mine = _vector(runner, chunks, policy)
        cosine = float(mine @ whole) / (norm * float(np.linalg.norm(mine)))
        found.append(Comparison(policy, cosine, float(np.linalg.norm(mine - whole)) / norm))
    return found


def join_chunks(chunks: Sequence[Chunk]) -> Chunk:
    """Joins chunks that follow one another into one.

    Raises:
      RunError: there is none, or one after the first resets a stream, or one has padding.
    """
    if not chunks:
        raise RunError("join_chunks: there was no chunk; give at least one")
    for number, chunk in enumerate(chunks):
        if chunk.ragged or (number and chunk.resets.any()):
            raise RunError(
                f"join_chunks: chunk {number} starts a sequence or has padding; join chunks of "
                f"one stretch of every stream"
            )
    arrays = {
        name: np.concatenate([chunk.arrays[name] for chunk in chunks], 1)
        for name in chunks[0].arrays
    }
    lengths = np.sum([chunk.lengths for chunk in chunks], 0).astype(np.int32)
    return Chunk(arrays, chunks[0].resets, lengths)


def _vector(runner: Runner, chunks: Iterable[Chunk], policy: Policy | None) -> np.ndarray:
    found = runner.gradients(chunks, policy=policy).variables
    final = tf.nest.flatten(runner.chunk.final_state)
    carried = Reach(runner.chunk.graph).variables(final, runner.chunk.variables)
    return np.concatenate([found[v.op.name].ravel().astype(np.float64) for v in carried])
