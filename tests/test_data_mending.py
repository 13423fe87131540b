"""data.mending: streams whose numbers are not finite have no steps in their chunk."""

import numpy as np
import pytest

from tgcarry.data import Chunk
from tgcarry.data.mending import bad_streams, mended
from tgcarry.errors import DataError


def chunk(bad=()):
    """Makes a chunk of four streams and three steps; `bad` are (stream, step, value)."""
    x, y = np.ones([4, 3, 2]), np.ones([4, 3], np.int32)
    for stream, step, value in bad:
        x[stream, step, 1] = value
    return Chunk({"x": x, "y": y}, np.zeros(4, bool), np.array([3, 3, 2, 3], np.int32))


def test_a_chunk_of_finite_numbers_is_left_as_it_is():
    given = chunk()
    assert mended(given, 0) is given
    assert not bad_streams(given).any()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_bad_streams_read_nothing_and_start_anew(value):
    given = chunk([(1, 0, value), (3, 2, value)])
    made = mended(given, 5)
    assert made.lengths.tolist() == [3, 0, 2, 0]
    assert made.resets.tolist() == [False, True, False, True]
    assert (made.arrays["x"][[1, 3]] == 0).all() and (made.arrays["y"][[1, 3]] == 0).all()
    assert np.array_equal(made.arrays["x"][[0, 2]], given.arrays["x"][[0, 2]])
    assert np.isnan(given.arrays["x"]).any() or np.isinf(given.arrays["x"]).any()


def test_padding_is_not_looked_at():
    given = chunk([(2, 2, np.nan)])
    assert not bad_streams(given).any()
    assert mended(given, 0) is given


def test_what_is_wrong_otherwise_is_refused_all_the_same():
    wrong = chunk([(1, 0, np.nan)])._replace(lengths=np.array([3, 3, 9, 3]))
    with pytest.raises(DataError, match=r"lengths\[2\] of chunk 7"):
        mended(wrong, 7)
