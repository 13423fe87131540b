"""Curves of credit read: made-up ones of each kind, and what is no curve."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tgcarry.credit import diagnose_curve
from tgcarry.errors import RunError

K = np.arange(1, 61)


def cut_at(curve, length):
    """Averages over the places in a chunk what a truncation leaves."""
    return curve * np.maximum(0, 1 - K / length)


@pytest.mark.parametrize(
    ("curve", "kind", "factor", "reach"),
    [
        (0.8**K, "vanishing", 0.8, 21),
        (1.2**K, "exploding", 1.2, 60),
        (np.ones(60), "steady", 1.0, 60),
        (0.99**K, "steady", 0.99, 60),
        (1.02**K, "steady", 1.02, 60),
        (3e-30 * 0.5**K, "vanishing", 0.5, 7),
        (1e300 * 1.2**K, "exploding", 1.2, 60),
        (np.r_[0.0, 0.8 ** K[1:]], "vanishing", 0.8, 22),
    ],
)
def test_curves_of_one_factor(curve, kind, factor, reach):
    found = diagnose_curve(curve)
    assert (found.kind, found.reach, found.cut) == (kind, reach, None)
    assert found.factor == pytest.approx(factor, rel=1e-6)
    assert found.sentence.startswith(f"{kind}: ")
    assert "\n" not in found.sentence


@pytest.mark.parametrize("factor", [0.97, 1.0, 1.2])
@pytest.mark.parametrize("length", [1, 10, 37, 60])
def test_what_is_cut_is_truncated_whatever_the_model_does(factor, length):
    found = diagnose_curve(factor**K, cut_at(factor**K, length))
    assert (found.kind, found.cut) == ("truncated", length)
    assert found.reach < length
    assert found.factor == pytest.approx(factor)
    assert f"from {length} step" in found.sentence


def test_a_cut_behind_the_vanishing_point_is_none():
    curve = 0.5**K
    assert diagnose_curve(curve, cut_at(curve, 10)).kind == "vanishing"
    # At three steps an eighth is left, which a longer chunk would carry.
    assert diagnose_curve(curve, cut_at(curve, 3)).kind == "truncated"


def test_one_curve_that_falls_to_nothing_was_cut():
    curve = 0.9**K * (K <= 20)
    found = diagnose_curve(curve)
    assert (found.kind, found.cut, found.reach) == ("truncated", 21, 20)


def test_a_curve_that_ran_out_of_float32_was_not_cut():
    with np.errstate(under="ignore"):
        curve = (0.01**K).astype(np.float32)
    assert curve[-1] == 0 < curve[0]
    assert diagnose_curve(curve).kind == "vanishing"


def test_an_overflow_is_exploding():
    with np.errstate(over="ignore"):
        curve = np.float32(10) ** K.astype(np.float32)
    assert np.isinf(curve[-1])
    assert diagnose_curve(curve).kind == "exploding"


def test_no_credit_at_all():
    found = diagnose_curve(np.zeros(5))
    assert (found.kind, found.reach) == ("none", 0)
    assert np.isnan(found.factor)


def test_one_step_is_steady():
    found = diagnose_curve([2.0])
    assert (found.kind, found.reach) == ("steady", 1)
    assert np.isnan(found.factor)


def test_what_does_not_arrive_although_nothing_vanishes_says_how_much_there_would_be():
    found = diagnose_curve(np.full(60, 2.0), cut_at(np.full(60, 2.0), 10))
    assert "still carry 1 times" in found.sentence


@pytest.mark.parametrize(
    ("curve", "arriving"),
    [([], None), ([[1.0]], None), ([np.nan], None), ([-1.0], None), ([1.0], [1.0, 1.0])],
)
def test_what_is_no_curve_is_refused(curve, arriving):
    with pytest.raises(RunError, match="diagnose_curve"):
        diagnose_curve(curve, arriving)


@given(
    st.lists(st.just(0.0) | st.floats(1e-6, 1e6), min_size=1, max_size=30), st.integers(-30, 30)
)
def test_the_unit_of_the_loss_changes_nothing(curve, power):
    found = diagnose_curve(curve)
    assume(not abs(found.factor - 1) < 1e-9)
    again = diagnose_curve(np.array(curve) * 2.0**power)
    assert (again.kind, again.reach, again.cut) == (found.kind, found.reach, found.cut)
    assert again.factor == pytest.approx(found.factor, nan_ok=True)


class TestBeyondAllNumbers:
    """An overflow in float32 is infinite, and what it is multiplied by on the way back is NaN."""

    def test_a_curve_that_overflows_explodes(self):
        curve = np.where(K < 40, 3.0**K, np.inf)
        found = diagnose_curve(curve)
        assert (found.kind, found.factor) == ("exploding", pytest.approx(3.0))
        assert "grows 3-fold per step and is beyond all numbers from 40 steps back" in (
            found.sentence
        )

    @pytest.mark.parametrize("first", [0, 1])
    def test_one_that_does_so_at_once(self, first):
        curve = np.full(60, np.inf)
        curve[:first] = 1.0
        found = diagnose_curve(curve)
        assert (found.kind, found.factor, found.cut) == ("exploding", np.inf, None)
        steps = "1 step" if first == 0 else "2 steps"
        assert found.sentence == f"exploding: credit is beyond all numbers from {steps} back"

    def test_what_a_policy_cuts_of_it_is_cut(self):
        curve = np.where(K < 4, 1e-5, np.inf)
        arriving = np.where(K < 20, curve, 0.0)
        found = diagnose_curve(curve, arriving)
        assert (found.kind, found.cut) == ("truncated", 20)
        assert "would still carry more than any number times what" in found.sentence

    def test_large_numbers_are_no_overflow(self):
        found = diagnose_curve(np.array([1e-300, 1e300]))
        assert found.kind == "exploding" and "beyond" not in found.sentence
