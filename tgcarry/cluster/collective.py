"""Sums over ranks, on TensorFlow's own distributed runtime, with a deadline on everything."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tgcarry.addresses import networks, split_address
from tgcarry.cluster.cluster import Cluster
from tgcarry.cluster.lanes import Lane
from tgcarry.cluster.worker import Worker
from tgcarry.data.wording import because, shown
from tgcarry.errors import ClusterError, LostRankError

_log = logging.getLogger(__name__)
# How lines begin that say where in the graph an error was.
_WHERE = ("Graph execution error", "Detected at", "File ", "Node:", "From /job", "[[")
_JOB = "worker"
_GROUP_KEY = 1
# Bytes of all ranks together in one round of `exchange`, at the least and at the most.
_LEAST, _MOST = 1 << 10, 1 << 24
# Seconds between two looks for a rank, and for one such look.
_PAUSE, _LOOK = 0.1, 1.0
# The longest that anybody may be asked to wait: TensorFlow counts milliseconds in 32 bits.
_LONGEST = 1e6
# Seconds that TensorFlow's own timeouts get to speak first.
_LATER = 5.0
# Seconds in which a process that was killed stops to listen.
_DYING = 3.0


class Collective:
    """Adds up vectors of all ranks; every rank gets the same bits.

    A context manager: entering it starts this rank's server and waits for the others. The
    sums are one fused all-reduce each, in an order that depends on the number of ranks alone, so
    that they repeat bit for bit. The server listens on all networks of the machine and obeys
    whoever reaches it, as a warning of `logging` says. It stays until the process ends, since
    TensorFlow cannot stop one: one per process. Not included: any use of it by several threads at
    a time.

    Args:
      cluster: of two ranks at least.
      timeout: seconds that a sum waits for the other ranks.
      patience: seconds that a rank waits for the others at the start.

    Raises:
      ClusterError: on entering, this rank's port is taken.
      LostRankError: on entering, a rank does not come; at a sum, one is gone or gives no answer.
        Nothing can be summed any more then.
    """

    def __init__(
        self, cluster: Cluster, *, timeout: float = 300.0, patience: float = 60.0
    ) -> None:
        for name, seconds in (("timeout", timeout), ("patience", patience)):
            number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
            if not (number and 0 < seconds <= _LONGEST):
                raise ClusterError(
                    f"{name} {shown(seconds)}: give seconds above 0, at most {_LONGEST:g}"
                )
        self._cluster = cluster
        self._timeout, self._patience = timeout, patience
        self._graph = tf.Graph()
        self._sums: dict[tuple[Any, int], Callable[[np.ndarray], np.ndarray]] = {}
        self._lanes: dict[tuple[int, int, int], Lane] = {}
        self._server: Any = None
        self._session: Any = None
        self._worker: Worker | None = None

    def __enter__(self) -> Collective:
        deadline = time.monotonic() + self._patience
        check_port(self._cluster)
        _warn_of_strangers(self._cluster)
        self._worker = Worker()
        try:
            config = _config(self._cluster.rank)
            self._session = self._worker.within(self._patience, lambda: self._open(config))
            wait_for_all(self._cluster, deadline, self._patience)
        except TimeoutError as error:
            self.close()
            raise LostRankError(
                f"rank {self._cluster.rank}: TensorFlow's server did not begin within "
                f"{self._patience:g} s: start all ranks again, or wait longer (patience=)"
            ) from error
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends this rank's part; the others notice at their next sum."""
        lanes, self._lanes = self._lanes, {}
        for lane in lanes.values():
            lane.close()
        worker, self._worker = self._worker, None
        session, self._session = self._session, None
        if worker is not None:
            if session is not None:
                with suppress(Exception):
                    worker.within(_LATER, session.close)
            worker.close()

    def sum(self, vector: np.ndarray) -> np.ndarray:
        """Returns the sum of all ranks' vectors.

        Args:
          vector: float32, float64 or int32 `[n]`, of the same dtype and n on every rank.

        Raises:
          LostRankError: a rank is gone or gives no answer.
          ClusterError: one was lost before.
        """
        session, worker = self._session, self._worker
        if session is None or worker is None:
            raise ClusterError("a sum over ranks without a session: it is closed, or one failed")
        key = (vector.dtype, vector.size)
        try:
            if key not in self._sums:
                self._sums[key] = self._make_sum(*key)
            call = self._sums[key]
            return worker.within(self._timeout + _LATER, lambda: call(vector))
        except TimeoutError as error:
            failed: BaseException = error
        except tf.errors.OpError as error:
            failed = error
        raise self._failed(failed) from failed

    def lane(self, source: int, target: int, words: int) -> Lane:
        """Returns the lane from a rank to another; one of them is this rank.

        Args:
          source: the rank that messages leave.
          target: the rank that they come to, another one.
          words: of a message. Both ask for the same lanes, in the same order.
        """
        if self._session is None:
            raise ClusterError("a lane between ranks without a session: it is closed, or failed")
        key = (source, target, words)
        if key not in self._lanes:
            earlier = sum(one[:2] == key[:2] for one in self._lanes)
            self._lanes[key] = Lane(
                self._open_another,
                self._failed,
                *(f"/job:{_JOB}/task:{self._cluster.rank}/cpu:0", self._cluster.rank == source),
                # Both ends have the same keys, and no other lane has.
                group_key=_GROUP_KEY + 1 + source * self._cluster.size + target,
                number=earlier,
                words=words,
                timeout=self._timeout,
            )
        return self._lanes[key]

    def _open_another(self, graph: tf.Graph) -> Any:
        """Opens one more session on this rank's server."""
        return tf.Session(self._server.target, graph=graph, config=_config(self._cluster.rank))

    def _failed(self, error: BaseException) -> LostRankError:
        """Returns what to raise when something between ranks failed; all is over then."""
        self._session = None
        return LostRankError(self._lost(error))

    def exchange(self, blob: bytes) -> list[bytes]:
        """Gives bytes to all ranks and returns those of each, by rank."""
        rank, size = self._cluster.rank, self._cluster.size
        lengths = np.zeros(size, np.int32)
        lengths[rank] = len(blob)
        lengths = self.sum(lengths)
        longest = int(lengths.max())
        # A power of two: few sizes for TensorFlow to make a sum of.
        width = min(1 << max(longest - 1, _LEAST).bit_length(), max(_LEAST, _MOST // size))
        width -= width % 4
        parts: list[list[bytes]] = [[] for _ in range(size)]
        for start in range(0, longest, width):
            mine = blob[start : start + width]
            block = np.zeros((size, width), np.uint8)
            block[rank, : len(mine)] = np.frombuffer(mine, np.uint8)
            summed = self.sum(block.view(np.int32).ravel()).view(np.uint8).reshape(size, width)
            for part, row in zip(parts, summed, strict=True):
                part.append(row.tobytes())
        joined = (b"".join(part) for part in parts)
        return [part[:length] for part, length in zip(joined, lengths, strict=True)]

    def _open(self, config: tf.ConfigProto) -> Any:
        cluster = tf.train.ClusterSpec({_JOB: list(self._cluster.addresses)})
        try:
            self._server = tf.train.Server(
                cluster, job_name=_JOB, task_index=self._cluster.rank, config=config
            )
        except tf.errors.OpError as error:
            raise ClusterError(
                f"rank {self._cluster.rank} cannot listen at "
                f"{self._cluster.addresses[self._cluster.rank]}: {because(error)}: name another "
                f"port, and an address of this machine"
            ) from error
        return tf.Session(self._server.target, graph=self._graph, config=config)

    def _make_sum(self, dtype: Any, size: int) -> Callable[[np.ndarray], np.ndarray]:
        # Ranks ask for the same sums in the same order, which gives them the same keys.
        number = len(self._sums) + 1
        with self._graph.as_default(), tf.device(f"/job:{_JOB}/task:{self._cluster.rank}/cpu:0"):
            given = tf.placeholder(dtype, [size])
            summed = tf.raw_ops.CollectiveReduceV2(
                input=given,
                group_size=self._cluster.size,
                group_key=_GROUP_KEY,
                instance_key=number,
                ordering_token=[],
                merge_op="Add",
                final_op="Id",
                timeout_seconds=self._timeout,
            )
        options = tf.RunOptions(timeout_in_ms=int(1e3 * (self._timeout + 0.5 * _LATER)))
        options.experimental.collective_graph_key = number

        def call(vector: np.ndarray) -> np.ndarray:
            result: np.ndarray = self._session.run(summed, {given: vector}, options=options)
            return result

        return call

    def _lost(self, error: BaseException) -> str:
        others = [rank for rank in range(self._cluster.size) if rank != self._cluster.rank]
        late = isinstance(error, TimeoutError | tf.errors.DeadlineExceededError)
        gone = self._gone(others, 0.0 if late else _DYING)
        if gone:
            return (
                f"{_ranks(gone, self._cluster)} {'is' if len(gone) == 1 else 'are'} gone: look "
                f"into its log, and start all ranks again from the last checkpoint"
            )
        if late:
            return (
                f"no answer for {self._timeout:g} s from {_ranks(others, self._cluster)}"
                f"{' or some of them' if len(others) > 1 else ''}: it is stopped, or far behind: "
                f"start all ranks again, or wait longer (timeout=)"
            )
        return (
            f"the sum over ranks was broken off ({_reason(error)}): look into the logs of "
            f"{_ranks(others, self._cluster)}, and start all ranks again"
        )

    def _gone(self, others: list[int], seconds: float) -> list[int]:
        """Returns those of some ranks that do not listen; looks again for some time."""
        deadline = time.monotonic() + seconds
        while True:
            gone = [rank for rank in others if not _listens(self._cluster.addresses[rank], _LOOK)]
            if gone or time.monotonic() >= deadline:
                return gone
            time.sleep(_PAUSE)


def check_port(cluster: Cluster) -> None:
    """Refuses a port that somebody listens at; TensorFlow's server would share it silently.

    Raises:
      ClusterError: it is taken.
    """
    _, port = split_address(cluster.addresses[cluster.rank])
    with socket.socket() as probe:
        # Connections of an earlier process that the kernel has not forgotten are no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError as error:
            raise ClusterError(
                f"rank {cluster.rank} cannot listen at {cluster.addresses[cluster.rank]}: "
                f"{because(error)}: end the process that does, or name another port"
            ) from error


def _warn_of_strangers(cluster: Cluster) -> None:
    found = networks()
    if found:
        _, port = split_address(cluster.addresses[cluster.rank])
        _log.warning(
            "rank %d listens at port %d on all networks of this machine (%s), and obeys whoever "
            "reaches it: keep that port behind a firewall, or in a network of the ranks' own",
            *(cluster.rank, port, ", ".join(found)),
        )


def wait_for_all(cluster: Cluster, deadline: float, patience: float) -> None:
    """Waits until every rank listens at its address.

    Raises:
      LostRankError: one does not in time.
    """
    missing = [rank for rank in range(cluster.size) if rank != cluster.rank]
    while True:
        missing = [rank for rank in missing if not _listens(cluster.addresses[rank], _LOOK)]
        if not missing:
            return
        if time.monotonic() > deadline:
            raise LostRankError(
                f"{_ranks(missing, cluster)} did not come within {patience:g} s: start every "
                f"rank, with the same addresses, or wait longer (patience=)"
            )
        time.sleep(_PAUSE)


def _reason(error: BaseException) -> str:
    """Returns the line of TensorFlow's message that says what happened."""
    lines = str(getattr(error, "message", error)).splitlines()
    stripped = [line.strip() for line in lines if line.strip()]
    told = [line for line in stripped if not line.startswith(_WHERE)]
    return told[0] if told else type(error).__name__


def _listens(address: str, seconds: float) -> bool:
    try:
        socket.create_connection(split_address(address), seconds).close()
    except OSError:
        return False
    return True


def _ranks(ranks: list[int], cluster: Cluster) -> str:
    named = [f"rank {rank} ({cluster.addresses[rank]})" for rank in ranks[:4]]
    more = [f"{len(ranks) - 4} more"] if len(ranks) > 4 else []
    return ", ".join([*named, *more])


def _config(rank: int) -> tf.ConfigProto:
    config = tf.ConfigProto()
    config.experimental.collective_group_leader = f"/job:{_JOB}/replica:0/task:0"
    # Without it a session waits for all ranks, for ever if one does not come.
    config.device_filters.append(f"/job:{_JOB}/task:{rank}")
    # Training has the others; a server would take their memory.
    config.device_count["GPU"] = 0
    config.allow_soft_placement = True
    return config
