"""A carry in a loop of one's own: equal to the runner's, restored with the weights, refused."""

import contextlib
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import tgcarry as tgc

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
N, H, CLASSES, B, L, CHUNKS = 3, 5, 4, 3, 2, 6
CELLS = {
    "gru": lambda: tgc.MultiRNNCell([tgc.GRUCell(5), tgc.GRUCell(4)]),
    "lstm": lambda: tgc.MultiRNNCell([tgc.BasicLSTMCell(5), tgc.LSTMCell(4)]),
}


class Net(NamedTuple):
    x: Any
    y: Any
    ports: Any
    final: Any
    loss: Any


def build(kind=None, batch_size=None, inputs=None, resets=None, losses=None):
    """Builds a stack of a kind, or one plain cell; its weights are the same in every graph."""
    tf.set_random_seed(20)
    x = tf.placeholder(tf.float64, [None, None, N], "x") if inputs is None else inputs[0]
    y = tf.placeholder(tf.int32, [None, None], "y") if inputs is None else inputs[1]
    cell = CELLS[kind]() if kind else tgc.BasicLSTMCell(H)
    ports = tgc.carry_ports(cell, batch_size, dtype=tf.float64, losses=losses)
    if resets is not None:
        ports = tgc.cut_ports(ports, resets)
    if kind:
        outputs, final = tgc.dynamic_rnn(cell, x, initial_state=ports.initial_state, engine="loop")
    else:  # unrolled: small graphs are quickly built
        outputs, final = [], ports.initial_state
        for t in range(L):
            output, final = cell(x[:, t], final)
            outputs.append(output)
        outputs = tf.stack(outputs, 1)
    loss, _ = tgc.losses.softmax_loss(tgc.losses.linear(outputs, CLASSES), y)
    return Net(x, y, ports, final, loss)


def optimizer():
    return tf.train.AdamOptimizer(0.02)


class Data(NamedTuple):
    x: Any
    y: Any
    resets: Any

    def feed(self, net, k):
        steps = slice(k * L, (k + 1) * L)
        return {net.x: self.x[:, steps], net.y: self.y[:, steps]}

    def chunks(self):
        return tgc.split_chunks({"x": self.x, "y": self.y}, L, resets=self.resets)

    def starts(self, k):
        return self.resets[:, k * L]


@pytest.fixture
def data(rng):
    resets = np.zeros((B, CHUNKS * L), bool)
    resets[1, 2 * L] = resets[:, 4 * L] = True
    x = rng.normal(size=(B, CHUNKS * L, N))
    return Data(x, rng.integers(0, CLASSES, (B, CHUNKS * L)), resets)


def by_runner(data, policy, kind=None, **options):
    """Trains with the runner on a graph of its own; returns weights, state and last norm."""
    with tf.Graph().as_default():
        net = build(kind, **options)
        feeds = {"x": net.x, "y": net.y}
        chunk = tgc.build_chunk(net.loss, net.ports, net.final, feeds, optimizer())
        with tgc.Runner(chunk, policy) as runner:
            *_, last = runner.run(data.chunks())
            values = runner.session.run(tf.trainable_variables())
            return values, runner.state, last.upstream_norms[0]


class Hooked:
    """A loop of one's own: a net, its training operation and the hook."""

    def __init__(self, policy, kind=None, **options):
        self.net = build(kind)
        self.step = tf.train.get_or_create_global_step()
        self.carried = tgc.carried_loss(self.net.loss, self.net.ports, self.net.final)
        self.train = optimizer().minimize(self.carried.loss, global_step=self.step)
        self.hook = tgc.CarryHook(self.carried, self.train, policy, **options)

    def feed(self, data, k):
        if k < CHUNKS and data.starts(k).any():
            self.hook.reset(data.starts(k))
        return data.feed(self.net, k)


