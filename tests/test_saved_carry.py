"""A carry in variables: written in a run, by hand, saved with any number of streams."""

import numpy as np
import tensorflow.compat.v1 as tf

import tgcarry as tgc
from tgcarry.saved_carry import SavedCarry


def make():
    cell = tgc.MultiRNNCell([tgc.BasicLSTMCell(2), tgc.GRUCell(3)])
    ports = tgc.carry_ports(cell)
    return ports, SavedCarry(ports, "kept")


def draw(rng, ports, rows):
    return tuple(
        tf.nest.map_structure(
            lambda p: rng.normal(size=[rows, *p.shape[1:]]).astype(np.float32), nest
        )
        for nest in ports
    )


def same(got, wanted):
    tf.nest.assert_same_structure(got, wanted)
    for one, other in zip(tf.nest.flatten(got), tf.nest.flatten(wanted), strict=True):
        assert np.array_equal(one, other)
        assert one.dtype == other.dtype


def test_nothing_is_carried_at_first():
    _, saved = make()
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        assert saved.take_up(session) == (None, None)


def test_it_is_global_and_not_trained():
    make()
    names = [f"kept/{kind}_{i}:0" for kind in ("state", "gradient") for i in range(3)]
    assert [v.name for v in tf.global_variables()] == names
    assert not tf.trainable_variables()


def test_names_do_not_depend_on_the_scopes_around():
    with tf.variable_scope("model"), tf.name_scope("inner"):
        make()
    assert tf.global_variables()[0].name == "kept/state_0:0"


def test_a_run_writes_and_a_saver_saves_any_number_of_streams(rng, tmp_path):
    ports, saved = make()
    write = saved.write(*(tf.nest.flatten(nest) for nest in ports))
    saver = tf.train.Saver()
    for rows in (3, 5):
        carry = draw(rng, ports, rows)
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            feed = dict(zip(tf.nest.flatten(ports), tf.nest.flatten(carry), strict=True))
            session.run(write, feed)
            path = saver.save(session, str(tmp_path / "m"), rows)
        with tf.Session() as session:
            saver.restore(session, path)
            same(saved.take_up(session), carry)


def test_without_a_gradient_zeros_are_taken_up(rng):
    ports, saved = make()
    write = saved.write(tf.nest.flatten(ports.initial_state))
    state, _ = draw(rng, ports, 4)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        feed = dict(zip(tf.nest.flatten(ports.initial_state), tf.nest.flatten(state), strict=True))
        session.run(write, feed)
        got, gradient = saved.take_up(session)
    same(got, state)
    same(gradient, tf.nest.map_structure(np.zeros_like, state))


def test_put_writes_to_the_session_that_was_taken_up_from(rng):
    ports, saved = make()
    carry = draw(rng, ports, 2)
    saved.put(*carry)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        saved.take_up(session)
        saved.put(*carry)
        same(saved.take_up(session), carry)
        saved.let_go()
        saved.put(*draw(rng, ports, 2))
        same(saved.take_up(session), carry)
