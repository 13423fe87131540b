"""Tables of the group `contrib_seq2seq`."""

from __future__ import annotations

from tgcarry.legacy.table import Table

TABLES: tuple[Table, ...] = ()
