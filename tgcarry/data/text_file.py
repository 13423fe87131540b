"""Tables of characters from text files: each character is a step, the next one its target."""

from collections.abc import Iterator, Sequence
from os import PathLike
from pathlib import Path

import numpy as np

from tgcarry.data.characters import Codec, character_name
from tgcarry.data.next_step import next_step
from tgcarry.data.spool import Spool
from tgcarry.data.table import Table
from tgcarry.data.utf8 import Piece, utf8_pieces
from tgcarry.data.wording import PathArg, listed, named, regular_file, whole
from tgcarry.errors import DataError


def read_text(
    paths: PathArg | Sequence[PathArg],
    vocabulary: Sequence[str] | None = None,
    limit: int | None = None,
) -> Table:
    """Reads UTF-8 text as one sequence of characters: x is the character, y the next one.

    Several files are joined in the order given, as one sequence. Every kind of line end is
    read as a line feed. Only numbers are kept, in a temporary file of one, two or four bytes a
    character.

    Args:
      paths: a file, or several.
      vocabulary: the characters, in the order of their numbers, such as the vocabulary of the
        training table. None takes those in the files, sorted by code point, in a pass of
        their own.
      limit: how many characters to read at most.

    Returns:
      A table with x and y `[N - 1]`, ids below `num_classes`, and its vocabulary.

    Raises:
      DataError: a character is not in the vocabulary (names the file, line and column), a file
        is missing or not UTF-8, or there are fewer than two characters.
    """
    several = [paths] if isinstance(paths, str | PathLike) else list(paths)
    files = [regular_file(path) for path in several]
    if not files:
        raise DataError("there are no text files to read: name at least one")
    most = None if limit is None else whole(limit, "limit", 2)
    source = listed(map(named, files), 3)
    if vocabulary is None:
        met: set[str] = set()
        for piece in _pieces(files, most):
            met.update(piece.text)
        if not met:
            raise DataError(f"{source} is empty: give at least two characters")
        vocabulary = sorted(met)
    return spool_text(_pieces(files, most), Codec(vocabulary), source)


def spool_text(pieces: Iterator[Piece], codec: Codec, source: str) -> Table:
    """Writes the numbers of the characters of a text to a temporary file, as a table.

    Args:
      pieces: the text, piece by piece.
      codec: the vocabulary.
      source: what messages call the text.

    Raises:
      DataError: a character is not in the vocabulary, or there are fewer than two.
    """
    spool = Spool(codec.dtype)
    for piece in pieces:
        ids, unknown = codec.numbers(piece.text)
        if unknown is not None:
            line, column = piece.place(unknown)
            raise DataError(
                f"{piece.where}, line {line}, column {column} holds "
                f"{character_name(piece.text[unknown])}, which is not in the vocabulary of "
                f"{len(codec.vocabulary)}: replace it, or train with it"
            )
        spool.append(ids)
    if spool.rows < 2:
        raise DataError(
            f"{source} is {'too short' if spool.rows else 'empty'}: give at least two characters"
        )
    x, y, bounds = next_step(spool.column(), np.array([0, spool.rows]), source)
    return Table(
        {"x": x, "y": y},
        bounds,
        vocabulary=codec.vocabulary,
        num_classes=len(codec.vocabulary),
        source=source,
    )


def _pieces(files: Sequence[Path], most: int | None) -> Iterator[Piece]:
    """Joins the files' text, up to `most` characters."""
    left = most
    for path in files:
        for piece in utf8_pieces(path):
            if left is None:
                yield piece
                continue
            yield piece._replace(text=piece.text[:left])
            left -= len(piece.text)
            if left <= 0:
                return
