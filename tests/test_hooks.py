"""Session hooks around the runner's visits: TensorFlow's own, unmodified, and their order."""

import glob
import time

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from small_net import POLICIES, Net, draw, same, sweeps, trained

import tgcarry as tgc
from tgcarry import hooks as tgc_hooks

every_policy = pytest.mark.parametrize("policy", POLICIES, ids=str)


@pytest.fixture
def data(rng):
    return draw(rng)


def run(net, data, policy, hooks, **options):
    """Trains with hooks; returns the reports and the weights that they leave."""
    with tgc.Runner(net.chunk, policy, hooks=hooks, **options) as runner:
        reports = list(runner.run(data.chunks()))
        return reports, runner.session.run(net.weights)


class Recorder(tf.train.SessionRunHook):
    """Writes down what it is called with."""

    def __init__(self, net, fetches=None, stop_at=None):
        self.net, self.fetches, self.stop_at = net, fetches, stop_at
        self.calls, self.got, self.steps, self.contexts = [], [], [], []

    def begin(self):
        assert tf.get_default_graph() is self.net.chunk.graph
        assert not self.net.chunk.graph.finalized
        self.without_value = tf.report_uninitialized_variables()
        self.calls.append("begin")

    def after_create_session(self, session, coord):
        assert session.run(self.without_value).size == 0
        assert isinstance(coord, tf.train.Coordinator)
        self.calls.append("after_create_session")

    def before_run(self, context):
        assert tf.get_default_graph() is self.net.chunk.graph
        self.contexts.append(context)
        self.calls.append("before_run")
        return None if self.fetches is None else tf.train.SessionRunArgs(self.fetches)

    def after_run(self, context, values):
        assert context is self.contexts[-1]
        self.calls.append("after_run")
        self.got.append(values.results)
        self.steps.append(int(context.session.run(self.net.step)))
        if self.stop_at == len(self.steps):
            context.request_stop()

    def end(self, session):
        session.run(self.net.step)
        self.calls.append("end")


# --- order ---------------------------------------------------------------------------------


@every_policy
def test_hooks_are_called_in_tensorflows_order(policy, data):
    net = Net()
    hook = Recorder(net, net.loss)
    reports, _ = run(net, data, policy, [hook])
    start = ["begin", "after_create_session"]
    assert hook.calls == [*start, *["before_run", "after_run"] * 6, "end"]
    losses = [loss for r in reports for loss in reversed(r.chunk_losses)]
    assert hook.got == losses, "a visit is a run, and gets its own chunk's values"


@every_policy
def test_the_step_is_counted_up_by_a_sweeps_last_visit(policy, data):
    net = Net()
    hook = Recorder(net)
    run(net, data, policy, [hook])
    wanted = []
    for number, chunks in enumerate(sweeps(policy, 6)):
        wanted += [number] * (len(chunks) - 1) + [number + 1]
    assert hook.steps == wanted
    assert hook.got == [None] * 6


@every_policy
def test_hooks_change_nothing(policy, data):
    wanted, plain = trained(data, policy)
    net = Net()
    reports, weights = run(net, data, policy, [Recorder(net, {"a": [net.loss]})])
    same(weights, wanted)
    assert [r._replace(seconds=0) for r in reports] == [r._replace(seconds=0) for r in plain]


def test_hooks_see_visits_of_kept_chunks_too(data):
    wanted, _ = trained(data, tgc.ExactSweep())
    net = Net()
    hook = Recorder(net, net.total)
    _, weights = run(net, data, tgc.ExactSweep(memory_budget="1MiB"), [hook])
    same(weights, wanted)
    np.testing.assert_allclose(hook.got, data.x.sum((0, 2))[::-1])


def test_several_hooks_are_called_one_after_another(data):
    net, order = Net(), []

    class Named(tf.train.SessionRunHook):
        def __init__(self, name):
            self.name = name

        def before_run(self, context):
            order.append(f"before {self.name}")
            return tf.train.SessionRunArgs({self.name: net.loss})

        def after_run(self, context, values):
            order.append(f"after {self.name} {list(values.results)}")

    run(net, data, tgc.ExactSweep(), [Named("a"), Named("b")])
    assert order[:4] == ["before a", "before b", "after a ['a']", "after b ['b']"]


