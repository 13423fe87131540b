"""Sweeps within a memory budget: the same results, with fewer operations and bounded bytes."""

import itertools

import keepable
import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from loading import load_all

import tgcarry as tgc
from tgcarry import schedule
from tgcarry.calls import _bytes_of
from tgcarry.loop import Loop

LR = 0.125


@pytest.fixture(autouse=True)
def same_weights(graph):
    tf.set_random_seed(20)
    print("graph seed 20")


def sgd():
    return tf.train.GradientDescentOptimizer(LR)


def close(got, wanted, rtol=1e-12):
    got, wanted = tf.nest.flatten(got), tf.nest.flatten(wanted)
    for one, other in zip(got, wanted, strict=True):
        scale = max(1.0, float(np.max(np.abs(other), initial=0.0)))
        np.testing.assert_allclose(one, other, rtol=rtol, atol=rtol * scale)


def chunk_bytes(runner, chunks):
    size = runner.plan(chunks).chunk_bytes
    assert size > 0
    return size


# --- the same results ---------------------------------------------------------------------


def two_layers():
    return tgc.MultiRNNCell([tgc.GRUCell(3), tgc.BasicLSTMCell(4)])


MODELS = {
    "gru": keepable.chunk,
    "lstm": lambda **o: keepable.chunk(tgc.BasicLSTMCell(4), **o),
    "loop": lambda **o: keepable.chunk(two_layers(), engine="loop", **o),
    "embedding": lambda **o: keepable.chunk(embedded=True, **o),
    "dropout": lambda **o: keepable.chunk(dropout=True, **o),
    "two losses": lambda **o: keepable.chunk(losses=2, **o),
    "all of it": lambda **o: keepable.chunk(
        tgc.MultiRNNCell([tgc.GRUCell(3), tgc.LSTMCell(4)]),
        embedded=True,
        dropout=True,
        losses=2,
        **o,
    ),
}


def everything(report):
    """Is what a report says, but for the time it took."""
    assert report.synthetic_error is None
    return report._replace(seconds=0.0, chunks=list(report.chunks), synthetic_error=0.0)


def results(make, policy, chunks, start, reduce):
    """Trains and differentiates under a policy, from the same weights each time."""
    with tf.Graph().as_default():
        tf.set_random_seed(20)
        graph = make(optimizer=sgd())
        with tgc.Runner(graph, policy, reduce=reduce, seed=5) as runner:
            state = tf.nest.map_structure(
                lambda p: start.normal(size=[chunks[0].batch, *p.shape[1:].as_list()]),
                graph.ports.initial_state,
            )
            gradients = runner.gradients(chunks, state)
            reports = [everything(report) for report in runner.run(chunks, state)]
            weights = runner.session.run(list(graph.variables))
            return tuple(gradients), reports, weights, runner.state


