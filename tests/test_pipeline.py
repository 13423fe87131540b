"""One sequence passed along from rank to rank gives what one process makes of it."""

import numpy as np
import pipeline_jobs
import pytest
import tensorflow.compat.v1 as tf
from pipeline_jobs import (
    COUNT,
    SETTINGS,
    Own,
    built,
    chunks,
    gradients,
    initial_state,
    pipeline,
    train,
    wanted_gradients,
)
from pipeline_jobs import wanted as trained
from rank_jobs import finished, of_rank, start

import tgcarry as tgc
from tgcarry.addresses import free_addresses
from tgcarry.data import LazySequence

PAIR = [
    "dealt",
    "dealt",
    "blocks",
    "gradients-whole-losses",
    "goingon-dealt",
    "fails",
    "overflows",
    "apart",
    "killed",
]
FOUR = [
    "dealt",
    "one",
    "odd",
    "whole",
    "gradients-dealt-stack",
    "gradients-blocks-single",
    "killed",
]


def run_ranks(folder, size, jobs):
    """Runs every job on so many ranks; the last rank kills itself in the last one."""
    program = pipeline_jobs.__file__
    processes = start(folder, free_addresses(size), *jobs, timeout=60, program=program)
    codes = finished(processes, 600)
    assert codes == {**dict.fromkeys(range(size - 1), 0), size - 1: -9}, [
        (folder / f"rank{rank}" / "err").read_text()[-500:] for rank in codes
    ]


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pair")
    run_ranks(folder, 2, PAIR)
    return folder


@pytest.fixture(scope="module")
def four(tmp_path_factory):
    folder = tmp_path_factory.mktemp("four")
    run_ranks(folder, 4, FOUR)
    return folder


def results(folder, jobs, job, size):
    return [of_rank(folder, rank, f"{jobs.index(job)}_{job}") for rank in range(size)]


def check_equal(got, wanted, tolerance=1e-10):
    assert wanted.keys() <= got.keys()
    for name in wanted:
        np.testing.assert_allclose(
            got[name], wanted[name], tolerance, 1e-2 * tolerance, err_msg=name
        )


def check_same(ranks):
    for other in ranks[1:]:
        for name in ranks[0]:
            assert np.array_equal(other[name], ranks[0][name]), name


@pytest.mark.parametrize("name", SETTINGS)
def test_one_process_alone_trains_as_a_runner_does(name):
    with tgc.Group(tgc.Cluster()) as group:
        check_equal(train(name, group), trained(name))


@pytest.mark.parametrize(("name", "kind"), [("whole", "losses"), ("dealt", "stack")])
def test_gradients_alone_are_those_of_a_sweep(name, kind):
    with tgc.Group(tgc.Cluster()) as group:
        check_equal(gradients(name, group, kind), wanted_gradients(name, kind))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["dealt", "blocks"])
def test_two_ranks_train_as_one_process_does(pair, name):
    got = results(pair, PAIR, name, 2)
    check_equal(got[0], trained(name))
    check_same(got)


@pytest.mark.slow
def test_the_same_again_gives_the_same_bits(pair):
    first, again = (of_rank(pair, 0, f"{place}_dealt") for place in (0, 1))
    for name in first:
        assert name == "bubble" or np.array_equal(first[name], again[name]), name


@pytest.mark.slow
@pytest.mark.parametrize("name", ["dealt", "one", "odd", "whole"])
def test_four_ranks_train_as_one_process_does(four, name):
    got = results(four, FOUR, name, 4)
    check_equal(got[0], trained(name))
    check_same(got)


@pytest.mark.slow
def test_gradients_of_several_ranks_are_those_of_a_sweep(pair, four):
    """Of two losses with upstreams of their own, of a nest of states, and of float32."""
    found = results(pair, PAIR, "gradients-whole-losses", 2)
    check_equal(found[0], wanted_gradients("whole", "losses"))
    check_same(found)
    for name, kind, tolerance in (("dealt", "stack", 1e-10), ("blocks", "single", 1e-4)):
        found = results(four, FOUR, f"gradients-{name}-{kind}", 4)
        check_equal(found[0], wanted_gradients(name, kind), tolerance)
        check_same(found)


@pytest.mark.slow
def test_a_run_goes_on_where_it_was_stopped(pair):
    wanted = results(pair, PAIR, "dealt", 2)[0]
    for got in results(pair, PAIR, "goingon-dealt", 2):
        assert got.pop("stood").tolist() == [10, 2] and got.pop("steps").tolist() == [3]
        for name, value in got.items():
            assert np.array_equal(value, wanted[name]), name


