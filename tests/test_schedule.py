"""Schedules as text, and the invariants that the session loop relies on."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tgcarry import schedule
from tgcarry.policies import ExactSweep, Stale, Truncated


def text(policy, breaks):
    return schedule.to_text(policy.schedule(iter(breaks))).splitlines()


def test_truncated():
    assert text(Truncated(), [True, False, False]) == [
        "backward 0 upstream zero advance",
        "apply",
        "backward 1 upstream zero advance",
        "apply",
        "backward 2 upstream zero advance",
        "apply",
    ]


def test_stale_starts_again_at_a_break():
    assert text(Stale(0.5), [False, False, True, False]) == [
        "backward 0 upstream zero advance",
        "apply",
        "backward 1 upstream earlier x0.5 advance",
        "apply",
        "backward 2 upstream zero advance",
        "apply",
        "backward 3 upstream earlier x0.5 advance",
        "apply",
    ]


def test_sweep_reads_forwards_and_visits_in_reverse():
    assert text(ExactSweep(), [False] * 3) == [
        "save 0",
        "forward 0",
        "save 1",
        "forward 1",
        "backward 2 upstream zero advance",
        "load 1",
        "backward 1 upstream following",
        "load 0",
        "backward 0 upstream following",
        "apply",
    ]


def test_window_cuts_and_hands_on_what_it_is_told():
    assert text(ExactSweep(2, end_decay=0.25), [False] * 5) == [
        "save 0",
        "forward 0",
        "backward 1 upstream zero advance",
        "load 0",
        "backward 0 upstream following",
        "apply",
        "save 2",
        "forward 2",
        "backward 3 upstream earlier x0.25 advance",
        "load 2",
        "backward 2 upstream following",
        "apply",
        "backward 4 upstream zero advance",
        "apply",
    ]


def test_window_ends_where_every_stream_starts_anew():
    assert text(ExactSweep(), [True, False, True]) == [
        "save 0",
        "forward 0",
        "backward 1 upstream zero advance",
        "load 0",
        "backward 0 upstream following",
        "apply",
        "backward 2 upstream zero advance",
        "apply",
    ]


def test_the_first_chunks_of_each_window_are_kept():
    steps = schedule.sweep([False] * 7, 4, keep=2)
    assert schedule.to_text(steps).splitlines() == [
        "save 0",
        "keep 0",
        "save 1",
        "keep 1",
        "save 2",
        "forward 2",
        "backward 3 upstream zero advance",
        "load 2",
        "backward 2 upstream following",
        "load 1",
        "backward 1 upstream following kept",
        "load 0",
        "backward 0 upstream following kept",
        "apply",
        "save 4",
        "keep 4",
        "save 5",
        "keep 5",
        "backward 6 upstream zero advance",
        "load 5",
        "backward 5 upstream following kept",
        "load 4",
        "backward 4 upstream following kept",
        "apply",
    ]


@pytest.mark.parametrize("policy", [Truncated(), Stale(), ExactSweep(3)], ids=str)
def test_an_endless_stream_never_waits(policy):
    steps = list(itertools.islice(policy.schedule(itertools.repeat(False)), 50))
    assert len(steps) == 50


def test_no_chunks_no_steps():
    for policy in (Truncated(), Stale(), ExactSweep(), ExactSweep(2)):
        assert text(policy, []) == []


@given(
    breaks=st.lists(st.booleans(), max_size=30),
    window=st.one_of(st.none(), st.integers(1, 8)),
    decay=st.sampled_from([0.0, 0.5]),
    keep=st.integers(0, 9),
)
def test_every_chunk_is_visited_backwards_once_from_the_state_that_enters_it(
    breaks, window, decay, keep
):
    head, saved, loaded, visited, pending = 0, set(), None, [], 0
    carry, kept = None, set()
    for step in ExactSweep(window, decay).schedule(breaks, keep=keep):
        if isinstance(step, schedule.Save):
            assert step.chunk == head
            saved.add(step.chunk)
        elif isinstance(step, schedule.Forward):
            assert step.chunk == head
            head += 1
        elif isinstance(step, schedule.Keep):
            assert step.chunk == head
            head += 1
            kept.add(step.chunk)
            assert len(kept) <= keep
        elif isinstance(step, schedule.Load):
            saved.remove(step.chunk)
            loaded = step.chunk
        elif isinstance(step, schedule.Backward):
            assert step.chunk == (head if loaded is None else loaded)
            loaded = None
            assert step.kept == (step.chunk in kept)
            kept.discard(step.chunk)
            if step.upstream == "following":
                assert carry == step.chunk + 1
            elif step.upstream == "earlier":
                assert carry is not None
                assert carry < step.chunk
            head += step.advance
            visited.append(step.chunk)
            carry = step.chunk
            pending += 1
        else:
            assert pending
            assert window is None or pending <= window
            pending = 0
    assert sorted(visited) == list(range(len(breaks)))
    assert not saved
    assert not kept
    assert not pending
    assert head == len(breaks)


def test_a_schedule_can_count_from_elsewhere():
    moved = schedule.to_text(schedule.numbered_from(7, schedule.sweep([False] * 3, 2)))
    assert moved.splitlines() == [
        "save 7",
        "forward 7",
        "backward 8 upstream zero advance",
        "load 7",
        "backward 7 upstream following",
        "apply",
        "backward 9 upstream zero advance",
        "apply",
    ]
    same = list(schedule.sweep([False, True], 2))
    assert list(schedule.numbered_from(0, same)) == same
