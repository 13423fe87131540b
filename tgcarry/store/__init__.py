"""Snapshots in a folder, each there whole or not at all. Needs no TensorFlow."""

from tgcarry.store.manifest import SavedFile, Snapshot
from tgcarry.store.reading import Damage
from tgcarry.store.store import Store

__all__ = ["Damage", "SavedFile", "Snapshot", "Store"]
