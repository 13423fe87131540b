"""Tables of the group `before_one`."""

from __future__ import annotations

from tgcarry.legacy.table import Table

# Put in front of the names of `tensorflow`, `tensorflow.nn` and `tensorflow.train` by `root`.
ROOT: dict[str, str] = {}
NN: dict[str, str] = {}
TRAIN: dict[str, str] = {}

TABLES: tuple[Table, ...] = ()
