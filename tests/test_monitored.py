"""A monitored session around the runner: its hooks see what trains, and can end it."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from small_net import POLICIES, Net, draw, same, sweeps, trained

import tgcarry as tgc

pytestmark = pytest.mark.slow

every_policy = pytest.mark.parametrize("policy", POLICIES, ids=str)


@pytest.fixture
def data(rng):
    return draw(rng)


class Seen(tf.train.SessionRunHook):
    """Fetches a chunk's loss at every run, and writes the step behind it down."""

    def __init__(self, net):
        self.net, self.losses, self.steps, self.ended = net, [], [], False

    def before_run(self, context):
        return tf.train.SessionRunArgs(self.net.loss)

    def after_run(self, context, values):
        self.losses.append(values.results)
        self.steps.append(int(context.session.run(self.net.step)))

    def end(self, session):
        self.ended = True


@every_policy
def test_it_trains_as_a_session_of_the_runners_own(policy, data, tmp_path):
    """With everything that hooks of its own fetch of a chunk: summaries, checkpoints."""
    wanted, plain = trained(data, policy)
    net = Net()
    tf.summary.scalar("loss", net.loss)
    hook = Seen(net)
    with tf.train.MonitoredTrainingSession(
        hooks=[hook], checkpoint_dir=str(tmp_path), save_summaries_steps=1, save_checkpoint_steps=1
    ) as session:
        with tgc.Runner(net.chunk, policy, session=session) as runner:
            assert runner.session is session
            reports = list(runner.run(data.chunks()))
    assert [r._replace(seconds=0) for r in reports] == [r._replace(seconds=0) for r in plain]
    tf.summary.FileWriterCache.clear()
    path = tf.train.latest_checkpoint(str(tmp_path))
    assert path.endswith(f"-{len(reports)}")
    same([tf.train.load_variable(path, w.op.name) for w in net.weights], wanted)
    assert hook.ended


@every_policy
def test_its_hooks_see_backward_visits_and_optimiser_steps(policy, data):
    net = Net()
    hook = Seen(net)
    with tf.train.MonitoredSession(hooks=[hook]) as session:
        with tgc.Runner(net.chunk, policy, session=session) as runner:
            runner.evaluate(data.chunks())
            runner.gradients(data.chunks())
            assert hook.losses == []
            reports = list(runner.run(data.chunks()))
    visits = [loss for r in reports for loss in reversed(r.chunk_losses)]
    if len(visits) == len(reports):
        assert hook.losses == visits
        assert hook.steps == [r.step for r in reports]
    else:
        assert len(hook.losses) == len(visits) + len(reports)
        moved = np.diff([0, *hook.steps]).tolist()
        size = len(sweeps(policy, 6)[0])
        assert moved == ([0] * size + [1]) * len(reports)
        assert [loss for loss, step in zip(hook.losses, moved, strict=True) if not step] == visits


@every_policy
@pytest.mark.parametrize("make", [tf.train.MonitoredSession, tf.train.SingularMonitoredSession])
def test_stop_at_step_leaves_exactly_so_many_steps(make, policy, data):
    net = Net()
    last = min(2, len(sweeps(policy, 6)))
    with make(hooks=[tf.train.StopAtStepHook(last_step=last)]) as session:
        with tgc.Runner(net.chunk, policy, session=session) as runner:
            assert len(list(runner.run(data.chunks()))) == last
            assert session.should_stop()
            assert list(runner.run(data.chunks())) == []
            assert runner.evaluate(data.chunks()).time_steps == 12, "no hook is asked for it"
            raw = session.run_step_fn(lambda step_context: step_context.session)
            assert raw.run(net.step) == last


def test_a_stop_within_a_sweep_ends_it_with_its_step(data):
    wanted, _ = trained(data, tgc.ExactSweep())

    class StopAtOnce(tf.train.SessionRunHook):
        def after_run(self, context, values):
            context.request_stop()

    net = Net()
    with tf.train.MonitoredSession(hooks=[StopAtOnce()]) as session:
        with tgc.Runner(net.chunk, tgc.ExactSweep(), session=session) as runner:
            assert len(list(runner.run(data.chunks()))) == 1
            raw = session.run_step_fn(lambda step_context: step_context.session)
            same(raw.run(net.weights), wanted)


def test_chunks_that_were_kept_are_visited_through_it(data):
    wanted, _ = trained(data, tgc.ExactSweep())
    net = Net()
    policy = tgc.ExactSweep(memory_budget="1MiB")
    with tf.train.MonitoredSession(hooks=[Seen(net)]) as session:
        with tgc.Runner(net.chunk, policy, session=session) as runner:
            list(runner.run(data.chunks()))
        same(session.run(net.weights, {net.x: data.x[:, :1], **zero_feeds(net, data)}), wanted)


def zero_feeds(net, data):
    return {net.y: data.y[:, :1], net.ports.initial_state: np.zeros([2, 4])}


def test_a_session_that_was_recovered_is_not_gone_on_with(data, tmp_path):
    net = Net()

    class Preempted(tf.train.SessionRunHook):
        runs = 0

        def before_run(self, context):
            self.runs += 1
            if self.runs == 5:
                raise tf.errors.AbortedError(None, None, "preempted")

    with tf.train.MonitoredTrainingSession(
        hooks=[Preempted()], checkpoint_dir=str(tmp_path)
    ) as session:
        with tgc.Runner(net.chunk, tgc.Stale(), session=session) as runner:
            with pytest.raises(tgc.RunError, match="recovered"):
                list(runner.run(data.chunks()))
        with tgc.Runner(net.chunk, tgc.Stale(), session=session) as runner:
            assert len(list(runner.run(data.chunks()))) == 6
    tf.summary.FileWriterCache.clear()


def test_hooks_belong_to_the_session(data):
    net = Net()
    with tf.train.MonitoredSession() as session:
        with pytest.raises(tgc.RunError, match="calls hooks by itself; give them to it"):
            tgc.Runner(net.chunk, session=session, hooks=[Seen(net)])


def test_a_closed_one_is_refused():
    net = Net()
    with tf.train.MonitoredSession() as session:
        pass
    with pytest.raises(tgc.RunError, match="the MonitoredSession is closed"):
        tgc.Runner(net.chunk, session=session)
