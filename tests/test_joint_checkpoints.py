"""Checkpoints of several ranks: one for all, that any number of ranks can go on with.

Ranks are threads here, which add up in memory; tests/test_cluster.py has processes.
"""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from keepable import chunk as build
from rank_jobs import BATCH, chunks, weights
from rank_threads import ranks

import tgcarry as tgc
from tgcarry.joint_checkpoints import JointCheckpoints


def built(policy=None):
    predicting = isinstance(policy, tgc.Synthetic)
    with tf.Graph().as_default():
        tf.set_random_seed(1)
        tf.train.get_or_create_global_step()
        return build(
            tgc.GRUCell(3),
            tf.train.AdamOptimizer(0.05),
            engine="loop",
            synthetic=tgc.SyntheticGradient(3) if predicting else None,
        )


POLICY = tgc.ExactSweep(2)
POLICIES = {"exact": POLICY, "stale": tgc.Stale(0.7), "trunk": tgc.Synthetic(trunk=0.5)}


def train(folder, group, steps=None, policy=POLICY):
    """Goes on with what is in a folder, for so many optimiser steps, and saves."""
    chunk = built(policy)
    checkpoints = JointCheckpoints(group, tgc.Checkpoints(folder, chunk), chunk)
    with tgc.Runner(chunk, policy, group=group) as runner:
        position = None
        if (folder / "step-0000000002").exists():
            restored = checkpoints.restore(runner.session)
            assert (restored.step, restored.notes["from"]) == (2, 0)
            position = restored.position
        for report in runner.run(group.cluster.share(chunks()), resume=position):
            if report.step == steps:
                path = checkpoints.save(
                    runner.session, runner.position, notes={"from": group.rank}, score=report.loss
                )
                assert path == folder / "step-0000000002"
                break
        return weights(runner)


def alone(policy):
    with tgc.Runner(built(policy), policy) as runner:
        list(runner.run(chunks()))
        return weights(runner)


@pytest.fixture(scope="module")
def wanted():
    return alone(POLICY)


def check_close(got, wanted):
    for name, value in wanted.items():
        np.testing.assert_allclose(got[name], value, 1e-10, 1e-12, err_msg=name)


@pytest.mark.parametrize(
    ("before", "after", "name"),
    [
        (2, 3, "exact"),
        *(
            pytest.param(*case, marks=pytest.mark.slow)
            for case in [(3, 2, "exact"), (2, 3, "stale"), (3, 2, "trunk"), (2, 1, "trunk")]
        ),
    ],
)
def test_another_number_of_ranks_goes_on(tmp_path, before, after, name):
    policy = POLICIES[name]
    wanted = alone(policy)
    ranks(before, lambda group: train(tmp_path, group, steps=2, policy=policy))
    found = ranks(after, lambda group: train(tmp_path, group, policy=policy))
    for got in found:
        check_close(got, wanted)
        for name, value in got.items():
            assert np.array_equal(value, found[0][name]), name


def test_one_process_goes_on_with_what_ranks_saved(tmp_path, wanted):
    ranks(2, lambda group: train(tmp_path, group, steps=2))
    chunk = built()
    checkpoints = tgc.Checkpoints(tmp_path, chunk)
    with tgc.Runner(chunk, POLICY) as runner:
        position = checkpoints.restore(runner.session).position
        assert len(position.head) == BATCH
        list(runner.run(chunks(), resume=position))
        check_close(weights(runner), wanted)


def test_what_is_saved_in_a_sweep_by_one_process_is_gone_on_with(tmp_path, wanted):
    chunk = built()
    visits = []

    def visited(index, visit):
        visits.append(index)
        if len(visits) == 5:
            runner.stop()

    with tgc.Runner(chunk, tgc.ExactSweep(2), on_visit=visited) as runner:
        list(runner.run(chunks()))
        assert runner.position.in_a_sweep and runner.position.steps == 2
        tgc.Checkpoints(tmp_path, chunk).save(runner.session, runner.position, notes={"from": 0})
    for got in ranks(2, lambda group: train(tmp_path, group)):
        check_close(got, wanted)


def test_what_rank_0_cannot_do_is_an_error_of_all(tmp_path):
    (tmp_path / "file").write_text("")

    def save(group):
        chunk = built()
        checkpoints = JointCheckpoints(group, tgc.Checkpoints(tmp_path / "file", chunk), chunk)
        with tgc.Runner(chunk, POLICY, group=group) as runner:
            with pytest.raises(tgc.LogError, match="file") as caught:
                checkpoints.save(runner.session, runner.position)
            with pytest.raises(tgc.LogError):
                checkpoints.restore(runner.session)
        return str(caught.value)

    one, other = ranks(2, save)
    assert one == other


def test_wishes_are_granted_to_all():
    def ask(group):
        group.wish = lambda: group.rank == 0
        group.sum([], [1.0])
        granted = group.granted
        group.wish = lambda: group.rank == 1
        group.sum([], [1.0])
        return granted, group.granted

    assert ranks(2, ask) == [(True, False)] * 2


def test_sums_and_tables_lose_nothing():
    row = [1.0, 1 / 3, -1e-30, 1e30, 2**53 - 1.0, float("inf")]

    def add(group):
        arrays = [np.full((2, 2), 0.5, np.float32), np.arange(3, dtype=np.float32), np.float32(2)]
        sums, table = group.sum(arrays, [value * (1 + group.rank) for value in row])
        assert [s.shape for s in sums] == [(2, 2), (3,), ()]
        assert all(s.dtype == np.float32 for s in sums)
        return sums[1], table

    for sums, table in ranks(2, add):
        assert np.array_equal(sums, [0, 2, 4])
        assert np.array_equal(table, [row, [2 * value for value in row]])


def test_variables_become_rank_0s():
    def align(group):
        with tf.Graph().as_default(), tf.Session() as session:
            made = [
                tf.get_variable("a", initializer=np.full((2, 3), -0.0 if group.rank else 7.5)),
                tf.get_variable("b", initializer=np.int64(group.rank + 3)),
                tf.Variable([group.rank == 0, False], name="c"),
            ]
            session.run([v.initializer for v in made])
            group.align(session, made)
            return session.run(made)

    for got in ranks(2, align):
        assert (got[0] == 7.5).all() and got[1] == 3 and got[2].tolist() == [True, False]
