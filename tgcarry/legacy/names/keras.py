"""Tables of the group `keras`."""

from __future__ import annotations

from tgcarry.legacy.table import Table

TABLES: tuple[Table, ...] = ()
