"""The ranks of a job as a `Runner` meets them: one sum per optimiser step, the same everywhere."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tgcarry.cluster.cluster import Cluster
from tgcarry.cluster.collective import Collective
from tgcarry.cluster.lanes import Lane
from tgcarry.data.wording import shown
from tgcarry.errors import ClusterError

# A float64 is the sum of so many float32, to the last bit.
_PARTS = 3


class Group:
    """Joins this process with the others of a cluster, for `Runner(group=)`.

        with Group(cluster) as group, Runner(chunk, policy, group=group) as runner:
            for report in runner.run(cluster.share(chunks)):
                ...

    Each rank owns its streams: their data, states and carried gradients. Once per optimiser step
    the ranks' gathered gradients are added up in one all-reduce, and each takes the same step
    with the sum. Without addresses in the cluster nothing is opened or sent.

    One group per process: TensorFlow cannot stop a server. Its server listens on *all* of the
    machine's networks at the port of the rank's address, and takes orders from whoever
    reaches it, as a warning of `logging` says: keep the ports behind a firewall.

    Args:
      cluster: who takes part.
      timeout: seconds that a rank waits for the others at an optimiser step.
      patience: seconds that it waits for them at the start.

    Raises:
      LostRankError: on entering, a rank does not come; later, one is gone or gives no answer.
      ClusterError: this rank's port is taken; later, a rank does something else than the others.

    Attributes:
      wish: asked on rank 0 at every sum, for something that all are to do together.
      granted: what it said at the last sum, on every rank.
    """

    def __init__(
        self, cluster: Cluster, *, timeout: float = 300.0, patience: float = 60.0
    ) -> None:
        if not isinstance(cluster, Cluster):
            raise ClusterError(f"Group({shown(cluster)}): give a tgcarry.Cluster")
        self.cluster = cluster
        self.wish: Callable[[], bool] = lambda: False
        self.granted = False
        self._sums = Collective(cluster, timeout=timeout, patience=patience)

    def __enter__(self) -> Group:
        if self.size > 1:
            self._sums.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._sums.close()

    @property
    def rank(self) -> int:
        """The number of this process."""
        return self.cluster.rank

    @property
    def size(self) -> int:
        """The number of ranks."""
        return self.cluster.size

    def sum(
        self, arrays: Sequence[np.ndarray], row: Sequence[float]
    ) -> tuple[list[np.ndarray], np.ndarray]:
        """Adds up arrays over the ranks, and tells each of every other's row.

        One all-reduce, in float64 if one of the arrays is, in float32 else; rows lose nothing.

        Args:
          arrays: floats, of the same shapes on every rank.
          row: as many numbers on every rank.

        Returns:
          The sums, in the arrays' dtypes; float64 `[size, len(row)]`.

        Raises:
          ClusterError: as of the class.
        """
        wished = self.rank == 0 and self.wish()
        if self.size == 1:
            self.granted = wished
            return list(arrays), np.array([row], np.float64)
        row = [*row, wished]
        double = any(array.dtype == np.float64 for array in arrays)
        dtype = np.dtype(np.float64 if double else np.float32)
        table = np.zeros((self.size, _PARTS, len(row)), dtype)
        table[self.rank] = _parted(np.asarray(row, np.float64), dtype)
        flat = [np.ravel(array).astype(dtype, copy=False) for array in arrays]
        summed = self._sums.sum(np.concatenate([*flat, table.ravel()]))
        ends = np.cumsum([array.size for array in arrays], dtype=int)
        *sums, rest = np.split(summed, ends)
        rows = rest.reshape(table.shape).astype(np.float64).sum(axis=1)
        shaped = [
            one.reshape(array.shape).astype(array.dtype, copy=False)
            for one, array in zip(sums, arrays, strict=True)
        ]
        self.granted = bool(rows[0, -1])
        return shaped, rows[:, :-1]

    def exchange(self, blob: bytes) -> list[bytes]:
        """Gives bytes to every rank and returns those of each, by rank."""
        return [blob] if self.size == 1 else self._sums.exchange(blob)

    def lane(self, source: int, target: int, words: int) -> Lane:
        """Returns the lane from a rank to another; one of them is this one.

        Args:
          source: the rank that messages leave.
          target: the rank that they come to.
          words: int32 of a message. Both ranks ask for the same lanes in the same order.
        """
        return self._sums.lane(source, target, words)

    def align(self, session: Any, variables: Sequence[tf.Variable]) -> None:
        """Gives every rank rank 0's values of variables, bit by bit.

        Args:
          session: that holds them.
          variables: the same on every rank, by name, shape and dtype.

        Raises:
          ClusterError: they are not the same.
        """
        if self.size == 1 or not variables:
            return
        self._check_same(variables)
        values = session.run(list(variables)) if self.rank == 0 else []
        given = self.exchange(b"".join(value.tobytes() for value in values))[0]
        if self.rank == 0:
            return
        start, loaded = 0, []
        for variable in variables:
            dtype = np.dtype(variable.dtype.base_dtype.as_numpy_dtype)
            shape = variable.shape.as_list()
            size = dtype.itemsize * math.prod(shape)
            loaded.append(np.frombuffer(given[start : start + size], dtype).reshape(shape))
            start += size
        # Outside a default graph a variable takes the caller for an eager one.
        with variables[0].graph.as_default():
            fed = {v.initial_value: value for v, value in zip(variables, loaded, strict=True)}
            session.run([v.initializer for v in variables], fed)

    def _check_same(self, variables: Sequence[tf.Variable]) -> None:
        lines = [f"{v.op.name} {v.shape} {v.dtype.base_dtype.name}" for v in variables]
        digests = self.exchange(hashlib.sha256(json.dumps(lines).encode()).digest())
        for rank, digest in enumerate(digests):
            if digest != digests[0]:
                raise ClusterError(
                    f"rank {rank} has other variables than rank 0: build the same graph on every "
                    f"rank"
                )


def _parted(values: np.ndarray, dtype: np.dtype[Any]) -> np.ndarray:
    """Writes numbers as sums of `_PARTS` of a dtype, each exact."""
    parts = np.zeros((_PARTS, values.size), dtype)
    rest = values.copy()
    for part in parts:
        with np.errstate(over="ignore", invalid="ignore"):
            part[:] = rest
            rest = np.where(np.isfinite(part), rest - part, 0.0)
    return parts
