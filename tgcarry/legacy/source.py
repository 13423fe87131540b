"""Old programs' files: read and decoded, whatever they were saved as."""

from __future__ import annotations

import codecs
import io
import pathlib
import tokenize
from typing import NamedTuple

from tgcarry.errors import LegacyError
from tgcarry.legacy import notebook


class Source(NamedTuple):
    """Holds the text of one file of a program."""

    path: str
    text: str
    python2: bool = False
    """Whether the file itself says so, as a notebook does."""
    notes: tuple[str, ...] = ()
    """What its user should know about how it was read."""


def read(path: str) -> Source:
    """Reads a program's file.

    Raises:
      LegacyError: the file cannot be read.
    """
    try:
        raw = pathlib.Path(path).read_bytes()
    except OSError as error:
        raise LegacyError(f"{path}: {error.strerror}; give a file that can be read") from error
    if b"\0" in raw[:4096] and not raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise LegacyError(f"{path}: no program's text, it has null bytes; give a .py or .ipynb")
    if path.endswith(".ipynb"):
        code = notebook.code_of(raw.decode("utf-8-sig", "replace"), path)
        notes = tuple(f"{path}: left out {line!r}" for line in code.left_out)
        return Source(path, code.text, code.python2, notes)
    text, notes = _decoded(raw, path)
    return Source(path, _one_newline(text), notes=notes)


def _decoded(raw: bytes, path: str) -> tuple[str, tuple[str, ...]]:
    """Returns the text by its cookie or mark, else as UTF-8, else as Latin-1."""
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return raw.decode("utf-16"), ()
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(raw).readline)
        return raw.decode(encoding), ()
    except (SyntaxError, UnicodeDecodeError, LookupError):
        # Python 2 read comments and strings in any encoding that has ASCII in it.
        note = f"{path}: neither UTF-8 nor what its coding line says; read as Latin-1"
        return raw.decode("latin-1"), (note,)


def _one_newline(text: str) -> str:
    r"""Ends every line with one "\n", without the form feeds and end marks of old editors."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\x1a")
    return text if text.endswith("\n") else text + "\n"
