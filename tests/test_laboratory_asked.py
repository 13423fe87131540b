"""laboratory.asked and laboratory.chunkings: policies by name, and random cuts for them."""

import pytest

import tgcarry as tgc
from tgcarry import schedule
from tgcarry.errors import PolicyError
from tgcarry.laboratory.asked import read_policies, read_policy
from tgcarry.laboratory.chunkings import Chunking, Phased, draw_chunkings


class TestReadPolicy:
    @pytest.mark.parametrize(
        ("text", "policy"),
        [
            ("truncated", tgc.Truncated()),
            ("stale", tgc.Stale()),
            ("stale:0.5", tgc.Stale(0.5)),
            ("exact", tgc.ExactSweep()),
            ("exact:4", tgc.ExactSweep(4)),
            ("random:0.3", tgc.RandomTruncation(0.3)),
            ("random:0.3:5", tgc.RandomTruncation(0.3, 5)),
            ("synthetic", tgc.Synthetic()),
            ("synthetic:0.5", tgc.Synthetic(trunk=0.5)),
        ],
    )
    def test_makes_the_policy(self, text, policy):
        assert read_policy(text).policy() == policy

    def test_a_window_is_lent_to_policies_that_have_none(self):
        assert read_policy("exact").policy(window=7) == tgc.ExactSweep(7)
        assert read_policy("exact:2").policy(window=7) == tgc.ExactSweep(2)
        assert read_policy("random:0.5").policy(3, 7) == tgc.RandomTruncation(0.5, 7, 3)
        assert read_policy("truncated").policy(window=7) == tgc.Truncated()

    @pytest.mark.parametrize(
        "text",
        [
            *("", "bptt", "exact:", "exact:x", "exact:0", "exact:1.5", "exact:2:3", "random"),
            *("random:1", "random:x", "random:0.3:0", "stale:2", "truncated:1", "synthetic:-1"),
            *("synthetic:x", "synthetic:1:2"),
        ],
    )
    def test_refuses_what_is_none(self, text):
        with pytest.raises(PolicyError) as caught:
            read_policy(text)
        assert "\n" not in str(caught.value)

    def test_refuses_none_at_all_and_one_twice(self):
        with pytest.raises(PolicyError, match="no policy"):
            read_policies([])
        with pytest.raises(PolicyError, match="'exact' comes twice"):
            read_policies(["exact", "stale", "exact"])


class TestChunking:
    def test_boundaries_are_those_of_one_grid(self):
        chunking = Chunking(length=4, offset=1, phase=0, seed=0)
        assert chunking.boundaries(0, 14) == [1, 5, 9, 13]
        assert chunking.boundaries(1, 13) == [5, 9]
        assert chunking.boundaries(6, 9) == []
        assert chunking.lengths(0, 14) == [1, 4, 4, 4, 1]
        assert chunking.lengths(1, 13) == [4, 4, 4]
        assert chunking.lengths(6, 9) == [3]

    def test_chunks_of_one_step(self):
        assert Chunking(1, 0, 0, 0).lengths(2, 6) == [1, 1, 1, 1]

    def test_windows_lie_where_the_phase_says(self):
        """Boundaries are at 1, 5, 9, 13, 17: numbers 0 to 4; windows of 3 end at numbers 1, 4."""
        chunking = Chunking(length=4, offset=1, phase=1, seed=0)
        asked = read_policy("exact:3")
        policy = chunking.policy(asked, 0, 19)
        assert policy == Phased(tgc.ExactSweep(3), tgc.ExactSweep(3), 2)
        assert chunking.lengths(0, 19) == [1, 4, 4, 4, 4, 2]
        assert windows(policy, 6) == [[1, 0], [4, 3, 2], [5]]
        # Seen from a later step, the same boundaries are the ends of windows.
        assert windows(chunking.policy(asked, 6, 19), 4) == [[2, 1, 0], [3]]

    def test_what_has_no_bounded_window_is_left_alone(self):
        chunking = Chunking(4, 1, 1, 9)
        assert chunking.policy(read_policy("exact"), 0, 20) == tgc.ExactSweep()
        assert chunking.policy(read_policy("truncated"), 0, 20) == tgc.Truncated()
        assert chunking.policy(read_policy("random:0.5"), 0, 20) == tgc.RandomTruncation(
            0.5, seed=9
        )

    def test_no_window_ends_inside_a_short_run(self):
        assert Chunking(4, 1, 1, 0).policy(read_policy("exact:3"), 6, 12) == tgc.ExactSweep(3)


class TestDrawChunkings:
    def test_each_offset_comes_as_often(self):
        drawn = draw_chunkings(5, 15, seed=3)
        assert sorted(c.offset for c in drawn) == sorted(list(range(5)) * 3)
        assert sorted(c.offset for c in drawn[:5]) == list(range(5))
        assert len({c.seed for c in drawn}) == 15

    def test_follows_from_the_seed(self):
        assert draw_chunkings(5, 7, 3) == draw_chunkings(5, 7, 3)
        assert draw_chunkings(5, 7, 3) != draw_chunkings(5, 7, 4)


def windows(policy, chunks):
    """Lists the chunks of each optimiser step, in the order of their backward visits."""
    found, now = [], []
    for step in policy.schedule([False] * chunks):
        if isinstance(step, schedule.Apply):
            found, now = [*found, now], []
        elif isinstance(step, schedule.Backward):
            now.append(step.chunk)
    return found