def test_hooks_are_told_what_a_visit_is_for(data):
    net = Net()
    hook = Recorder(net)
    with tgc.Runner(net.chunk, tgc.Truncated(), hooks=[hook]) as runner:
        next(runner.run(data.chunks()))
        (context,) = hook.contexts
        assert context.session is runner.session
        assert context.original_args.fetches[0] is net.loss
        assert np.array_equal(context.original_args.feed_dict[net.x], data.x[:, :1])


def test_other_visits_are_not_the_hooks(data):
    net = Net()
    hook = Recorder(net)
    with tgc.Runner(net.chunk, tgc.ExactSweep(2), hooks=[hook]) as runner:
        runner.evaluate(data.chunks())
        runner.gradients(data.chunks())
        runner.carry_norms(data.chunks())
        assert hook.calls == ["begin", "after_create_session"]
        for _ in runner.run(data.chunks()):
            runner.evaluate(data.chunks())
        assert hook.calls.count("after_run") == 6


def test_the_graph_is_finalized_while_hooks_are_at_work(data):
    net, seen = Net(), []

    class Look(tf.train.SessionRunHook):
        def after_create_session(self, session, coord):
            seen.append(net.chunk.graph.finalized)

    run(net, data, tgc.Truncated(), [Look()])
    assert seen == [True]
    assert not net.chunk.graph.finalized


def test_no_hook_runs_beside_the_reading_thread(data):
    net, reading, beside = Net(), [], []

    class Slow(list):
        def __getitem__(self, index):
            reading.append(index)
            time.sleep(0.003)
            chunk = super().__getitem__(index)
            reading.pop()
            return chunk

    class Look(tf.train.SessionRunHook):
        def before_run(self, context):
            beside.append(bool(reading))

        def after_run(self, context, values):
            beside.append(bool(reading))

    with tgc.Runner(net.chunk, tgc.Truncated(), hooks=[Look()]) as runner:
        list(runner.run(Slow(data.chunks())))
    assert beside == [False] * 12


def test_without_hooks_calls_are_prepared_as_ever(data, monkeypatch):
    """They go around `Session.run`, which hooks need."""
    runs = []
    real = tgc_hooks.tf1.prepared_call

    def counted(session, fetches, targets, feeds):
        runs.append(len(fetches))
        return real(session, fetches, targets, feeds)

    monkeypatch.setattr(tgc_hooks.tf1, "prepared_call", counted)
    net = Net()
    with tgc.Runner(net.chunk, tgc.Truncated()) as runner:
        list(runner.run(data.chunks()))
    without = len(runs)
    with tf.Graph().as_default():
        net = Net()
        run(net, data, tgc.Truncated(), [Recorder(net)])
    assert without == 2, "one to clear the accumulators, one to step"
    assert len(runs) - without == 2, "to clear them, for either kind of call"


# --- the end -------------------------------------------------------------------------------


@every_policy
def test_a_requested_stop_ends_the_run_with_the_optimisers_step(policy, data):
    net = Net()
    hook = Recorder(net, stop_at=2)
    with tgc.Runner(net.chunk, policy, hooks=[hook]) as runner:
        reports = list(runner.run(data.chunks()))
        made = next(n for n, c in enumerate(sweeps(policy, 6), 1) if c.stop >= 2)
        assert [r.step for r in reports] == list(range(1, made + 1))
        assert runner.session.run(net.step) == made
        assert list(runner.run(data.chunks())) == [], "the session is to stop"
    assert hook.calls[-1] == "end"


def test_after_an_error_there_is_neither_after_run_nor_end(data):
    net = Net()
    hook = Recorder(net)
    data.y[:, 2] = 1e200
    with pytest.raises(tgc.NumericsError):
        run(net, data, tgc.Truncated(), [hook])
    assert hook.calls[2:] == ["before_run", "after_run"] * 2 + ["before_run"]


