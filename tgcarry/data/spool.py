"""Rows set aside in temporary files, so that no reader holds a whole file in memory."""

import tempfile
import weakref
from pathlib import Path
from typing import IO, Any

import numpy as np

from tgcarry.data.file_column import FileColumn
from tgcarry.data.wording import because, named
from tgcarry.errors import DataError


class Spool:
    """Appends rows to a temporary file, which then serves as a column.

    The file is removed when neither the spool nor its column is referred to any more, and at
    the latest when Python exits. A process that is killed leaves its file behind, under the
    prefix `tgcarry-` in the system's temporary directory.

    Args:
      dtype: type of the values.
      row_shape: shape of one row.
    """

    def __init__(self, dtype: Any, row_shape: tuple[int, ...] = ()) -> None:
        self.dtype = np.dtype(dtype)
        self.row_shape = tuple(row_shape)
        self.rows = 0
        try:
            self._file: IO[bytes] = tempfile.NamedTemporaryFile(  # noqa: SIM115
                prefix="tgcarry-", suffix=".bin", buffering=1 << 18, delete=False
            )
        except OSError as error:
            raise _full(error) from error
        self.path = Path(self._file.name)
        weakref.finalize(self, _remove, self._file, self.path)

    def append(self, rows: Any) -> None:
        """Adds rows at the end.

        Args:
          rows: `[n, *row_shape]`, converted to the spool's dtype.

        Raises:
          DataError: the disk is full.
        """
        block = np.ascontiguousarray(rows, self.dtype).reshape(-1, *self.row_shape)
        self.write(block.tobytes())
        self.rows += len(block)

    def write(self, data: bytes) -> None:
        """Adds raw bytes at the end, uncounted as rows.

        Raises:
          DataError: the disk is full.
        """
        try:
            self._file.write(data)
        except OSError as error:
            raise _full(error) from error

    def close(self) -> None:
        """Finishes writing; the file stays until the spool is forgotten.

        Raises:
          DataError: the disk is full.
        """
        try:
            self._file.close()
        except OSError as error:
            raise _full(error) from error

    def column(self) -> FileColumn:
        """Finishes writing and returns the rows appended so far as a column.

        Raises:
          DataError: the disk is full.
        """
        self.close()
        return FileColumn(self.path, self.dtype, (self.rows, *self.row_shape), keep=self)


def _full(error: OSError) -> DataError:
    try:
        where = named(tempfile.gettempdir())
    except OSError:
        where = "any temporary directory"
    return DataError(
        f"cannot write a temporary file in {where} ({because(error)}): free space there, or "
        "set TMPDIR to a directory with room"
    )


def _remove(file: IO[bytes], path: Path) -> None:
    try:
        file.close()
    except OSError:  # What is left in the buffer did not fit; the file goes anyway.
        pass
    finally:
        path.unlink(missing_ok=True)
