"""split_chunks: views of arrays, each step in exactly one chunk."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tgcarry.data import Chunk, split_chunks
from tgcarry.errors import DataError


def one_line(info):
    message = str(info.value)
    assert "\n" not in message
    return message


@st.composite
def problems(draw):
    batch = draw(st.integers(1, 4))
    parts = draw(st.lists(st.integers(1, 6), min_size=1, max_size=6))
    steps = sum(parts)
    length = draw(st.one_of(st.just(parts), st.integers(1, steps + 2)))
    lengths = draw(st.lists(st.integers(0, steps), min_size=batch, max_size=batch))
    starts = np.cumsum([0, *parts])[:-1] if isinstance(length, list) else range(0, steps, length)
    resets = np.zeros((batch, steps), bool)
    for start in starts:
        resets[:, start] = draw(st.lists(st.booleans(), min_size=batch, max_size=batch))
    return batch, steps, length, np.array(lengths), resets


@settings(max_examples=100, deadline=None)
@given(problems())
def test_each_real_step_is_in_one_chunk(problem):
    batch, steps, length, lengths, resets = problem
    x = np.arange(1, batch * steps * 2 + 1, dtype=np.float32).reshape(batch, steps, 2)
    y = np.arange(1, batch * steps + 1, dtype=np.int32).reshape(batch, steps)
    chunks = split_chunks({"x": x, "y": y}, length, lengths=lengths, resets=resets)
    assert sum(chunk.length for chunk in chunks) == steps
    start = 0
    for chunk in chunks:
        assert np.array_equal(chunk.resets, resets[:, start])
        assert chunk.lengths.dtype == np.int32 and chunk.resets.dtype == bool
        assert chunk.ragged == bool((chunk.mask == 0).any())
        assert not chunk.arrays["x"][chunk.mask == 0].any()
        assert not chunk.arrays["y"][chunk.mask == 0].any()
        start += chunk.length
    for stream in range(batch):
        for name, whole in (("x", x), ("y", y)):
            parts = [chunk.arrays[name][stream, : chunk.lengths[stream]] for chunk in chunks]
            assert np.array_equal(np.concatenate(parts), whole[stream, : lengths[stream]])


def test_random_access_equals_iteration():
    x = np.arange(23.0)[None, :, None]
    chunks = split_chunks({"x": x}, 5)
    every = [chunk.arrays["x"].ravel().tolist() for chunk in chunks]
    assert len(chunks) == 5 and [len(part) for part in every] == [5, 5, 5, 5, 3]
    for place in range(-5, 5):
        assert chunks[place].arrays["x"].ravel().tolist() == every[place]
    for cut in (slice(1, 3), slice(None, None, -1), slice(-2, None), slice(9, 2)):
        part = chunks[cut]
        assert [chunk.arrays["x"].ravel().tolist() for chunk in part] == every[cut]
        assert len(part) == len(every[cut])
    assert [c.length for c in reversed(chunks)] == [3, 5, 5, 5, 5]
    for place in (5, -6):
        with pytest.raises(IndexError, match=str(place)):
            chunks[place]


def test_whole_chunks_are_views_and_nothing_is_reset():
    x = np.zeros((2, 10, 3))
    chunks = split_chunks({"x": x}, 5)
    assert all(np.shares_memory(chunk.arrays["x"], x) for chunk in chunks)
    assert not any(chunk.resets.any() or chunk.ragged for chunk in chunks)
    assert chunks[0].mask.dtype == np.float32 and chunks[0].mask.shape == (2, 5)


def test_padding_is_zero_whatever_the_array_holds():
    x = np.full((2, 6, 1), np.nan)
    x[0], x[1, :4] = 1, 1
    last = split_chunks({"x": x}, 3, lengths=[6, 4])[1]
    assert last.lengths.tolist() == [3, 1]
    assert last.arrays["x"][1].ravel().tolist() == [1, 0, 0]
    assert np.isnan(x[1, 4:]).all()


def test_an_empty_mapping_still_has_a_batch():
    chunk = Chunk({}, np.zeros(3, bool), np.array([1, 2, 0], np.int32))
    assert (chunk.batch, chunk.length) == (3, 2)


def test_a_reset_inside_a_chunk_names_stream_step_and_remedy():
    resets = np.zeros((3, 10), bool)
    resets[2, 7] = True
    with pytest.raises(DataError) as info:
        split_chunks({"x": np.zeros((3, 10, 1))}, 5, resets=resets)
    message = one_line(info)
    for part in ("stream 2", "step 7", "chunk 1", "choose the lengths", "dynamic_rnn(resets="):
        assert part in message
    chunks = split_chunks({"x": np.zeros((3, 10, 1))}, [7, 3], resets=resets)
    assert chunks[1].resets.tolist() == [False, False, True]


@pytest.mark.parametrize(
    ("arrays", "options", "parts"),
    [
        ({}, {"length": 2}, ["no arrays"]),
        ({"x": np.zeros(4)}, {"length": 2}, ["'x'", "[4]", "[batch, time, ...]"]),
        ({"x": [[1, 2], [1]]}, {"length": 2}, ["'x'", "not rectangular"]),
        ({"x": np.array([[None]])}, {"length": 2}, ["'x'", "Python objects"]),
        ({"x": np.zeros((2, 0))}, {"length": 2}, ["'x'", "[2, 0]"]),
        (
            {"x": np.zeros((2, 4)), "y": np.zeros((2, 5))},
            {"length": 2},
            ["'y'", "[2, 5]", "'x'", "[2, 4]"],
        ),
        ({"x": np.zeros((2, 4))}, {"length": 0}, ["length 0", "at least 1"]),
        ({"x": np.zeros((2, 4))}, {"length": 2.5}, ["length 2.5", "int"]),
        ({"x": np.zeros((2, 4))}, {"length": True}, ["length True"]),
        ({"x": np.zeros((2, 4))}, {"length": "2"}, ["length '2'"]),
        ({"x": np.zeros((2, 4))}, {"length": [2, 3]}, ["5", "4 steps"]),
        ({"x": np.zeros((2, 4))}, {"length": [4, 0]}, ["length[1] 0"]),
        ({"x": np.zeros((2, 4))}, {"length": 2, "lengths": [1]}, ["[1]", "2 ints"]),
        ({"x": np.zeros((2, 4))}, {"length": 2, "lengths": [1.0, 2.0]}, ["float64"]),
        ({"x": np.zeros((2, 4))}, {"length": 2, "lengths": [1, 9]}, ["lengths[1] is 9", "0 to 4"]),
        ({"x": np.zeros((2, 4))}, {"length": 2, "resets": [True, False]}, ["[2]", "[2, 4]"]),
    ],
)
def test_what_does_not_fit_is_refused(arrays, options, parts):
    with pytest.raises(DataError) as info:
        split_chunks(arrays, **options)
    message = one_line(info)
    for part in parts:
        assert part in message
