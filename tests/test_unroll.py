"""Unrolling: every engine against the NumPy oracle, resets, time-major, and refusals."""

import models
import numpy as np
import oracle
import pytest
import tensorflow.compat.v1 as tf
from loading import start_with

import tgcarry as tgc
from tgcarry.unroll import ENGINES

# "auto" is one of the others; which one is tests/test_engines.py's.
EACH = [engine for engine in ENGINES if engine != "auto"]


@pytest.fixture(autouse=True)
def same_weights(graph):
    tf.set_random_seed(20)
    print("graph seed 20")


CELLS = {
    "gru": tgc.GRUCell,
    "lstm": tgc.BasicLSTMCell,
    "rnn": tgc.BasicRNNCell,
}
B, L, N, H = 4, 6, 3, 5


def run(fetches, feeds, weights):
    with tf.Session() as session:
        start_with(dict(zip(tf.trainable_variables(), weights, strict=True)), session)
        return session.run(fetches, feeds)


def layer(kind, rng):
    (found,), _ = models.weights_for(kind, (H,), rng)
    return found


def initial(kind, rng):
    if kind == "lstm":
        return tgc.LSTMStateTuple(rng.normal(size=(B, H)), rng.normal(size=(B, H)))
    return rng.normal(size=(B, H))


@pytest.mark.parametrize(
    ("engine", "time_major"),
    [
        *(pytest.param(engine, False, id=f"{engine}-batch") for engine in EACH),
        *(
            pytest.param(
                engine,
                True,
                id=f"{engine}-time",
                marks=[] if engine == "loop" else [pytest.mark.slow],
            )
            for engine in EACH
        ),
    ],
)
@pytest.mark.parametrize("kind", CELLS)
def test_every_engine_is_the_oracle(kind, engine, time_major, rng):
    found, start = layer(kind, rng), initial(kind, rng)
    X, lengths = rng.normal(size=(B, L, N)), np.array([L, 3, 1, 0])
    flags = np.zeros((B, L), bool)
    flags[0, 2] = flags[1, 0] = flags[1, 1] = flags[2, 4] = True
    cell = CELLS[kind](H)
    x, resets = tf.placeholder(tf.float64, [None, None, N]), tf.placeholder(tf.bool, [None, None])
    ports = tgc.carry_ports(cell, dtype=tf.float64)
    outputs, final = tgc.dynamic_rnn(
        cell,
        x,
        tf.constant(lengths),
        initial_state=ports.initial_state,
        time_major=time_major,
        engine=engine,
        resets=resets,
    )
    assert outputs.shape.rank == 3 and outputs.shape.as_list()[2] == H
    assert all(v.op.name.startswith("rnn/") for v in tf.trainable_variables())
    leaves = tf.nest.flatten(ports.initial_state)
    loss = tf.reduce_sum(tf.sin(outputs)) + sum(map(tf.reduce_sum, tf.nest.flatten(final)))
    targets = [*tf.trainable_variables(), *leaves]
    swap = (lambda a: np.swapaxes(a, 0, 1)) if time_major else (lambda a: a)
    feeds = {x: swap(X), resets: swap(flags)}
    feeds |= dict(zip(leaves, tf.nest.flatten(start), strict=True))
    got = run([outputs, final, tf.gradients(loss, targets)], feeds, found.params.values())
    want_out, want_final, _ = oracle.unroll([found], X, [start], flags, lengths)
    np.testing.assert_allclose(swap(got[0]), want_out, atol=1e-12)
    for one, other in zip(tf.nest.flatten(got[1]), tf.nest.flatten(want_final[0]), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-12)
    kernel_slope = got[2][0]
    eps, at = 1e-6, np.unravel_index(np.abs(kernel_slope).argmax(), kernel_slope.shape)

    def value(shift):
        params = {k: v.copy() for k, v in found.params.items()}
        next(iter(params.values()))[at] += shift
        out, ends, _ = oracle.unroll([found._replace(params=params)], X, [start], flags, lengths)
        return np.sin(out).sum() + sum(leaf.sum() for leaf in tf.nest.flatten(ends[0]))

    slope = (value(eps) - value(-eps)) / (2 * eps)
    assert kernel_slope[at] == pytest.approx(slope, rel=1e-6)


@pytest.mark.parametrize("engine", EACH)
def test_a_reset_cuts_the_gradient_of_its_stream_alone(engine, rng):
    cell = tgc.GRUCell(H)
    ports = tgc.carry_ports(cell, dtype=tf.float64)
    flags = tf.constant([[False] * 3, [False, True, False], [True, False, False]])
    _, final = tgc.dynamic_rnn(
        cell,
        tf.constant(rng.normal(size=(3, 3, N))),
        initial_state=ports.initial_state,
        engine=engine,
        resets=flags,
    )
    slope = tf.gradients(final, ports.initial_state)[0]
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        got = session.run(slope, {ports.initial_state: rng.normal(size=(3, H))})
    assert np.all(np.abs(got[0]) > 0)
    assert not got[1:].any()


