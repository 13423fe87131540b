"""RandomTruncation: what is cut where, and that the mean over the cuts is exact."""

import dataclasses
import itertools
import math

import models
import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from hypothesis import given
from hypothesis import strategies as st
from test_exactness import exact, flat, flat_oracle

import tgcarry as tgc
from tgcarry import schedule
from tgcarry.cuts import Cuts


def text(policy, breaks):
    return schedule.to_text(policy.schedule(iter(breaks))).splitlines()


class At:
    """Plans as RandomTruncation with cuts at the ends of chosen chunks."""

    revisits = True

    def __init__(self, cuts, p, window=None):
        self.cuts, self.p, self.window = set(cuts), p, window

    def factor(self, chunk):
        return 0.0 if chunk in self.cuts else 1 / (1 - self.p)

    def schedule(self, breaks):
        return schedule.cut_sweep(breaks, self.factor, self.window)


class TestSchedule:
    def test_a_piece_is_visited_as_soon_as_its_end_is_read(self):
        steps = schedule.cut_sweep([False] * 5, At({2}, 0.5).factor)
        assert schedule.to_text(steps).splitlines() == [
            "save 0",
            "forward 0",
            "save 1",
            "forward 1",
            "backward 2 upstream zero advance",
            "load 1",
            "backward 1 upstream following x2",
            "load 0",
            "backward 0 upstream following x2",
            "save 3",
            "forward 3",
            "backward 4 upstream zero advance",
            "load 3",
            "backward 3 upstream following x2",
            "apply",
        ]

    def test_pieces_may_end_in_a_step_each(self):
        steps = schedule.cut_sweep([False] * 3, At({0}, 0.75).factor, step_at_cuts=True)
        assert schedule.to_text(steps).splitlines() == [
            "backward 0 upstream zero advance",
            "apply",
            "save 1",
            "forward 1",
            "backward 2 upstream zero advance",
            "load 1",
            "backward 1 upstream following x4",
            "apply",
        ]

    @pytest.mark.parametrize("window", [None, 1, 3])
    def test_nothing_cut_is_an_exact_sweep(self, window):
        breaks = [False, False, True, False, False, False, False]
        assert text(tgc.RandomTruncation(0, window), breaks) == text(
            tgc.ExactSweep(window), breaks
        )

    def test_without_a_window_an_endless_stream_never_waits_if_it_steps_at_cuts(self):
        policy = tgc.RandomTruncation(0.5, step_at_cuts=True)
        steps = list(itertools.islice(policy.schedule(itertools.repeat(False)), 200))
        assert schedule.Apply() in steps

    @given(
        breaks=st.lists(st.booleans(), max_size=30),
        window=st.one_of(st.none(), st.integers(1, 8)),
        p=st.floats(0, 0.95),
        seed=st.integers(0, 2**40),
        at_cuts=st.booleans(),
    )
    def test_every_chunk_is_visited_once_from_the_state_that_enters_it(
        self, breaks, window, p, seed, at_cuts
    ):
        policy = tgc.RandomTruncation(p, window, seed, at_cuts)
        factor = Cuts(p, seed).factor
        head, saved, loaded, visited, carry, pending = 0, set(), None, [], None, 0
        for step in policy.schedule(breaks):
            if isinstance(step, schedule.Save):
                saved.add(step.chunk)
                assert all(factor(k) for k in range(min(saved), step.chunk + 1))
            elif isinstance(step, schedule.Forward):
                head += 1
            elif isinstance(step, schedule.Load):
                saved.remove(step.chunk)
                loaded = step.chunk
            elif isinstance(step, schedule.Backward):
                assert step.chunk == (head if loaded is None else loaded)
                if step.upstream == "following":
                    assert carry == step.chunk + 1
                    assert step.scale == factor(step.chunk) == pytest.approx(1 / (1 - p))
                else:
                    last = step.chunk + 1 == len(breaks) or breaks[step.chunk + 1]
                    assert window or last or not factor(step.chunk)
                head, loaded, carry = head + step.advance, None, step.chunk
                visited.append(step.chunk)
                pending += 1
            else:
                assert pending
                pending = 0
        assert sorted(visited) == list(range(len(breaks)))
        assert not saved and not pending