def close(got, wanted, rtol=1e-10):
    for one, other in zip(tf.nest.flatten(got), tf.nest.flatten(wanted), strict=True):
        np.testing.assert_allclose(one, other, rtol=rtol, atol=1e-12)


def same(got, wanted):
    for one, other in zip(tf.nest.flatten(got), tf.nest.flatten(wanted), strict=True):
        assert np.array_equal(one, other)


def train(loop, data, until=CHUNKS, hooks=(), **options):
    """Runs the loop from where its session stands; returns the weights."""
    with tf.train.MonitoredTrainingSession(hooks=[loop.hook, *hooks], **options) as session:
        for k in range(session.run(loop.step), until):
            session.run(loop.train, loop.feed(data, k))
        return session.run(tf.trainable_variables())


# --- the same as the runner ----------------------------------------------------------------


@pytest.mark.parametrize("kind", CELLS)
@pytest.mark.parametrize("policy", [tgc.Truncated(), tgc.Stale(0.9, 0.05)], ids=str)
def test_a_hooked_loop_trains_as_the_runner_does(policy, kind, data):
    wanted, state, norm = by_runner(data, policy, kind)
    loop = Hooked(policy, kind)
    close(train(loop, data), wanted)
    close(loop.hook.state, state)
    tf.nest.assert_same_structure(loop.hook.state, state)
    assert loop.hook.norm == pytest.approx(norm)
    assert (norm > 0.05) == (policy != tgc.Truncated())


def test_the_carry_matters(data):
    """Without it, or without a reset, the weights are others."""
    whole, _, _ = by_runner(data, tgc.Stale(0.9))
    never, _, _ = by_runner(data._replace(resets=None), tgc.Stale(0.9))
    without, _, _ = by_runner(data, tgc.Truncated())
    for other in (never, without):
        assert max(np.abs(a - b).max() for a, b in zip(whole, other, strict=True)) > 1e-6


def test_a_chunk_graph_steps_in_one_backward_pass(data):
    wanted, _, _ = by_runner(data, tgc.Stale(0.9))
    net = build()
    step = tf.train.get_or_create_global_step()
    chunk = tgc.build_chunk(net.loss, net.ports, net.final, {}, optimizer(), global_step=step)
    hook = tgc.CarryHook(chunk, chunk.updates.step, tgc.Stale(0.9))
    with tf.train.MonitoredTrainingSession(hooks=[hook]) as session:
        for k in range(CHUNKS):
            hook.reset(data.starts(k))
            session.run(chunk.updates.step, data.feed(net, k))
        same(session.run(tf.trainable_variables()), wanted)


def test_partitions_carry_a_gradient_each(data):
    def build_two():
        net = build(losses=2)
        variables = tf.trainable_variables()
        parts = [(net.loss, variables[-2:]), (3 * net.loss, variables[:-2])]
        feeds = {"x": net.x, "y": net.y}
        return net, tgc.build_chunk(parts, net.ports, net.final, feeds, optimizer())

    with tf.Graph().as_default():
        _, chunk = build_two()
        with tgc.Runner(chunk, tgc.Stale(0.5)) as runner:
            list(runner.run(data.chunks()))
            wanted = runner.session.run(tf.trainable_variables())
    net, chunk = build_two()
    hook = tgc.CarryHook(chunk, chunk.updates.step, tgc.Stale(0.5))
    with tf.train.MonitoredSession(hooks=[hook]) as session:
        for k in range(CHUNKS):
            hook.reset(data.starts(k))
            session.run(chunk.updates.step, data.feed(net, k))
        same(session.run(tf.trainable_variables()), wanted)


