"""Holds every policy's gradient against the unbroken graph and the float64 oracle.

Tolerances are relative to the largest entry: 1e-10 in float64, 1e-5 in float32.
"""

import models
import numpy as np
import oracle
import pytest
import tensorflow.compat.v1 as tf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import tgcarry as tgc

TOLERANCE = {tf.float64: 1e-10, tf.float32: 1e-5}


def exact(model, case):
    return oracle.gradients(
        model.layers,
        model.head,
        case.x,
        case.y,
        case.initial,
        resets=case.resets,
        lengths=case.lengths,
    )


def carried(model, case, policy):
    chunk = tgc.build_chunk(model.loss, model.ports, model.final_state, model.feeds)
    with tgc.Runner(chunk, policy) as runner:
        models.load(model, runner.session)
        chunks = models.chunks_of(model, case)
        return runner.gradients(chunks, models.to_nest(model, case.initial))


def flat(gradients):
    return [*gradients.variables.values(), *tf.nest.flatten(gradients.initial_state)]


def flat_oracle(model, result):
    return [
        *models.gradient_order(result),
        *tf.nest.flatten(models.to_nest(model, result.initial)),
    ]


def unbroken(model, case):
    """Differentiates one graph over the whole sequence, resets inside the loop."""
    variables = tf.trainable_variables()
    leaves = tf.nest.flatten(model.ports.initial_state)
    wanted = tf.gradients(model.loss, [*variables, *leaves])
    steps = case.x.shape[1]
    feed = {
        model.feeds["x"]: case.x,
        model.feeds["y"]: case.y,
        model.feeds["lengths"]: case.lengths,
        model.feeds["mask"]: np.arange(steps) < case.lengths[:, None],
        model.resets: case.resets,
    }
    initial = tf.nest.flatten(models.to_nest(model, case.initial))
    feed.update(zip(leaves, initial, strict=True))
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        models.load(model, session)
        return session.run([model.loss, wanted], feed)


