"""Pandas' tables as arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from tgcarry.errors import DataError


def extract_pandas_data(data: Any) -> Any:
    """Returns a table of numbers as float32 `[N, columns]`; what is no table, as it is.

    Raises:
      DataError: a column does not hold numbers.

    Source: TensorFlow 1.15 `tf.contrib.learn.extract_pandas_data`.
    """
    if not hasattr(data, "columns"):
        return data
    other = [str(name) for name, kind in data.dtypes.items() if kind.kind not in "iufb"]
    if other:
        raise DataError(f"columns {', '.join(other)} hold no numbers: leave them out")
    return data.to_numpy().astype(np.float32)


def extract_pandas_matrix(data: Any) -> Any:
    """Returns a table as an array; what is no table, as it is."""
    return data.to_numpy() if hasattr(data, "columns") else data


def extract_pandas_labels(labels: Any) -> Any:
    """Returns a series, or a table of one column, as an array; what is neither, as it is.

    Raises:
      DataError: the table has more columns.
    """
    if not hasattr(labels, "to_numpy"):
        return labels
    if len(getattr(labels, "columns", [0])) > 1:
        raise DataError(f"labels of columns {list(labels.columns)}: give one column")
    return labels.to_numpy()