@pytest.mark.parametrize("static", [True, False])
def test_data_out_of_an_iterator_is_carried_and_cut_by_its_flags(static, data):
    wanted, _, _ = by_runner(data, tgc.Stale(0.9))
    pieces = [
        np.stack(np.split(data.x, CHUNKS, 1)),
        np.stack(np.split(data.y, CHUNKS, 1)).astype(np.int32),
        data.resets[:, ::L].T,
    ]
    chunks = tf.data.Dataset.from_tensor_slices(tuple(pieces))
    if not static:
        chunks = chunks.unbatch().batch(B)
    *inputs, resets = tf.data.make_one_shot_iterator(chunks).get_next()
    net = build(inputs=inputs, resets=resets)
    carried = tgc.carried_loss(net.loss, net.ports, net.final)
    step = optimizer().minimize(carried.loss)
    hook = tgc.CarryHook(carried, step, tgc.Stale(0.9), batch_size=None if static else B)
    runs = 0
    kept = []
    with tf.train.MonitoredSession(hooks=[hook]) as session:
        while not session.should_stop():
            session.run(step)
            kept = session.run(tf.trainable_variables())
            runs += 1
    assert runs == CHUNKS, "the iterator's end ends the loop"
    close(kept, wanted)


def test_a_queue_of_examples_is_carried_too(data):
    queue = tf.FIFOQueue(CHUNKS, [tf.float64, tf.int64], [[B, L, N], [B, L]])
    pieces = zip(np.split(data.x, CHUNKS, 1), np.split(data.y, CHUNKS, 1), strict=True)
    filled = tf.group(*[queue.enqueue([x, y]) for x, y in pieces])
    x, y = queue.dequeue()
    net = build(inputs=(x, tf.cast(y, tf.int32)), batch_size=B)
    carried = tgc.carried_loss(net.loss, net.ports, net.final)
    step = optimizer().minimize(carried.loss)
    hook = tgc.CarryHook(carried, step, tgc.Truncated())
    with tf.train.MonitoredSession(hooks=[hook]) as session:
        session.run(filled)
        assert hook.state is None, "filling the queue is no training"
        for _ in range(CHUNKS):
            session.run(step)
        assert len(hook.state[0]) == B


# --- which runs train ----------------------------------------------------------------------


def test_a_training_run_is_known_by_what_it_fetches(data):
    loop = Hooked(tgc.Stale(0.9))
    with tf.control_dependencies([loop.train]):
        after = tf.identity(loop.net.loss, "after")
    asked = [
        loop.train,
        [loop.train],
        {"loss": loop.net.loss, "more": (loop.train, loop.step)},
        [tf.SparseTensor([[0]], [1], [1]), tf.ragged.constant([[1], []]), loop.train],
        loop.train.name,
        after,
        "after:0",
    ]
    with tf.train.MonitoredSession(hooks=[loop.hook]) as session:
        for k, fetches in enumerate(asked):
            before = loop.hook.state
            session.run(fetches, data.feed(loop.net, k % CHUNKS))
            assert before is not loop.hook.state, fetches
        assert session.run(loop.step) == len(asked)


def test_other_runs_leave_the_carry_alone_and_find_the_ports_filled(data):
    loop, feed = Hooked(tgc.Stale(0.9)), {}
    net = loop.net
    with tf.train.MonitoredSession(hooks=[loop.hook]) as session:
        assert session.run(loop.step) == 0
        fresh = session.run(net.loss, data.feed(net, 0))
        session.run(loop.train, data.feed(net, 0))
        state, norm = loop.hook.state, loop.hook.norm
        session.run(loop.train, data.feed(net, 1))
        state, norm = loop.hook.state, loop.hook.norm
        feed = data.feed(net, 2)
        loss, end, upstream = session.run([net.loss, net.final, net.ports.upstream], feed)
        assert all((leaf == 0).all() for leaf in upstream)
        fed = dict(zip(net.ports.initial_state, state, strict=True))
        assert session.run(net.loss, {**feed, **fed}) == loss != fresh
        zeros = {port: np.zeros_like(leaf) for port, leaf in fed.items()}
        assert session.run(net.loss, {**feed, **zeros}) != loss
        one = {tensor: array[:1] for tensor, array in feed.items()}
        few = session.run(net.loss, one)
        assert few == session.run(net.loss, {**one, **{p: z[:1] for p, z in zeros.items()}})
        assert loop.hook.state is state
        assert loop.hook.norm == norm
        assert end[0].shape == state[0].shape