@pytest.mark.slow
@settings(
    max_examples=4, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
@given(
    seed=st.integers(0, 2**31),
    model=st.sampled_from(sorted(MODELS)),
    count=st.integers(1, 6),
    window=st.one_of(st.none(), st.integers(2, 4)),
    decay=st.sampled_from([0.0, 0.5]),
    room=st.floats(0.0, 6.5),
    ragged=st.booleans(),
    resets=st.booleans(),
    reduce=st.sampled_from(["sum", "mean"]),
)
def test_a_budget_changes_no_result(
    seed, model, count, window, decay, room, ragged, resets, reduce
):
    rng = np.random.default_rng(seed)
    chunks = keepable.data(rng, count, ragged=ragged, resets=resets)
    with tf.Graph().as_default():
        with tgc.Runner(MODELS[model]()) as runner:
            budget = int(room * chunk_bytes(runner, chunks))
    wanted, got = (
        results(
            MODELS[model],
            tgc.ExactSweep(window, decay, memory_budget=amount),
            chunks,
            np.random.default_rng(seed),
            reduce,
        )
        for amount in (None, budget)
    )
    close(got, wanted)


@pytest.mark.parametrize("engine", ["loop", "fused"])
@pytest.mark.parametrize("make", [two_layers, tgc.BasicRNNCell], ids=["two layers", "rnn"])
def test_the_engines_activations_are_kept(engine, make, rng):
    cell = make() if make is two_layers else make(4)
    graph = keepable.chunk(cell, engine=engine, losses=2, embedded=True, dropout=True)
    chunks = keepable.data(rng, 5, ragged=True, resets=True)
    with tgc.Runner(graph) as runner:
        wanted = runner.gradients(chunks)
        size = chunk_bytes(runner, chunks)
        for budget in (2 * size, 9 * size):
            got = runner.gradients(chunks, policy=tgc.ExactSweep(memory_budget=budget))
            close(tuple(got), tuple(wanted))


@pytest.mark.parametrize("lazily", [False, True], ids=["sequence", "iterator"])
def test_in_one_precision_the_results_agree_to_rounding(lazily, rng):
    chunks = keepable.data(rng, 5, ragged=True)
    graph = keepable.chunk(dtype=tf.float32)
    with tgc.Runner(graph) as runner:
        wanted = runner.gradients(chunks)
        for budget in (chunk_bytes(runner, chunks) * 2, "1GiB"):
            given = iter(chunks) if lazily else chunks
            got = runner.gradients(given, policy=tgc.ExactSweep(memory_budget=budget))
            close(tuple(got), tuple(wanted), rtol=1e-6)


def test_a_given_session_with_hooks_gives_the_same(rng):
    tf.train.get_or_create_global_step()
    chunks = keepable.data(rng, 5)
    graph = keepable.chunk()
    with tf.train.MonitoredSession() as session:
        with tgc.Runner(graph, session=session) as runner:
            wanted = runner.gradients(chunks)
            got = runner.gradients(chunks, policy=tgc.ExactSweep(memory_budget="1MiB"))
    close(tuple(got), tuple(wanted))


def test_on_visit_hears_the_same_of_kept_chunks(rng):
    chunks = keepable.data(rng, 5)
    graph, heard = keepable.chunk(optimizer=sgd()), []
    for budget in (None, "1MiB"):
        tf.set_random_seed(20)
        policy, visits = tgc.ExactSweep(memory_budget=budget), []
        with tgc.Runner(
            graph, policy, on_visit=lambda k, visit, to=visits: to.append((k, visit))
        ) as runner:
            load_all({v: np.full(v.shape, 0.1) for v in graph.variables}, runner.session)
            list(runner.run(chunks))
        heard.append(visits)
    for (k, one), (j, other) in zip(*heard, strict=True):
        assert k == j
        close(tuple(one)[:2], tuple(other)[:2])
        close(one.state_gradient, other.state_gradient)


# --- the work that is done ----------------------------------------------------------------


def counted(outputs, calls):
    """Notes in `calls` how often the forward pass comes by."""

    def note(value):
        calls.append(1)
        return value

    seen = tf.py_func(note, [tf.reduce_sum(outputs)], outputs.dtype)
    seen.set_shape([])
    return outputs + 0 * tf.stop_gradient(seen)


@pytest.mark.parametrize("kept", [0, 1, 3, 5, 9])
@pytest.mark.parametrize("window", [None, 3])
def test_a_kept_chunk_is_computed_forwards_once(kept, window, rng):
    calls, count = [], 6
    chunks = keepable.data(rng, count)
    graph = keepable.chunk(optimizer=sgd(), twist=lambda outputs: counted(outputs, calls))
    with tgc.Runner(graph) as runner:
        budget = kept * chunk_bytes(runner, chunks)
    with tgc.Runner(graph, tgc.ExactSweep(window, memory_budget=budget)) as runner:
        plan = runner.plan(chunks)
        calls.clear()
        reports = list(runner.run(chunks))
    windows = count // (window or count)
    assert len(reports) == windows
    # The last chunk of a window is computed once in any case. The outputs are not wanted by a
    # forward visit that keeps nothing: it stops at the final state.
    assert plan.kept == min(kept, count // windows - 1)
    assert len(calls) == count


def executed(graph, policy, chunks):
    """Counts by name the operations of each call that a sweep makes."""
    ran = []
    traced = tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE)

    class Traced(tf.Session):
        def run(self, fetches, feed_dict=None):
            metadata = tf.RunMetadata()
            got = super().run(fetches, feed_dict, traced, metadata)
            devices = metadata.step_stats.dev_stats
            ran.append([node.node_name for device in devices for node in device.node_stats])
            return got

    with Traced() as session:
        session.run(tf.global_variables_initializer())
        with tgc.Runner(graph, policy, session=session) as runner:
            runner.plan(chunks)
            ran.clear()
            runner.gradients(chunks)
    return [name for call in ran for name in call]


@pytest.mark.parametrize(("budget", "times"), [(None, 2 * 5 - 1), ("1GiB", 5)])
def test_the_recurrence_is_computed_once_per_kept_chunk(budget, times, rng):
    graph = keepable.chunk()
    chunks = keepable.data(rng, 5)
    names = executed(graph, tgc.ExactSweep(memory_budget=budget), chunks)
    products = [op.name for op in graph.graph.get_operations() if op.type == "MatMul"]
    forward = [name for name in products if name.startswith("rnn")]
    assert len(forward) == 2 * keepable.STEPS
    for name in forward:
        assert names.count(name) == times, name


# --- bytes --------------------------------------------------------------------------------


class Held(list):
    """Notes the most bytes that a loop kept at one time."""

    def __init__(self, monkeypatch):
        keep = Loop._keep

        def noted(loop, step):
            keep(loop, step)
            held = [kept for kept in loop._kept.values() if kept is not None]
            self.append(_bytes_of([array for kept in held for array in kept.arrays]))
            assert loop._kept_bytes == sum(kept.nbytes for kept in held) == self[-1]

        monkeypatch.setattr(Loop, "_keep", noted)


@pytest.mark.parametrize("window", [None, 4])
@pytest.mark.parametrize("share", [0.99, 1.0, 2.5, 3.0, 30.0])
def test_no_more_is_kept_than_the_budget_and_all_of_it_is_let_go(share, window, rng, monkeypatch):
    held = Held(monkeypatch)
    chunks = keepable.data(rng, 8)
    with tgc.Runner(keepable.chunk()) as runner:
        size = chunk_bytes(runner, chunks)
        policy = tgc.ExactSweep(window, memory_budget=int(share * size))
        runner.gradients(chunks, policy=policy)
    kept = min(int(share), (window or 8) - 1)
    assert max(held, default=0) == kept * size
    assert len(held) == kept * (8 // (window or 8))


def test_a_chunk_larger_than_the_first_is_computed_again_rather_than_kept(rng, monkeypatch):
    held = Held(monkeypatch)
    graph = keepable.of_any_length(sgd())
    chunks = tgc.split_chunks({"x": rng.normal(size=(3, 40, 3))}, [4, 4, 20, 4, 8])
    with tgc.Runner(graph) as runner:
        budget = 3 * chunk_bytes(runner, chunks)
        wanted = runner.gradients(chunks)
        got = runner.gradients(chunks, policy=tgc.ExactSweep(memory_budget=budget))
        assert runner.plan(chunks[2:]).chunk_bytes > budget * 20 / 12 * 0.9
    assert len(held) == 3
    assert held[1] == held[2], "the third chunk did not fit"
    assert max(held) <= budget
    close(tuple(got), tuple(wanted))


def test_a_run_that_breaks_off_lets_go(rng, monkeypatch):
    held = Held(monkeypatch)
    chunks = keepable.data(rng, 6)
    graph = keepable.chunk(optimizer=sgd())
    with tgc.Runner(graph, tgc.ExactSweep(3, memory_budget="1GiB")) as runner:
        size = chunk_bytes(runner, chunks)

        def broken():
            yield from list(chunks)[:5]
            raise OSError("disk")

        with pytest.raises(OSError, match="disk"):
            list(runner.run(broken()))
        held.clear()
        assert len(list(runner.run(chunks))) == 2
    assert max(held) == 2 * size


# --- plans --------------------------------------------------------------------------------


def test_a_plan_is_what_is_done(rng, monkeypatch):
    held = Held(monkeypatch)
    chunks = keepable.data(rng, 7)
    with tgc.Runner(keepable.chunk()) as runner:
        size = chunk_bytes(runner, chunks)
        for window, budget in ((None, 0), (None, 3 * size), (4, 2 * size), (2, 99 * size)):
            with tgc.Runner(runner.chunk, tgc.ExactSweep(window, memory_budget=budget)) as mine:
                plan = mine.plan(chunks)
                held.clear()
                mine.gradients(chunks)
                assert plan.chunks == min(window or 7, 7)
                assert max(held, default=0) == plan.kept * plan.chunk_bytes
                assert plan.state_bytes == 3 * 5 * 8
                assert str(plan).startswith("memory budget")


@pytest.mark.parametrize(
    ("policy", "chunks"),
    [(tgc.Truncated(), 1), (tgc.Stale(), 1), (tgc.ExactSweep(1), 1), (tgc.ExactSweep(9), 5)],
    ids=str,
)
def test_any_policy_has_a_plan(policy, chunks, rng):
    with tgc.Runner(keepable.chunk(), policy) as runner:
        plan = runner.plan(keepable.data(rng, 5))
    assert (plan.chunks, plan.kept, plan.budget) == (chunks, 0, 0)


def test_a_plan_for_chunks_of_unknown_number(rng):
    data = keepable.data(rng, 5)

    class Endless:
        def __iter__(self):
            return itertools.cycle(data)

    with tgc.Runner(keepable.chunk(), tgc.ExactSweep(memory_budget="1GiB")) as runner:
        plan = runner.plan(Endless())
        assert plan.chunks is None
        assert plan.kept == 2**30 // plan.chunk_bytes
        with pytest.raises(tgc.RunError, match=r"iterator.*\[chunk\]"):
            runner.plan(iter(data))
        with pytest.raises(tgc.RunError, match="at least one"):
            runner.plan([])
        assert runner.plan([data[0]]).chunks == 1
        with tgc.Runner(runner.chunk, tgc.ExactSweep(3)) as other:
            assert other.plan(Endless()).chunks == 3


def test_a_chunk_is_visited_once_to_be_measured(rng):
    calls, chunks = [], keepable.data(rng, 3)
    graph = keepable.chunk(twist=lambda outputs: counted(outputs, calls))
    with tgc.Runner(graph, tgc.ExactSweep(memory_budget="1GiB")) as runner:
        assert runner.plan(chunks) == runner.plan(chunks[:3])
        assert len(calls) == 1
        runner.gradients(chunks)
        assert len(calls) == 1 + 3


def test_where_nothing_can_be_kept_all_is_recomputed(rng):
    x = tf.placeholder(tf.float64, [None, None, 3], "x")
    cell = tgc.GRUCell(3)
    ports = tgc.carry_ports(cell, dtype=tf.float64)
    outputs, final = tgc.dynamic_rnn(cell, x, initial_state=ports.initial_state, engine="stock")
    graph = tgc.build_chunk(tf.reduce_sum(outputs**2), ports, final, {"x": x})
    chunks = tgc.split_chunks({"x": rng.normal(size=(2, 12, 3))}, 3)
    with tgc.Runner(graph, tgc.ExactSweep(memory_budget="1GiB")) as runner:
        plan = runner.plan(chunks)
        assert (plan.kept, plan.recomputed) == (0, 3)
        assert "while" in str(plan)
        got = runner.gradients(chunks)
        wanted = runner.gradients(chunks, policy=tgc.ExactSweep())
    close(tuple(got), tuple(wanted), rtol=0)


# --- refusals -----------------------------------------------------------------------------


def no_number(outputs):
    return outputs + tf.log(tf.constant(-1.0, tf.float64))


def wild_slope(outputs):
    """Is finite, with a weight gradient that is infinite."""
    return outputs + tf.sqrt(tf.get_variable("v", [], tf.float64, tf.zeros_initializer()))


@pytest.mark.parametrize("twist", [no_number, wild_slope])
def test_what_is_not_finite_is_not_applied(twist, rng):
    graph = keepable.chunk(optimizer=sgd(), twist=twist)
    chunks = keepable.data(rng, 4)
    with tgc.Runner(graph, tgc.ExactSweep(memory_budget="1GiB")) as runner:
        before = runner.session.run(list(graph.variables))
        with pytest.raises(tgc.NumericsError):
            list(runner.run(chunks))
        close(runner.session.run(list(graph.variables)), before, rtol=0)
        with pytest.raises(tgc.NumericsError):
            runner.gradients(chunks)


def test_what_draws_anew_is_refused_with_any_budget(rng):
    graph = keepable.chunk(twist=lambda outputs: tf.nn.dropout(outputs, rate=0.5))
    with pytest.raises(tgc.RunError, match="draw other numbers"):
        tgc.Runner(graph, tgc.ExactSweep(memory_budget="1GiB"))


class Mine:
    """Plays back a list of steps."""

    revisits = True

    def __init__(self, *steps):
        self.steps = steps

    def schedule(self, breaks):
        assert sum(1 for _ in breaks) > 0
        return iter(self.steps)


def test_a_policy_of_ones_own_may_keep(rng):
    graph, chunks = keepable.chunk(optimizer=sgd()), keepable.data(rng, 1)
    steps = (
        schedule.Save(0),
        schedule.Keep(0),
        schedule.Load(0),
        schedule.Backward(0, "zero", kept=True),
        schedule.Apply(),
    )
    with tgc.Runner(graph, Mine(*steps)) as runner:
        wanted = runner.gradients(chunks, policy=tgc.ExactSweep())
        close(tuple(runner.gradients(chunks)), tuple(wanted))
        before = runner.session.run(list(graph.variables))
        (report,) = runner.run(chunks)
        after = runner.session.run(list(graph.variables))
    assert report.loss == pytest.approx(wanted.loss, rel=1e-12)
    moved = [w - LR * g for w, g in zip(before, wanted.variables.values(), strict=True)]
    close(after, moved)
    norm = np.sqrt(sum((g**2).sum() for g in wanted.variables.values()))
    assert report.grad_norm == pytest.approx(norm)


@pytest.mark.parametrize(
    "steps",
    [
        [schedule.Backward(0, "zero", kept=True)],
        [schedule.Keep(0), schedule.Backward(0, "zero", advance=True, kept=True)],
    ],
    ids=["never kept", "advanced twice"],
)
def test_a_schedule_that_keeps_wrongly_is_refused(steps, rng):
    with tgc.Runner(keepable.chunk(), Mine(*steps)) as runner:
        with pytest.raises(tgc.RunError, match="schedule: backward 0"):
            runner.gradients(keepable.data(rng, 1))


def test_a_policy_that_keeps_what_cannot_be_kept_is_refused(rng):
    x = tf.placeholder(tf.float64, [None, None, 3], "x")
    cell = tgc.GRUCell(3)
    ports = tgc.carry_ports(cell, dtype=tf.float64)
    outputs, final = tgc.dynamic_rnn(cell, x, initial_state=ports.initial_state, engine="stock")
    graph = tgc.build_chunk(tf.reduce_sum(outputs**2), ports, final, {"x": x})
    chunks = tgc.split_chunks({"x": rng.normal(size=(2, 3, 3))}, 3)
    with tgc.Runner(graph, Mine(schedule.Keep(0))) as runner:
        with pytest.raises(tgc.RunError, match="while"):
            runner.gradients(chunks)
