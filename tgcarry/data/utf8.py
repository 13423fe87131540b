"""Reading UTF-8, and saying in which line it breaks."""

import codecs
import io
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import NamedTuple

from tgcarry.data.steady import opened
from tgcarry.data.wording import named
from tgcarry.errors import DataError

MAX_LINE = 1 << 24
_PIECE = 1 << 16


class Piece(NamedTuple):
    """Is a stretch of text and where it begins: file, line from 1, column from 1."""

    where: str
    line: int
    column: int
    text: str

    def place(self, index: int) -> tuple[int, int]:
        """Returns the line and column of `text[index]`."""
        breaks = self.text.count("\n", 0, index)
        if breaks:
            return self.line + breaks, index - self.text.rfind("\n", 0, index)
        return self.line, self.column + index


def utf8_lines(path: Path) -> Generator[str, None, None]:
    """Yields a file's lines with their ends, without a byte order mark.

    Args:
      path: the file.

    Raises:
      DataError: a line is not UTF-8, or longer than 16 MiB; or the file is written to meanwhile.
    """
    with opened(path) as unbuffered:
        file = io.BufferedReader(unbuffered)
        number = 0
        while raw := file.readline(MAX_LINE):
            number += 1
            if len(raw) == MAX_LINE:
                raise DataError(
                    f"{named(path)}, line {number} is longer than {MAX_LINE} bytes: is this a "
                    "text file?"
                )
            try:
                line = raw.decode("utf-8")
            except UnicodeDecodeError as error:
                raise _not_utf8(path, number, raw[error.start]) from error
            yield line.removeprefix("\ufeff") if number == 1 else line


def utf8_pieces(path: Path) -> Iterator[Piece]:
    """Yields a file's text some 64 KiB at a time, however long its lines are.

    Line ends are all turned into line feeds, and a byte order mark is left out.

    Args:
      path: the file.

    Raises:
      DataError: the file is not UTF-8, or is written to meanwhile.
    """
    inner = codecs.getincrementaldecoder("utf-8-sig")()
    decoder = io.IncrementalNewlineDecoder(inner, translate=True)
    line, column = 1, 1
    with opened(path) as file:
        while True:
            raw = file.read(_PIECE)
            try:
                text = decoder.decode(raw, final=not raw)
            except UnicodeDecodeError as error:
                number = line + error.object.count(b"\n", 0, error.start)
                raise _not_utf8(path, number, error.object[error.start]) from error
            if text:
                piece = Piece(named(path), line, column, text)
                yield piece
                line, column = piece.place(len(text))
            if not raw:
                return


def _not_utf8(path: Path, line: int, byte: int) -> DataError:
    return DataError(
        f"{named(path)}, line {line} is not UTF-8 (byte 0x{byte:02x}): convert the file to UTF-8"
    )
