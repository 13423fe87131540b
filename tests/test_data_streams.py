"""streams: a table's sequences side by side."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tgcarry.data import Table, hold_out, streams
from tgcarry.errors import DataError


def table(lengths, start=0):
    bounds = np.cumsum([start, *lengths])
    rows = np.arange(bounds[-1])
    return Table(
        {"x": np.stack([rows, -rows], 1) * 1.0, "y": rows.astype(np.uint16)},
        bounds,
        source="data.csv",
    )


def read_back(chunks, batch):
    """Joins each stream's real steps, cut where a reset flag is."""
    found = []
    for stream in range(batch):
        pieces = [[]]
        for chunk in chunks:
            if chunk.resets[stream]:
                pieces.append([])
            pieces[-1].extend(chunk.arrays["y"][stream, : chunk.lengths[stream]].tolist())
        found.append(pieces)
    return found


@settings(max_examples=100, deadline=None)
@given(st.data(), st.integers(1, 8), st.integers(0, 3))
def test_several_sequences_come_back_whole(data, length, start):
    lengths = data.draw(st.lists(st.integers(1, 20), min_size=2, max_size=9))
    batch = data.draw(st.integers(1, len(lengths)))
    source = table(lengths, start)
    chunks = streams(source, batch, length)
    bounds = source.bounds
    expected = [list(range(a, b)) for a, b in itertools.pairwise(bounds)]
    found = [piece for pieces in read_back(chunks, batch) for piece in pieces]
    assert sorted(found) == expected
    assert chunks.steps == sum(lengths) and chunks.dropped == 0
    assert not chunks[0].resets.any()
    assert chunks.breaks == [place for place, chunk in enumerate(chunks) if chunk.starts_anew]
    for place, chunk in enumerate(chunks):
        assert chunk.batch == batch
        assert chunk.length == chunk.lengths.max() <= length
        assert not chunk.arrays["x"][chunk.mask == 0].any()
        assert not chunk.resets[chunk.lengths == 0].any()
        assert np.array_equal(chunks[place - len(chunks)].arrays["x"], chunk.arrays["x"])


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 60), st.data(), st.integers(1, 70))
def test_one_sequence_is_cut_evenly(steps, data, length):
    batch = data.draw(st.integers(1, steps))
    chunks = streams(table([steps], start=3), batch, length)
    each = steps // batch
    expected = [[list(range(3 + b * each, 3 + b * each + each))] for b in range(batch)]
    assert read_back(chunks, batch) == expected
    assert chunks.steps == each * batch and chunks.dropped == steps - each * batch
    assert not any(chunk.ragged or chunk.resets.any() for chunk in chunks)
    assert len(chunks) == -(-each // length)


def test_floats_come_as_float32_and_the_rest_as_int32():
    arrays = streams(table([6]), 2, 2)[0].arrays
    assert arrays["x"].dtype == np.float32 and arrays["x"].shape == (2, 2, 2)
    assert arrays["y"].dtype == np.int32


def test_the_longest_goes_to_the_least_filled():
    chunks = streams(table([3, 9, 6, 2]), 2, 3)
    assert read_back(chunks, 2) == [
        [list(range(3, 12)), [18, 19]],
        [list(range(12, 18)), [0, 1, 2]],
    ]
    assert len(chunks) == 4 and chunks[3].length == 2
    assert chunks[3].lengths.tolist() == [2, 0]
    assert chunks[3].resets.tolist() == [True, False]


def test_held_out_rows_are_not_read():
    train, held = hold_out(table([5, 5, 5]), 0.3)
    rows = [n for pieces in read_back(streams(train, 2, 4), 2) for piece in pieces for n in piece]
    assert sorted(rows) == list(range(10))
    assert read_back(streams(held, 1, 4), 1) == [[list(range(10, 15))]]


@pytest.mark.parametrize(
    ("lengths", "batch", "message"),
    [
        (
            [12],
            34,
            "batch 34 needs at least 34 steps, data.csv has 12: ask for a smaller --batch",
        ),
        (
            [12, 12],
            3,
            "batch 3 needs at least 3 sequences, data.csv has 2: ask for a smaller --batch",
        ),
        ([12], 0, "batch 0 is too small: give at least 1"),
        ([12], 1.0, "batch 1.0 is not a whole number: give an int"),
    ],
)
def test_a_batch_that_the_data_does_not_allow(lengths, batch, message):
    with pytest.raises(DataError) as info:
        streams(table(lengths), batch, 5)
    assert str(info.value) == message


def test_a_length_below_one():
    with pytest.raises(DataError, match="length 0"):
        streams(table([12]), 2, 0)


def test_overflow_is_left_for_the_check():
    wide = Table({"x": np.array([[1e300], [1.0]])}, np.array([0, 2]))
    assert np.isinf(streams(wide, 1, 2)[0].arrays["x"][0, 0, 0])


def test_a_nan_that_signals_is_left_for_the_check():
    signals = np.array([[0x7FF4 << 48], [0]], np.uint64).view(np.float64)
    chunk = streams(Table({"x": signals}, np.array([0, 2])), 1, 2)[0]
    assert np.isnan(chunk.arrays["x"][0, 0, 0])