@pytest.mark.slow
def test_the_others_are_told_why_a_rank_fails(pair):
    one, other = (str(got["error"]) for got in results(pair, PAIR, "fails", 2))
    assert other.startswith("DataError: array 'x' holds nan in chunk 9")
    assert one.startswith("ClusterError: rank 1: array 'x' holds nan in chunk 9")
    one, other = (str(got["error"]) for got in results(pair, PAIR, "overflows", 2))
    assert one.startswith("NumericsError: chunk 4: the ")
    assert other.startswith("NumericsError: rank 0: chunk 4: the ")


@pytest.mark.slow
def test_ranks_that_do_not_do_the_same_are_told_what_differs(pair):
    for got in results(pair, PAIR, "apart", 2):
        assert "rank 1 has window 3 and rank 0 has 2" in str(got["window"])
        assert "chunks of [5, 4] streams" in str(got["streams"])


@pytest.mark.slow
def test_a_rank_that_is_killed_ends_all_others_in_time(pair, four):
    for folder, jobs, size in ((pair, PAIR, 2), (four, FOUR, 4)):
        for rank in range(size - 1):
            got = of_rank(folder, rank, f"{jobs.index('killed')}_killed")
            assert str(got["error"]).startswith("LostRankError: "), str(got["error"])
            assert got["seconds"] < 50


def test_a_rank_is_not_asked_for_the_chunks_of_others():
    class Two(tgc.Group):
        rank, size = 1, 2

    line = tgc.Pipeline(built(), Two(tgc.Cluster()), window=4, segment=2)
    own = Own(chunks(), line.owns)
    assert [k for k in range(COUNT) if line.owns(k)] == [2, 3, 6, 7, 10]
    plan = line.plan(own)
    assert plan.parts == 2 and [s.rank for s in plan.stages] == [0, 1]
    with pytest.raises(AssertionError, match="chunk 0 is another rank's"):
        own[0]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"window": 0}, "window=0"),
        ({"parts": 1.5}, "parts=1.5"),
        ({"segment": True}, "segment=True"),
        ({"reduce": "max"}, "reduce='max'"),
    ],
)
def test_arguments_out_of_range_are_refused(options, words):
    with pytest.raises(tgc.RunError, match=words):
        tgc.Pipeline(built(), tgc.Group(tgc.Cluster()), **options)


def test_what_cannot_be_run_is_refused():
    with tgc.Group(tgc.Cluster()) as group, tgc.Pipeline(built(), group, parts=6) as line:
        with pytest.raises(tgc.RunError, match="there are 5 streams"):
            list(line.run(chunks()))
        with pytest.raises(tgc.RunError, match="give a sequence"):
            list(line.run(iter(chunks())))
        with pytest.raises(tgc.RunError, match="leave one out"):
            line.run(chunks(), 0, resume=tgc.Position())
    with pytest.raises(tgc.RunError, match="no open session"):
        line.gradients(chunks())
    with pytest.raises(tgc.RunError, match="give an open tgcarry"):
        tgc.Pipeline(built(), None)


@pytest.mark.parametrize(
    ("start", "words"),
    [
        ({"initial_state": 8}, "chunks have 5 streams, and the state to begin with has 8"),
        ({"resume": 5}, "resume=5"),
        ({"resume": tgc.Position(applied=2, saved={2: 0})}, "in the middle of a sweep that began"),
    ],
)
def test_a_start_that_does_not_fit_is_refused(start, words):
    graph = built()
    if "initial_state" in start:
        zeros = tf.nest.map_structure(
            lambda port: np.zeros([start["initial_state"], port.shape[1]]),
            graph.ports.initial_state,
        )
        start = {"initial_state": zeros}
    with tgc.Group(tgc.Cluster()) as group, tgc.Pipeline(graph, group) as line:
        with pytest.raises(tgc.RunError, match=words):
            list(line.run(chunks(), **start))


class Broken(LazySequence):
    """Gives chunks up to one that cannot be read."""

    def __init__(self, bad):
        self._given, self._bad = chunks(), bad

    def __len__(self):
        return len(self._given)

    def item(self, position):
        if position == self._bad:
            raise FileNotFoundError("gone")
        return self._given[position]


def test_behind_a_window_that_failed_it_stands_where_that_began():
    graph = built()
    with tgc.Group(tgc.Cluster()) as group, tgc.Pipeline(graph, group, window=4) as line:
        reports = line.run(Broken(6))
        next(reports)
        before = line.position()
        with pytest.raises(FileNotFoundError, match="gone"):
            next(reports)
        after = line.position()
        assert (after.applied, after.steps) == (before.applied, before.steps) == (4, 1)
        for one, other in zip(*map(tf.nest.flatten, (before.head, after.head)), strict=True):
            assert np.any(one) and np.array_equal(one, other)
        rest = [report.step for report in line.run(chunks(), resume=after)]
    assert rest == [2, 3]


