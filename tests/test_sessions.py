"""Sessions of one's own: plain ones with hooks, scaffolds, and what excludes what."""

import contextlib

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from small_net import POLICIES, Net, draw, same, trained

import tgcarry as tgc


@pytest.fixture
def data(rng):
    return draw(rng)


def opened(make):
    session = make()
    session.run(tf.global_variables_initializer())
    return contextlib.closing(session)


@pytest.mark.parametrize("make", [tf.Session, tf.InteractiveSession], ids=lambda m: m.__name__)
@pytest.mark.parametrize("policy", POLICIES, ids=str)
def test_hooks_in_a_session_of_ones_own(make, policy, data):
    wanted, _ = trained(data, policy)
    net = Net()
    hooks = [tf.train.StopAtStepHook(last_step=100), tf.train.FinalOpsHook(net.weights)]
    with opened(make) as session:
        with tgc.Runner(net.chunk, policy, session=session, hooks=hooks) as runner:
            list(runner.run(data.chunks()))
        same(hooks[1].final_ops_values, wanted)
        same(session.run(net.weights), wanted)
    assert not net.chunk.graph.finalized


def test_what_hooks_add_to_an_open_sessions_graph_is_initialised(data):
    class Counting(tf.train.SessionRunHook):
        def begin(self):
            self.count = tf.Variable(0, trainable=False, collections=["local_variables"])
            self.visits = tf.Variable(7, trainable=False)
            self.more = self.count.assign_add(1)

        def before_run(self, context):
            return tf.train.SessionRunArgs([self.more, self.visits])

        def after_run(self, context, values):
            self.last = values.results

    net, hook = Net(), Counting()
    with opened(tf.Session) as session:
        before = session.run(net.weights)
        with tgc.Runner(net.chunk, tgc.Truncated(), session=session, hooks=[hook]) as runner:
            same(session.run(net.weights), before)
            list(runner.run(data.chunks()))
    assert hook.last == [6, 7]


def test_hooks_cannot_add_to_a_graph_that_is_finalized(data):
    net = Net()

    class Adding(tf.train.SessionRunHook):
        def begin(self):
            tf.constant(1)

    class Failing(tf.train.SessionRunHook):
        def begin(self):
            raise RuntimeError("of its own")

    with opened(tf.Session) as session:
        with pytest.raises(RuntimeError, match="of its own"):
            tgc.Runner(net.chunk, session=session, hooks=[Failing()]).open()
        net.chunk.graph.finalize()
        with pytest.raises(tgc.RunError, match="the graph is finalized, and the hooks have to"):
            tgc.Runner(net.chunk, session=session, hooks=[Adding()]).open()
        with tgc.Runner(net.chunk, session=session) as runner:
            assert len(list(runner.run(data.chunks()))) == 1


def test_a_session_is_closed_again_if_a_hook_cannot_begin_in_it():
    net, seen = Net(), []

    class Failing(tf.train.SessionRunHook):
        def after_create_session(self, session, coord):
            seen.append(session)
            raise ValueError("no room")

    runner = tgc.Runner(net.chunk, hooks=[Failing()])
    with pytest.raises(ValueError, match="no room"):
        runner.open()
    with pytest.raises(RuntimeError, match="closed"):
        seen[0].run(net.step)
    assert not net.chunk.graph.finalized
    with pytest.raises(tgc.RunError, match="no open session"):
        _ = runner.session


def test_a_graph_finalized_without_its_session_is_refused():
    net = Net()
    net.chunk.graph.finalize()
    for hooks in ([], [tf.train.FinalOpsHook(net.step)]):
        with pytest.raises(tgc.RunError, match="give the session= that it was finalized for"):
            tgc.Runner(net.chunk, hooks=hooks).open()


# --- scaffolds -----------------------------------------------------------------------------


def test_a_scaffold_initialises_in_its_own_way(data):
    net, seen = Net(), []
    fives = [w.assign(tf.fill(w.shape, tf.constant(5.0, tf.float64))) for w in net.weights]
    init = tf.global_variables_initializer()
    with tf.control_dependencies([init]):
        marked = tf.group(init)

    def init_fn(scaffold, session):
        seen.append(scaffold)
        session.run(fives)

    scaffold = tf.train.Scaffold(init_op=marked, init_fn=init_fn)
    with tgc.Runner(net.chunk, scaffold=scaffold) as runner:
        assert net.chunk.graph.finalized
        assert all((w == 5).all() for w in runner.session.run(net.weights))
        assert len(list(runner.run(data.chunks()))) == 1
    assert seen == [scaffold]
    assert not net.chunk.graph.finalized, "as a MonitoredSession leaves it"


def test_a_scaffolds_saver_and_summaries_are_those_of_its_hooks(data, tmp_path):
    net = Net()
    scaffold = tf.train.Scaffold(
        saver=tf.train.Saver(net.weights[:1]), summary_op=tf.summary.scalar("loss", net.loss)
    )
    folder = str(tmp_path)
    hooks = [
        tf.train.CheckpointSaverHook(folder, save_steps=2, scaffold=scaffold),
        tf.train.SummarySaverHook(save_steps=1, output_dir=folder, scaffold=scaffold),
    ]
    with tgc.Runner(net.chunk, tgc.Truncated(), scaffold=scaffold, hooks=hooks) as runner:
        list(runner.run(data.chunks()))
        weight = runner.session.run(net.weights[0])
    tf.summary.FileWriterCache.clear()
    path = tf.train.latest_checkpoint(folder)
    assert [name for name, _ in tf.train.list_variables(path)] == [net.weights[0].op.name]
    assert np.array_equal(tf.train.load_variable(path, net.weights[0].op.name), weight)


def test_a_runner_with_a_scaffold_opens_again(data):
    net = Net()
    runner = tgc.Runner(net.chunk, tgc.Truncated(), hooks=[tf.train.StopAtStepHook(last_step=2)])
    for _ in range(2):
        with runner:
            assert len(list(runner.run(data.chunks()))) == 2


def test_a_scaffold_that_leaves_the_accumulators_out_is_an_error(data):
    net = Net()
    scaffold = tf.train.Scaffold(local_init_op=tf.no_op())
    with pytest.raises(tgc.RunError, match=r"accumulated.*chunk\.updates\.initialize") as caught:
        tgc.Runner(net.chunk, scaffold=scaffold).open()
    assert "\n" not in str(caught.value)
    with tf.Graph().as_default():
        net = Net()
        scaffold = tf.train.Scaffold(local_init_op=net.chunk.updates.initialize)
        with tgc.Runner(net.chunk, scaffold=scaffold) as runner:
            assert len(list(runner.run(data.chunks()))) == 1


def test_a_scaffold_and_a_session_exclude_one_another():
    net = Net()
    with tf.Session() as session, pytest.raises(tgc.RunError, match="has its values"):
        tgc.Runner(net.chunk, session=session, scaffold=tf.train.Scaffold())
    with pytest.raises(tgc.RunError, match=r"give a tf\.train\.Scaffold"):
        tgc.Runner(net.chunk, scaffold=3)


def test_a_session_on_another_graph_is_refused():
    net = Net()
    with tf.Graph().as_default(), tf.Session() as session:
        with pytest.raises(tgc.RunError, match="it runs another graph"):
            tgc.Runner(net.chunk, session=session)
