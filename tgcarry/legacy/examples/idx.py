"""The IDX file format of MNIST's images and labels."""

from __future__ import annotations

import gzip
import pathlib
import struct
from typing import Any

import numpy as np

from tgcarry.errors import DataError

IMAGES_MAGIC = 2051
LABELS_MAGIC = 2049
_GZIP = b"\x1f\x8b"


def images(source: Any) -> Any:
    """Reads images.

    Args:
      source: path, or an open binary file; compressed by gzip or not.

    Returns:
      uint8 `[N, rows, columns, 1]`.

    Raises:
      DataError: the file is another one, or short.
    """
    return _values(source, IMAGES_MAGIC, 3)[..., np.newaxis]


def labels(source: Any, one_hot: bool = False, num_classes: int = 10) -> Any:
    """Reads labels.

    Args:
      source: as of `images`.
      one_hot: whether to return rows with a single one.
      num_classes: int, C.

    Returns:
      uint8 `[N]`, or float64 `[N, C]`.

    Raises:
      DataError: the file is another one, or short.
    """
    values = _values(source, LABELS_MAGIC, 1)
    return dense_to_one_hot(values, num_classes) if one_hot else values


def dense_to_one_hot(labels_dense: Any, num_classes: int) -> Any:
    """Returns float64 `[N, num_classes]` with a one where each of the labels `[N]` says."""
    return np.eye(num_classes)[np.asarray(labels_dense).ravel()]


def _values(source: Any, magic: int, rank: int) -> Any:
    name = getattr(source, "name", source)
    content = pathlib.Path(source).read_bytes() if isinstance(source, str) else _read(source)
    if content[:2] == _GZIP:
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError) as error:
            raise DataError(f"{name}: cannot be unpacked ({error}); get it again") from error
    header = 4 * (1 + rank)
    if len(content) < header or struct.unpack(">I", content[:4])[0] != magic:
        found = struct.unpack(">I", content[:4].ljust(4, b"\0"))[0]
        raise DataError(
            f"{name}: starts with {found} where MNIST's file has {magic}; get it again"
        )
    shape = struct.unpack(f">{rank}I", content[4:header])
    values = np.frombuffer(content, np.uint8, offset=header)
    if values.size < np.prod(shape):
        raise DataError(f"{name}: has {values.size} values of {np.prod(shape)}; get it again")
    return values[: int(np.prod(shape))].reshape(shape)


def _read(source: Any) -> bytes:
    return source.read_bytes() if isinstance(source, pathlib.Path) else bytes(source.read())
