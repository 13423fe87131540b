"""Jobs that are killed at random moments end with the same bits as one that was not.

`scripts/chaos` does the same with a hundred kills and more.
"""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
import killing

KILLS, SEED = 10, 7


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    place = tmp_path_factory.mktemp("chaos")
    return killing.torment_all(KILLS, place, SEED, list(killing.POLICIES))


def test_every_policy_was_killed_as_often_as_was_meant(outcomes):
    assert sum(outcome.kills for outcome in outcomes) == KILLS
    assert all(outcome.kills for outcome in outcomes)


def test_none_was_lost_and_no_bit_differs(outcomes):
    print("seed", SEED)
    assert [problem for outcome in outcomes for problem in outcome.problems] == []


def test_another_ending_would_have_been_seen(tmp_path):
    """Shows that the comparison can fail: one step less is another ending."""
    flags = (*killing.POLICIES["windows"], "--steps=12")
    fewer = (*killing.POLICIES["windows"], "--steps=11")
    for name, chosen in (("twelve", flags), ("eleven", fewer)):
        assert killing.start(chosen, tmp_path / name).wait(killing.PATIENCE) == 0
    one, other = (killing.ending(tmp_path / name) for name in ("twelve", "eleven"))
    weights = [name for name in one if name.endswith("kernel")]
    assert weights and all(one[name] != other[name] for name in weights)
