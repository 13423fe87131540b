"""Files that are there whole or not at all, and arrays that can lie in them."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import numpy as np
import tensorflow.compat.v1 as tf


def plain(array: np.ndarray) -> np.ndarray:
    """Returns an array whose file can be read without unpickling anything."""
    if array.dtype.hasobject:
        return array.astype(np.bytes_)
    # TensorFlow's bfloat16, of which NumPy's files know no more than the size.
    if array.dtype.kind == "V":
        return np.ascontiguousarray(array).view(f"V{array.dtype.itemsize}")
    return array


def typed(array: np.ndarray, dtype: str) -> np.ndarray:
    """Returns an array of a file in the dtype that it had."""
    if array.dtype.kind == "V":
        return array.view(tf.as_dtype(dtype).as_numpy_dtype)
    return array.astype(object) if dtype == "object" else array


def write_file(path: Path, fill: Callable[[BinaryIO], object]) -> None:
    """Writes a file that gets its name when it is whole and on disk."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with aside.open("wb") as file:
            fill(file)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except BaseException:
        with suppress(OSError):
            aside.unlink(missing_ok=True)
        raise
    handle = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with suppress(OSError):
            os.fsync(handle)
    finally:
        os.close(handle)
