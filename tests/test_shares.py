"""Streams shared out over ranks, and positions cut and joined with them."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from keepable import chunk as build
from rank_jobs import BATCH, POLICIES, chunks

import tgcarry as tgc
from tgcarry.cluster.shares import part_of, rows_of, share_of, whole_of


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_every_stream_is_one_ranks(size):
    rows = [rows_of(BATCH, rank, size) for rank in range(size)]
    owned = [n for one in rows for n in range(BATCH)[one]]
    assert owned == list(range(BATCH))
    counts = [one.stop - one.start for one in rows]
    assert max(counts) - min(counts) <= 1 and min(counts) >= 1


def test_fewer_streams_than_ranks_are_refused():
    with pytest.raises(tgc.ClusterError, match="5 streams for 6 ranks"):
        tgc.Cluster([f"a:{n}" for n in range(1, 7)], 2).rows(BATCH)
    with pytest.raises(tgc.ClusterError, match="chunks hold 7"):
        share_of(7, 0, 2)


def test_shares_hold_the_whole_and_know_its_breaks():
    whole = chunks()
    shares = [tgc.Cluster(["a:1", "b:1"], rank).share(whole) for rank in range(2)]
    assert [len(share) for share in shares] == [len(whole)] * 2
    for index, chunk in enumerate(whole):
        parts = [share[index] for share in shares]
        for name, array in chunk.arrays.items():
            assert np.array_equal(np.concatenate([p.arrays[name] for p in parts]), array)
        assert np.array_equal(np.concatenate([p.resets for p in parts]), chunk.resets)
        assert np.array_equal(np.concatenate([p.lengths for p in parts]), chunk.lengths)
        assert {p.starts_anew for p in parts} == {chunk.starts_anew}
    assert shares[0][2].resets.all() and not shares[0][2].starts_anew


def test_an_iterator_stays_one():
    cluster = tgc.Cluster(["a:1", "b:1"], 1)
    found = cluster.share(iter(chunks()))
    assert next(found).batch == BATCH - BATCH // 2
    assert tgc.Cluster().share(chunks()) is not None


def position(policy, after=None, steps=None):
    """Stops a run of the whole batch behind a visit, or a step; returns where it stood."""
    with tf.Graph().as_default():
        graph = build(tgc.LSTMCell(3), tf.train.GradientDescentOptimizer(0.1), engine="loop")
    visits = []

    def visited(index, visit):
        visits.append(index)
        if len(visits) == after:
            runner.stop()

    with tgc.Runner(graph, policy, on_visit=visited) as runner:
        for report in runner.run(chunks()):
            if report.step == steps:
                break
        return runner.position


def check_same(one, other):
    for name in ("first", "obeyed", "steps", "applied", "carry_of"):
        assert getattr(one, name) == getattr(other, name), name
    assert np.array_equal(one.breaks, other.breaks)
    for flags, others in ((one.resets, other.resets), (one.idle, other.idle)):
        assert flags.keys() == others.keys()
        for chunk, array in flags.items():
            assert np.array_equal(array, others[chunk])
    for name in ("head", "carry"):
        tf.nest.map_structure(
            np.testing.assert_array_equal, getattr(one, name), getattr(other, name)
        )


@pytest.mark.parametrize("size", [2, 3, 5])
@pytest.mark.parametrize(("name", "steps"), [("stale", 3), ("exact", 1)])
def test_a_position_is_cut_and_joined_again(name, steps, size):
    whole = position(POLICIES[name], steps=steps)
    assert whole.applied == 3 and not whole.in_a_sweep
    parts = [part_of(whole, rank, size) for rank in range(size)]
    check_same(whole_of(parts), whole)
    check_same(whole_of([tgc.Position()] * size), tgc.Position())


def test_what_was_gathered_counts_once():
    whole = position(POLICIES["exact"], 2)
    assert whole.in_a_sweep and whole.visits and whole.saved
    parts = [part_of(whole, rank, 2) for rank in range(2)]
    for n, array in enumerate(whole.accumulated):
        assert array.any() and np.array_equal(sum(p.accumulated[n] for p in parts), array)
    assert sum(v.loss for p in parts for v in p.visits) == sum(v.loss for v in whole.visits)
    assert [len(p.visits) for p in parts] == [len(whole.visits)] * 2
    for chunk, state in whole.saved.items():
        joined = tf.nest.map_structure(
            lambda *leaves: np.concatenate(leaves), *(p.saved[chunk] for p in parts)
        )
        tf.nest.map_structure(np.testing.assert_array_equal, joined, state)
    with pytest.raises(tgc.ClusterError, match="save between two sweeps"):
        whole_of(parts)


def test_positions_of_different_places_are_not_joined():
    one, other = (position(POLICIES["stale"], steps=n) for n in (2, 3))
    with pytest.raises(tgc.ClusterError, match="rank 1 stands at step 3, chunk 3, and rank 0 at"):
        whole_of([one, other])
