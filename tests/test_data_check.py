"""check_chunk: what may not be fed."""

import numpy as np
import pytest

from tgcarry.data import Chunk, check_chunk
from tgcarry.errors import DataError


def chunk(resets=None, lengths=None, **arrays):
    arrays = arrays or {"x": np.zeros((2, 3, 4)), "y": np.zeros((2, 3), np.int32)}
    return Chunk(
        arrays,
        np.zeros(2, bool) if resets is None else resets,
        np.full(2, 3, np.int32) if lengths is None else lengths,
    )


def test_a_good_chunk_passes():
    check_chunk(chunk(), 0)
    check_chunk(chunk(lengths=np.array([0, 3], np.int32)), 0)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_are_named_by_place(value):
    x = np.zeros((2, 3, 4), np.float32)
    x[1, 2, 3] = value
    with pytest.raises(DataError) as info:
        check_chunk(chunk(x=x), 7)
    message = str(info.value)
    for part in ("'x'", str(value), "chunk 7", "stream 1", "step 2", "column 3"):
        assert part in message
    assert "\n" not in message


def test_a_target_has_no_column():
    y = np.zeros((2, 3), np.float32)
    y[0, 1] = np.nan
    with pytest.raises(DataError, match=r"'y' holds nan in chunk 0 at stream 0, step 1: "):
        check_chunk(chunk(y=y), 0)


def test_padding_may_hold_anything():
    x = np.zeros((2, 3, 4), np.float32)
    x[1, 2] = np.nan
    check_chunk(chunk(x=x, lengths=np.array([3, 2], np.int32)), 0)


@pytest.mark.parametrize(
    ("bad", "parts"),
    [
        ({"x": np.zeros((2, 3)), "y": np.zeros((2, 4))}, ["'y'", "[2, 4]", "length 3"]),
        ({"x": np.zeros((5, 3))}, ["'x'", "[5, 3]", "batch 2"]),
        ({"x": np.zeros(2)}, ["'x'", "(2,)"]),
        ({"x": [[1, 2, 3]]}, ["'x'", "list"]),
        ({"resets": np.zeros(2)}, ["resets", "float64"]),
        ({"resets": np.zeros((2, 1), bool)}, ["resets", "[2, 1]"]),
        ({"lengths": np.zeros(3, np.int32)}, ["lengths", "[3]"]),
        ({"lengths": np.zeros(2)}, ["lengths", "float64"]),
        ({"lengths": np.array([3, 4])}, ["lengths[1]", "4", "0 to 3"]),
    ],
)
def test_shapes_have_to_agree(bad, parts):
    with pytest.raises(DataError) as info:
        check_chunk(chunk(**bad), 5)
    message = str(info.value)
    for part in ["chunk 5", *parts]:
        assert part in message


def test_no_arrays():
    with pytest.raises(DataError, match="chunk 2 has no arrays"):
        check_chunk(Chunk({}, np.zeros(2, bool), np.zeros(2, np.int32)), 2)
