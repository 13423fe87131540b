"""Tables of the group `contrib_layers`."""

from __future__ import annotations

from tgcarry.legacy.table import Table

TABLES: tuple[Table, ...] = ()