def test_a_port_that_is_fed_by_hand_is_left_to_the_hand(data, rng):
    loop = Hooked(tgc.Truncated())
    start = [rng.normal(size=[B, port.shape[1]]) for port in loop.net.ports.initial_state]
    with tf.train.MonitoredSession(hooks=[loop.hook]) as session:
        feed = data.feed(loop.net, 0)
        given = {loop.net.ports.initial_state: tuple(start)}
        _, end = session.run([loop.train, loop.net.final], {**feed, **given})
        same(loop.hook.state, end)
        _, after = session.run([loop.train, loop.net.final], feed)
        assert not np.array_equal(after[0], end[0])


def test_another_number_of_streams_is_refused(data):
    loop = Hooked(tgc.Truncated())
    with tf.train.MonitoredSession(hooks=[loop.hook]) as session:
        session.run(loop.train, data.feed(loop.net, 0))
        with pytest.raises(tgc.RunError, match=r"2 streams are fed, but .* has 3"):
            session.run(loop.train, {t: a[:2] for t, a in data.feed(loop.net, 1).items()})


# --- the number of streams -----------------------------------------------------------------


def one_step(net, feed, **options):
    carried = tgc.carried_loss(net.loss, net.ports, net.final)
    step = optimizer().minimize(carried.loss)
    hook = tgc.CarryHook(carried, step, tgc.Stale(), **options)
    with tf.train.MonitoredSession(hooks=[hook]) as session:
        session.run(step, feed)
    return hook


def in_graph(data, drop):
    x = tf.placeholder_with_default(data.x[:, :L], [None, None, N])
    y = tf.placeholder_with_default(data.y[:, :L].astype(np.int32), [None, None])
    return (x, y) if drop else (tf.identity(x), tf.identity(y))


def test_the_number_of_streams_comes_from_the_ports_or_is_given(data):
    inputs = in_graph(data, True)
    assert len(one_step(build(inputs=inputs, batch_size=B), {}).state[0]) == B
    with tf.Graph().as_default():
        net = build(inputs=in_graph(data, True))
        assert len(one_step(net, {}, batch_size=B).state[0]) == B


def test_the_number_of_streams_may_have_to_be_given(data):
    net = build(inputs=in_graph(data, True))
    with pytest.raises(tgc.RunError, match=r"number of streams .*: give CarryHook\(batch_size=\)"):
        one_step(net, {})


def test_a_number_of_streams_that_cannot_be_told_is_asked_for(data):
    with tf.Graph().as_default():
        table = tf.placeholder(tf.float64, [None, N], "table")
        x = tf.gather(table, tf.placeholder(tf.int32, [None, None], "x"))
        net = build(inputs=(x, tf.placeholder(tf.int32, [None, None], "y")))
        words = np.zeros([B, L], int)
        feed = {"table:0": np.ones([9, N]), "x:0": words, "y:0": words}
        with pytest.raises(tgc.RunError, match=r"cannot be told from .*table:0': 9.*batch_size"):
            one_step(net, feed)
    with tf.Graph().as_default():
        table = tf.placeholder(tf.float64, [None, N], "table")
        x = tf.gather(table, tf.placeholder(tf.int32, [None, None], "x"))
        net = build(inputs=(x, tf.placeholder(tf.int32, [None, None], "y")))
        assert len(one_step(net, feed, batch_size=B).state[0]) == B


# --- resets --------------------------------------------------------------------------------


