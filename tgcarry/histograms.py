"""Histograms as TensorBoard reads them, made of arrays without a session."""

from __future__ import annotations

import functools
import itertools

import numpy as np
import tensorflow.compat.v1 as tf

_LARGEST = float(np.finfo(np.float64).max)


def histogram(values: np.ndarray) -> tf.HistogramProto:
    """Counts values in the buckets of `tf.summary.histogram`.

        bucket_limit = (-max, ..., -1.1e-12, -1e-12, 0, 1e-12, 1.1e-12, ..., max)

    each about 1.1 times the one before, 1551 in all; a value counts in the first bucket whose
    limit is above it. Of neighbouring buckets that are empty only the last is listed.

    NaN and infinities, which `tf.summary.histogram` refuses, are left out: `count_bad` counts
    them. Without values, `min` and `max` are 0, where TensorFlow has the largest and the
    least float.

    Args:
      values: real numbers or truth values of any shape.

    Returns:
      `min`, `max`, `num`, `sum`, `sum_squares`, and the buckets' upper limits and counts.

    Source: `tf.summary.histogram` (tensorflow/core/lib/histogram).
    """
    values = np.asarray(values)
    flat = values.ravel() if values.dtype.kind == "f" else values.ravel().astype(np.float64)
    # In their own dtype, in which sorting is fastest; one pass then counts all buckets.
    ordered = np.sort(flat[np.isfinite(flat)]).astype(np.float64, copy=False)
    if not ordered.size:
        return tf.HistogramProto(bucket_limit=[_LARGEST], bucket=[0.0])
    limits = _limits()
    counts = np.diff(np.searchsorted(ordered, limits, side="left"), prepend=0)
    # The largest float is not below the last limit, and is to be counted all the same.
    counts[-1] += ordered.size - counts.sum()
    followed_by_full = np.append(counts[1:] > 0, True)
    listed = (counts > 0) | followed_by_full
    with np.errstate(over="ignore"):
        total, squares = float(ordered.sum()), float(np.vdot(ordered, ordered))
    return tf.HistogramProto(
        min=ordered[0],
        max=ordered[-1],
        num=ordered.size,
        sum=total,
        sum_squares=squares,
        bucket_limit=limits[listed].tolist(),
        bucket=counts[listed].tolist(),
    )


def count_bad(values: np.ndarray) -> int:
    """Counts the values that `histogram` leaves out: NaN and infinities."""
    values = np.asarray(values)
    return 0 if values.dtype.kind in "biu" else int(np.size(values) - np.isfinite(values).sum())


@functools.cache
def _limits() -> np.ndarray:
    """Multiplies as TensorFlow does, for the same rounding."""
    growing = itertools.accumulate(itertools.repeat(1.1), lambda v, by: v * by, initial=1e-12)
    positive = np.array([*itertools.takewhile(lambda v: v < 1e20, growing), _LARGEST])
    return np.concatenate([-positive[::-1], [0.0], positive])