@pytest.mark.parametrize(
    ("policy", "runs"), [(tgc.Truncated(), [6, 5]), (tgc.ExactSweep(2), [5, 4])], ids=str
)
def test_a_visit_that_is_skipped_gets_no_after_run(policy, runs, data):
    net = Net()
    hook = Recorder(net)
    data.y[:, 3] = 1e200  # the first visit of its sweep, which ends there
    run(net, data, policy, [hook], on_nan="skip")
    assert [hook.calls.count(name) for name in ("before_run", "after_run")] == runs
    assert hook.calls[-1] == "end"


def test_leaving_the_loop_early_is_no_error(data):
    net = Net()
    hook = Recorder(net)
    with tgc.Runner(net.chunk, tgc.Truncated(), hooks=[hook]) as runner:
        next(runner.run(data.chunks()))
    assert hook.calls[-2:] == ["after_run", "end"]


def test_a_session_is_closed_if_a_hooks_end_fails(data):
    net = Net()

    class Failing(tf.train.SessionRunHook):
        def end(self, session):
            raise ValueError("no room")

    runner = tgc.Runner(net.chunk, hooks=[Failing()])
    runner.open()
    session = runner.session
    with pytest.raises(ValueError, match="no room"):
        runner.close()
    with pytest.raises(RuntimeError, match="closed"):
        session.run(net.step)
    assert not net.chunk.graph.finalized


def test_threads_of_hooks_are_asked_to_stop(data):
    net, coordinators = Net(), []

    class Threaded(tf.train.SessionRunHook):
        def after_create_session(self, session, coord):
            coordinators.append(coord)

    run(net, data, tgc.Truncated(), [Threaded()])
    assert coordinators[0].should_stop()


def test_a_run_that_was_stopped_goes_on_with_its_hooks(data):
    wanted, _ = trained(data, tgc.ExactSweep(3))
    net = Net()
    with tgc.Runner(net.chunk, tgc.ExactSweep(3), hooks=[Recorder(net)]) as runner:
        visits = []

        def stop(index, visit):
            visits.append(index)
            if len(visits) == 4:
                runner.stop()

        runner._on_visit = stop
        list(runner.run(data.chunks()))
        assert visits == [2, 1, 0, 5]
        list(runner.run(data.chunks(), resume=runner.position))
        same(runner.session.run(net.weights), wanted)


# --- TensorFlow's own ----------------------------------------------------------------------


@every_policy
@pytest.mark.parametrize("last", [1, 2])
def test_stop_at_step_leaves_exactly_so_many_steps(last, policy, data):
    for option in ("last_step", "num_steps"):
        with tf.Graph().as_default():
            net = Net()
            hook = tf.train.StopAtStepHook(**{option: last})
            with tgc.Runner(net.chunk, policy, hooks=[hook]) as runner:
                made = min(last, len(sweeps(policy, 6)))
                assert len(list(runner.run(data.chunks()))) == made
                assert runner.session.run(net.step) == made


def test_logging_tensor_hook(data):
    net, lines = Net(), []
    hook = tf.train.LoggingTensorHook(
        {"loss": net.loss, "step": net.step}, every_n_iter=1, formatter=lines.append
    )
    reports, _ = run(net, data, tgc.Truncated(), [hook])
    assert [line["loss"] for line in lines] == [r.loss for r in reports]


def events(folder):
    values = {}
    for path in sorted(glob.glob(f"{folder}/events*")):
        for event in tf.train.summary_iterator(path):
            for value in event.summary.value:
                number = tf.make_ndarray(value.tensor) if value.HasField("tensor") else 0
                values.setdefault(value.tag, []).append((event.step, value.simple_value or number))
    return values


def test_step_counter_hook(data, tmp_path):
    net = Net()
    hook = tf.train.StepCounterHook(every_n_steps=2, output_dir=str(tmp_path))
    run(net, data, tgc.Truncated(), [hook])
    tf.summary.FileWriterCache.clear()
    rates = events(tmp_path)["global_step/sec"]
    assert [step for step, _ in rates] == [3, 5]
    assert all(rate > 0 for _, rate in rates)