class TestDraws:
    def test_they_are_as_frequent_as_is_said_and_do_not_follow_one_another(self):
        cut = np.array([Cuts(0.3, 7).factor(k) == 0 for k in range(4000)])
        assert cut.mean() == pytest.approx(0.3, abs=3 * math.sqrt(0.21 / 4000))
        together = (cut[1:] & cut[:-1]).mean()
        assert together == pytest.approx(0.09, abs=4 * math.sqrt(0.09 * 0.91 / 4000))

    def test_they_follow_from_seed_and_number_alone(self):
        one, other = Cuts(0.5, 3), Cuts(0.5, 3)
        wanted = [one.factor(k) for k in range(50)]
        assert [other.factor(k) for k in reversed(range(50))] == wanted[::-1]
        assert [Cuts(0.5, 4).factor(k) for k in range(50)] != wanted
        # Whatever Python runs this, and whenever: a run is gone on with elsewhere.
        assert [k for k in range(10) if not one.factor(k)] == [1, 8, 9]

    def test_the_probability_may_be_another_at_every_end(self):
        for p in ([0.0, 0.0, 0.5], lambda k: 0.5 if k % 3 == 2 else 0.0):
            factors = [Cuts(p, 1).factor(k) for k in range(60)]
            assert {f for k, f in enumerate(factors) if k % 3 != 2} == {1.0}
            assert set(factors[2::3]) == {0.0, 2.0}


class TestRefused:
    @pytest.mark.parametrize("p", [-0.1, 1, 1.0, 2, float("nan"), "0.5", None, True])
    def test_a_probability_is_below_1(self, p):
        with pytest.raises(tgc.PolicyError, match="from 0 to below 1") as caught:
            tgc.RandomTruncation(p)
        assert f"RandomTruncation(p={p!r})" in str(caught.value)

    def test_an_array_in_one_line(self):
        with pytest.raises(tgc.PolicyError, match="from 0 to below 1") as caught:
            tgc.RandomTruncation(np.zeros((5, 5)))
        assert "\n" not in str(caught.value)

    def test_each_of_several(self):
        with pytest.raises(tgc.PolicyError, match=r"RandomTruncation\(p\[1\]=1.5\)"):
            tgc.RandomTruncation([0.5, 1.5])
        with pytest.raises(tgc.PolicyError, match="at least one"):
            tgc.RandomTruncation([])

    def test_what_a_function_gives(self):
        def often(chunk):
            return 1.5

        with pytest.raises(tgc.PolicyError, match=r"often\(0\) = 1.5"):
            text(tgc.RandomTruncation(often), [False, False])

    def test_other_arguments(self):
        with pytest.raises(tgc.PolicyError, match=r"RandomTruncation\(window=0\)"):
            tgc.RandomTruncation(0.5, 0)
        with pytest.raises(tgc.PolicyError, match=r"RandomTruncation\(seed=0.5\)"):
            tgc.RandomTruncation(0.5, seed=0.5)
        with pytest.raises(tgc.PolicyError, match=r"RandomTruncation\(step_at_cuts=1\)"):
            tgc.RandomTruncation(0.5, step_at_cuts=1)
        with pytest.raises(tgc.PolicyError, match=r"RandomTruncation\(clip_norm=-1\)"):
            tgc.RandomTruncation(0.5, clip_norm=-1)


def test_it_is_a_value():
    policy = tgc.RandomTruncation([0.5, 0.25], 3)
    assert isinstance(policy, tgc.Policy) and policy.revisits
    assert policy == tgc.RandomTruncation((0.5, 0.25), 3) and hash(policy)
    with pytest.raises(dataclasses.FrozenInstanceError):
        policy.window = 7
    assert not tgc.RandomTruncation(0.5, 1).revisits


class Small:
    """Holds a model in float64 with a case of four chunks, and its gradients by cuts."""

    def __init__(self, kind, optimizer=None, units=(3,), steps=16, length=4):
        rng = np.random.default_rng(4)
        self.model = models.build(kind, units, True, tf.float64, rng)
        case = models.draw_case(self.model, rng, batch=3, steps=steps)
        cuts = list(range(length, steps, length))
        resets = np.zeros_like(case.resets)
        resets[1, length] = True
        self.case = case._replace(cuts=cuts, resets=resets)
        self.ends = range(len(cuts))
        self.exact = flat_oracle(self.model, exact(self.model, self.case))
        model = self.model
        self.chunk = tgc.build_chunk(
            model.loss, model.ports, model.final_state, model.feeds, optimizer
        )

    def gradients(self, policies):
        """Yields the gradients under each policy."""
        initial = models.to_nest(self.model, self.case.initial)
        with tgc.Runner(self.chunk) as runner:
            models.load(self.model, runner.session)
            chunks = models.chunks_of(self.model, self.case)
            for policy in policies:
                yield flat(runner.gradients(chunks, initial, policy))


