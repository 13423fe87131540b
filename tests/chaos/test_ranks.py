"""Ranks that are killed or stopped, and a launcher that is killed, cost a job not a bit.

`scripts/chaos_ranks` does the same at more moments, to more policies and ranks.
"""

import signal
import sys
from collections import Counter
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
import killing
import processes
import ranks

SEED = 3
TRIALS = [
    ranks.Trial(0, "windows", 0, signal.SIGSTOP, "save"),
    ranks.Trial(1, "stale", 1, signal.SIGKILL, "any"),
    ranks.Trial(2, "windows", ranks.LAUNCHER, signal.SIGKILL, "save"),
    ranks.Trial(3, "sequence", 1, signal.SIGSTOP, "any"),
]


@pytest.mark.parametrize("size", [2, 4])
def test_every_rank_is_killed_and_stopped_and_the_launcher_killed(size):
    trials = ranks.plan(20, size, SEED, ["truncated", "stale"])
    assert len(trials) == 20 and [trial.number for trial in trials] == list(range(20))
    blows = Counter((trial.victim, trial.how) for trial in trials)
    each = [(rank, how) for rank in range(size) for how in (signal.SIGKILL, signal.SIGSTOP)]
    assert set(blows) == {*each, (ranks.LAUNCHER, signal.SIGKILL)}
    assert max(blows.values()) - min(blows.values()) <= 1
    assert {trial.moment for trial in trials} == set(ranks.MOMENTS)
    assert Counter(trial.policy for trial in trials) == {"truncated": 10, "stale": 10}
    assert trials == ranks.plan(20, size, SEED, ["truncated", "stale"])
    assert trials != ranks.plan(20, size, SEED + 1, ["truncated", "stale"])


def test_a_difference_is_named_whichever_side_lacks_it():
    assert killing.differences({"a": 1, "b": 2}, {"a": 1, "b": 2}) == []
    assert killing.differences({"a": 1, "b": 2}, {"a": 3, "c": 4}) == ["a", "b", "c"]


@pytest.mark.slow
def test_jobs_go_on_by_themselves_and_end_with_the_same_bits(tmp_path):
    print("seed", SEED)
    results = ranks.torment(TRIALS, 2, tmp_path, SEED, deadline=150.0, epochs=5)
    assert [result for result in results if result.problems] == []
    assert all(result.seconds > 0 for result in results)
    for policy in ("windows", "stale"):
        assert processes.working_on(tmp_path / f"{policy}-undisturbed") == []
    one, other = (killing.ending(tmp_path / f"{p}-undisturbed") for p in ("windows", "stale"))
    assert killing.differences(one, other), "another ending would not have been seen"
