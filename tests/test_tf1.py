"""What tgcarry knows of TensorFlow's inside: placeholders, random draws, sessions."""

import contextlib
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import tgcarry as tgc
from tgcarry import tf1


def test_placeholders_are_told_from_other_tensors():
    x = tf.placeholder(tf.float32, [2])
    assert tf1.is_placeholder(x)
    assert tf1.is_placeholder(tf.placeholder_with_default(1.0, []))
    assert not tf1.is_placeholder(tf.identity(x))
    assert not tf1.is_placeholder(tf.zeros([]))


def sampled_softmax():
    w, b = tf.get_variable("w", [50, 2]), tf.get_variable("b", [50])
    labels = tf.zeros([1, 1], tf.int64)
    return tf.nn.sampled_softmax_loss(w, b, labels, tf.ones([1, 2]), 5, 50)


def from_a_dataset():
    numbers = tf.data.Dataset.range(3)
    return tf.data.make_one_shot_iterator(numbers).get_next()


DRAWS = {
    "normal": lambda: tf.random_normal([2]),
    "uniform": lambda: tf.random_uniform([2]),
    "seeded": lambda: tf.random_uniform([2], seed=1),
    "int": lambda: tf.random_uniform([2], maxval=5, dtype=tf.int32),
    "truncated": lambda: tf.truncated_normal([2]),
    "shuffle": lambda: tf.random_shuffle([1.0, 2.0]),
    "multinomial": lambda: tf.multinomial([[0.5, 0.5]], 1),
    "gamma": lambda: tf.random_gamma([2], 1.0),
    "poisson": lambda: tf.random_poisson([1.0], [2]),
    "dropout": lambda: tf.nn.dropout(tf.ones([2]), rate=0.5),
    "generator": lambda: tf.random.Generator.from_seed(1).uniform([2]),
    "sampled softmax": sampled_softmax,
    "cond": lambda: tf.cond(
        tf.placeholder(tf.bool, []), lambda: tf.random_normal([]), lambda: tf.zeros([])
    ),
    "while": lambda: tf.while_loop(
        lambda i, _: i < 3, lambda i, z: (i + 1, z + tf.random_normal([])), [0, 0.0]
    )[1],
    "dataset": from_a_dataset,
}


@pytest.mark.parametrize("make", DRAWS.values(), ids=DRAWS)
def test_what_differs_from_run_to_run_is_found(make):
    assert tf1.random_ops_before([tf.identity(make())])


QUIET = {
    "stateless": lambda: tf.random.stateless_uniform([2], tf.placeholder(tf.int32, [2])),
    "initializer": lambda: tf.get_variable("v", initializer=lambda: tf.random_normal([3])) + 1,
    "beside": lambda: (tf.random_normal([2]), tf.zeros([2]))[1],
    "keep everything": lambda: tf.nn.dropout(tf.ones([2]), rate=0.0),
    "scan": lambda: tf.scan(lambda a, b: a + b, tf.ones([3])),
}


@pytest.mark.parametrize("make", QUIET.values(), ids=QUIET)
def test_what_is_the_same_at_every_run_is_not(make):
    assert tf1.random_ops_before([tf.identity(make())]) == []


def test_nothing_asked_nothing_found():
    assert tf1.random_ops_before([]) == []


def test_dropout_inside_a_cell_inside_a_loop_is_found_by_name():
    cell = tgc.DropoutWrapper(tgc.GRUCell(2), output_keep_prob=0.5)
    outputs, _ = tgc.dynamic_rnn(cell, tf.zeros([1, 3, 2]), dtype=tf.float32)
    (name,) = tf1.random_ops_before([outputs])
    assert "dropout" in name


# --- prepared calls -----------------------------------------------------------------------


class Asked(tf.train.SessionRunHook):
    """Counts the calls that a hook hears of."""

    count = 0

    def before_run(self, run_context):
        self.count += 1


class Graph:
    def __init__(self):
        self.x = tf.placeholder(tf.float32, [None], "x")
        self.y = tf.placeholder(tf.float32, [None], "y")
        self.sum = self.x + 2 * self.y
        self.total = tf.get_variable("total", [], initializer=tf.zeros_initializer())
        self.add = self.total.assign_add(tf.reduce_sum(self.x)).op


X, Y = np.array([1, 2], np.float32), np.array([10, 20], np.float32)


def kinds_of_session(kind, stack):
    if kind == "monitored":
        hook = Asked()
        session = stack.enter_context(tf.train.MonitoredSession(hooks=[hook]))
        return session, lambda: hook.count
    target = ""
    if kind == "remote":
        target = tf.train.Server.create_local_server().target
    make = tf.InteractiveSession if kind == "interactive" else tf.Session
    session = stack.enter_context(contextlib.closing(make(target)))
    session.run(tf.global_variables_initializer())
    return session, None


