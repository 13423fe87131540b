"""Influence balancing as a graph: its gradients are those of NumPy under every policy."""

import re
from pathlib import Path

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import tgcarry as tgc
from tgcarry.cuts import Cuts
from tgcarry.data import InfluenceBalancing
from tgcarry.errors import DataError
from tgcarry.influence import InfluenceCell, influence_chunk, influence_chunks

PROBLEM = InfluenceBalancing()
TRUNCATED = tgc.Truncated()
EXACT = tgc.ExactSweep()


def gradients(lengths, policy, theta=0.5, start=None, dtype=tf.float64, problem=PROBLEM):
    """Returns loss, theta's gradient and the first state's, by the runner."""
    chunk = influence_chunk(problem, theta=theta, dtype=dtype)
    first = np.ones((1, problem.units)) if start is None else start
    target = {"target": np.ones((len(first), sum(lengths)))}
    with tgc.Runner(chunk, policy) as runner:
        found = runner.gradients(tgc.split_chunks(target, lengths), initial_state=first)
    assert list(found.variables) == ["rnn/influence_cell/theta"]
    return found.loss, float(found.variables["rnn/influence_cell/theta"]), found.initial_state


@pytest.mark.parametrize(
    ("problem", "lengths"),
    [(PROBLEM, [60]), (PROBLEM, [1, 30, 7, 62]), (InfluenceBalancing(5, 3), [3, 3, 4])],
)
def test_the_exact_gradient_is_numpy_s(problem, lengths, rng):
    start = rng.normal(size=(1, problem.units))
    loss, theta, first = gradients(lengths, EXACT, 0.3, start, problem=problem)
    wanted = problem.gradient(0.3, start[0], lengths)
    assert loss == pytest.approx(wanted.loss, rel=1e-10)
    assert theta == pytest.approx(wanted.theta, rel=1e-10)
    np.testing.assert_allclose(first[0], wanted.initial_state, rtol=1e-10, atol=1e-10)


def test_the_truncated_gradient_is_numpy_s():
    lengths = [4, 1, 20, 15]
    loss, theta, _ = gradients(lengths, TRUNCATED)
    wanted = PROBLEM.gradient(0.5, np.ones(23), lengths, [0.0] * 3)
    assert loss == pytest.approx(wanted.loss, rel=1e-10)
    assert theta == pytest.approx(wanted.theta, rel=1e-10)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_random_truncation_s_gradient_is_numpy_s(seed):
    lengths, cuts = [15] * 8, Cuts(0.4, seed)
    factors = [cuts.factor(chunk) for chunk in range(7)]
    assert 0 < factors.count(0.0) < 7
    _, theta, _ = gradients(lengths, tgc.RandomTruncation(0.4, seed=seed))
    wanted = PROBLEM.gradient(0.5, np.ones(23), lengths, factors)
    assert theta == pytest.approx(wanted.theta, rel=1e-10)


def test_float32_is_near_it():
    loss, theta, _ = gradients([30, 30], EXACT, dtype=tf.float32)
    wanted = PROBLEM.gradient(0.5, np.ones(23), [60])
    assert (loss, theta) == pytest.approx((wanted.loss, wanted.theta), rel=1e-5)


def test_streams_add_up(rng):
    start = rng.normal(size=(3, 23))
    _, theta, first = gradients([20, 20], EXACT, start=start)
    wanted = [PROBLEM.gradient(0.5, row, [40]) for row in start]
    assert theta == pytest.approx(sum(one.theta for one in wanted), rel=1e-10)
    np.testing.assert_allclose(
        first, [one.initial_state for one in wanted], rtol=1e-10, atol=1e-10
    )


@pytest.mark.parametrize(("length", "right"), [(1, False), (10, False), (100, False), (200, True)])
def test_truncation_has_the_wrong_sign_until_it_is_very_long(length, right):
    # At theta = 1/2 it has to come down, to -1/6.
    start = PROBLEM.settled(0.5)[None]
    lengths = [length] * (200 // length)
    _, theta, _ = gradients(lengths, TRUNCATED, start=start)
    assert (theta > 0) == right


def train(policy, length, theta=0.0, steps=60, sweep=200, rate=5e-5):
    """Trains for a number of sweeps' worth of steps; returns where theta comes to."""
    with tf.Graph().as_default():
        optimizer = tf.train.GradientDescentOptimizer(rate)
        chunk = influence_chunk(PROBLEM, optimizer, theta=theta)
    with tgc.Runner(chunk, policy) as runner:
        for _ in runner.run(influence_chunks(steps * sweep, length)):
            pass
        return float(runner.session.run(chunk.variables[0]))


def test_truncation_runs_away_and_the_exact_gradient_arrives():
    best = PROBLEM.best_theta
    arrived = train(tgc.ExactSweep(window=10), 20)
    assert arrived == pytest.approx(best, abs=1e-3)
    gone = train(TRUNCATED, 20)
    assert gone > 1.0


def test_the_cell_is_a_step_of_the_definition(rng):
    state = rng.normal(size=(2, 4))
    cell = InfluenceCell(InfluenceBalancing(4, 1), theta=0.7)
    output, following = cell(tf.zeros([2, 5], tf.float64), tf.constant(state))
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        got_output, got = session.run([output, following])
    shifted = np.concatenate([state[:, 1:], np.zeros((2, 1))], 1)
    np.testing.assert_allclose(got, (state + shifted) / 2 + 0.7 * np.array([1, -1, -1, -1]))
    assert np.array_equal(got_output, got[:, :1])
    assert cell.theta.shape == []
    assert (cell.state_size, cell.output_size) == (4, 1)


def test_the_documentation_prints_what_it_shows(capsys):
    page = (Path(__file__).parent.parent / "docs/data.md").read_text(encoding="utf-8")
    ((code, printed),) = re.findall(
        r"```python\n([^`]*influence_chunk[^`]*)```\n\n```\n([^`]*)```", page
    )
    exec(code, {})
    assert capsys.readouterr().out == printed


def test_the_chunks():
    chunks = influence_chunks(steps=10, length=4, batch=2)
    assert [chunk.length for chunk in chunks] == [4, 4, 2]
    assert all((chunk.arrays["target"] == 1).all() for chunk in chunks)
    assert not any(chunk.resets.any() for chunk in chunks)
    with pytest.raises(DataError, match="steps 0"):
        influence_chunks(0, 4)
