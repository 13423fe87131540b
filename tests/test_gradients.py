"""Gradients across one chunk: inner products, TensorFlow's own, and every refusal."""

from typing import Any, NamedTuple

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import tgcarry as tgc
from tgcarry import gradients, reach, states


@pytest.fixture(autouse=True)
def same_weights(graph):
    tf.set_random_seed(20)
    print("graph seed 20")


class Twin(NamedTuple):
    a: Any
    b: Any


class NestedCell(tgc.RNNCell):
    """A user's own cell: a named tuple that holds a dict, a list and a matrix per stream."""

    state_size = Twin(a={"k": 2, "j": [3]}, b=tf.TensorShape([2, 2]))
    output_size = 2

    def call(self, inputs, state):
        k, j, m = state.a["k"], state.a["j"][0], state.b
        w = tf.get_variable("w", [inputs.shape[-1] + 2 + 3, 2], dtype=k.dtype)
        new_k = tf.tanh(tf.matmul(tf.concat([inputs, k, j], 1), w))
        new_j = 0.5 * j + tf.reduce_sum(m, [1, 2])[:, None] * new_k[:, :1]
        new_m = tf.sin(m) + new_k[:, :, None]
        return new_k + new_m[:, 0], Twin(a={"k": new_k, "j": [new_j]}, b=new_m)


CELLS = {
    "gru": lambda: tgc.GRUCell(4),
    "lstm": lambda: tgc.BasicLSTMCell(3),
    "mixed": lambda: tgc.MultiRNNCell([tgc.GRUCell(3), tgc.BasicLSTMCell(2)]),
    "nested": NestedCell,
}


def unroll(cell, steps=3):
    x = tf.placeholder(tf.float64, [None, None, 2])
    ports = tgc.carry_ports(cell, dtype=tf.float64)
    outputs, final = tgc.dynamic_rnn(cell, x, initial_state=ports.initial_state)
    return x, ports, outputs, final


def draw(rng, nest, batch=3):
    return [rng.normal(size=[batch, *p.shape[1:].as_list()]) for p in tf.nest.flatten(nest)]


def feed(ports, values):
    return dict(zip(tf.nest.flatten(ports), values, strict=True))


