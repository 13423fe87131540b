"""epochs: the same chunks again, reset where an epoch begins."""

import numpy as np
import pytest

from tgcarry.data import epochs, split_chunks
from tgcarry.errors import DataError


@pytest.fixture
def chunks():
    return split_chunks({"x": np.arange(12.0).reshape(2, 6, 1)}, 2)


def test_resets_only_where_a_later_epoch_begins(chunks):
    repeated = epochs(chunks, 3)
    assert len(repeated) == 9
    flags = [chunk.resets.tolist() for chunk in repeated]
    assert [place for place, flag in enumerate(flags) if any(flag)] == [3, 6]
    assert flags[3] == [True, True]
    for place, chunk in enumerate(repeated):
        assert np.array_equal(chunk.arrays["x"], chunks[place % 3].arrays["x"])
        assert np.array_equal(repeated[place - 9].resets, chunk.resets)
    assert not chunks[0].resets.any()
    assert repeated.breaks == [3, 6]


def test_breaks_are_those_of_the_chunks_and_of_epochs(chunks):
    anew = [chunk._replace(resets=np.array([k == 1, True])) for k, chunk in enumerate(chunks)]
    assert epochs(anew, 2).breaks == [1, 3, 4]


def test_reset_first(chunks):
    repeated = epochs(list(chunks), 2, reset_first=True)
    assert [chunk.resets.all() for chunk in repeated] == [True, False, False] * 2


@pytest.mark.parametrize("count", [0, -1, 1.5, True, None, float("inf")])
def test_a_count_has_to_be_a_whole_number(chunks, count):
    with pytest.raises(DataError, match=rf"count {count}"):
        epochs(chunks, count)


def test_something_has_to_be_there_to_repeat(chunks):
    with pytest.raises(DataError, match="no chunks"):
        epochs([], 2)
    with pytest.raises(DataError, match="generator"):
        epochs((chunk for chunk in chunks), 2)
