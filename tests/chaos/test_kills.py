"""Jobs that are killed at random moments end with the same bits as one that was not.

`scripts/chaos` does the same to every policy, with a hundred kills and more.
"""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
import killing

KILLS, SEED = 10, 7
POLICIES = ["stale", "sequences"]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("chaos")


@pytest.fixture(scope="module")
def outcomes(place):
    return killing.torment_all(KILLS, place, SEED, POLICIES, epochs=5)


def test_every_policy_was_killed_as_often_as_was_meant(outcomes):
    assert sum(outcome.kills for outcome in outcomes) == KILLS
    assert all(outcome.kills for outcome in outcomes)


def test_none_was_lost_and_no_bit_differs(outcomes):
    print("seed", SEED)
    assert [problem for outcome in outcomes for problem in outcome.problems] == []


def test_another_ending_would_have_been_seen(outcomes, place):
    """Shows that the comparison can fail: under another policy every weight is another."""
    one, other = (killing.ending(place / f"{name}-undisturbed") for name in POLICIES[:2])
    weights = [name for name in one if name.endswith("kernel")]
    assert weights and all(one[name] != other[name] for name in weights)