@pytest.mark.parametrize("policy", [tgc.Truncated(), tgc.ExactSweep(3)], ids=str)
def test_summary_saver_hook(policy, data, tmp_path):
    net = Net()
    summary = tf.summary.scalar("chunk_loss", net.loss)
    hook = tf.train.SummarySaverHook(save_steps=1, output_dir=str(tmp_path), summary_op=summary)
    reports, _ = run(net, data, policy, [hook])
    tf.summary.FileWriterCache.clear()
    steps, losses = zip(*events(tmp_path)["chunk_loss"], strict=True)
    assert list(steps) == ([1, 2, 3, 4, 5, 6] if policy == tgc.Truncated() else [0, 0, 1, 1, 1, 2])
    wanted = [loss for r in reports for loss in reversed(r.chunk_losses)]
    np.testing.assert_allclose(losses, wanted, rtol=1e-6)


@pytest.mark.parametrize("policy", [tgc.Truncated(), tgc.ExactSweep(2)], ids=str)
def test_checkpoint_saver_hook_writes_what_a_step_has_left(policy, data, tmp_path):
    net = Net()
    hook = tf.train.CheckpointSaverHook(str(tmp_path), save_steps=1)
    left = {}
    with tgc.Runner(net.chunk, policy, hooks=[hook]) as runner:
        for report in runner.run(data.chunks()):
            left[report.step] = runner.session.run(net.weights)
    tf.summary.FileWriterCache.clear()
    states = tf.train.get_checkpoint_state(str(tmp_path)).all_model_checkpoint_paths
    assert [int(path.rpartition("-")[2]) for path in states] == [0, *left][-5:]
    for path in states[-2:]:
        step = int(path.rpartition("-")[2])
        same([tf.train.load_variable(path, w.op.name) for w in net.weights], left[step])
    assert not [n for n, _ in tf.train.list_variables(states[-1]) if "accumulated" in n]


def test_nan_tensor_hook_ends_a_run(data):
    net = Net()
    data.x[0, 3, 0] = 1e300  # the states saturate: the loss is finite, the total is not
    bad = tf.log(tf.minimum(1e200 - net.total, 1.0), name="bad")
    with pytest.raises(tf.train.NanLossDuringTrainingError):
        run(net, data, tgc.Truncated(), [tf.train.NanTensorHook(bad)])


@pytest.mark.parametrize("policy", [tgc.Truncated(), tgc.ExactSweep(6)], ids=str)
def test_nan_tensor_hook_may_only_stop(policy, data):
    net = Net()
    data.x[0, 3, 0] = 1e300
    bad = tf.log(tf.minimum(1e200 - net.total, 1.0), name="bad")
    hook = tf.train.NanTensorHook(bad, fail_on_nan_loss=False)
    reports, _ = run(net, data, policy, [hook])
    assert reports[-1].chunks.stop == (4 if policy == tgc.Truncated() else 6)


def test_final_ops_hook(data):
    net = Net()
    hook = tf.train.FinalOpsHook([net.step, net.weights[0]])
    _, weights = run(net, data, tgc.ExactSweep(2), [hook])
    step, weight = hook.final_ops_values
    assert step == 3
    assert np.array_equal(weight, weights[0])


# --- feeds ---------------------------------------------------------------------------------


def test_feed_fn_hook_feeds_each_visit_until_it_has_no_more(data):
    rate = tf.placeholder(tf.float64, [], "rate")
    net = Net(rate)
    given = iter([0.5, 0.25])
    hook = tf.train.FeedFnHook(lambda: {rate: next(given)})
    reports, _ = run(net, data, tgc.Truncated(), [hook, Recorder(net)])
    assert len(reports) == 2
    with tf.Graph().as_default():
        net = Net(tf.placeholder_with_default(tf.constant(0.5, tf.float64), []))
        first = run(net, data, tgc.Truncated(), [])[0][0]
    assert reports[0].loss == pytest.approx(first.loss, rel=1e-12)