@pytest.mark.parametrize("kind", ["plain", "interactive", "remote", "monitored"])
def test_a_prepared_call_does_what_run_does(kind):
    g = Graph()
    with contextlib.ExitStack() as stack:
        session, calls = kinds_of_session(kind, stack)
        before = calls and calls()
        call = tf1.prepared_call(session, [g.sum, g.x, g.sum], [g.add], [g.y, g.x])
        for times in (1, 2):
            one, fed, same = call([Y, X])
            assert one.tolist() == same.tolist() == [21, 42]
            assert fed.tolist() == [1, 2]
            assert session.run(g.total) == 3 * times
        if calls:
            assert calls() - before == 4, "hooks hear of prepared calls too"


def test_a_prepared_call_of_nothing_but_what_is_fed_or_done():
    g = Graph()
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        (got,) = tf1.prepared_call(session, [g.x], [], [g.x])([X])
        assert got.tolist() == [1, 2]
        assert tf1.prepared_call(session, [], [g.add], [g.x])([X]) == []
        assert session.run(g.total) == 3


def test_a_session_with_a_run_of_its_own_is_asked_through_it():
    asked = []

    class Mine(tf.Session):
        def run(self, *arguments, **options):
            asked.append(arguments[0])
            return super().run(*arguments, **options)

    g = Graph()
    with Mine() as session:
        (got,) = tf1.prepared_call(session, [g.sum], [], [g.x, g.y])([X, Y])
        assert got.tolist() == [21, 42]
        assert asked == [[g.sum]]


def test_a_prepared_call_fails_as_run_fails():
    g = Graph()
    bad = tf.debugging.check_numerics(tf.log(g.x), "mine")
    errors = []
    with tf.Session() as session:
        call = tf1.prepared_call(session, [bad], [], [g.x])
        for act in (lambda: call([-X]), lambda: session.run(bad, {g.x: -X})):
            with pytest.raises(tf.errors.InvalidArgumentError, match="mine") as caught:
                act()
            errors.append(caught.value)
    assert str(errors[0]) == str(errors[1])
    assert errors[0].op is errors[1].op is bad.op
    for call_again in (call, tf1.prepared_call(session, [bad], [], [g.x])):
        with pytest.raises(RuntimeError, match="closed"):
            call_again([X])


def test_what_a_prepared_call_fetches_is_fed_again_without_a_copy():
    g = Graph()
    same = tf.identity(g.x)
    with tf.Session() as session:
        (fetched,) = tf1.prepared_call(session, [g.sum], [], [g.x, g.y])([X, Y])
        (again,) = tf1.prepared_call(session, [same], [], [g.x])([fetched])
    assert again.ctypes.data == fetched.ctypes.data


@pytest.mark.slow
def test_exact_under_disable_v2_behavior_with_ref_variables_and_old_loops():
    script = """
        import sys
        sys.path.insert(0, sys.argv[1])
        import numpy as np, tensorflow.compat.v1 as tf
        tf.disable_v2_behavior()
        import tgcarry as tgc
        x = tf.placeholder(tf.float64, [None, None, 3])
        cell = tgc.MultiRNNCell([tgc.GRUCell(4), tgc.BasicLSTMCell(3)])
        ports = tgc.carry_ports(cell, dtype=tf.float64)
        outputs, final = tgc.dynamic_rnn(cell, x, initial_state=ports.initial_state)
        assert "Variable" in tf.trainable_variables()[0].op.type
        chunk = tgc.build_chunk(tf.reduce_sum(outputs**2), ports, final, {"x": x},
                                tf.train.AdamOptimizer(0.1), clip_norm=1.0)
        X = np.random.default_rng(0).normal(size=(2, 12, 3))
        with tgc.Runner(chunk) as runner:
            one = runner.gradients(tgc.split_chunks({"x": X}, 3))
            two = runner.gradients(tgc.split_chunks({"x": X}, 12))
            for name, value in two.variables.items():
                np.testing.assert_allclose(one.variables[name], value, atol=1e-10)
            before = runner.session.run(tf.trainable_variables())
            (report,) = runner.run(tgc.split_chunks({"x": X}, 3))
            np.testing.assert_allclose(report.loss, two.loss)
            after = runner.session.run(tf.trainable_variables())
            assert all((a != b).any() for a, b in zip(before, after))
        print("done", tf.trainable_variables()[0].op.type)
    """
    import pathlib

    root = str(pathlib.Path(tgc.__file__).parent.parent)
    got = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), root],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert got.returncode == 0, got.stderr[-2000:]
    assert got.stdout.startswith("done")


def test_checked_versions_cover_the_one_installed():
    installed = tuple(map(int, tf.version.VERSION.split(".")[:2]))
    checked = [tuple(map(int, v.split(".")[:2])) for v in tf1.CHECKED_VERSIONS]
    assert min(checked) <= installed <= max(checked)
