"""histograms: TensorBoard's buckets, held to what TensorFlow's own summary counts."""

import time

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tgcarry.histograms import count_bad, histogram

LARGEST = np.finfo(np.float64).max


@pytest.fixture(scope="module")
def reference():
    """Gives TensorFlow's own histogram of values of a dtype."""
    sessions = {}

    def histogram_of(values):
        if values.dtype not in sessions:
            with tf.Graph().as_default() as graph:
                fed = tf.placeholder(values.dtype, None)
                summary = tf.summary.histogram("of", fed)
                sessions[values.dtype] = tf.Session(graph=graph), fed, summary
        session, fed, summary = sessions[values.dtype]
        text = session.run(summary, {fed: values})
        return tf.Summary.FromString(text).value[0].histo

    yield histogram_of
    for session, _, _ in sessions.values():
        session.close()


def check_equal(mine, wanted):
    assert list(mine.bucket_limit) == list(wanted.bucket_limit)
    assert list(mine.bucket) == list(wanted.bucket)
    assert (mine.num, mine.min, mine.max) == (wanted.num, wanted.min, wanted.max)
    top = max(abs(wanted.min), abs(wanted.max), 1e-300)
    assert mine.sum == pytest.approx(wanted.sum, rel=1e-9, abs=1e-9 * top * wanted.num)
    assert mine.sum_squares == pytest.approx(wanted.sum_squares, rel=1e-9)


@pytest.mark.parametrize(
    "values",
    [
        np.array(2.5),
        np.zeros((3, 4), np.float32),
        np.array([-1e30, -1.0, 0.0, 1e-13, 1e-12, 1.1e-12, 1.0, 5.0, 1e25]),
        np.array([-3, 0, 7], np.int32),
        np.linspace(-2, 2, 999, dtype=np.float32).reshape(3, 333),
        np.array([1.0, 1.5, -7.0], np.float16),
    ],
    ids=["scalar", "zeros", "edges", "integers", "line", "halves"],
)
def test_equals_tensorflows(reference, values):
    check_equal(histogram(values), reference(values))


@settings(max_examples=80)
@given(
    arrays.arrays(
        np.float64,
        st.integers(1, 30),
        # TensorFlow's threads take what is below the least normal number for zero.
        elements=st.floats(-1e150, 1e150, allow_subnormal=False)
        | st.sampled_from([0.0, 1e-12, -1e-12, 1e20, -1e20]),
    )
)
def test_equals_tensorflows_whatever_the_values(reference, values):
    check_equal(histogram(values), reference(values))


def test_nothing_is_an_empty_bucket(reference):
    empty = np.zeros((0, 4), np.float32)
    mine, wanted = histogram(empty), reference(empty)
    assert list(mine.bucket_limit) == list(wanted.bucket_limit) and list(mine.bucket) == [0.0]
    assert (mine.num, mine.min, mine.max, mine.sum) == (0, 0, 0, 0)


def test_what_is_not_finite_is_left_out_and_counted():
    values = np.array([[np.nan, 1.0], [np.inf, -np.inf]], np.float32)
    assert histogram(values) == histogram(np.array([1.0], np.float32))
    assert count_bad(values) == 3 and count_bad(np.array([1.0])) == 0
    assert count_bad(np.array([1, 2])) == 0 and count_bad(np.array([True])) == 0
    assert histogram(np.array([np.nan])) == histogram(np.zeros(0))


def test_the_largest_numbers_are_counted():
    # TensorFlow counts them outside of its memory.
    found = histogram(np.array([-LARGEST, LARGEST, LARGEST]))
    assert sum(found.bucket) == found.num == 3
    assert (found.bucket_limit[-1], found.bucket[-1]) == (LARGEST, 2)
    assert found.sum_squares == np.inf


def test_truth_values_are_counted_as_0_and_1():
    assert histogram(np.array([True, False, True])) == histogram(np.array([1, 0, 1]))


def test_is_quick(rng):
    values = rng.normal(size=(128, 128)).astype(np.float32)

    def spent():
        started = time.perf_counter()
        histogram(values)
        return time.perf_counter() - started

    quickest = min(spent() for _ in range(50))
    print(f"{1e3 * quickest:.3f} ms")
    # Ten times what it takes on a slow machine, and a tenth of a loop over the values.
    assert quickest < 5e-3
