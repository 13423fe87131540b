"""Tables of the group `packages`."""

from __future__ import annotations

from tgcarry.legacy.table import Table

TABLES: tuple[Table, ...] = ()
