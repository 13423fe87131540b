"""Data parallel training: ranks that own streams each and take every optimiser step together."""

from tgcarry.cluster.chief import of_chief
from tgcarry.cluster.cluster import Cluster
from tgcarry.cluster.group import Group

__all__ = ["Cluster", "Group", "of_chief"]