@pytest.mark.parametrize(("kind", "p"), [("gru", 0.3), ("lstm", 0.8)])
def test_the_mean_over_all_ways_to_cut_is_the_exact_gradient(kind, p):
    small = Small(kind, units=(3, 4))
    subsets = [
        cuts for n in range(len(small.ends) + 1) for cuts in itertools.combinations(small.ends, n)
    ]
    found = list(small.gradients([*(At(cuts, p) for cuts in subsets), tgc.Truncated()]))
    *each, truncated = found
    shares = [p ** len(cuts) * (1 - p) ** (len(small.ends) - len(cuts)) for cuts in subsets]
    assert sum(shares) == pytest.approx(1)
    blocks = zip(*each, strict=True)
    mean = [sum(s * leaf for s, leaf in zip(shares, block, strict=True)) for block in blocks]
    assert models.relative(mean, small.exact) < 1e-10
    assert models.relative(truncated, small.exact) > 1e-3
    assert models.relative(each[0], small.exact) > 1e-3
    assert models.relative(each[-1], truncated) < 1e-10


def check_unbiased(draws, exact_gradients):
    """Asserts that a mean is the exact gradient within 3 standard errors, block by block."""
    for block, wanted in zip(zip(*draws, strict=True), exact_gradients, strict=True):
        values = np.stack(block)
        spread = np.sqrt(values.var(0).sum() / len(values))
        assert np.linalg.norm(values.mean(0) - wanted) <= 3 * spread + 1e-10


DRAWS = 2000


def test_the_mean_over_many_draws_is_the_exact_gradient_and_truncation_is_not():
    """Takes the gradient of each way to cut once, and the ways from the policy's own plan."""
    small = Small("gru")
    ways = []
    for seed in range(DRAWS):
        steps = tgc.RandomTruncation(0.4, seed=seed).schedule([False] * (len(small.ends) + 1))
        ends = {s.chunk for s in steps if getattr(s, "upstream", "") == "zero"}
        ways.append(tuple(sorted(ends & set(small.ends))))
    distinct = sorted(set(ways))
    assert len(distinct) == 2 ** len(small.ends)
    *found, truncated = small.gradients([*(At(way, 0.4) for way in distinct), tgc.Truncated()])
    by_way = dict(zip(distinct, found, strict=True))
    check_unbiased([by_way[way] for way in ways], small.exact)
    with pytest.raises(AssertionError):
        check_unbiased([truncated] * DRAWS, small.exact)


@pytest.mark.slow
def test_the_mean_over_many_runs_is_the_exact_gradient():
    small = Small("lstm")
    policies = (tgc.RandomTruncation([0.5, 0.2, 0.4], seed=seed) for seed in range(DRAWS))
    check_unbiased(list(small.gradients(policies)), small.exact)


def test_a_bounded_window_is_met_in_the_mean():
    small = Small("rnn")
    (wanted,) = small.gradients([tgc.ExactSweep(2)])
    ways = [(), (0,), (2,), (0, 2)]
    found = list(small.gradients([At(way, 0.5, window=2) for way in ways]))
    mean = [sum(leaves) / 4 for leaves in zip(*found, strict=True)]
    assert models.relative(mean, wanted) < 1e-10
    assert models.relative(mean, small.exact) > 1e-4


def test_the_policy_is_its_plan():
    small = Small("gru")
    policy = tgc.RandomTruncation(0.5, seed=3)
    cuts = [k for k in small.ends if Cuts(0.5, 3).factor(k) == 0]
    assert 0 < len(cuts) < len(small.ends)
    one, other = small.gradients([policy, At(cuts, 0.5)])
    assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


class TestSteps:
    def reports(self, policy):
        with tf.Graph().as_default():
            small = Small("gru", tf.train.GradientDescentOptimizer(0.0))
            with tgc.Runner(small.chunk, policy) as runner:
                models.load(small.model, runner.session)
                return list(runner.run(models.chunks_of(small.model, small.case)))

    def test_one_per_window(self):
        reports = self.reports(tgc.RandomTruncation(0.5, seed=3))
        assert [r.chunks for r in reports] == [range(4)]
        factors = [Cuts(0.5, 3).factor(k) for k in range(3)]
        norms = reports[0].upstream_norms
        assert [n > 0 for n in norms] == [f > 0 for f in factors] + [False]

    def test_or_one_per_piece(self):
        reports = self.reports(tgc.RandomTruncation(0.5, seed=3, step_at_cuts=True))
        edges = [0, *(k + 1 for k in range(3) if not Cuts(0.5, 3).factor(k)), 4]
        assert [r.chunks for r in reports] == [range(*e) for e in itertools.pairwise(edges)]
        assert [r.step for r in reports] == list(range(1, len(edges)))

    def test_an_upstream_is_clipped_after_it_was_scaled(self):
        free = self.reports(tgc.RandomTruncation(0.5, seed=3))[0]
        limit = max(free.upstream_norms) * 0.9
        held = self.reports(tgc.RandomTruncation(0.5, seed=3, clip_norm=limit))[0]
        assert free.clipped == 0 and held.clipped == 1
