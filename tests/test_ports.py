"""The ports: their structure, and what they refuse."""

import pytest
import tensorflow.compat.v1 as tf

import tgcarry as tgc


def test_the_questions_model_gets_one_placeholder_of_width_96():
    cell = tgc.MultiRNNCell([tgc.GRUCell(64), tgc.GRUCell(32)], state_is_tuple=False)
    ports = tgc.carry_ports(cell)
    for port in (ports.initial_state, ports.upstream):
        assert port.op.type == "Placeholder"
        assert port.shape.as_list() == [None, 96]
        assert port.dtype == tf.float32
    assert ports.initial_state is not ports.upstream


def test_a_nest_of_layers():
    cell = tgc.MultiRNNCell([tgc.GRUCell(5), tgc.BasicLSTMCell(4)])
    ports = tgc.carry_ports(cell, batch_size=3, dtype=tf.float64)
    for nest in ports:
        tf.nest.assert_same_structure(nest, cell.state_size)
        assert isinstance(nest[1], tgc.LSTMStateTuple)
        assert [p.shape.as_list() for p in tf.nest.flatten(nest)] == [[3, 5], [3, 4], [3, 4]]
        assert {p.dtype for p in tf.nest.flatten(nest)} == {tf.float64}


def test_only_the_state_size_is_read():
    class Anything:
        @property
        def state_size(self):
            return {"m": tf.TensorShape([2, 3])}

    ports = tgc.carry_ports(Anything())
    assert ports.initial_state["m"].shape.as_list() == [None, 2, 3]
    assert not tf.global_variables()


def test_a_forgotten_feed_is_an_error_and_no_silent_zero():
    ports = tgc.carry_ports(tgc.GRUCell(2))
    with tf.Session() as session, pytest.raises(tf.errors.InvalidArgumentError, match="feed"):
        session.run(ports.initial_state + 1)


def test_two_pairs_live_in_one_graph():
    first, second = (tgc.carry_ports(tgc.GRUCell(2)) for _ in range(2))
    assert len({p.name for p in (*first, *second)}) == 4


@pytest.mark.parametrize(
    ("make", "facts"),
    [
        (lambda: tgc.carry_ports(64), ["64", "state_size", "GRUCell(64)"]),
        (lambda: tgc.carry_ports(None), ["None", "state_size"]),
        (lambda: tgc.carry_ports(tgc.GRUCell), ["GRUCell"]),
        (lambda: tgc.carry_ports(tgc.GRUCell(2), dtype=tf.int32), ["int32", "tf.float32"]),
        (lambda: tgc.carry_ports(tgc.GRUCell(2), dtype="bool"), ["bool", "tf.float32"]),
        (lambda: tgc.carry_ports(tgc.GRUCell(2), 0), ["batch_size=0", "None"]),
        (lambda: tgc.carry_ports(tgc.GRUCell(2), -3), ["batch_size=-3", "None"]),
    ],
    ids=["int", "none", "class", "int32", "bool", "empty", "negative"],
)
def test_refusals_repeat_the_value_and_name_a_remedy(make, facts):
    with pytest.raises(tgc.CarryError) as caught:
        make()
    message = str(caught.value)
    assert "\n" not in message
    for fact in facts:
        assert fact in message
