"""Where the values of an array lie inside an .npy file, or inside an .npz archive."""

import math
import os
import struct
import warnings
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.lib import format as npy

from tgcarry.data.file_column import FileColumn
from tgcarry.data.spool import Spool
from tgcarry.data.steady import Mark, mark, opened
from tgcarry.data.wording import because, listed, named, shown
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
    seen = mark(path)
    with opened(path, seen) as file:
        return Stored(_layout(file, path, seen.size, named(path), seen=seen), named(path))


def open_npz(path: Path) -> dict[str, Stored]:
    """Locates every array in an .npz archive, by key.

    A member that is stored as it is stays in the archive; a compressed one is decompressed
    piece by piece into a temporary file. Both are compared with the archive's checksums.

    Raises:
      DataError: not such an archive, damaged, or an array that `open_npy` would refuse.
    """
    seen = mark(path)
    with opened(path, seen) as file:
        try:
            return _members(file, path, seen)
        # On damaged bytes zipfile and its decompressors raise whatever they come to.
        except Exception as error:
            if isinstance(error, DataError) or getattr(error, "errno", None) is not None:
                raise
            raise DataError(
                f"{named(path)} is not a whole .npz archive ({because(error)}): write it again "
                "with np.savez(path, x=..., y=...)"
            ) from error


def _members(file: IO[bytes], path: Path, seen: Mark) -> dict[str, Stored]:
    with zipfile.ZipFile(file) as archive:
        members = [info for info in archive.infolist() if info.filename.endswith(".npy")]
        if not members:
            raise DataError(
                f"{named(path)} holds no arrays, only: {listed(archive.namelist())}: write it "
                "with np.savez(path, x=..., y=...)"
            )
        found: dict[str, Stored] = {}
        for info in members:
            key = info.filename.removesuffix(".npy")
            if key in found:
                raise DataError(f"{named(path)} holds {listed([key])} twice: leave one out")
            found[key] = _member(archive, info, file, path, seen)
        return found


def _member(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, file: IO[bytes], path: Path, seen: Mark
) -> Stored:
    source = f"{named(path)}[{listed([info.filename.removesuffix('.npy')])}]"
    if info.compress_type == zipfile.ZIP_STORED and not info.flag_bits & 1:
        _check_sum(archive, info)
        end = _begin(file, info) + info.file_size
        return Stored(_layout(file, path, end, source, seen=seen), source)
    with archive.open(info) as member:
        # What is refused anyway is not worth the room that it takes.
        _layout(member, path, info.file_size, source, seen=seen)
    spool = Spool(np.uint8)
    with archive.open(info) as member:
        while piece := member.read(_PIECE):
            spool.write(piece)
    spool.close()
    with spool.path.open("rb") as copy:
        column = _layout(copy, spool.path, spool.path.stat().st_size, source, keep=spool)
    return Stored(column, source)


def _begin(file: IO[bytes], info: zipfile.ZipInfo) -> int:
    """Finds the first byte of a stored member, and leaves the file there."""
    file.seek(info.header_offset)
    header = file.read(_LOCAL_HEADER.size)
    if len(header) < _LOCAL_HEADER.size or header[:4] != b"PK\x03\x04":
        raise zipfile.BadZipFile(f"no member at byte {info.header_offset}")
    _, name_bytes, extra_bytes = _LOCAL_HEADER.unpack(header)
    return file.seek(name_bytes + extra_bytes, os.SEEK_CUR)


def _check_sum(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> None:
    """Reads a stored member through: nothing else would tell damaged numbers from whole ones."""
    if info.file_size != info.compress_size:
        raise zipfile.BadZipFile(f"a member of {info.compress_size} bytes claims {info.file_size}")
    with archive.open(info) as member:
        while member.read(_PIECE):
            pass


def _layout(
    file: IO[bytes],
    path: Path,
    end: int,
    source: str,
    *,
    keep: object = None,
    seen: Mark | None = None,
) -> FileColumn:
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
    wanted = math.prod(shape) * dtype.itemsize
    if end - offset < wanted:
        raise DataError(
            f"{source} is cut short: shape {list(shape)} of {dtype} takes {wanted} bytes, "
            f"{max(0, end - offset)} are there: copy or write the file again"
        )
    return FileColumn(path, dtype, shape, offset, keep, seen)


def _header(file: IO[bytes], source: str) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    try:
        version = npy.read_magic(file)
        with warnings.catch_warnings():
            # NumPy's advice on headers that Python 2 wrote: they are read all the same.
            warnings.simplefilter("ignore")
            if version == (1, 0):
                return _checked(npy.read_array_header_1_0(file))
            if version == (2, 0):
                return _checked(npy.read_array_header_2_0(file))
    except (OSError, zipfile.BadZipFile, zlib.error):
        raise
    # On damaged bytes NumPy, and Python's parser below it, raise whatever they come to.
    except Exception as error:
        raise DataError(
            f"{source} is not a whole .npy array ({because(error)}): write it with "
            "np.save(path, array)"
        ) from error
    raise DataError(
        f"{source} has .npy format version {version}: save a plain array of numbers, which "
        "needs 1.0 or 2.0"
    )


def _checked(header: tuple[tuple[int, ...], bool, Any]) -> tuple[tuple[int, ...], bool, Any]:
    if any(type(axis) is not int or axis < 0 for axis in header[0]):
        raise ValueError(f"shape {shown(header[0])}")
    return header
