"""The inner model runs until it says stop."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from loading import start_with

import tgcarry as tgc

pytestmark = pytest.mark.slow

TIMES, BATCH, WIDTH, OUTER, INNER, MOST = 4, 3, 3, 4, 2, 6
BAR = 0.35


def passed(output, state, step):
    """Stops where the output's length passes a bar."""
    return tf.norm(output, axis=1) > BAR


def grown(output, state, step):
    return tf.norm(output, axis=1) > 0.8


class Turns:
    """Is a cell without variables whose output says how often it was called since a zero state."""

    state_size = output_size = 1

    def zero_state(self, batch_size, dtype):
        return tf.zeros([batch_size, 1], dtype)

    def __call__(self, inputs, state, scope=None):
        return state + 1.0, state + 1.0


def chained(rng, engine, mode="carry", stop_fn=passed, most=MOST, **options):
    x = tf.constant(rng.normal(size=(BATCH, TIMES, WIDTH)))
    with tf.variable_scope("model", reuse=tf.AUTO_REUSE):
        out = tgc.chained_rnn(
            tgc.BasicRNNCell(OUTER),
            tgc.GRUCell(INNER),
            x,
            inner_state=mode,
            stop_fn=stop_fn,
            max_inner_steps=most,
            engine=engine,
            **options,
        )
    return x, out


def run(fetches, rng):
    with tf.Session() as session:
        drawn = {v: rng.normal(size=v.shape.as_list()) for v in tf.trainable_variables()}
        start_with(drawn, session)
        return session.run(fetches)


@pytest.mark.parametrize("mode", ["carry", "reset"])
@pytest.mark.parametrize("engine", ["stock", "loop"])
def test_it_stops_at_the_first_step_that_says_so(rng, engine, mode):
    _, out = chained(rng, engine, mode)
    got = run(out, rng)
    norms = np.linalg.norm(got.outputs, axis=-1)
    seen = set()
    for b, t in np.ndindex(BATCH, TIMES):
        steps = got.steps[b, t]
        seen.add(steps)
        assert (norms[b, t, : steps - 1] <= BAR).all()
        assert got.stopped[b, t] == (norms[b, t, steps - 1] > BAR)
        assert got.stopped[b, t] or steps == MOST
    assert len(seen) > 1, "a test with one number of steps would show little"


@pytest.mark.parametrize("mode", ["carry", "reset"])
def test_the_engines_agree_and_the_steps_found_give_the_same(rng, mode):
    flags = tf.constant([[False, True, False, True]] * BATCH)
    lengths = tf.constant([TIMES, 2, 3])
    beside = tf.constant(rng.normal(size=(BATCH, TIMES, MOST, 2)))
    options = {"resets": flags, "sequence_length": lengths, "inner_inputs": beside}
    options["stop_fn"] = grown
    results = []
    for engine in ("stock", "loop"):
        x, out = chained(np.random.default_rng(0), engine, mode, **options)
        results.append((x, out))
    steps = results[0][1].steps
    with tf.variable_scope("model", reuse=True):
        x = results[0][0]
        given = tgc.chained_rnn(
            tgc.BasicRNNCell(OUTER),
            tgc.GRUCell(INNER),
            x,
            steps,
            inner_state=mode,
            **{**options, "stop_fn": None},
        )
    results.append((x, given))
    weights = tf.constant(rng.normal(size=(BATCH, TIMES, MOST, INNER)))
    fetches = []
    for x, out in results:
        loss = tf.reduce_sum(out.outputs * weights[:, :, : tf.shape(out.outputs)[2]])
        loss += tf.add_n([tf.reduce_sum(leaf**2) for leaf in tf.nest.flatten(out.final_state)])
        gradients = tf.gradients(loss, [x, beside, *tf.trainable_variables()])
        fetches.append((out.outputs, out.steps, out.inner_final, gradients))
    stock, by_hand, fixed = run(fetches, rng)
    assert len(np.unique(stock[1])) > 2
    for other in (by_hand, fixed):
        for a, b in zip(tf.nest.flatten(stock), tf.nest.flatten(other), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("engine", ["stock", "loop"])
def test_what_never_stops_is_bounded_and_says_so(rng, engine):
    never = lambda output, state, step: tf.zeros([tf.shape(output)[0]], tf.bool)  # noqa: E731
    _, out = chained(rng, engine, stop_fn=never, most=tf.constant(3))
    got = run(out, rng)
    assert (got.steps == 3).all() and not got.stopped.any()
    with pytest.raises(tgc.CarryError, match="might never stop: give max_inner_steps"):
        chained(rng, engine, stop_fn=never, most=None)


def test_the_step_counts_from_zero_and_a_number_for_all_will_do(rng):
    third = lambda output, state, step: tf.reduce_all(step >= 2)  # noqa: E731
    _, out = chained(rng, "stock", "reset", stop_fn=third)
    got = run(out, rng)
    assert (got.steps == 3).all() and got.stopped.all()


def test_a_cell_of_ones_own_is_called_once_for_each_step():
    x = tf.zeros([2, 3, 1])
    limits = tf.constant([2.0, 3.0])
    out = tgc.chained_rnn(
        tgc.BasicRNNCell(1),
        Turns(),
        x,
        stop_fn=lambda output, state, step: output[:, 0] % limits < 0.5,
        max_inner_steps=9,
    )
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        got = session.run(out)
    np.testing.assert_array_equal(got.steps, [[2] * 3, [3] * 3])
    np.testing.assert_array_equal(got.outputs[1, ..., 0], [[1, 2, 3], [4, 5, 6], [7, 8, 9]])
    np.testing.assert_array_equal(got.outputs[0, ..., 0], [[1, 2, 0], [3, 4, 0], [5, 6, 0]])
    np.testing.assert_array_equal(got.inner_final[:, 0], [6, 9])


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda output, state, step: tf.norm(output, axis=1), "float64 of shape"),
        (lambda output, state, step: output > 0, "bool of shape"),
    ],
)
def test_an_answer_that_is_no_bool_is_refused(rng, answer, words):
    with pytest.raises(tgc.CarryError, match=words):
        chained(rng, "loop", stop_fn=answer)


def test_one_of_both_ways_to_say_how_many(rng):
    with pytest.raises(tgc.CarryError, match="neither of inner_steps= and stop_fn="):
        chained(rng, "stock", stop_fn=None)
    with pytest.raises(tgc.CarryError, match="both of inner_steps= and stop_fn="):
        chained(rng, "stock", inner_steps=[1] * TIMES)