def test_reset_cuts_the_streams_it_names(data):
    loop = Hooked(tgc.Stale())
    loop.hook.reset()
    with tf.train.MonitoredSession(hooks=[loop.hook]) as session:
        loop.hook.reset([0])
        session.run(loop.train, data.feed(loop.net, 0))
        before = loop.hook.state[0]
        loop.hook.reset([0, 2])
        assert (loop.hook.state[0][[0, 2]] == 0).all()
        same(loop.hook.state[0][1], before[1])
        assert (before[[0, 2]] != 0).any()
        loop.hook.reset(np.array([False, True, False]))
        assert (loop.hook.state[0] == 0).all()
        session.run(loop.train, data.feed(loop.net, 1))
        assert loop.hook.norm == 0
        loop.hook.reset()
        assert (loop.hook.state[1] == 0).all()


@pytest.mark.parametrize("rows", [3, [-1], [True, False], [0.5], "all"], ids=str)
def test_reset_refuses_streams_that_are_not_there(rows, data):
    loop = Hooked(tgc.Stale())
    with tf.train.MonitoredSession(hooks=[loop.hook]) as session:
        session.run(loop.train, data.feed(loop.net, 0))
        with pytest.raises(tgc.RunError, match="there are 3 streams"):
            loop.hook.reset(rows)


# --- restored and recovered ----------------------------------------------------------------


@pytest.mark.parametrize("policy", [tgc.Truncated(), tgc.Stale(0.9)], ids=str)
@pytest.mark.parametrize("kind", [None, pytest.param("gru", marks=pytest.mark.slow)])
def test_a_job_that_is_opened_again_ends_with_the_same_bits(kind, policy, data, tmp_path):
    with tf.Graph().as_default():
        wanted = train(Hooked(policy, kind), data)
    with tf.Graph().as_default():
        train(Hooked(policy, kind), data, 3, checkpoint_dir=str(tmp_path))
    loop = Hooked(policy, kind)
    same(train(loop, data, checkpoint_dir=str(tmp_path)), wanted)


class Failing(tf.train.SessionRunHook):
    """Raises an error once, after a training run that no checkpoint holds yet."""

    def __init__(self, error, run):
        self.error, self.left, self.sessions = error, run, 0

    def after_create_session(self, session, coord):
        self.sessions += 1

    def after_run(self, context, values):
        self.left -= 1
        if self.left == 0:
            raise self.error


def test_a_job_that_fails_between_checkpoints_goes_on_from_one(data, tmp_path):
    with tf.Graph().as_default():
        wanted = train(Hooked(tgc.Stale(0.9)), data)
    folder = {"checkpoint_dir": str(tmp_path), "save_checkpoint_steps": 2}
    with tf.Graph().as_default(), pytest.raises(ValueError, match="pulled"):
        failing = Failing(ValueError("plug pulled"), 6)  # a look at the step, five runs
        train(Hooked(tgc.Stale(0.9)), data, hooks=[failing], **folder)
    loop = Hooked(tgc.Stale(0.9))
    assert tf.train.latest_checkpoint(str(tmp_path)).endswith("-4")
    same(train(loop, data, **folder), wanted)


@pytest.mark.parametrize("run", [3, 4, 5])
def test_a_session_that_is_recovered_takes_its_own_carry_up(run, data, tmp_path):
    """The hook's own arrays are one run further than the weights that are restored."""
    with tf.Graph().as_default():
        wanted = train(Hooked(tgc.Stale(0.9)), data)
    loop = Hooked(tgc.Stale(0.9))
    failing = Failing(tf.errors.AbortedError(None, None, "preempted"), run)
    scaffold = tf.train.Scaffold()
    path = str(tmp_path)

    class Saver(tf.train.SessionRunHook):
        """Leaves a checkpoint behind each training run: before the next one's reset."""

        def after_create_session(self, session, coord):
            scaffold.saver.save(session, f"{path}/model.ckpt", session.run(loop.step))

        def after_run(self, context, values):
            self.after_create_session(context.session, None)

    with tf.train.MonitoredSession(
        tf.train.ChiefSessionCreator(scaffold, checkpoint_dir=path),
        hooks=[loop.hook, failing, Saver()],
    ) as session:
        for k in range(CHUNKS):
            session.run(loop.train, loop.feed(data, k))
        same(session.run(tf.trainable_variables()), wanted)
    assert failing.sessions == 2


