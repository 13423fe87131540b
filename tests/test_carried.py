"""The carried loss: its gradients are those of a chunk's graph; cuts; in-place variables."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import tgcarry as tgc
from tgcarry import tf1

B, L, N, H = 3, 2, 2, 4


def build(cell, resets=None, dtype=tf.float64):
    tf.set_random_seed(20)
    x = tf.placeholder(dtype, [None, L, N], "x")
    ports = fed = tgc.carry_ports(cell, dtype=dtype)
    if resets is not None:
        ports = tgc.cut_ports(fed, resets)
    outputs, state = [], ports.initial_state
    for t in range(L):
        output, state = cell(x[:, t], state)
        outputs.append(output)
    loss = tf.reduce_sum(tf.stack(outputs) ** 2)
    return x, fed, ports, state, loss


def feeds(rng, x, ports):
    leaves = tf.nest.flatten(ports)
    drawn = {port: rng.normal(size=[B, port.shape[1]]) for port in leaves}
    return {x: rng.normal(size=[B, L, N]), **drawn}


@pytest.mark.parametrize("make", [tgc.GRUCell, tgc.BasicLSTMCell], ids=lambda c: c.__name__)
def test_its_gradients_are_the_chunks(make, rng):
    x, ports, _, final, loss = build(make(H))
    carried = tgc.carried_loss(loss, ports, final)
    chunk = tgc.build_chunk(loss, ports, final, {"x": x})
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        feed = feeds(rng, x, ports)
        mine = tf.gradients(carried.loss, list(chunk.variables))
        got, wanted = session.run([[mine, carried.state_gradient], list(chunk.gradients)], feed)
        for one, other in zip(tf.nest.flatten(got), tf.nest.flatten(wanted), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-14)
        later = session.run([carried.loss, loss, final, ports.upstream], feed)
    pairs = zip(tf.nest.flatten(later[2]), tf.nest.flatten(later[3]), strict=True)
    assert later[0] == pytest.approx(later[1] + sum((s * u).sum() for s, u in pairs))
    tf.nest.assert_same_structure(carried.state_gradient, ports.initial_state)


def test_cut_ports_zero_the_streams_that_start_anew(rng):
    resets = tf.placeholder(tf.bool, [B])
    x, fed, cut, final, loss = build(tgc.BasicLSTMCell(H), resets)
    carried = tgc.carried_loss(loss, cut, final)
    assert carried.ports is fed
    feed = feeds(rng, x, fed)
    flags = np.array([False, True, False])
    by_hand = {p: np.where(flags[:, None], 0, v) for p, v in feed.items() if p is not x}
    asked = [cut.initial_state, cut.upstream, carried.state_gradient]
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        got = session.run(asked, {**feed, resets: flags})
        wanted = session.run(asked, {x: feed[x], **by_hand, resets: [False] * B})
    for one, other in zip(tf.nest.flatten(got), tf.nest.flatten(wanted), strict=True):
        assert np.array_equal(one, other)
    assert (got[2].c[1] != 0).any(), "it is the gradient behind the cut, as the runner's"
    assert cut.initial_state.c.shape.as_list() == [B, H]


@pytest.mark.parametrize("resets", [np.zeros(3), np.zeros([3, 1], bool)], ids=["float", "2-D"])
def test_cut_ports_refuses_other_flags(resets):
    ports = tgc.carry_ports(tgc.GRUCell(H))
    with pytest.raises(tgc.CarryError, match="give one bool per stream"):
        tgc.cut_ports(ports, resets)


def in_place_cell():
    """A cell whose weight is one of TensorFlow 1's reference variables."""

    class Cell:
        state_size = output_size = H

        def __init__(self):
            start = np.eye(N + H, H) * 0.5
            self.weight = tf.Variable(start, use_resource=False, name="w")

        def __call__(self, x, state):
            new = tf.tanh(tf.concat([x, state], 1) @ self.weight)
            return new, new

    return Cell()


def test_in_place_variables_wait_for_the_states_gradient(rng):
    """Their update overwrites what a gradient beside it is still reading."""
    cell = in_place_cell()
    x, ports, _, final, loss = build(cell)
    carried = tgc.carried_loss(loss, ports, final)
    assert cell.weight.op.type == "VariableV2"
    step = tf.train.GradientDescentOptimizer(0.1).minimize(carried.loss)
    before = tf1.operations_before([step])
    assert carried.state_gradient.op in before
    assert final.op in before
    chunk = tgc.build_chunk(loss, ports, final, {"x": x}, tf.train.GradientDescentOptimizer(0.1))
    feed, results = feeds(rng, x, ports), []
    for train in (step, chunk.updates.step):
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            session.run(train, feed)
            results.append(session.run(cell.weight))
    np.testing.assert_allclose(*results, rtol=1e-12)


def test_resource_variables_wait_for_nothing(rng):
    _, ports, _, final, loss = build(tgc.GRUCell(H))
    carried = tgc.carried_loss(loss, ports, final)
    step = tf.train.GradientDescentOptimizer(0.1).minimize(carried.loss)
    assert carried.state_gradient.op not in tf1.operations_before([step])


def test_a_loss_of_another_dtype_than_the_state(rng):
    x, ports, _, final, loss = build(tgc.GRUCell(H), dtype=tf.float32)
    carried = tgc.carried_loss(tf.cast(loss, tf.float64), ports, final)
    weights = tf.trainable_variables()
    wanted = tf.gradients([loss, final], weights, [tf.ones_like(loss), ports.upstream])
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        got, wanted = session.run(
            [tf.gradients(carried.loss, weights), wanted], feeds(rng, x, ports)
        )
    for one, other in zip(got, wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_what_is_no_loss_is_refused():
    _, ports, _, final, loss = build(tgc.GRUCell(H))
    with pytest.raises(tgc.CarryError, match=r"loss=3\): give one scalar tensor"):
        tgc.carried_loss(3, ports, final)
    with pytest.raises(tgc.CarryError, match=r"has shape \(2,\); sum it to a scalar"):
        tgc.carried_loss(tf.stack([loss, loss]), ports, final)
    with pytest.raises(tgc.CarryError, match="is int32, not a float"):
        tgc.carried_loss(tf.cast(loss, tf.int32), ports, final)


def test_what_does_not_fit_is_refused():
    cell = tgc.GRUCell(H)
    _, ports, _, final, loss = build(cell)
    with pytest.raises(tgc.CarryError, match="final_state has shape"):
        tgc.carried_loss(loss, ports, final[:, :2])
    with pytest.raises(tgc.CarryError, match="cannot reach the loss"):
        tgc.carried_loss(tf.constant(1.0, tf.float64), ports, tf.stop_gradient(final))
    with pytest.raises((TypeError, ValueError)):
        tgc.carried_loss(loss, tgc.carry_ports(cell, dtype=tf.float64, losses=2), final)
