"""Writes the tables of docs/legacy.md from the facade's own; `--check` only compares."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from tgcarry.legacy import registry
from tgcarry.legacy.python2 import library
from tgcarry.legacy.table import Table

PAGE = Path(__file__).parent.parent / "docs" / "legacy.md"
BEGIN, END = "<!-- begin {} -->", "<!-- end {} -->"


def tensorflow() -> Iterator[str]:
    """Yields the section of TensorFlow's modules."""
    yield from _sections(sorted(_of("tensorflow"), key=lambda table: table.module))


def packages() -> Iterator[str]:
    """Yields the section of all other packages."""
    others = [t for t in registry.tables() if t.module.partition(".")[0] != "tensorflow"]
    yield from _sections(sorted(others, key=lambda table: table.module))


def python2() -> Iterator[str]:
    """Yields the section of Python 2's standard library."""
    for table in sorted(library.TABLES, key=lambda table: table.module):
        names = [f"`{name}`" for name in sorted(table.names)]
        where = ", ".join(f"`{name}`" for name in table.fallback if name != table.module)
        own = "" if where.startswith("`tgcarry") else where
        yield f"- {_title(table)}: {', '.join([*filter(None, [own]), *names]) or 'as today'}"


SECTIONS = {"tensorflow": tensorflow, "packages": packages, "python2": python2}


def _of(package: str) -> list[Table]:
    return [t for t in registry.tables() if t.module.partition(".")[0] == package]


def _title(table: Table) -> str:
    aliases = f" (also {', '.join(f'`{name}`' for name in table.aliases)})"
    return f"`{table.module}`" + (aliases if table.aliases else "")


def _sections(tables: list[Table]) -> Iterator[str]:
    for table in tables:
        if not (table.names or table.differs or table.missing):
            continue
        yield f"### {_title(table)}"
        plain = sorted(set(table.names) - set(table.differs) - set(table.missing))
        if plain:
            yield ", ".join(f"`{name}`" for name in plain) + "."
        if table.fallback:
            there = ", ".join(f"`{name}`" for name in table.fallback)
            yield f"All other names: those of {there}."
        for head, rows in (("differs", table.differs), ("missing: instead", table.missing)):
            if rows:
                lines = [f"| name | {head} |", "|---|---|"]
                yield "\n".join([*lines, *(f"| `{n}` | {_cell(rows[n])} |" for n in sorted(rows))])


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def filled(page: str) -> str:
    """Returns the page with what stands between its markers written anew.

    Raises:
      ValueError: a marker is missing.
    """
    for name, section in SECTIONS.items():
        begin, end = BEGIN.format(name), END.format(name)
        if begin not in page or end not in page:
            raise ValueError(f"{PAGE}: no {begin} ... {end}; put them back")
        between = "\n" if name == "python2" else "\n\n"
        text = f"{begin}\n\n{between.join(section())}\n\n{end}"
        pattern = re.escape(begin) + ".*?" + re.escape(end)
        page = re.sub(pattern, lambda _, text=text: text, page, flags=re.DOTALL)  # type: ignore[misc]
    return page


def main(argv: list[str]) -> int:
    """Writes the page, or says whether it is up to date."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 if old")
    options = parser.parse_args(argv)
    old = PAGE.read_text(encoding="utf-8")
    new = filled(old)
    if options.check:
        return int(old != new)
    PAGE.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
