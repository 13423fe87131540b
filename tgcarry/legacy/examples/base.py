"""Small files of examples: CSV tables, and files that programs used to download."""

from __future__ import annotations

import csv
import pathlib
from typing import Any

import numpy as np

from tgcarry.errors import DataError
from tgcarry.legacy.examples import mnist, places
from tgcarry.legacy.examples.data_set import Dataset, Datasets

__all__ = [
    "Dataset",
    "Datasets",
    "load_csv_with_header",
    "load_csv_without_header",
    "load_dataset",
    "maybe_download",
]


def load_csv_with_header(
    filename: str, target_dtype: Any, features_dtype: Any, target_column: int = -1
) -> Dataset:
    """Reads rows behind a header "rows, features, ...".

    Args:
      filename: path.
      target_dtype: NumPy's, of the targets.
      features_dtype: NumPy's, of the features.
      target_column: int, where a row has its target.

    Raises:
      DataError: there are no rows.

    Source: TensorFlow 1.15 `tf.contrib.learn.datasets.base.load_csv_with_header`.
    """
    return _table(_rows(filename)[1:], filename, target_dtype, features_dtype, target_column)


def load_csv_without_header(
    filename: str, target_dtype: Any, features_dtype: Any, target_column: int = -1
) -> Dataset:
    """Reads rows; see `load_csv_with_header`."""
    return _table(_rows(filename), filename, target_dtype, features_dtype, target_column)


def maybe_download(filename: str, work_directory: str, source_url: str) -> str:
    """Returns the path of a file that is there already; nothing is downloaded.

    Raises:
      DataError: the file is not there.
    """
    found = places.find((filename,), places.folders("", work_directory))
    if found is None:
        raise DataError(
            f"{work_directory}/{filename} is not there and nothing is downloaded: "
            f"get it from {source_url}"
        )
    return str(found)


def load_dataset(name: str, size: str = "small", test_with_fake_data: bool = False) -> Any:
    """Reads a data set by name; there is "mnist".

    Raises:
      DataError: another name.

    Source: TensorFlow 1.15 `tf.contrib.learn.datasets.load_dataset`.
    """
    if name != "mnist":
        raise DataError(f"no data set {name!r}: only 'mnist' is there; read other files yourself")
    return mnist.load_mnist()


def _rows(filename: str) -> list[list[str]]:
    with pathlib.Path(filename).open(newline="", encoding="utf-8") as file:
        return [row for row in csv.reader(file) if row]


def _table(
    rows: list[list[str]], filename: str, target_dtype: Any, features_dtype: Any, column: int
) -> Dataset:
    if not rows:
        raise DataError(f"{filename}: has no rows")
    targets = np.array([row.pop(column) for row in rows], dtype=target_dtype)
    return Dataset(data=np.array(rows, dtype=features_dtype), target=targets)