def test_feed_fn_hook_may_end_a_sweep_and_nothing_of_it_is_applied(data):
    net = Net()
    given = iter(range(4))
    seed = tf.placeholder_with_default(0, [], "seen")

    def feed():
        return {seed: next(given)}

    hooks = [tf.train.FeedFnHook(feed), Recorder(net, seed)]
    with tgc.Runner(net.chunk, tgc.ExactSweep(3), hooks=hooks) as runner:
        (report,) = runner.run(data.chunks())
        assert runner.session.run(net.step) == report.step == 1
        assert runner.position.steps == 1
        assert [visit.chunk for visit in runner.position.visits] == [5]
    assert hooks[1].got == [0, 1, 2, 3]
    assert hooks[1].calls[-1] == "end"


def test_a_placeholder_that_no_hook_feeds_is_refused(data):
    net = Net(tf.placeholder(tf.float64, [], "rate"))
    with pytest.raises(tgc.RunError, match=r"nothing feeds rate:0: .*, or have a hook feed it"):
        run(net, data, tgc.Truncated(), [Recorder(net)])


def test_a_hook_may_not_feed_what_a_second_visit_has_to_find_again(data):
    rate = tf.placeholder_with_default(tf.constant(1.0, tf.float64), [], "rate")
    net = Net(rate)
    hook = tf.train.FeedFnHook(lambda: {rate: 0.5})
    with pytest.raises(tgc.RunError, match=r"FeedFnHook feeds rate:0, .*Runner\(feed_dict=\)"):
        run(net, data, tgc.ExactSweep(2), [hook])


def test_a_tensor_is_fed_once(data):
    net = Net()
    hook = tf.train.FeedFnHook(lambda: {net.x: np.zeros([2, 1, 3])})
    with pytest.raises(tgc.RunError, match="x:0 is fed twice"):
        run(net, data, tgc.Truncated(), [hook])
    with tf.Graph().as_default():
        net = Net()
        other = tf.placeholder_with_default(1, [], "other")
        feeds = [tf.train.FeedFnHook(lambda: {other: 2}) for _ in range(2)]
        with pytest.raises(tgc.RunError, match="other:0 is fed twice"):
            run(net, data, tgc.Truncated(), feeds)


class Traced(tf.train.SessionRunHook):
    def __init__(self, **options):
        self.options, self.got = tf.RunOptions(**options), []

    def before_run(self, context):
        return tf.train.SessionRunArgs(None, options=self.options)

    def after_run(self, context, values):
        self.got.append(values)


def test_run_options_are_merged_and_metadata_given(data):
    net = Net()
    hooks = [
        Traced(trace_level=tf.RunOptions.FULL_TRACE, timeout_in_ms=10_000),
        Traced(timeout_in_ms=60_000, output_partition_graphs=True),
    ]
    run(net, data, tgc.Truncated(), hooks)
    for hook in hooks:
        options = hook.got[0].options
        assert options.timeout_in_ms == 60_000
        assert options.trace_level == tf.RunOptions.FULL_TRACE
        assert options.output_partition_graphs
        assert hook.got[0].run_metadata.step_stats.dev_stats
        assert hook.got[0].results is None


# --- refused -------------------------------------------------------------------------------


def test_what_is_no_hook_is_refused():
    net = Net()
    with pytest.raises(tgc.RunError, match=r"hooks=\[3\]\): give objects of"):
        tgc.Runner(net.chunk, hooks=[3])
    with pytest.raises(tgc.RunError, match="give a list of"):
        tgc.Runner(net.chunk, hooks=Recorder(net))


def test_a_carry_hook_is_refused():
    net = Net()
    hook = tgc.CarryHook(net.chunk, net.chunk.updates.step, tgc.Stale())
    with pytest.raises(tgc.RunError, match="the runner carries by itself"):
        tgc.Runner(net.chunk, hooks=[hook])