@pytest.mark.parametrize("engine", EACH)
def test_a_reset_clears_a_state_that_has_overflowed(engine):
    cell = tgc.BasicLSTMCell(2)
    start = tgc.LSTMStateTuple(tf.fill([2, 2], np.inf), tf.fill([2, 2], np.nan))
    flags = tf.constant([[True, False], [True, False]])
    outputs, final = tgc.dynamic_rnn(
        cell, tf.ones([2, 2, 1]), initial_state=start, engine=engine, resets=flags
    )
    slopes = tf.gradients(outputs, tf.trainable_variables())
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for value in tf.nest.flatten(session.run([outputs, final, slopes])):
            assert np.isfinite(value).all()


def test_resets_nowhere_change_nothing(rng):
    X = tf.constant(rng.normal(size=(2, 4, N)))
    cell = tgc.GRUCell(H)
    plain = tgc.dynamic_rnn(cell, X, dtype=tf.float64)
    flagged = tgc.dynamic_rnn(cell, X, dtype=tf.float64, resets=tf.zeros([2, 4], tf.bool))
    assert len(tf.trainable_variables()) == 4
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        one, other = session.run([plain, flagged])
    np.testing.assert_array_equal(one[0], other[0])
    np.testing.assert_array_equal(one[1], other[1])


def test_inputs_may_be_a_nest_also_with_resets(rng):
    class Sum(tgc.RNNCell):
        state_size = output_size = 2

        def call(self, inputs, state):
            new = state + inputs["a"] + 10 * inputs["b"]
            return new, new

    inputs = {name: tf.constant(rng.normal(size=(2, 3, 2))) for name in "ab"}
    flags = tf.constant([[False, False, True], [False] * 3])
    outputs, final = tgc.dynamic_rnn(Sum(), inputs, dtype=tf.float64, resets=flags)
    with tf.Session() as session:
        out, end, given = session.run([outputs, final, inputs])
    steps = given["a"] + 10 * given["b"]
    np.testing.assert_allclose(end[0], steps[0, 2])
    np.testing.assert_allclose(end[1], steps[1].sum(0))
    np.testing.assert_allclose(out[1], steps[1].cumsum(0))


def test_one_cell_unrolled_twice_shares_its_variables():
    cell = tgc.GRUCell(2)
    for _ in range(2):
        tgc.dynamic_rnn(cell, tf.zeros([1, 2, 3]), dtype=tf.float32)
    assert len(tf.trainable_variables()) == 4


def test_a_stock_keras_free_tf1_cell_is_taken_too():
    class Bare:
        state_size = output_size = 2

        def zero_state(self, batch, dtype):
            return tf.zeros([batch, 2], dtype)

        def __call__(self, inputs, state, scope=None):
            return state + inputs, state + inputs

    _, final = tgc.dynamic_rnn(Bare(), tf.ones([1, 3, 2]), dtype=tf.float32)
    with tf.Session() as session:
        assert session.run(final).tolist() == [[3, 3]]


def x():
    return tf.placeholder(tf.float32, [None, 4, 3], "inputs")


def lstm(state):
    return tgc.dynamic_rnn(tgc.BasicLSTMCell(2), x(), initial_state=state)


def gru(**options):
    return tgc.dynamic_rnn(tgc.GRUCell(2), x(), **options)


REFUSALS = {
    "engine": (lambda: gru(dtype=tf.float32, engine="quick"), ["'quick'", "auto", "stock"]),
    "tensor for a tuple": (lambda: lstm(tf.zeros([5, 2])), ["LSTMStateTuple", "carry_ports"]),
    "tuple for a tensor": (
        lambda: gru(initial_state=(tf.zeros([5, 2]),)),
        ["state_size=2", "carry_ports"],
    ),
    "width": (lambda: gru(initial_state=tf.zeros([5, 9])), ["(5, 9)", "state_size=2"]),
    "rank": (lambda: gru(initial_state=tf.zeros([2])), ["(2,)", "state_size=2"]),
    "dtype": (
        lambda: gru(initial_state=tf.zeros([5, 2], tf.float64)),
        ["float64", "float32"],
    ),
    "resets dtype": (
        lambda: gru(dtype=tf.float32, resets=tf.zeros([5, 4], tf.int32)),
        ["resets", "int32", "bool"],
    ),
    "resets per stream": (
        lambda: gru(dtype=tf.float32, resets=tf.zeros([5], tf.bool)),
        ["resets", "(5,)", "one flag per stream and step"],
    ),
    "resets length": (
        lambda: gru(dtype=tf.float32, resets=tf.zeros([5, 7], tf.bool)),
        ["resets", "(5, 7)", "4)"],
    ),
}


@pytest.mark.parametrize(("make", "facts"), REFUSALS.values(), ids=REFUSALS)
def test_refusals(make, facts):
    with pytest.raises(tgc.CarryError) as caught:
        make()
    message = str(caught.value)
    assert "\n" not in message
    for fact in facts:
        assert fact in message


def test_neither_state_nor_dtype_is_tensorflows_own_error():
    with pytest.raises(ValueError, match="dtype"):
        gru()


def test_resets_may_be_an_array():
    _, final = gru(dtype=tf.float32, resets=np.zeros((1, 4), bool))
    assert final.shape.as_list()[-1] == 2
