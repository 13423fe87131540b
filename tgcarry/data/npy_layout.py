"""Where the values of an array lie inside an .npy file, or inside an .npz archive."""

import os
import struct
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.lib import format as npy

from tgcarry.data.file_column import FileColumn
from tgcarry.data.spool import Spool
from tgcarry.data.wording import because, listed, named
from tgcarry.errors import DataError

_LOCAL_HEADER = struct.Struct("<4s22xHH")
_PIECE = 1 << 20


class Stored(NamedTuple):
    """Is one array in a file, none of it read yet."""

    column: FileColumn
    source: str


def open_npy(path: Path) -> Stored:
    """Locates the array in an .npy file.

    Raises:
      DataError: not such a file, cut short, of Python objects, or in Fortran order.
    """
    with path.open("rb") as file:
        column = _layout(file, path, path.stat().st_size, named(path))
    return Stored(column, named(path))


def open_npz(path: Path) -> dict[str, Stored]:
    """Locates every array in an .npz archive, by key.

    A member that is stored as it is stays in the archive; a compressed one is decompressed
    piece by piece into a temporary file.

    Raises:
      DataError: not such an archive, damaged, or an array that `open_npy` would refuse.
    """
    try:
        with zipfile.ZipFile(path) as archive, path.open("rb") as file:
            members = [info for info in archive.infolist() if info.filename.endswith(".npy")]
            if not members:
                raise DataError(
                    f"{named(path)} holds no arrays, only: {listed(archive.namelist())}: write "
                    "it with np.savez(path, x=..., y=...)"
                )
            return {
                info.filename.removesuffix(".npy"): _member(archive, info, file, path)
                for info in members
            }
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise DataError(
            f"{named(path)} is not a whole .npz archive ({because(error)}): write it again with "
            "np.savez(path, x=..., y=...)"
        ) from error


def _member(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, file: IO[bytes], path: Path
) -> Stored:
    source = f"{named(path)}[{info.filename.removesuffix('.npy')}]"
    if info.compress_type == zipfile.ZIP_STORED and not info.flag_bits & 1:
        file.seek(info.header_offset)
        header = file.read(_LOCAL_HEADER.size)
        if len(header) < _LOCAL_HEADER.size or header[:4] != b"PK\x03\x04":
            raise zipfile.BadZipFile(f"no member at byte {info.header_offset}")
        _, name_bytes, extra_bytes = _LOCAL_HEADER.unpack(header)
        file.seek(name_bytes + extra_bytes, os.SEEK_CUR)
        end = min(file.tell() + info.file_size, path.stat().st_size)
        return Stored(_layout(file, path, end, source), source)
    spool = Spool(np.uint8)
    with archive.open(info) as member:
        while piece := member.read(_PIECE):
            spool.write(piece)
    spool.close()
    with spool.path.open("rb") as copy:
        column = _layout(copy, spool.path, spool.path.stat().st_size, source, spool)
    return Stored(column, source)


def _layout(file: IO[bytes], path: Path, end: int, source: str, keep: object = None) -> FileColumn:
    """Reads the header at the file's position; the array must be over by byte `end`."""
    shape, fortran, dtype = _header(file, source)
    if dtype.hasobject:
        raise DataError(
            f"{source} holds Python objects, which are never unpickled: save an array of numbers"
        )
    if fortran and len(shape) > 1:
        raise DataError(
            f"{source} is in Fortran order, so its rows are not together in the file: save "
            "np.ascontiguousarray(array)"
        )
    offset = file.tell()
    wanted = int(np.prod(shape, dtype=object)) * dtype.itemsize
    if end - offset < wanted:
        raise DataError(
            f"{source} is cut short: shape {list(shape)} of {dtype} takes {wanted} bytes, "
            f"{max(0, end - offset)} are there: copy or write the file again"
        )
    return FileColumn(path, dtype, shape, offset, keep)


def _header(file: IO[bytes], source: str) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    try:
        version = npy.read_magic(file)
        if version == (1, 0):
            return npy.read_array_header_1_0(file)
        if version == (2, 0):
            return npy.read_array_header_2_0(file)
    except (ValueError, SyntaxError, TypeError, EOFError, UnicodeError) as error:
        raise DataError(
            f"{source} is not a whole .npy array ({because(error)}): write it with "
            "np.save(path, array)"
        ) from error
    raise DataError(
        f"{source} has .npy format version {version}: save a plain array of numbers, which "
        "needs 1.0 or 2.0"
    )