def test_a_reset_is_in_the_checkpoint(data, tmp_path):
    with tf.Graph().as_default():
        loop = Hooked(tgc.Stale(0.9))
        folder = {"checkpoint_dir": str(tmp_path), "save_checkpoint_steps": 100}
        with tf.train.MonitoredTrainingSession(hooks=[loop.hook], **folder) as session:
            session.run(loop.train, data.feed(loop.net, 0))
            loop.hook.reset([1])
    loop = Hooked(tgc.Stale(0.9))
    with tf.train.MonitoredTrainingSession(hooks=[loop.hook], **folder):
        assert (loop.hook.state[0][1] == 0).all()
        assert (loop.hook.state[0][0] != 0).all()


def test_without_saving_the_graph_has_no_more_variables(data, tmp_path):
    loop = Hooked(tgc.Stale(), save=False)
    assert not [v for v in tf.global_variables() if "carry" in v.name]
    train(loop, data, 2, checkpoint_dir=str(tmp_path))
    assert loop.hook.state is not None


def test_an_old_checkpoint_without_a_carry_is_restored_by_an_init_fn(data, tmp_path):
    with tf.Graph().as_default():
        loop = Hooked(tgc.Truncated(), save=False)
        wanted = train(loop, data, 2, checkpoint_dir=str(tmp_path / "old"))
    loop = Hooked(tgc.Truncated())
    kept = [v for v in tf.global_variables() if not v.name.startswith("carry_hook/")]
    saver = tf.train.Saver(kept)
    path = tf.train.latest_checkpoint(str(tmp_path / "old"))
    scaffold = tf.train.Scaffold(init_fn=lambda _, session: saver.restore(session, path))
    with tf.train.MonitoredTrainingSession(
        hooks=[loop.hook], scaffold=scaffold, checkpoint_dir=str(tmp_path / "new")
    ) as session:
        same(session.run(tf.trainable_variables()), wanted)
        assert session.run(loop.step) == 2


def test_a_hook_in_a_second_session_begins_anew(data):
    loop = Hooked(tgc.Stale(0.9))
    first = train(loop, data, 3)
    assert loop.hook.state is not None
    same(train(loop, data, 3), first)


def test_two_hooks_keep_apart(data):
    one, two = Hooked(tgc.Truncated()), None
    with tf.variable_scope("second"), tf.name_scope("second"):
        two = Hooked(tgc.Stale(), name="second_carry")
    kept = {v.name: v for v in tf.global_variables() if "carry" in v.name}
    assert len(kept) == 8
    with tf.train.MonitoredSession(hooks=[one.hook, two.hook]) as session:
        session.run([one.train, two.train], {**data.feed(one.net, 0), **data.feed(two.net, 0)})
        assert session.run(kept["second_carry/gradient_0:0"]).shape == (B, 5)
        assert session.run(kept["carry_hook/gradient_0:0"]).shape == (0, 5)
        session.run(one.train, data.feed(one.net, 1))
        same(session.run(kept["second_carry/state_0:0"]), two.hook.state[0])


JOB = """
    import os, sys
    sys.path[:0] = [sys.argv[1], sys.argv[1] + "/tests"]
    import numpy as np
    import tensorflow.compat.v1 as tf
    import tgcarry as tgc
    from test_carry_hook import CHUNKS, Data, Hooked

    with np.load(sys.argv[2]) as arrays:
        data = Data(arrays["x"], arrays["y"], arrays["resets"])
    with tf.Graph().as_default():
        loop = Hooked(tgc.Stale(0.9))
        folder = {"checkpoint_dir": sys.argv[3], "save_checkpoint_steps": 2}
        with tf.train.MonitoredTrainingSession(hooks=[loop.hook], **folder) as session:
            for k in range(session.run(loop.step), CHUNKS):
                if k == int(sys.argv[4]):
                    os.kill(os.getpid(), 9)
                session.run(loop.train, loop.feed(data, k))
            np.savez(sys.argv[5], *session.run(tf.trainable_variables()))
"""


