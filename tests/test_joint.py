"""Ranks that train together: every policy, where they meet, and how they come to an end."""

import functools

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from keepable import chunk as build
from plain import PLAIN
from rank_jobs import BATCH, build_overflowing, chunks, weights, without_lengths
from rank_threads import ranks

import tgcarry as tgc
from tgcarry import peers
from tgcarry.data import epochs

TIGHT = 0.05
POLICIES = {
    "truncated": tgc.Truncated(),
    "stale": tgc.Stale(0.7),
    "clipped": tgc.Stale(0.7, clip_norm=TIGHT),
    "exact": tgc.ExactSweep(3),
    "exact clipped": tgc.ExactSweep(3, clip_norm=TIGHT),
    "random": tgc.RandomTruncation(0.5, 3, seed=2, clip_norm=10 * TIGHT),
    "synthetic": tgc.Synthetic(),
    "trunk": tgc.Synthetic(trunk=0.5),
}


@functools.cache
def built(seed=1, losses=1):
    """Builds a graph, which takes longer than to train it; once for each rank."""
    with tf.Graph().as_default():
        tf.set_random_seed(seed)
        tf.train.get_or_create_global_step()
        optimizer = tf.train.AdamOptimizer(0.05)
        return build(optimizer=optimizer, losses=losses, synthetic=tgc.SyntheticGradient(3))


def rank_of(group):
    """A seed for each rank, and that of rank 0 for a process alone."""
    return 1 if group is None else 1 + group.rank


def train(name, group=None, share=lambda chunks: chunks, losses=1):
    # Another rank's initial weights are not to matter.
    graph = built(rank_of(group), losses)
    with tgc.Runner(graph, POLICIES[name], reduce="mean", group=group, config=PLAIN) as runner:
        reports = list(runner.run(share(chunks())))
        found = weights(runner)
    for figure in ("loss", "grad_norm", "time_steps", "clipped", "synthetic_error"):
        values = [getattr(r, figure) for r in reports]
        found[figure] = np.array([np.nan if v is None else v for v in values])
    found["upstream_norms"] = np.concatenate([r.upstream_norms for r in reports])
    return found


@functools.cache
def wanted(name, losses=1):
    return train(name, losses=losses)


def check(found, wanted):
    for got in found:
        assert got.keys() == wanted.keys()
        for name, value in wanted.items():
            # The optimiser divides by roots of small squares, which were rounded otherwise.
            np.testing.assert_allclose(got[name], value, 1e-10, 1e-11, err_msg=name)
            assert np.array_equal(got[name], found[0][name], equal_nan=True), name


QUICK = ("exact clipped", "trunk")


@pytest.mark.parametrize(
    "name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in POLICIES]
)
def test_two_ranks_end_as_one_process_does(name):
    check(ranks(2, lambda group: train(name, group, group.cluster.share)), wanted(name))


def test_norms_of_a_long_sweep_are_those_of_all_streams(monkeypatch):
    """More visits than have room in the row of a meeting."""
    monkeypatch.setattr(peers, "_RIDING", 2)
    check(ranks(2, lambda group: train("exact", group, group.cluster.share)), wanted("exact"))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["clipped", "trunk"])
def test_ranks_that_do_not_divide_the_batch(name):
    assert BATCH % 3
    check(ranks(3, lambda group: train(name, group, group.cluster.share)), wanted(name))


@pytest.mark.slow
def test_each_loss_has_its_predictor_taught_by_all_ranks():
    found = ranks(2, lambda group: train("trunk", group, group.cluster.share, losses=2))
    check(found, wanted("trunk", 2))


@pytest.mark.slow
def test_what_is_tested_differs():
    ends = {name: wanted(name) for name in POLICIES}
    assert (ends["clipped"]["clipped"] > 0).any() and (ends["exact clipped"]["clipped"] > 0).any()
    assert np.nanmax(ends["synthetic"]["synthetic_error"]) > 0
    kernel = next(name for name in ends["stale"] if name.endswith("kernel"))
    values = [end[kernel] for end in ends.values()]
    for place, one in enumerate(values):
        assert all(np.abs(one - other).max() > 1e-6 for other in values[:place])


@pytest.mark.slow
def test_a_group_of_one_is_a_process_alone():
    (found,) = ranks(1, lambda group: train("clipped", group, group.cluster.share))
    for name, value in wanted("clipped").items():
        np.testing.assert_allclose(found[name], value, 1e-10, 1e-11, err_msg=name)


@pytest.mark.slow
def test_gradients_ask_the_predictors_and_teach_them_nothing():
    def gradients(group=None, share=lambda chunks: chunks):
        with tgc.Runner(
            built(rank_of(group)), tgc.Synthetic(trunk=0.5), group=group, config=PLAIN
        ) as runner:
            list(runner.run(share(chunks()[:4])))
            before = weights(runner)
            got = runner.gradients(share(chunks()))
            after = weights(runner)
        assert all(np.array_equal(before[name], after[name]) for name in before)
        return got.variables

    alone = gradients()
    for got in ranks(2, lambda group: gradients(group, group.cluster.share)):
        for name, value in alone.items():
            np.testing.assert_allclose(got[name], value, 1e-10, 1e-11, err_msg=name)


