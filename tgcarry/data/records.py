"""The records of a TFRecord file, as bytes."""

from __future__ import annotations

import inspect
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np

from tgcarry.data.spool import Spool
from tgcarry.data.steady import opened
from tgcarry.data.wording import because, named, shown
from tgcarry.errors import DataError

# What zlib calls the containers that TensorFlow writes.
_CONTAINERS = {"GZIP": 31, "ZLIB": 15}
_LENGTH = struct.Struct("<Q")
# Around a record: its length and the checksums of both.
_FRAME = 16
_PIECE = 1 << 18


def records(path: Path, compression: str) -> Iterator[bytes]:
    """Yields the records of a TFRecord file, read and checked by TensorFlow's own reader.

    That reader sets aside the memory that a record's length asks for before it looks whether the
    file has as much; a length that is damaged ends the process. So each length is looked at here
    first, and a compressed file is decompressed into a temporary one.

    Args:
      path: the file.
      compression: "", "GZIP" or "ZLIB".

    Raises:
      DataError: a record or the compressed data is damaged, or the file is written to meanwhile.
    """
    if compression not in ("", *_CONTAINERS):
        raise DataError(f'compression {shown(compression)} is unknown: give "", "GZIP" or "ZLIB"')
    try:
        str(path.absolute()).encode()
    except UnicodeEncodeError as error:
        raise DataError(
            f"{named(path)}: TensorFlow cannot open a name that is not UTF-8: rename the file"
        ) from error
    with opened(path) as file:
        if not compression:
            yield from _framed(file, path, path)
            return
        spool = Spool(np.uint8)
        try:
            for piece in _decompressed(file, _CONTAINERS[compression]):
                spool.write(piece)
        except (zlib.error, EOFError) as error:
            raise DataError(
                f"{named(path)} is not whole {compression} data ({because(error)}): write the "
                "file again, or name another compression"
            ) from error
        spool.close()
        with spool.path.open("rb") as plain:
            yield from _framed(plain, spool.path, path)


def _framed(file: IO[bytes], where: Path, path: Path) -> Iterator[bytes]:
    import tensorflow.compat.v1 as tf

    # What lies under the deprecation notice; it reads records without making a graph.
    iterate = inspect.unwrap(tf.io.tf_record_iterator)
    size = file.seek(0, 2)
    begin, record = 0, 0
    try:
        # Absolute, as TensorFlow has a meaning of its own for names like a://b.
        reader = iterate(str(where.absolute()))
        while True:
            length = _length(file, begin)
            if begin + _FRAME + length > size:
                raise DataError(
                    f"{named(path)}, record {record} is damaged (it claims {length} bytes of the "
                    f"{size} in the file): write the file again, or name its compression"
                )
            raw = next(reader, None)
            if raw is None:
                return
            yield raw
            begin += _FRAME + length
            record += 1
    except tf.errors.OpError as error:
        raise DataError(
            f"{named(path)}, record {record} is damaged ({because(error)}): write the file "
            "again, or name its compression"
        ) from error


def _length(file: IO[bytes], begin: int) -> int:
    """Reads the length of the record at a byte; of what is too short for one, 16 bytes less."""
    file.seek(begin)
    raw = file.read(_LENGTH.size)
    return int(_LENGTH.unpack(raw)[0]) if len(raw) == _LENGTH.size else -_FRAME


def _decompressed(file: IO[bytes], container: int) -> Iterator[bytes]:
    decompressor = zlib.decompressobj(container)
    begun = False
    while raw := file.read(_PIECE):
        while raw:
            if decompressor.eof:
                # Files of gzip may be put one behind another.
                decompressor, begun = zlib.decompressobj(container), False
            yield decompressor.decompress(raw, _PIECE)
            begun = True
            raw = decompressor.unconsumed_tail or decompressor.unused_data
    if begun and not decompressor.eof:
        raise EOFError("it ends early")