@pytest.mark.slow
def test_a_job_that_is_killed_and_started_again_ends_with_the_same_bits(data, tmp_path):
    np.savez(tmp_path / "data.npz", **data._asdict())

    def job(folder, kill):
        words = [ROOT, tmp_path / "data.npz", tmp_path / folder, kill, tmp_path / f"{folder}.npz"]
        command = [sys.executable, "-c", textwrap.dedent(JOB), *map(str, words)]
        done = subprocess.run(command, capture_output=True, check=False, timeout=120, text=True)
        assert done.returncode == (0 if kill < 0 else -9), done.stderr[-2000:]

    job("whole", -1)
    for kill in (3, 5, -1):
        job("killed", kill)
    with np.load(tmp_path / "whole.npz") as whole, np.load(tmp_path / "killed.npz") as killed:
        assert len(whole.files) == 4
        same([killed[name] for name in whole.files], [whole[name] for name in whole.files])


# --- refused -------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", [tgc.ExactSweep(), tgc.ExactSweep(1), tgc.Stale, None], ids=str)
def test_other_policies_are_refused(policy):
    with pytest.raises(tgc.RunError, match=r"Runner\(chunk, policy, session=") as caught:
        Hooked(policy)
    assert "\n" not in str(caught.value)


def test_a_step_that_does_not_minimise_the_carried_loss_is_refused():
    net = build()
    carried = tgc.carried_loss(net.loss, net.ports, net.final)
    step = optimizer().minimize(net.loss)
    with pytest.raises(tgc.CarryError, match=r"does not depend on the upstream .*upstream"):
        tgc.CarryHook(carried, step, tgc.Stale(0.5))
    tgc.CarryHook(carried, step, tgc.Truncated())


def test_what_is_no_loss_or_no_step_is_refused():
    net = build()
    carried = tgc.carried_loss(net.loss, net.ports, net.final)
    with pytest.raises(tgc.CarryError, match="give what carried_loss or build_chunk"):
        tgc.CarryHook(net.loss, net.loss, tgc.Truncated())
    with pytest.raises(tgc.CarryError, match=r"train_op=None\): give the operation"):
        tgc.CarryHook(carried, None, tgc.Truncated())
    with tf.Graph().as_default(), pytest.raises(tgc.CarryError, match="of the ports' graph"):
        tgc.CarryHook(carried, tf.no_op(), tgc.Truncated())


def test_a_session_on_another_graph_is_refused():
    loop = Hooked(tgc.Truncated())
    with tf.Graph().as_default(), pytest.raises(tgc.RunError, match="another graph"):
        tf.constant(0)
        tf.train.MonitoredSession(hooks=[loop.hook])


@pytest.mark.parametrize("what", ["state", "state gradient"])
def test_a_carry_that_is_not_finite_is_an_error(what, data):
    net = build()
    final, loss = net.final, net.loss
    if what == "state":
        final = final._replace(c=final.c * np.inf)
    else:
        loss = loss * np.inf
    carried = tgc.carried_loss(loss, net.ports, final)
    step = tf.train.GradientDescentOptimizer(0.0).minimize(carried.loss)
    hook = tgc.CarryHook(carried, step, tgc.Stale(0.5))
    with contextlib.ExitStack() as stack:
        session = stack.enter_context(tf.train.MonitoredSession(hooks=[hook]))
        with pytest.raises(tgc.NumericsError, match=rf"run 1 the {what} is not"):
            session.run(step, data.feed(net, 0))
