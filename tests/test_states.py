"""Nests of states: names, placeholders, zeros, checks and the NumPy half."""

from typing import Any, NamedTuple

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from hypothesis import given
from hypothesis import strategies as st

import tgcarry as tgc
from tgcarry import states


class Memory(NamedTuple):
    slots: Any
    head: Any


NESTS = {
    "leaf": 3,
    "tuple": (3, 4),
    "list": [3, [4, 5]],
    "dict": {"b": 3, "a": (4, 5)},
    "lstm": (tgc.LSTMStateTuple(3, 3), 5),
    "named": Memory(slots=tf.TensorShape([2, 4]), head={"z": 1, "y": [2]}),
}

leaves = st.integers(0, 9)
nests = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3),
        st.lists(inner, min_size=1, max_size=3).map(tuple),
        st.dictionaries(st.sampled_from("xyz"), inner, min_size=1, max_size=3),
        st.builds(Memory, inner, inner),
    ),
    max_leaves=8,
)


@given(nests)
def test_a_leafs_name_is_the_path_to_it(nest):
    found = [eval(f"nest{name}", {"nest": nest}) for name in states.leaf_names(nest)]
    assert found == tf.nest.flatten(nest)


def test_names_read_as_a_user_would_write_them():
    assert states.leaf_names(NESTS["lstm"]) == ["[0].c", "[0].h", "[1]"]
    assert states.leaf_names(NESTS["named"]) == [".slots", ".head['y'][0]", ".head['z']"]
    assert states.leaf_names(3) == [""]


@pytest.mark.parametrize("size", NESTS.values(), ids=NESTS)
def test_placeholders_and_zeros_have_the_structure_of_the_size(size):
    ports = states.placeholders_like(size, None, tf.float64, "s")
    zeros = states.zeros_like_size(size, 7, tf.float64)
    tf.nest.assert_same_structure(size, ports)
    tf.nest.assert_same_structure(size, zeros)
    for units, port, zero in zip(*map(tf.nest.flatten, (size, ports, zeros)), strict=True):
        dims = states.trailing_dims(units)
        assert port.shape.as_list() == [None, *dims]
        assert port.dtype == zero.dtype == tf.float64
        assert zero.shape.as_list() == [7, *dims]


def test_zeros_of_a_batch_that_is_only_known_when_run():
    batch = tf.placeholder(tf.int32, [])
    zeros = states.zeros_like_size((3, tf.TensorShape([2, 2])), batch, tf.float32)
    assert [z.shape.as_list() for z in zeros] == [[None, 3], [None, 2, 2]]
    with tf.Session() as session:
        one, two = session.run(zeros, {batch: 5})
    assert one.shape == (5, 3)
    assert two.shape == (5, 2, 2)
    assert not one.any()
    assert not two.any()


@pytest.mark.parametrize("size", [5, np.int64(5), tf.TensorShape([5]), tf.TensorShape([2, None])])
def test_trailing_dims(size):
    wanted = [2, None] if isinstance(size, tf.TensorShape) and size.rank == 2 else [5]
    assert states.trailing_dims(size) == wanted


def pair(dtype=tf.float32, width=4, batch=None):
    return (tf.placeholder(tf.float32, [None, 3]), tf.placeholder(dtype, [batch, width]))


def test_check_like_accepts_what_can_fit():
    states.check_like("a", pair(batch=2), "b", pair())
    states.check_like("a", (np.zeros((2, 3), "f"), np.zeros((2, 4), "f")), "b", pair())


@pytest.mark.parametrize(
    ("given_", "facts"),
    [
        (lambda: pair(tf.float64), ["upstream[1]", "final_state[1]", "float64", "float32"]),
        (lambda: pair(width=5), ["upstream[1]", "final_state[1]", "(?, 5)|(None, 5)", "4)"]),
    ],
    ids=["dtype", "width"],
)
def test_check_like_names_the_leaf_and_both_values(given_, facts):
    with pytest.raises(tgc.CarryError) as caught:
        states.check_like("upstream", given_(), "final_state", pair())
    message = str(caught.value)
    for fact in facts:
        assert any(one in message for one in fact.split("|")), message
    assert "\n" not in message


@pytest.mark.parametrize("wrong", [lambda: pair()[0], lambda: list(pair()), lambda: (*pair(), 1)])
def test_check_like_refuses_another_structure(wrong):
    with pytest.raises((TypeError, ValueError)):
        states.check_like("upstream", wrong(), "final_state", pair())


def test_cut_rows_zeroes_rows_of_every_leaf_and_leaves_the_callers_arrays_alone():
    nest = {"c": np.full((3, 2), np.inf), "h": (np.ones((3, 1, 2), "f"),)}
    got = states.cut_rows(nest, np.array([True, False, True]))
    assert np.array_equal(got["c"], [[0, 0], [np.inf, np.inf], [0, 0]])
    assert np.array_equal(got["h"][0][:, 0, 0], [0, 1, 0])
    assert got["h"][0].dtype == np.float32
    assert np.isinf(nest["c"]).all()
    assert nest["h"][0].all()


def test_cut_rows_copies_only_if_needed():
    nest = (np.ones((2, 2)),)
    assert states.cut_rows(nest, np.array([False, False]))[0] is nest[0]


def test_nest_norm_is_of_all_leaves_together_and_does_not_overflow():
    assert states.nest_norm((np.array([[3.0]]), {"a": np.array([[0.0, 4.0]])})) == 5
    huge = np.full((1, 4), 1e30, np.float32)
    assert states.nest_norm(huge) == pytest.approx(2e30)
