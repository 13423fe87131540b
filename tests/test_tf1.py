"""What tgcarry knows of TensorFlow's inside: placeholders, random draws, and TF1's behaviour."""

import subprocess
import sys
import textwrap

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