def inner(one, other):
    return sum(np.vdot(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("kind", CELLS)
def test_state_gradients_by_inner_products(kind, rng):
    x, ports, _, final = unroll(CELLS[kind]())
    carried = tgc.state_gradients(final, ports.initial_state, ports.upstream)
    tf.nest.assert_same_structure(carried, ports.initial_state)
    start, way, up = (draw(rng, ports.initial_state) for _ in range(3))
    data = {x: rng.normal(size=(3, 4, 2))}
    eps = 1e-5
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())

        def ends(sign):
            moved = [s + sign * eps * w for s, w in zip(start, way, strict=True)]
            got = session.run(tf.nest.flatten(final), data | feed(ports.initial_state, moved))
            return inner(up, got)

        feeds = data | feed(ports.initial_state, start) | feed(ports.upstream, up)
        back = session.run(tf.nest.flatten(carried), feeds)
        twice = feeds | feed(ports.upstream, [2 * u for u in up])
        doubled = session.run(tf.nest.flatten(carried), twice)
        slope = (ends(1) - ends(-1)) / (2 * eps)
    assert inner(back, way) == pytest.approx(slope, rel=1e-7)
    for one, two in zip(back, doubled, strict=True):
        np.testing.assert_allclose(two, 2 * one, rtol=1e-12)


def test_state_gradients_are_tf_gradients_with_grad_ys(rng):
    x, ports, _, final = unroll(CELLS["mixed"]())
    carried = tgc.state_gradients(final, ports.initial_state, ports.upstream)
    leaves = tf.nest.flatten(ports.initial_state)
    plain = tf.gradients(tf.nest.flatten(final), leaves, grad_ys=tf.nest.flatten(ports.upstream))
    feeds = {x: rng.normal(size=(3, 4, 2))}
    feeds |= feed(ports.initial_state, draw(rng, leaves)) | feed(ports.upstream, draw(rng, leaves))
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        got, wanted = session.run([tf.nest.flatten(carried), plain], feeds)
    for one, other in zip(got, wanted, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_second_answers_assembly_two_halves_make_the_whole(rng):
    """d loss / d s_0 over 8 steps = own part of the first half + carried part of the second."""
    x, ports, outputs, final = unroll(tgc.GRUCell(4))
    loss = tf.reduce_sum(outputs**2)
    own = tf.gradients(loss, ports.initial_state)[0]
    carried = tgc.state_gradients(final, ports.initial_state, ports.upstream)
    X, s0 = rng.normal(size=(3, 8, 2)), rng.normal(size=(3, 4))
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        middle = session.run(final, {x: X[:, :4], ports.initial_state: s0})
        second = session.run(own, {x: X[:, 4:], ports.initial_state: middle})
        first = {x: X[:, :4], ports.initial_state: s0, ports.upstream: second}
        got = np.add(*session.run([own, carried], first))
        whole = session.run(own, {x: X, ports.initial_state: s0})
    np.testing.assert_allclose(got, whole, rtol=1e-10)


def one_step(width=2, dtype=tf.float64):
    cell = tgc.BasicRNNCell(width)
    ports = tgc.carry_ports(cell, dtype=dtype)
    out, final = cell(tf.ones([2, 3], dtype), ports.initial_state)
    return ports, out, final


def refused(error, facts, make):
    with pytest.raises(error) as caught:
        make()
    message = str(caught.value)
    for fact in facts:
        assert fact in message
    assert "\n" not in message


def test_upstream_of_another_dtype_or_width_is_refused():
    ports, _, final = one_step()
    state = ports.initial_state
    wrong = tf.placeholder(tf.float32, [None, 2])
    facts = ["upstream is float32", "float64", "dtype="]
    refused(tgc.CarryError, facts, lambda: tgc.state_gradients(final, state, wrong))
    wide = tf.placeholder(tf.float64, [None, 7])
    refused(tgc.CarryError, ["7", "2)"], lambda: tgc.state_gradients(final, state, wide))


def test_upstream_of_another_structure_is_refused():
    ports, _, final = one_step()
    with pytest.raises((TypeError, ValueError)):
        tgc.state_gradients(final, ports.initial_state, (ports.upstream, ports.upstream))


def test_a_leaf_that_cannot_reach_is_named():
    x, y = (tf.placeholder(tf.float64, [None, 2], name) for name in ("left", "right"))
    facts = ["initial_state['b']", "'right:0'", "final_state", "stop_gradient"]
    refused(
        tgc.CarryError,
        facts,
        lambda: tgc.state_gradients(2 * x, {"a": x, "b": y}, tf.ones_like(x)),
    )


def test_stop_gradient_is_named_as_what_to_look_for():
    ports, _, _ = one_step()
    final = tf.stop_gradient(ports.initial_state) * 2
    facts = ["initial_state", "stop_gradient"]
    refused(
        tgc.CarryError,
        facts,
        lambda: tgc.state_gradients(final, ports.initial_state, ports.upstream),
    )


def test_the_initial_state_need_not_match_the_final_one():
    a, b = tf.placeholder(tf.float64, [None, 2]), tf.placeholder(tf.float64, [None, 1])
    final = tf.concat([3 * a, 5 * b], 1)
    got = tgc.state_gradients(final, {"a": a, "b": (b,)}, tf.constant([[1.0, 2, 3]], tf.float64))
    with tf.Session() as session:
        value = session.run(got, {a: np.ones((1, 2)), b: np.ones((1, 1))})
    assert value["a"].tolist() == [[3, 6]]
    assert value["b"][0].tolist() == [[15]]


def test_chunk_gradients_weigh_the_loss_and_add_the_upstream(rng):
    ports, out, final = one_step()
    loss = tf.reduce_sum(out**3)
    variables = tf.trainable_variables()
    weight = tf.placeholder(tf.float64, [])
    both = gradients.chunk_gradients(
        loss, weight, final, ports.upstream, variables, ports.initial_state
    )
    targets = [*variables, ports.initial_state]
    own = tf.gradients(loss, targets)
    later = tf.gradients(final, targets, grad_ys=ports.upstream)
    state, up = rng.normal(size=(2, 2)), rng.normal(size=(2, 2))
    feeds = {ports.initial_state: state, ports.upstream: up, weight: 0.25}
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        got, own, later = session.run([[*both.variables, both.initial_state], own, later], feeds)
    for g, o, u in zip(got, own, later, strict=True):
        np.testing.assert_allclose(g, 0.25 * o + u, rtol=1e-12)


def test_an_embeddings_gradient_stays_sparse():
    table = tf.get_variable("table", [1000, 3], tf.float64)
    cell = tgc.BasicRNNCell(2)
    ports = tgc.carry_ports(cell, dtype=tf.float64)
    out, final = cell(tf.nn.embedding_lookup(table, [1, 1]), ports.initial_state)
    found = gradients.chunk_gradients(
        tf.reduce_sum(out),
        tf.ones([], tf.float64),
        final,
        ports.upstream,
        [table],
        ports.initial_state,
    )
    assert isinstance(found.variables[0], tf.IndexedSlices)


def test_a_variable_that_is_not_reached_is_named():
    ports, out, final = one_step()
    lost = tf.get_variable("nowhere/lost", [2])
    refused(
        tgc.ChunkError,
        ["nowhere/lost", "var_list="],
        lambda: gradients.chunk_gradients(
            tf.reduce_sum(out),
            tf.ones([], tf.float64),
            final,
            ports.upstream,
            [lost],
            ports.initial_state,
        ),
    )


def two_leaves():
    return tuple(tf.placeholder(tf.float32, [None, 2], name) for name in ("c", "h"))


def test_reach_a_leaf_may_matter_only_to_later_chunks():
    c, h = two_leaves()
    reach.check_reach([tgc.Partition(tf.reduce_sum(h), [])], (c, h), (c * 2, h + c))


def test_reach_through_two_later_chunks():
    a, b, c = (tf.placeholder(tf.float32, [None, 2]) for _ in range(3))
    reach.check_reach([tgc.Partition(tf.reduce_sum(c), [])], [a, b, c], [a * 2, a + b, b + c])


@pytest.mark.parametrize(
    "wire",
    [
        lambda c, h: (tf.reduce_sum(h), (c * 2, h)),
        lambda c, h: (tf.reduce_sum(h + tf.stop_gradient(c)), (c * 2, h)),
        lambda c, h: (tf.reduce_sum(h), (c * 2, h + tf.stop_gradient(c))),
        lambda c, h: (tf.reduce_sum(h), (c + h, h)),
    ],
    ids=["itself", "stopped", "stopped later", "only reads"],
)
def test_reach_a_leaf_that_never_matters_is_named(wire):
    c, h = two_leaves()
    loss, final = wire(c, h)
    refused(
        tgc.CarryError,
        ["initial_state[0]", "'c:0'", loss.name, "unroll"],
        lambda: reach.check_reach([tgc.Partition(loss, [])], (c, h), final),
    )


def test_reach_goes_by_position_in_the_nest_and_takes_any_nest():
    c, h = two_leaves()
    nest, final = Twin(a={"h": h}, b=[c]), Twin(a={"h": h * 2}, b=[c * 2])
    refused(
        tgc.CarryError,
        ["initial_state.b[0]"],
        lambda: reach.check_reach([tgc.Partition(tf.reduce_sum(h), [])], nest, final),
    )
    assert states.leaf_names(nest) == [".a['h']", ".b[0]"]