def test_windows_end_at_breaks():
    graph = built()
    with tgc.Group(tgc.Cluster()) as group, tgc.Pipeline(graph, group, window=4) as line:
        assert line.plan(chunks(), breaks=[9, 3]).stages[-1].chunks.stop == 3
        found = [report.chunks for report in line.run(chunks(), breaks=[9, 3])]
    assert found == [range(3), range(3, 7), range(7, 9), range(9, 11)]


def test_a_window_that_is_given_up_begins_again():
    """As often as is asked; forwards and backwards."""
    graph, wanted, losses = built(), trained("dealt")["loss"], []
    rests, stops = 0, [2, 9, 11, 23]

    def rest():
        nonlocal rests
        rests += 1
        if rests in stops:
            line.stop(at_once=True)

    where = tgc.Position(head=initial_state(graph))
    with tgc.Group(tgc.Cluster()) as group, pipeline("dealt", group, graph, on_rest=rest) as line:
        for _ in range(len(stops) + 1):
            before = where
            losses += [report.loss for report in line.run(chunks(), resume=where)]
            where = line.position()
            assert where.applied % 5 == 0 or where.applied == COUNT
            assert where.applied > before.applied or rests in stops
    np.testing.assert_allclose(losses, wanted, 1e-10)
    assert rests > stops[-1]


def test_progress_is_told_by_chunks():
    graph, told = built(), []

    def visited(index, visit):
        told.append((index, line.progress))

    with tgc.Group(tgc.Cluster()) as group:
        with pipeline("blocks", group, graph, on_visit=visited) as line:
            list(line.run(chunks()))
            assert line.progress == COUNT
    shares = [share for _, share in told]
    assert len(told) == 3 * COUNT and shares == sorted(shares) and shares[-1] == COUNT
    assert {index for index, _ in told[:12]} == set(range(4))


def test_a_placeholder_that_nothing_feeds_is_refused():
    x, left = tf.placeholder(tf.float64, [None, None, 3]), tf.placeholder(tf.float64, [])
    cell = tgc.GRUCell(2)
    ports = tgc.carry_ports(cell, dtype=tf.float64)
    outputs, final = tgc.dynamic_rnn(cell, x, initial_state=ports.initial_state, engine="loop")
    graph = tgc.build_chunk(tf.reduce_sum(outputs * left), ports, final, {"x": x})
    with pytest.raises(tgc.RunError, match="Pipeline: nothing feeds"):
        tgc.Pipeline(graph, tgc.Group(tgc.Cluster()))
    tgc.Pipeline(graph, tgc.Group(tgc.Cluster()), feed_dict={left: 1.0})


def test_a_chunk_that_draws_anew_at_each_visit_is_refused():
    x = tf.placeholder(tf.float64, [None, None, 3])
    cell = tgc.GRUCell(2)
    ports = tgc.carry_ports(cell, dtype=tf.float64)
    outputs, final = tgc.dynamic_rnn(cell, x, initial_state=ports.initial_state, engine="loop")
    loss = tf.reduce_sum(outputs * tf.random.uniform(tf.shape(outputs), dtype=tf.float64))
    drawn = tgc.build_chunk(loss, ports, final, {"x": x})
    with pytest.raises(tgc.RunError, match="would draw other numbers"):
        tgc.Pipeline(drawn, tgc.Group(tgc.Cluster()))


def test_a_position_is_one_of_a_runner():
    graph = built()
    with tgc.Group(tgc.Cluster()) as group, tgc.Pipeline(graph, group, window=4) as line:
        for _ in line.run(chunks()):
            break
        where, values = line.position(), line.session.run(list(graph.variables))
        with graph.graph.as_default():
            every = tf.global_variables()
        kept = line.session.run(every)
        rest = [report.loss for report in line.run(chunks(), resume=where)]
    assert (where.applied, where.steps) == (4, 1) and len(values) == len(graph.variables)
    with tgc.Runner(graph, tgc.ExactSweep(4)) as runner:
        with graph.graph.as_default():
            fed = {v.initial_value: value for v, value in zip(every, kept, strict=True)}
            runner.session.run([v.initializer for v in every], fed)
        losses = [report.loss for report in runner.run(chunks(), resume=where)]
    np.testing.assert_allclose(rest, losses, 1e-10)
