"""The generated tasks by name, and as chunks without an end of their own."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Literal, NamedTuple

import numpy as np

from tgcarry.data.chunk import Chunk, split_chunks
from tgcarry.data.lazy import LazySequence
from tgcarry.data.tasks import adding_problem, delayed_recall
from tgcarry.data.tasks_copy import copy_task, repeat_copy
from tgcarry.data.tasks_order import SYMBOLS, temporal_order
from tgcarry.data.wording import whole

TASKS = {
    "recall": "name the symbol shown --sequence steps ago (generated)",
    "adding": "add two marked numbers of --sequence steps, or up to a tenth more (generated)",
    "temporal_order": "name two symbols in their order, far apart in --sequence steps (generated)",
    "temporal_order_3": "name three symbols in their order, likewise (generated)",
    "copy": "say up to --sequence vectors of --bits again (generated)",
    "repeat_copy": "say them up to --repeats times, and stop (generated)",
}
"""What each generated task is."""

_SYMBOLS = 4


class NamedTask(NamedTuple):
    """Holds a generated task, ready to be drawn from."""

    make: Callable[[int], dict[str, np.ndarray]]
    """Draws a batch of sequences with a seed: arrays, and "lengths" where they differ."""
    kind: Literal["classification", "regression", "bits"]
    inputs: int
    """Features of a step."""
    outputs: int
    """Classes, numbers or bits of a step."""
    steps: int
    """T of the arrays: the longest sequence that may be drawn."""
    scored: float
    """Scored steps of an average sequence."""


def named_task(
    name: str, batch: int, sequence: int, *, bits: int = 8, repeats: int = 5
) -> NamedTask:
    """Looks up a generated task.

    Args:
      name: one of `TASKS`.
      batch: B, sequences drawn together.
      sequence: steps of a sequence; for copy and repeat_copy the most vectors.
      bits: of a vector, for copy and repeat_copy.
      repeats: the most repetitions, for repeat_copy.

    Returns:
      A `NamedTask`; a batch or sequence out of range is refused when it is drawn from.

    Raises:
      DataError: bits or repeats are out of range.
    """
    bits, repeats = whole(bits, "bits", 1), whole(repeats, "repeats", 1)
    if name == "recall":
        recall = partial(_recall, batch, sequence)
        return NamedTask(recall, "classification", 2 * _SYMBOLS + 1, _SYMBOLS, sequence, 1.0)
    # In the source these last T to T + T/10 steps.
    longest = sequence + sequence // 10
    if name == "adding":
        adding = partial(adding_problem, batch, sequence, varied=True)
        return NamedTask(adding, "regression", 2, 1, longest, 1.0)
    middle = (1 + sequence) / 2
    if name == "copy":
        copy = partial(copy_task, batch, sequence, bits=bits)
        return NamedTask(copy, "bits", bits + 1, bits, 2 * sequence + 1, middle)
    if name == "repeat_copy":
        again = partial(repeat_copy, batch, sequence, repeats, bits=bits)
        steps, scored = sequence * (repeats + 1) + 2, middle * (1 + repeats) / 2 + 1
        return NamedTask(again, "bits", bits + 2, bits + 1, steps, scored)
    relevant: Literal[2, 3] = 3 if name == "temporal_order_3" else 2
    order = partial(temporal_order, batch, sequence, relevant=relevant)
    return NamedTask(order, "classification", len(SYMBOLS), 2**relevant, longest, 1.0)


class TaskBatches(LazySequence[Chunk]):
    """Draws batch after batch of a generated task, each cut into chunks of its own.

    Batch k is drawn with the seed `first_seed + k`, so that any chunk can be made at any time.
    All but the first are flagged to start new sequences.

    Args:
      make: as in `NamedTask`.
      count: batches.
      steps: T of what `make` gives.
      chunk: steps of a chunk.
      first_seed: seed of the first batch.
    """

    def __init__(
        self,
        make: Callable[[int], Mapping[str, np.ndarray]],
        count: int,
        steps: int,
        chunk: int,
        first_seed: int,
    ) -> None:
        self._make, self._count, self._chunk = make, count, chunk
        self._per_batch = -(-steps // chunk)
        self._first_seed = first_seed
        self._made: tuple[int, Sequence[Chunk]] | None = None

    def __len__(self) -> int:
        return self._count * self._per_batch

    @property
    def breaks(self) -> list[int]:
        """The chunks behind the first in which every stream starts anew; none is made."""
        return [batch * self._per_batch for batch in range(1, self._count)]

    def item(self, position: int) -> Chunk:
        """Draws the batch of the chunk at `position`, unless it is the last one drawn."""
        batch, piece = divmod(position, self._per_batch)
        if self._made is None or self._made[0] != batch:
            arrays = dict(self._make(self._first_seed + batch))
            lengths = arrays.pop("lengths", None)
            self._made = (batch, split_chunks(arrays, self._chunk, lengths=lengths))
        chunk = self._made[1][piece]
        starts = np.full(chunk.batch, piece == 0 and batch > 0)
        return chunk._replace(resets=starts)


def _recall(batch: int, steps: int, seed: int) -> dict[str, np.ndarray]:
    return delayed_recall(batch, steps, steps - 1, _SYMBOLS, seed)
