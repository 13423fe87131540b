"""Positions: a run that goes on from one ends with the same weights, bit by bit."""

import itertools
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from hypothesis import given, seed, settings
from hypothesis import strategies as st
from keepable import chunk as build
from loading import load_all

import tgcarry as tgc
from tgcarry.position import Position

STREAMS, LENGTH, COUNT = 3, 4, 7


def chunks(number=0):
    """Makes COUNT chunks with resets, ragged ends and one break."""
    rng = np.random.default_rng(number)
    made = []
    for index in range(COUNT):
        arrays = {
            "x": rng.normal(size=(STREAMS, LENGTH, 3)),
            "y": rng.integers(0, 4, size=(STREAMS, LENGTH)),
        }
        resets = np.array([index == 4, index in (2, 4), index == 4])
        lengths = np.array([LENGTH, LENGTH - index % 2, LENGTH])
        made.append(tgc.Chunk(arrays, resets, lengths))
    return made


class StoppedError(Exception):
    """Is raised where the process would have been killed."""


def weights(runner):
    with runner.chunk.graph.as_default():
        return runner.session.run({v.op.name: v for v in tf.global_variables()})


def put(runner, values):
    with runner.chunk.graph.as_default():
        load_all({v: values[v.op.name] for v in tf.global_variables()}, runner.session)


def built(cell, engine, policy=None):
    with tf.Graph().as_default():
        tf.set_random_seed(1)
        made = tgc.LSTMCell(4) if cell == "lstm" else tgc.MultiRNNCell([tgc.GRUCell(4)] * 1)
        synthetic = tgc.SyntheticGradient(8) if isinstance(policy, tgc.Synthetic) else None
        return build(made, tf.train.AdamOptimizer(0.05), engine=engine, synthetic=synthetic)


def undisturbed(graph, policy, given, reduce="mean"):
    with tgc.Runner(graph, policy, reduce=reduce) as runner:
        reports = list(runner.run(given()))
        return weights(runner), [report._replace(seconds=0.0) for report in reports]


def interrupted(graph, policy, given, where, reduce="mean"):
    """Runs with a new session at every place of `where`, which counts places of rest.

    Returns the final weights, the reports, and how many places there were in all.
    """
    position, values, reports, places = None, None, [], 0
    left = sorted(where)
    while True:
        seen = [places]

        def rest(seen=seen):
            seen[0] += 1
            if left and seen[0] == left[0]:
                raise StoppedError

        with tgc.Runner(graph, policy, reduce=reduce, on_rest=rest) as runner:
            if values is not None:
                put(runner, values)
            try:
                for report in runner.run(given(), resume=position):
                    reports.append(report._replace(seconds=0.0))
                    rest()
            except StoppedError:
                left.pop(0)
                places = seen[0]
                position, values = runner.position, weights(runner)
                continue
            return weights(runner), reports, seen[0]


def check_same(one, other):
    assert one.keys() == other.keys()
    for name in one:
        assert np.array_equal(one[name], other[name]), name


POLICIES = {
    "truncated": tgc.Truncated(),
    "stale": tgc.Stale(0.7),
    "exact": tgc.ExactSweep(3),
    "whole": tgc.ExactSweep(),
    "decaying": tgc.ExactSweep(2, end_decay=0.5),
    "random": tgc.RandomTruncation(0.4, seed=2),
    "pieces": tgc.RandomTruncation([0.7, 0.3], 4, step_at_cuts=True),
    "synthetic": tgc.Synthetic(),
    "trunk": tgc.Synthetic(trunk=0.5),
    "keeping": tgc.ExactSweep(3, memory_budget="1GiB"),
    "keeping some": tgc.ExactSweep(None, memory_budget=2000),
}


def check_going_on(name, lazily, every):
    engine = "loop" if name.startswith("keeping") else "stock"
    policy = POLICIES[name]
    graph = built("gru", engine, policy)

    def given():
        return iter(chunks()) if lazily else chunks()

    wanted, reports = undisturbed(graph, policy, given)
    _, _, places = interrupted(graph, policy, given, [])
    assert places >= COUNT
    got, again, _ = interrupted(graph, policy, given, range(1, places + 1, every))
    check_same(got, wanted)
    assert again == reports


