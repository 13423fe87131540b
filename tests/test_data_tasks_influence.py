"""Influence balancing in NumPy: against differences, and against the binomial distribution."""

from math import comb

import numpy as np
import pytest

from tgcarry.data import InfluenceBalancing
from tgcarry.errors import DataError


def loss_slowly(theta, start, steps, units, positive):
    """Follows every unit by itself, as the definition is written."""
    state, total = [float(s) for s in start], 0.0
    for _ in range(steps):
        state = [
            state[i] / 2
            + (state[i + 1] / 2 if i + 1 < units else 0.0)
            + (theta if i < positive else -theta)
            for i in range(units)
        ]
        total += (state[0] - 1) ** 2 / 2
    return total


@pytest.mark.parametrize(("units", "positive"), [(23, 10), (5, 2), (4, 3)])
def test_the_exact_gradient_is_that_of_the_definition(units, positive, rng):
    problem, start = InfluenceBalancing(units, positive), rng.normal(size=units)
    found = problem.gradient(0.3, start, [7, 1, 12])

    def loss(theta, first):
        return loss_slowly(theta, first, 20, units, positive)

    assert found.loss == pytest.approx(loss(0.3, start), rel=1e-12)
    # The loss is a parabola in each: a wide difference is exact.
    wide = (loss(1.3, start) - loss(-0.7, start)) / 2
    assert found.theta == pytest.approx(wide, rel=1e-10)
    steps = np.eye(units)
    wides = [(loss(0.3, start + one) - loss(0.3, start - one)) / 2 for one in steps]
    np.testing.assert_allclose(found.initial_state, wides, rtol=1e-9, atol=1e-11)


def test_the_influence_is_a_walk_down_the_units():
    problem = InfluenceBalancing()
    signs = [1] * 10 + [-1] * 13

    def entered_before(k):
        # What entered k steps ago at unit 1 + j has come to unit 1 in comb(k, j) ways of 2^k.
        return sum(comb(k, j) * signs[j] for j in range(min(k, 22) + 1)) / 2**k

    wanted = np.cumsum([entered_before(k) for k in range(150)])
    np.testing.assert_allclose(problem.influence(150), wanted, rtol=1e-12, atol=1e-12)


def test_a_chunk_s_factor_scales_what_passes_its_end(rng):
    problem, start = InfluenceBalancing(6, 2), rng.normal(size=6)
    exact = problem.gradient(0.4, start, [5, 5])
    cut = problem.gradient(0.4, start, [5, 5], [0.0])
    half = problem.gradient(0.4, start, [5, 5], [0.5])
    whole = problem.gradient(0.4, start, [10])
    assert exact[:2] == pytest.approx(whole[:2], rel=1e-12)
    np.testing.assert_allclose(exact.initial_state, whole.initial_state, rtol=1e-12)
    assert half.theta == pytest.approx((exact.theta + cut.theta) / 2, rel=1e-12)
    assert exact.loss == cut.loss == half.loss
    # Cut, it is the sum of the chunks' own gradients.
    first = problem.gradient(0.4, start, [5])
    second = problem.gradient(0.4, problem.states(0.4, start, 5)[-1], [5])
    assert cut.theta == pytest.approx(first.theta + second.theta, rel=1e-12)
    np.testing.assert_allclose(cut.initial_state, first.initial_state, rtol=1e-12)


def test_cutting_at_random_and_making_up_for_it_is_right_on_average():
    # All outcomes of two cuts with probability c, weighed: the expectation without sampling.
    problem, start, c = InfluenceBalancing(), np.ones(23), 0.3
    lengths = [4, 9, 30]
    expected = np.zeros(2)
    for one in (0, 1):
        for two in (0, 1):
            weight = (c if one else 1 - c) * (c if two else 1 - c)
            factors = [0.0 if cut else 1 / (1 - c) for cut in (one, two)]
            found = problem.gradient(0.5, start, lengths, factors)
            expected += weight * np.array([found.theta, found.initial_state[0]])
    exact = problem.gradient(0.5, start, lengths)
    np.testing.assert_allclose(expected, [exact.theta, exact.initial_state[0]], rtol=1e-12)


def test_where_it_settles_and_what_is_best():
    problem = InfluenceBalancing()
    assert problem.best_theta == pytest.approx(-1 / 6)
    for theta in (0.5, -0.2):
        late = problem.states(theta, np.ones(23), 600)[-1]
        np.testing.assert_allclose(late, problem.settled(theta), rtol=1e-12)
        assert late[0] == pytest.approx(-6 * theta, rel=1e-12)
    still = problem.gradient(problem.best_theta, problem.settled(problem.best_theta), [50])
    assert still.loss == pytest.approx(0, abs=1e-24)


@pytest.mark.parametrize("theta", [0.5, 0.0, -0.1, -0.3])
def test_short_chunks_turn_the_sign(theta):
    # From where the state has settled, T / K chunks of K steps each.
    problem = InfluenceBalancing()
    start = problem.settled(theta)
    exact = problem.gradient(theta, start, [2400]).theta
    signs = {}
    for length in (1, 2, 10, 20, 40, 100, 200, 400):
        lengths = [length] * (2400 // length)
        cut = problem.gradient(theta, start, lengths, [0.0] * (len(lengths) - 1)).theta
        signs[length] = np.sign(cut) == np.sign(exact)
    assert signs == {n: n >= 200 for n in signs}
    # Downhill, exactly: the gradient has the sign of the distance to the best.
    assert np.sign(exact) == np.sign(theta - problem.best_theta)


def test_arguments_that_do_not_fit():
    for make, part in (
        (lambda: InfluenceBalancing(1, 1), "units 1"),
        (lambda: InfluenceBalancing(6, 3), "positive 3 of 6 units: give 1 to 5, and not half"),
        (lambda: InfluenceBalancing(6, 6), "positive 6 of 6"),
        (lambda: InfluenceBalancing(6, 0), "positive 0"),
        (lambda: InfluenceBalancing(3, 1).gradient(1, np.ones(2), [1]), r"shape \[2\]"),
        (lambda: InfluenceBalancing(3, 1).gradient(1, np.ones(3), []), "lengths is empty"),
        (lambda: InfluenceBalancing(3, 1).gradient(1, np.ones(3), [2, 0]), r"lengths\[1\] 0"),
        (lambda: InfluenceBalancing(3, 1).gradient(1, np.ones(3), [2], [1]), "give 0, one for"),
        (lambda: InfluenceBalancing(3, 1).influence(0), "steps 0"),
    ):
        with pytest.raises(DataError, match=part):
            make()
