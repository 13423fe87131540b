"""Who takes part in a job: an address per rank, and which of them this process is."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, overload

from tgcarry.addresses import check_addresses, is_loopback, read_config, split_address
from tgcarry.cluster.shares import rows_of, share
from tgcarry.data import Chunk
from tgcarry.data.wording import shown
from tgcarry.errors import ClusterError


@dataclass(frozen=True)
class Cluster:
    """Says at which address each rank of a job is, and which rank this process is.

    Without addresses it is one process alone, for which everything stays as it is.

    Args:
      addresses: "host:port" of each rank, the same list everywhere.
      rank: of this process, from 0.

    Raises:
      ClusterError: addresses that are none or occur twice, or no such rank.
    """

    addresses: tuple[str, ...] = ()
    rank: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "addresses", check_addresses(self.addresses))
        rank: Any = self.rank
        if isinstance(rank, bool) or not isinstance(rank, int) or rank not in range(self.size):
            raise ClusterError(
                f"rank {shown(rank)} of {self.size}: give a number from 0 to {self.size - 1}"
            )

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Cluster:
        """Reads the cluster that a launcher has put into TF_CONFIG; alone without one.

            {"cluster": {"worker": ["10.0.0.1:4000", ...]}, "task": {"type": "worker", "index": 0}}

        Args:
          environment: `os.environ` by default.

        Raises:
          ClusterError: it cannot be read, or has parameter servers or evaluators.
        """
        return cls(*read_config(os.environ if environment is None else environment))

    @property
    def size(self) -> int:
        """Counts the ranks."""
        return max(1, len(self.addresses))

    @property
    def is_chief(self) -> bool:
        """Says whether this is rank 0, whose variables and files are everybody's."""
        return self.rank == 0

    @property
    def exposed(self) -> bool:
        """Says whether an address is one that other machines may reach."""
        return not all(is_loopback(split_address(address)[0]) for address in self.addresses)

    def rows(self, batch: int) -> slice:
        """Returns which of `batch` streams are this rank's.

        Raises:
          ClusterError: there are fewer streams than ranks.
        """
        return rows_of(batch, self.rank, self.size)

    @overload
    def share(self, chunks: Sequence[Chunk]) -> Sequence[Chunk]: ...
    @overload
    def share(self, chunks: Iterable[Chunk]) -> Iterable[Chunk]: ...
    def share(self, chunks: Iterable[Chunk]) -> Iterable[Chunk]:
        """Returns chunks with this rank's streams alone.

        A sequence stays one that is read on demand. Shares differ by one stream where the ranks
        do not divide the batch. Whether *every* stream starts anew is still that of the whole
        batch, so that all ranks cut the same windows.

        Args:
          chunks: of the whole batch, the same on every rank.

        Raises:
          ClusterError: when read, a chunk has fewer streams than there are ranks.
        """
        return chunks if self.size == 1 else share(chunks, self.rank, self.size)