@pytest.mark.parametrize("name", ["stale", "exact", "random", "keeping some"])
def test_going_on_changes_no_bit(name):
    check_going_on(name, name in ("stale", "exact"), every=4)


@pytest.mark.slow
@pytest.mark.parametrize("lazily", [False, True], ids=["sequence", "iterator"])
@pytest.mark.parametrize("name", POLICIES)
def test_going_on_from_every_place_of_rest_changes_no_bit(name, lazily):
    check_going_on(name, lazily, every=1)


@pytest.mark.slow
@settings(max_examples=12, deadline=None)
@seed(5)
@given(
    where=st.sets(st.integers(1, 16), max_size=4),
    name=st.sampled_from(sorted(POLICIES)),
    reduce=st.sampled_from(["mean", "sum"]),
)
def test_going_on_from_some_places_changes_no_bit(where, name, reduce):
    policy = POLICIES[name]
    graph = built("lstm", "loop", policy)
    wanted, reports = undisturbed(graph, policy, chunks, reduce)
    got, again, _ = interrupted(graph, policy, chunks, where, reduce)
    check_same(got, wanted)
    assert again == reports


def test_without_its_position_a_run_ends_elsewhere():
    """Shows that the tests above can fail: the state and the gathered gradients matter."""
    graph = built("gru", "loop")
    wanted, _ = undisturbed(graph, tgc.ExactSweep(3), chunks)
    with tgc.Runner(graph, tgc.ExactSweep(3), on_rest=lambda: None) as runner:
        report = next(runner.run(chunks()))
        values = weights(runner)
    with tgc.Runner(graph, tgc.ExactSweep(3)) as runner:
        put(runner, values)
        list(runner.run(chunks()[report.chunks.stop :]))
        got = weights(runner)
    assert any(not np.array_equal(got[name], wanted[name]) for name in wanted)


def test_stopping_ends_the_run_behind_a_visit_and_it_goes_on_from_there():
    graph = built("gru", "loop")
    wanted, _ = undisturbed(graph, tgc.ExactSweep(4), chunks)
    visits = itertools.count(1)

    def visited(index, visit):
        if next(visits) == 2:
            runner.stop()

    with tgc.Runner(graph, tgc.ExactSweep(4), on_visit=visited, reduce="mean") as runner:
        assert list(runner.run(chunks())) == []
        position, values = runner.position, weights(runner)
    assert position.in_a_sweep and len(position.visits) == 2 and position.applied == 0
    with tgc.Runner(graph, tgc.ExactSweep(4), reduce="mean") as runner:
        put(runner, values)
        list(runner.run(chunks(), resume=position))
        check_same(weights(runner), wanted)


def test_going_on_needs_no_default_graph():
    """A script has none: TensorFlow is then in its eager mode, as a new thread is here."""
    graph = built("gru", "loop")
    seen = []

    def visited(index, visit):
        seen.append(index)
        if len(seen) == 2:
            runner.stop()

    with tgc.Runner(graph, tgc.ExactSweep(4), on_visit=visited) as runner:
        list(runner.run(chunks()))
        position = runner.position

    def go_on():
        assert tf.executing_eagerly()
        with tgc.Runner(graph, tgc.ExactSweep(4)) as runner:
            return len(list(runner.run(chunks(), resume=position)))

    assert position.visits
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(go_on).result() == 2


def test_a_run_that_has_ended_stands_at_its_end():
    graph = built("gru", "loop")
    with tgc.Runner(graph, tgc.ExactSweep(3)) as runner:
        assert runner.position.obeyed == 0 and not runner.position.in_a_sweep
        reports = list(runner.run(chunks()))
        position = runner.position
        assert position.applied == COUNT and position.steps == len(reports) == 4 - 1
        assert not position.in_a_sweep and position.breaks.tolist() == [
            index == 4 for index in range(COUNT)
        ]
        assert list(runner.run(chunks(), resume=position)) == []


