"""Policies: their arguments, what they say about themselves, and how they relate."""

import dataclasses

import numpy as np
import pytest

import tgcarry as tgc
from tgcarry import schedule

BREAKS = [False, False, True, False, False, False]


def text(policy):
    return schedule.to_text(policy.schedule(iter(BREAKS)))


@pytest.mark.parametrize("window", [0, -1, 1.5, "3", float("nan"), (2,)])
def test_a_window_is_a_whole_number_of_at_least_one(window):
    with pytest.raises(tgc.PolicyError) as caught:
        tgc.ExactSweep(window)
    message = str(caught.value)
    assert f"ExactSweep(window={window!r})" in message
    assert "None" in message
    assert "\n" not in message


@pytest.mark.parametrize("share", [-0.1, 1.01, float("nan"), float("inf"), "1", None])
@pytest.mark.parametrize(
    ("make", "named"),
    [
        (tgc.Stale, "Stale(decay={!r})"),
        (lambda v: tgc.ExactSweep(2, v), "ExactSweep(end_decay={!r})"),
    ],
    ids=["stale", "sweep"],
)
def test_a_decay_lies_between_0_and_1(make, named, share):
    with pytest.raises(tgc.PolicyError) as caught:
        make(share)
    assert named.format(share) in str(caught.value)
    assert "from 0 to 1" in str(caught.value)


@pytest.mark.parametrize("number", [np.int64(2), np.int32(2)])
def test_numpys_whole_numbers_are_numbers(number):
    assert text(tgc.ExactSweep(number)) == text(tgc.ExactSweep(2))


@pytest.mark.parametrize("number", [np.float32(0.5), np.float64(0.5)])
def test_numpys_floats_are_numbers(number):
    assert text(tgc.Stale(number)) == text(tgc.Stale(0.5))


def test_a_bool_is_no_window():
    with pytest.raises(tgc.PolicyError, match="True"):
        tgc.ExactSweep(True)


def test_defaults_are_the_ones_that_the_design_names():
    assert tgc.Stale() == tgc.Stale(decay=1.0)
    assert tgc.ExactSweep() == tgc.ExactSweep(window=None, end_decay=0.0)
    assert {tgc.Truncated(), tgc.Truncated()} == {tgc.Truncated()}


@pytest.mark.parametrize("policy", [tgc.Truncated(), tgc.Stale(), tgc.ExactSweep()], ids=str)
def test_a_policy_is_a_value_that_does_not_change(policy):
    assert isinstance(policy, tgc.Policy)
    with pytest.raises((dataclasses.FrozenInstanceError, AttributeError, TypeError)):
        policy.window = 7
    assert text(policy) == text(policy)


@pytest.mark.parametrize(
    ("policy", "again"),
    [
        (tgc.Truncated(), False),
        (tgc.Stale(), False),
        (tgc.ExactSweep(), True),
        (tgc.ExactSweep(5), True),
        (tgc.ExactSweep(1), False),
    ],
    ids=str,
)
def test_revisits_says_what_the_schedule_does(policy, again):
    assert policy.revisits is again
    visits = [
        step.chunk
        for step in policy.schedule(iter(BREAKS))
        if isinstance(step, schedule.Forward | schedule.Backward)
    ]
    assert again == (len(visits) > len(set(visits)))


def test_extremes_meet():
    assert text(tgc.Stale(0)) == text(tgc.Stale(0.0)) == text(tgc.Truncated())
    assert text(tgc.ExactSweep(1)) == text(tgc.Truncated())
    assert text(tgc.ExactSweep(100, 0.5)) == text(tgc.ExactSweep())
    assert text(tgc.ExactSweep(1, 0.5)) != text(tgc.ExactSweep(1))


def test_ones_own_policy_needs_two_methods_and_no_base_class():
    class Mine:
        revisits = False

        def schedule(self, breaks):
            return schedule.one_by_one(breaks)

    assert isinstance(Mine(), tgc.Policy)
    assert not isinstance(object(), tgc.Policy)


@pytest.mark.parametrize("policy", [tgc.Stale, tgc.ExactSweep])
@pytest.mark.parametrize("limit", [0, -1, float("nan"), float("inf"), "1", True])
def test_a_limit_has_to_be_a_number_above_zero(policy, limit):
    with pytest.raises(tgc.PolicyError, match="clip_norm"):
        policy(clip_norm=limit)
    assert policy(clip_norm=2).clip_norm == 2
    assert policy().clip_norm is None
