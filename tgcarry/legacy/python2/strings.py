"""Python 2's `string` module: functions that are methods today."""

from __future__ import annotations

from string import *  # noqa: F403
from string import ascii_letters, ascii_lowercase, ascii_uppercase
from typing import Any

letters = ascii_letters
lowercase = ascii_lowercase
uppercase = ascii_uppercase
maketrans = str.maketrans

atof = float
atoi = int
atol = int
capitalize = str.capitalize
count = str.count
expandtabs = str.expandtabs
find = str.find
index = str.index
ljust = str.ljust
lower = str.lower
lstrip = str.lstrip
replace = str.replace
rfind = str.rfind
rindex = str.rindex
rjust = str.rjust
rsplit = str.rsplit
rstrip = str.rstrip
split = splitfields = str.split
strip = str.strip
swapcase = str.swapcase
upper = str.upper
zfill = str.zfill


def join(words: Any, separator: str = " ") -> str:
    """Joins words, which come first here."""
    return separator.join(words)


joinfields = join


def translate(text: str, table: Any, delete: str = "") -> str:
    """Maps characters, without those in `delete`."""
    kept = "".join(character for character in text if character not in delete)
    return kept if table is None else kept.translate(table)