def test_more_of_the_same_chunks_can_follow():
    """An epoch more is a run that was as long from the start, if it begins with a reset."""
    graph = built("gru", "loop")

    def twice():
        return tgc.data.epochs(chunks(), 2)

    wanted, _ = undisturbed(graph, tgc.ExactSweep(3), twice)
    with tgc.Runner(graph, tgc.ExactSweep(3), reduce="mean") as runner:
        list(runner.run(tgc.data.epochs(chunks(), 1)))
        list(runner.run(twice(), resume=runner.position))
        check_same(weights(runner), wanted)


def test_another_policy_plans_anew_from_the_next_chunk_on():
    graph = built("gru", "loop")
    with tgc.Runner(graph, tgc.ExactSweep(3)) as runner:
        next(runner.run(chunks()))
        position, state, values = runner.position.replanned(), runner.state, weights(runner)
    assert (position.first, position.steps, position.obeyed) == (3, 1, 0)
    with tgc.Runner(graph, tgc.Stale(0.5)) as runner:
        put(runner, values)
        reports = list(runner.run(chunks(), resume=position))
        got = weights(runner)
    assert [r.chunks for r in reports] == [range(k, k + 1) for k in range(3, COUNT)]
    assert [r.step for r in reports] == [2, 3, 4, 5]
    with tgc.Runner(graph, tgc.Stale(0.5)) as runner:
        put(runner, values)
        list(runner.run(chunks()[3:], state))
        check_same(weights(runner), got)


def test_an_open_sweep_is_begun_again_when_planned_anew():
    graph = built("gru", "loop")
    armed = []

    def rest():
        if armed:
            raise StoppedError

    with tgc.Runner(graph, tgc.ExactSweep(2), on_rest=rest) as runner:
        run = runner.run(chunks())
        next(run)
        state, first = runner.state, runner.position
        armed.append(True)
        with pytest.raises(StoppedError):
            next(run)
        position = runner.position
    assert position.in_a_sweep and not first.in_a_sweep
    again = position.replanned()
    assert again.first == first.applied == 2
    (head,), (state,) = tf.nest.flatten(again.head), tf.nest.flatten(state)
    # The second stream starts anew at that chunk.
    assert np.array_equal(head, state * [[1], [0], [1]])


class TestRefused:
    def test_fewer_chunks_than_the_run_has_read(self):
        graph = built("gru", "loop")
        with tgc.Runner(graph, tgc.Truncated()) as runner:
            list(runner.run(chunks()))
            position = runner.position
            with pytest.raises(tgc.RunError, match=r"there are 2 chunks.*stood at 7"):
                list(runner.run(iter(chunks()[:2]), resume=position))

    def test_a_policy_with_fewer_steps(self):
        graph = built("gru", "loop")
        with tgc.Runner(graph, tgc.ExactSweep(2)) as runner:
            list(runner.run(chunks()))
            position = runner.position
        with (
            tgc.Runner(graph, tgc.Truncated()) as runner,
            pytest.raises(tgc.RunError, match=r"steps into its schedule.*same policy"),
        ):
            list(runner.run(chunks(), resume=position))

    def test_other_chunks(self):
        graph = built("gru", "loop")
        with tgc.Runner(graph, tgc.Truncated()) as runner:
            list(runner.run(chunks()))
            position = runner.position
            others = [c._replace(resets=np.ones(STREAMS, bool)) for c in chunks()]
            with pytest.raises(tgc.RunError, match=r"chunk 0 is another.*start anew"):
                list(runner.run(iter(others), resume=position))

    def test_a_state_beside_a_position(self):
        graph = built("gru", "loop")
        with tgc.Runner(graph) as runner, pytest.raises(tgc.RunError, match="leave one out"):
            runner.run(chunks(), np.zeros([STREAMS, 4]), resume=Position())

    def test_a_position_in_the_middle_of_a_visit(self):
        graph = built("gru", "loop")
        for policy in (tgc.Truncated(), tgc.ExactSweep(3)):
            with tgc.Runner(graph, policy, on_visit=lambda *visit: runner.position) as runner:
                with pytest.raises(tgc.RunError, match="in the middle of a visit"):
                    next(runner.run(chunks()))