@pytest.mark.parametrize(
    "dtype",
    [tf.float64, pytest.param(tf.float32, marks=pytest.mark.slow)],
    ids=["float64", "float32"],
)
@pytest.mark.parametrize(
    ("kind", "tuples"),
    [
        pytest.param("gru", True, id="gru"),
        pytest.param("lstm", True, id="lstm"),
        pytest.param("lstm", False, id="lstm-flat"),
        pytest.param("rnn", True, id="rnn"),
        pytest.param("gru", False, id="gru-flat", marks=pytest.mark.slow),
        pytest.param("rnn", False, id="rnn-flat", marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize(
    "units", [pytest.param((5,), marks=pytest.mark.slow), (5, 4)], ids=["one", "two"]
)
def test_exact_sweep_is_the_gradient_of_the_unbroken_sequence(kind, units, tuples, dtype):
    seed = len(kind) * 100 + len(units) * 10 + tuples
    print("seed", seed)
    rng = np.random.default_rng(seed)
    steps = {"gru": 64, "lstm": 200, "rnn": 97}[kind]
    model = models.build(kind, units, tuples, dtype, rng)
    case = models.draw_case(model, rng, batch=4, steps=steps)
    wanted = exact(model, case)
    got = carried(model, case, tgc.ExactSweep())
    assert got.loss == pytest.approx(wanted.loss, rel=TOLERANCE[dtype])
    assert models.relative(flat(got), flat_oracle(model, wanted)) < TOLERANCE[dtype]
    whole_final = models.to_nest(model, wanted.finals)
    assert models.relative(got.final_state, whole_final) < TOLERANCE[dtype]

    with tf.Graph().as_default():
        whole = models.build(kind, units, tuples, dtype, np.random.default_rng(seed), True)
        loss, gradients = unbroken(whole, case)
    assert got.loss == pytest.approx(loss, rel=TOLERANCE[dtype])
    assert models.relative(flat(got), gradients) < TOLERANCE[dtype]


def test_exact_over_a_thousand_steps(rng):
    model = models.build("gru", (6,), True, tf.float64, rng)
    case = models.draw_case(model, rng, batch=3, steps=1000, most_chunks=40)
    got = carried(model, case, tgc.ExactSweep())
    assert models.relative(flat(got), flat_oracle(model, exact(model, case))) < 1e-10


@pytest.mark.parametrize("policy", [tgc.Truncated(), tgc.Stale(1.0), tgc.Stale(0.5)], ids=str)
@pytest.mark.parametrize(
    "kind", ["gru", *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("lstm", "rnn"))]
)
def test_the_other_policies_differ_measurably(kind, policy, rng):
    model = models.build(kind, (5,), True, tf.float64, rng)
    case = models.draw_case(model, rng, batch=4, steps=64)
    got = carried(model, case, policy)
    assert models.relative(flat(got), flat_oracle(model, exact(model, case))) > 1e-4


@pytest.mark.parametrize("kind", ["gru", "lstm", "rnn"])
def test_truncated_is_what_its_name_says(kind, rng):
    model = models.build(kind, (5, 4), True, tf.float64, rng)
    case = models.draw_case(model, rng, batch=4, steps=64)
    wanted = oracle.truncated_gradients(
        model.layers,
        model.head,
        case.x,
        case.y,
        case.initial,
        cuts=case.cuts,
        resets=case.resets,
        lengths=case.lengths,
    )
    got = carried(model, case, tgc.Truncated())
    assert models.relative(flat(got), flat_oracle(model, wanted)) < 1e-10


@pytest.mark.parametrize("decay", [1.0, 0.3])
def test_stale_feeds_the_previous_chunks_gradient(decay, rng):
    model = models.build("gru", (5, 4), True, tf.float64, rng)
    case = models.draw_case(model, rng, batch=4, steps=64)
    # A reset at a chunk's start is a fresh start: its gradient w.r.t. the zero state that it
    # begins from is the next chunk's stale upstream, as after the first chunk of a run.
    state, carry, results = case.initial, None, []
    for start, stop in oracle.chunk_bounds(64, case.cuts):
        piece = oracle.chunk_of(start, stop, case.x, case.y, None, case.lengths)
        rows = case.resets[:, start]
        if carry is None:
            upstream = oracle.zero_states(model.layers, 4)
        else:
            upstream = oracle.cut_rows(oracle.scaled(carry, decay), rows)
        result = oracle.gradients(
            model.layers,
            model.head,
            initial=oracle.cut_rows(state, rows),
            upstream=upstream,
            **piece,
        )
        results.append(result)
        state, carry = result.finals, result.initial
    wanted = oracle.add_up(results)
    got = carried(model, case, tgc.Stale(decay))
    assert models.relative(flat(got), flat_oracle(model, wanted)) < 1e-10


@pytest.mark.parametrize("window", [1, 2, 3])
def test_a_window_is_exact_inside_and_cut_at_its_end(window, rng):
    model = models.build("lstm", (5,), True, tf.float64, rng)
    case = models.draw_case(model, rng, batch=4, steps=64)
    case = case._replace(cuts=[8, 16, 24, 32, 40, 48, 56], resets=np.zeros((4, 64), bool))
    wanted = oracle.truncated_gradients(
        model.layers,
        model.head,
        case.x,
        case.y,
        case.initial,
        cuts=case.cuts[window - 1 :: window],
        lengths=case.lengths,
    )
    got = carried(model, case, tgc.ExactSweep(window))
    assert models.relative(flat(got), flat_oracle(model, wanted)) < 1e-10


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
@given(
    seed=st.integers(0, 2**31),
    kind=st.sampled_from(["gru", "lstm", "rnn"]),
    units=st.sampled_from([(1,), (4,), (3, 5)]),
    tuples=st.booleans(),
    batch=st.integers(1, 5),
    steps=st.integers(8, 90),
    most_chunks=st.integers(2, 8),
)
def test_exactness_holds_for_any_chunking(seed, kind, units, tuples, batch, steps, most_chunks):
    rng = np.random.default_rng(seed)
    with tf.Graph().as_default():
        model = models.build(kind, units, tuples, tf.float64, rng)
        case = models.draw_case(model, rng, batch, steps, most_chunks)
        got = carried(model, case, tgc.ExactSweep())
    assert models.relative(flat(got), flat_oracle(model, exact(model, case))) < 1e-10
