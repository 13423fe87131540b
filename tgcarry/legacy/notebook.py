"""Notebooks as programs: the code cells in order, without what only a notebook can do."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

from tgcarry.errors import LegacyError

_MAGIC = re.compile(r"^(\s*)([%!?].*|[\w.]+\?{1,2}\s*)$")
# `files = !ls` and `time = %timeit -o f()`.
_ASSIGNED = re.compile(r"^\s*[\w, ]+=\s*[%!]\S")
_SILENT = re.compile(r"^\s*%(matplotlib|pylab|config|load_ext|autoreload|reload_ext)\b")
# Cell magics whose cell is Python all the same.
_PYTHON_CELLS = frozenset({"%%time", "%%timeit", "%%capture", "%%prun", "%%python", "%%python3"})


class Code(NamedTuple):
    """Holds a notebook's code."""

    text: str
    python2: bool
    """Whether the notebook says that its kernel is Python 2."""
    left_out: tuple[str, ...]
    """The magics and shell lines that became comments."""


def code_of(text: str, path: str) -> Code:
    """Returns the code of a notebook of format 3 or 4.

    As `jupyter nbconvert --to script` does, the last expression of a cell is not printed.

    Raises:
      LegacyError: it is no notebook.
    """
    try:
        notebook = json.loads(text)
        cells = [_source(cell) for cell in _cells(notebook) if cell.get("cell_type") == "code"]
    except (ValueError, AttributeError, TypeError, KeyError) as error:
        text = f"{path}: not a notebook ({error}); save it again from Jupyter"
        raise LegacyError(text) from error
    left_out: list[str] = []
    lines: list[str] = []
    for cell in cells:
        lines += [*_plain(cell, left_out), ""]
    return Code("\n".join(lines) + "\n", _says_python2(notebook), tuple(left_out))


def _cells(notebook: dict[str, Any]) -> list[dict[str, Any]]:
    if "worksheets" in notebook:
        return [cell for sheet in notebook["worksheets"] for cell in sheet.get("cells", [])]
    cells: list[dict[str, Any]] = notebook["cells"]
    return cells


def _source(cell: dict[str, Any]) -> str:
    source = cell.get("source", cell.get("input", ""))
    return source if isinstance(source, str) else "".join(source)


def _says_python2(notebook: dict[str, Any]) -> bool:
    metadata = notebook.get("metadata", {})
    kernel = metadata.get("kernelspec", {}).get("name", "")
    version = str(metadata.get("language_info", {}).get("version", ""))
    return kernel == "python2" or version.startswith("2.")


def _plain(cell: str, left_out: list[str]) -> list[str]:
    """Returns a cell's lines with magics and shell lines commented out."""
    lines = cell.splitlines()
    first = next((line for line in lines if line.strip()), "")
    if first.startswith("%%") and first.split()[0] not in _PYTHON_CELLS:
        left_out.append(first.strip())
        return [f"# {line}" for line in lines]
    plain = []
    inside = False
    for line in lines:
        magic = None if inside else _MAGIC.match(line)
        if magic:
            if not _SILENT.match(line):
                left_out.append(line.strip())
            # A block may consist of magics alone.
            plain.append(f"{magic[1]}pass  # {magic[2]}")
        elif not inside and _ASSIGNED.match(line):
            left_out.append(line.strip())
            plain.append(f"{line.partition('=')[0]}= []  # {line.strip()}")
        else:
            plain.append(line)
            inside = _toggles(line) != inside
    return plain


def _toggles(line: str) -> bool:
    """Says whether a triple-quoted string opens or closes in a line, and not both."""
    return (line.count('"""') + line.count("'''")) % 2 == 1
