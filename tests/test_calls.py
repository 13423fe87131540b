"""The session calls: what is fed and fetched at each kind of visit."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import tgcarry as tgc
from tgcarry.calls import Calls


@pytest.fixture(autouse=True)
def same_weights(graph):
    tf.set_random_seed(20)
    print("graph seed 20")


class Recorder:
    """A session that notes what it is asked for."""

    def __init__(self, session):
        self.session, self.asked = session, []

    def run(self, fetches, feed_dict=None):
        self.asked.append((tf.nest.flatten(fetches, expand_composites=False), feed_dict or {}))
        return self.session.run(fetches, feed_dict)


class Setup:
    def __init__(self, optimizer=None, constants=False, guard=None, **feeds):
        self.x = tf.placeholder(tf.float64, [None, None, 3], "x")
        cell = tgc.BasicRNNCell(2)
        self.ports = tgc.carry_ports(cell, dtype=tf.float64)
        self.out, self.final = cell(tf.reduce_sum(self.x, 1), self.ports.initial_state)
        self.rate = tf.placeholder(tf.float64, []) if constants else tf.ones([], tf.float64)
        self.loss = self.rate * tf.reduce_sum(self.out**2)
        if guard is not None:
            self.loss += tf.debugging.check_numerics(tf.log(self.loss * 0 - 1), guard)
        self.chunk = tgc.build_chunk(
            self.loss,
            self.ports,
            self.final,
            {"x": self.x, **feeds},
            optimizer,
            metrics={"total": tf.reduce_sum(self.out)},
        )
        session = tf.Session()
        session.run([tf.global_variables_initializer(), self.chunk.updates.initialize])
        self.session = Recorder(session)
        self.calls = Calls(self.chunk, self.session, {self.rate: 1.0} if constants else {}, 7)

    def ready(self, chunk, index=0):
        return self.calls.ready(chunk, index)

    def operations(self):
        return {getattr(f, "op", f) for f in self.session.asked[-1][0] if f is not None}


def data(rng, batch=4, steps=5, **options):
    return tgc.split_chunks({"x": rng.normal(size=(batch, steps, 3))}, steps, **options)[0]


def state(rng, batch=4):
    return rng.normal(size=(batch, 2))


def test_forward_fetches_the_final_state_and_nothing_else(rng):
    setup = Setup()
    got = setup.calls.forward(setup.ready(data(rng)), state(rng))
    assert setup.operations() == {setup.final.op}
    assert setup.ports.upstream not in setup.session.asked[-1][1]
    assert got.shape == (4, 2)


def test_evaluate_runs_no_gradient(rng):
    setup = Setup()
    visit = setup.calls.evaluate(setup.ready(data(rng)), state(rng))
    metric = setup.chunk.metrics["total"].op
    assert setup.operations() == {setup.loss.op, metric, setup.final.op}
    assert visit.state_gradient is None
    assert visit.loss == pytest.approx((visit.final_state**2).sum())
    assert visit.metrics == {"total": pytest.approx(visit.final_state.sum())}


def test_gather_adds_up_and_step_does_not(rng):
    setup = Setup(tf.train.GradientDescentOptimizer(0.5))
    chunk, start, up = data(rng), state(rng), state(rng)
    one = setup.calls.gather(setup.ready(chunk), start, up, advance=False)
    once = setup.calls.accumulated()
    setup.calls.gather(setup.ready(chunk), start, up, advance=True)
    twice = setup.calls.accumulated()
    assert list(once) == ["basic_rnn_cell/kernel", "basic_rnn_cell/bias"]
    for name in once:
        np.testing.assert_allclose(twice[name], 2 * once[name])
    assert one.final_state is None
    assert np.isnan(one.grad_norm)
    setup.calls.clear()
    stepped = setup.calls.step(setup.ready(chunk), start, up, advance=True)
    assert not any(v.any() for v in setup.calls.accumulated().values())
    np.testing.assert_allclose(stepped.state_gradient, one.state_gradient)
    assert stepped.grad_norm == pytest.approx(np.sqrt(sum((v**2).sum() for v in once.values())))


def test_apply_steps_and_clears(rng):
    setup = Setup(tf.train.GradientDescentOptimizer(0.5), constants=True)
    setup.calls.gather(setup.ready(data(rng)), state(rng), state(rng), advance=False)
    total = setup.calls.accumulated()
    before = setup.session.run(tf.trainable_variables())
    norm = setup.calls.apply(0.5)
    after = setup.session.run(tf.trainable_variables())
    for old, new, g in zip(before, after, total.values(), strict=True):
        np.testing.assert_allclose(new, old - 0.5 * 0.5 * g, rtol=1e-12)
    assert norm == pytest.approx(0.5 * np.sqrt(sum((v**2).sum() for v in total.values())))
    assert not any(v.any() for v in setup.calls.accumulated().values())


def test_carry_back_and_own_gradient_are_the_two_parts_of_a_visit(rng):
    setup = Setup()
    chunk, start, up = data(rng), state(rng), state(rng)
    both = setup.calls.gather(setup.ready(chunk), start, up, advance=False).state_gradient
    setup.calls.clear()
    carried = setup.calls.carry_back(setup.ready(chunk), start, up)
    own = setup.calls.own_gradient(setup.ready(chunk), start)
    np.testing.assert_allclose(own + carried, both, rtol=1e-12)
    np.testing.assert_allclose(
        setup.calls.carry_back(setup.ready(chunk), start, 3 * up), 3 * carried
    )
    assert not any(v.any() for v in setup.calls.accumulated().values())


def test_lengths_mask_and_seed_are_filled_in_where_asked_for(rng):
    lengths, mask = tf.placeholder(tf.int32, [None]), tf.placeholder(tf.float64, [None, None])
    seed = tf.placeholder(tf.int32, [2])
    setup = Setup(lengths=lengths, mask=mask, seed=seed)
    chunk = data(rng, lengths=[5, 2, 0, 3])
    setup.calls.forward(setup.ready(chunk, 6), state(rng))
    _, feeds = setup.session.asked[-1]
    assert feeds[lengths].tolist() == [5, 2, 0, 3]
    assert feeds[mask].sum(1).tolist() == [5, 2, 0, 3]
    assert feeds[mask][1].tolist() == [1, 1, 0, 0, 0]
    assert feeds[seed].tolist() == [7, 6]


def test_constants_are_fed_at_every_call(rng):
    setup = Setup(tf.train.GradientDescentOptimizer(0.5), constants=True)
    chunk, start = data(rng), state(rng)
    setup.calls.forward(setup.ready(chunk), start)
    setup.calls.evaluate(setup.ready(chunk), start)
    setup.calls.gather(setup.ready(chunk), start, start, True)
    setup.calls.apply(1.0)
    setup.calls.carry_back(setup.ready(chunk), start, start)
    with_data = [feeds for _, feeds in setup.session.asked if feeds]
    assert len(with_data) == 5
    assert all(setup.rate in feeds for feeds in with_data)


def test_zero_state_is_the_ports_in_numpy():
    zeros = Setup().calls.zero_state(6)
    assert zeros.shape == (6, 2)
    assert zeros.dtype == np.float64
    assert not zeros.any()


def refused(error, facts, chunk, **feeds):
    setup = Setup(**feeds)
    with pytest.raises(error) as caught:
        setup.calls.forward(setup.ready(chunk, 3), np.zeros((chunk.batch, 2)))
    message = str(caught.value)
    assert "\n" not in message
    for fact in ("chunk 3", *facts):
        assert fact in message


def made(**arrays):
    return tgc.split_chunks(arrays, 4)[0]


def test_an_array_of_the_wrong_width():
    refused(tgc.RunError, ["'x'", "(2, 4, 5)", "3)"], made(x=np.zeros((2, 4, 5))))


def test_an_array_of_the_wrong_rank():
    refused(tgc.RunError, ["'x'", "(2, 4)"], made(x=np.zeros((2, 4))))


def test_an_array_that_is_missing():
    refused(tgc.RunError, ["'x'", "has", "pixels"], made(pixels=np.zeros((2, 4, 3))))


@pytest.mark.parametrize("dtype", [np.complex128, "U3"])
def test_an_array_of_the_wrong_dtype(dtype):
    refused(tgc.RunError, ["'x'", "float64"], made(x=np.zeros((2, 4, 3)).astype(dtype)))


def test_floats_are_no_labels():
    labels = tf.placeholder(tf.int32, [None, None])
    arrays = made(x=np.zeros((2, 4, 3)), y=np.zeros((2, 4)))
    refused(tgc.RunError, ["'y'", "float64", "int32"], arrays, y=labels)


@pytest.mark.parametrize("dtype", [np.float32, np.int64, np.uint8, np.bool_])
def test_what_casts_safely_is_fed_as_it_is(dtype):
    setup = Setup()
    chunk = made(x=np.ones((2, 4, 3)).astype(dtype))
    assert setup.calls.forward(setup.ready(chunk), np.zeros((2, 2))).shape == (2, 2)


def test_streams_that_end_early_need_lengths_or_a_mask(rng):
    refused(tgc.RunError, ["[5, 2, 5, 5]", "lengths", "mask"], data(rng, lengths=[5, 2, 5, 5]))


def test_an_error_of_the_graph_that_is_no_norm_passes_through(rng):
    setup = Setup(guard="mine")
    with pytest.raises(tf.errors.InvalidArgumentError, match="mine"):
        setup.calls.evaluate(setup.ready(data(rng)), state(rng))
