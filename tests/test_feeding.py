"""Chunks made ready: laid out as TensorFlow takes them, checked once per shape."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import tgcarry as tgc
from tgcarry.feeding import Feeding, fit


def address(array):
    return array.ctypes.data


def misaligned(shape, dtype=np.float32):
    """Makes an array whose first element is not at a multiple of 64 bytes."""
    memory = np.zeros(int(np.prod(shape)) * np.dtype(dtype).itemsize + 128, np.uint8)
    start = -memory.ctypes.data % 64 + 16
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    return memory[start : start + size].view(dtype).reshape(shape)


class TestFit:
    @pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32, np.bool_])
    @pytest.mark.parametrize("shape", [(3, 4, 5), (1,), (), (0, 4)], ids=str)
    def test_gives_the_same_values_in_aligned_memory(self, dtype, shape, rng):
        array = np.asarray(rng.normal(size=shape) * 9).astype(dtype)
        got = fit(array, dtype)
        np.testing.assert_array_equal(got, array)
        assert got.dtype == dtype
        assert got.shape == shape
        assert got.flags.c_contiguous
        assert address(got) % 64 == 0 or not got.size

    def test_takes_what_fits_as_it_is(self, rng):
        once = fit(rng.normal(size=(3, 4)), np.float64)
        assert fit(once, np.float64) is once
        assert fit(once[:2], np.float64).base is not None

    def test_copies_what_is_not_aligned_contiguous_or_of_the_dtype(self, rng):
        array = misaligned((4, 6))
        array[...] = rng.normal(size=(4, 6))
        for given in (array, fit(array, np.float32)[:, 2:], fit(array, np.float32).T):
            got = fit(given, np.float32)
            assert got.flags.c_contiguous
            assert address(got) % 64 == 0
            np.testing.assert_array_equal(got, given)
        assert fit(array, np.float64).dtype == np.float64

    def test_other_byte_orders_are_turned(self):
        got = fit(np.arange(3, dtype=">f4"), np.float32)
        assert got.dtype == np.float32
        assert got.tolist() == [0, 1, 2]

    def test_text_stays_as_it_is(self):
        words = np.array([["a", "b"]], object)
        assert fit(words, object) is words

    def test_what_it_gives_is_fed_without_a_copy(self, rng):
        x = tf.placeholder(tf.float32, [None])
        same = tf.identity(x)
        array = fit(rng.normal(size=1000), np.float32)
        with tf.Session() as session:
            (got,) = tgc.tf1.prepared_call(session, [same], [], [x])([array])
        assert address(got) == address(array)


def graph(**feeds):
    x = tf.placeholder(tf.float32, [None, None, 3], "x")
    cell = tgc.BasicRNNCell(2)
    ports = tgc.carry_ports(cell)
    out, final = cell(tf.reduce_sum(x, 1), ports.initial_state)
    return tgc.build_chunk(tf.reduce_sum(out), ports, final, {"x": x, **feeds})


def chunk(rng, batch=4, steps=5, **options):
    return tgc.split_chunks({"x": rng.normal(size=(batch, steps, 3))}, steps, **options)[0]


def test_arrays_come_in_the_order_and_dtypes_of_the_feeds(rng):
    seed, lengths = tf.placeholder(tf.int64, [2]), tf.placeholder(tf.int64, [None])
    mask = tf.placeholder(tf.float64, [None, None])
    made = Feeding(graph(seed=seed, mask=mask, lengths=lengths), 7)
    data = chunk(rng, lengths=[5, 2, 0, 3])
    got = made.ready(data, 6)
    x, fed_seed, fed_mask, fed_lengths = got.arrays
    assert [a.dtype for a in got.arrays] == [np.float32, np.int64, np.float64, np.int64]
    np.testing.assert_array_equal(x, data.arrays["x"].astype(np.float32))
    assert fed_seed.tolist() == [7, 6]
    assert fed_mask.sum(1).tolist() == fed_lengths.tolist() == [5, 2, 0, 3]
    assert (got.number, got.batch, got.time_steps) == (6, 4, 10)
    assert got.resets is data.resets


def test_an_array_of_the_data_comes_before_one_that_is_derived(rng):
    made = Feeding(graph(mask=tf.placeholder(tf.float32, [None, None])), 0)
    mine = rng.normal(size=(4, 5))
    data = tgc.split_chunks({"x": rng.normal(size=(4, 5, 3)), "mask": mine}, 5)[0]
    np.testing.assert_array_equal(made.ready(data, 0).arrays[1], mine.astype(np.float32))


def test_each_shape_is_checked_once(rng, monkeypatch):
    made, checked = Feeding(graph(), 0), []
    monkeypatch.setattr(made, "_check", lambda batch, arrays, index: checked.append(index))
    for index, steps in enumerate([5, 5, 4, 5, 4]):
        made.ready(chunk(rng, steps=steps), index)
    made.ready(chunk(rng, batch=3), 5)
    whole = tgc.split_chunks({"x": np.zeros((4, 5, 3), np.int32)}, 5)[0]
    made.ready(whole, 6)
    assert checked == [0, 2, 5, 6]


def test_a_shape_that_was_refused_is_refused_again(rng):
    made = Feeding(graph(), 0)
    wrong = tgc.split_chunks({"x": np.zeros((4, 5, 2))}, 5)[0]
    for index in (0, 1):
        with pytest.raises(tgc.RunError, match=f"chunk {index}.*'x'.*2"):
            made.ready(wrong, index)


def test_padding_is_looked_for_in_every_chunk(rng):
    made = Feeding(graph(), 0)
    made.ready(chunk(rng), 0)
    with pytest.raises(tgc.RunError, match=r"chunk 1.*\[5, 2, 5, 5\]"):
        made.ready(chunk(rng, lengths=[5, 2, 5, 5]), 1)


def test_many_shapes_are_warned_of_where_each_is_compiled(rng, recwarn):
    with tf.Graph().as_default():
        tf.add_to_collection(
            "tgcarry/engines", "engine fused rnn (steps padded to a multiple of 4)"
        )
        patient = Feeding(graph(), 0)
    tf.add_to_collection("tgcarry/engines", "engine fused rnn")
    hasty = Feeding(graph(), 0)
    for index in range(7):
        patient.ready(chunk(rng, steps=index + 1), index)
        hasty.ready(chunk(rng, steps=index + 1), index)
    patient.ready(chunk(rng, steps=9), 7)
    assert not recwarn.list
    with pytest.warns(RuntimeWarning, match=r"chunk 7 is the 8th shape.*4 streams by 9 steps"):
        hasty.ready(chunk(rng, steps=9), 7)
    hasty.ready(chunk(rng, steps=10), 8)
