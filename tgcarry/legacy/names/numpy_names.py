"""Tables of the group `numpy_names`."""

from __future__ import annotations

from tgcarry.legacy.table import Table

TABLES: tuple[Table, ...] = ()