@pytest.mark.parametrize("share_first", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_an_epoch_begins_anew_for_ranks_as_for_one_process(share_first):
    """Seven chunks twice, in windows of three: 0-2, 3-5, 6, and the same again."""

    def run(group=None, share=lambda chunks: chunks):
        given = [chunk._replace(resets=np.zeros(BATCH, bool)) for chunk in chunks()]
        given = epochs(share(given), 2) if share_first else share(epochs(given, 2))
        policy = tgc.ExactSweep(3)
        with tgc.Runner(built(rank_of(group)), policy, group=group, config=PLAIN) as runner:
            spans = [(r.chunks.start, r.chunks.stop) for r in runner.run(given)]
            return spans, weights(runner)

    spans, alone = run()
    assert spans == [(0, 3), (3, 6), (6, 7), (7, 10), (10, 13), (13, 14)]
    for got_spans, got in ranks(2, lambda group: run(group, group.cluster.share)):
        assert got_spans == spans
        for name, value in alone.items():
            np.testing.assert_allclose(got[name], value, 1e-10, 1e-11, err_msg=name)


class TestWhereAnUpstreamIsLimited:
    """Ranks meet within a sweep, too, where one may come for something else than the others."""

    policy = tgc.ExactSweep(3, clip_norm=TIGHT)

    @pytest.mark.parametrize("who", [pytest.param(0, marks=pytest.mark.slow), 1])
    def test_a_stop_in_a_sweep_is_one_of_all(self, who):
        def stopped(group):
            visits = []

            def visited(index, visit):
                visits.append(index)
                if len(visits) == 5 and group.rank == who:
                    runner.stop()

            graph = built(rank_of(group))
            with tgc.Runner(
                graph, self.policy, reduce="mean", group=group, on_visit=visited, config=PLAIN
            ) as runner:
                list(runner.run(group.cluster.share(chunks())))
                position, values = runner.position, weights(runner)
            with tgc.Runner(
                graph, self.policy, reduce="mean", group=group, config=PLAIN
            ) as runner:
                with graph.graph.as_default():
                    found = tf.global_variables()
                    fed = {v.initial_value: values[v.op.name] for v in found}
                    runner.session.run([v.initializer for v in found], fed)
                list(runner.run(group.cluster.share(chunks()), resume=position))
                return {**weights(runner), "stood": position.steps}

        for got in ranks(2, stopped):
            assert got.pop("stood") == 2
            for name, value in got.items():
                np.testing.assert_allclose(value, wanted("exact clipped")[name], 1e-10, 1e-11)

    def test_a_bad_number_on_one_rank_has_all_leave_the_sweep_out(self):
        given = without_lengths(chunks())
        given[2].arrays["x"][BATCH - 2] = 1e200

        def train(group):
            seen = []

            def decide(bad):
                seen.append(str(bad.error))
                return "skip"

            policy = tgc.ExactSweep(2, clip_norm=1e3)
            with tgc.Runner(
                build_overflowing(), policy, group=group, on_nan=decide, config=PLAIN
            ) as runner:
                steps = [(r.step, r.chunks.start) for r in runner.run(group.cluster.share(given))]
                return steps, seen, weights(runner)

        (steps, seen, one), (other_steps, other_seen, other) = ranks(2, train)
        assert steps == other_steps == [(1, 0), (2, 4), (3, 6)]
        assert seen[0].startswith("rank 1: chunk 2: the ")
        assert other_seen[0].startswith("chunk 2: the ") and len(seen) == len(other_seen) == 1
        assert all(np.array_equal(one[name], other[name]) for name in one)

    def test_the_others_are_told_why_a_rank_fails(self):
        def fail(group):
            given = list(group.cluster.share(chunks()))
            if group.rank == 1:
                given[2].arrays["x"][0, 0, 0] = np.nan
            graph = built(rank_of(group))
            with tgc.Runner(
                graph, tgc.Stale(0.7, clip_norm=TIGHT), group=group, config=PLAIN
            ) as runner:
                with pytest.raises(tgc.TgcarryError) as caught:
                    list(runner.run(given))
            return f"{type(caught.value).__name__}: {caught.value}"

        one, other = ranks(2, fail)
        assert one.startswith("ClusterError: rank 1: array 'x' holds nan in chunk 2")
        assert other.startswith("DataError: array 'x' holds nan in chunk 2")

    def test_a_limit_on_one_rank_alone_is_refused_on_all(self):
        def differ(group):
            policy = tgc.Stale(0.7, clip_norm=TIGHT if group.rank else None)
            graph = built(rank_of(group))
            with tgc.Runner(graph, policy, group=group, config=PLAIN) as runner:
                with pytest.raises(tgc.ClusterError, match="rank 1's policy limits the carry's"):
                    list(runner.run(group.cluster.share(chunks())))

        ranks(2, differ)

    def test_other_windows_are_refused_on_all(self):
        def differ(group):
            policy = tgc.ExactSweep(2 + group.rank, clip_norm=TIGHT)
            with tgc.Runner(built(rank_of(group)), policy, group=group, config=PLAIN) as runner:
                with pytest.raises(tgc.ClusterError) as caught:
                    list(runner.run(group.cluster.share(chunks())))
            return str(caught.value)

        for said in ranks(2, differ):
            assert "give every rank the same policy" in said
