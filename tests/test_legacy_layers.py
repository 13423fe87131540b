"""`tf.layers`, `tf.contrib.layers` and `slim` as old programs use them."""

import subprocess
import sys
import textwrap

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tgcarry.errors import DataError
from tgcarry.legacy import behaviour
from tgcarry.legacy.contrib_layers import (
    batch_norm,
    dense,
    projector,
    regularizers,
    restoring,
    scopes,
    slim_learning,
    variables,
)
from tgcarry.legacy.layers import conditions, core
from tgcarry.legacy.modules import resolve
from tgcarry.legacy.names import contrib_layers, contrib_rest, layers


@pytest.fixture(autouse=True)
def graph():
    with behaviour.tensorflow1(), tf.Graph().as_default() as fresh:
        yield fresh


def names():
    return [variable.op.name for variable in tf.global_variables()]


def targets():
    for table in (*layers.TABLES, *contrib_layers.TABLES, *contrib_rest.TABLES):
        for name, target in table.names.items():
            yield f"{table.module}.{name}", target


def test_every_name_of_the_tables_is_there():
    for name, target in targets():
        assert resolve(target) is not None, name


def test_layers_with_one_name_share_variables_only_when_asked():
    x = tf.zeros([2, 3])
    core.dense(x, 4)
    core.dense(x, 4)
    core.dense(x, 4, name="mine")
    core.dense(x, 4, name="mine", reuse=True)
    with tf.variable_scope("outer", reuse=tf.AUTO_REUSE):
        core.dense(x, 4, name="inner")
        core.dense(x, 4, name="inner")
    scopes_of = ["dense", "dense_1", "mine", "outer/inner"]
    assert names() == [f"{s}/{v}" for s in scopes_of for v in ("kernel", "bias")]
    with pytest.raises(ValueError, match="already exists"):
        core.dense(x, 4, name="mine")


def test_a_layer_object_makes_its_variables_once():
    layer = core.Dense(4, use_bias=False, name="out")
    assert layer.compute_output_shape(tf.TensorShape([None, 3])).as_list() == [None, 4]
    layer(tf.zeros([2, 3]))
    layer.apply(tf.ones([2, 3]))
    assert names() == ["out/kernel"]


def test_dropout_drops_while_training_only():
    x = tf.ones([20, 20])
    training = tf.placeholder(tf.bool, [])
    y = core.dropout(x, 0.25, training=training, seed=1)
    with tf.Session() as session:
        assert session.run(y, {training: False}).tolist() == np.ones([20, 20]).tolist()
        dropped = session.run(y, {training: True})
    np.testing.assert_allclose(np.unique(dropped), [0.0, 1 / 0.75], rtol=1e-6)


def test_scopes_nest_and_can_be_kept():
    with scopes.arg_scope([dense.fully_connected], activation_fn=None, trainable=False) as outer:
        with scopes.arg_scope([dense.fully_connected], trainable=True):
            inner = scopes.current_arg_scope()
            assert list(inner.values()) == [{"activation_fn": None, "trainable": True}]
        assert list(outer.values()) == [{"activation_fn": None, "trainable": False}]
    assert scopes.current_arg_scope() == {}
    with scopes.arg_scope(outer):
        dense.fully_connected(tf.zeros([2, 3]), 4)
    assert tf.trainable_variables() == []
    with pytest.raises(DataError, match="add_arg_scope"), scopes.arg_scope([len]):
        pass
    with pytest.raises(TypeError, match="list of functions"), scopes.arg_scope(len):
        pass


def test_scopes_stand_for_functions_by_text():
    @scopes.add_arg_scope
    def first(x=1, **more):
        return x, more

    @scopes.add_arg_scope
    def second(x=2):
        return x

    again = scopes.add_arg_scope(first)
    with scopes.arg_scope((first, second), x=3) as scope:
        assert sorted(scope) == sorted(map(scopes.arg_scope_func_key, (first, second)))
        assert all(isinstance(key, str) for key in scope)
        assert (first(y=4), second(), second(x=5)) == ((3, {"y": 4}), 3, 5)
        assert again() == (3, {})


def test_batch_norm_moves_its_statistics_when_asked():
    x = tf.constant(np.arange(8.0, dtype="float32").reshape(4, 2))
    batch_norm.batch_norm(x, decay=0.5, scope="later")
    now = batch_norm.batch_norm(x, decay=0.5, updates_collections=None, scope="now")
    assert len(tf.get_collection(tf.GraphKeys.UPDATE_OPS)) == 2
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(now)
        means = session.run(variables.get_variables_by_name("moving_mean"))
    assert [mean.tolist() for mean in means] == [[0.0, 0.0], [1.5, 2.0]]


def test_regularizers_of_nothing_cost_nothing():
    assert regularizers.l2_regularizer(0.0)(tf.ones([2])) is None
    with pytest.raises(DataError, match="below 0"):
        regularizers.l1_regularizer(-1.0)


def test_conditions_known_while_building():
    assert conditions.constant(1) is True
    assert conditions.constant(tf.constant(False)) is False
    assert conditions.constant(tf.placeholder(tf.bool, [])) is None


def test_variables_get_values_by_name():
    dense.fully_connected(tf.zeros([2, 3]), 2)
    assign = restoring.assign_from_values_fn({"fully_connected/biases": np.array([1.0, 2.0])})
    with tf.Session() as session:
        assign(session)
        found = variables.get_unique_variable("fully_connected/biases")
        assert session.run(found).tolist() == [1.0, 2.0]
    assert variables.get_model_variables() == tf.global_variables()


def test_slim_trains_and_saves(tmp_path):
    weight = tf.get_variable("w", initializer=4.0)
    loss = tf.square(weight)
    step = slim_learning.create_train_op(loss, tf.train.GradientDescentOptimizer(0.25))
    slim_learning.train(step, str(tmp_path), number_of_steps=3, log_every_n_steps=0)
    assert tf.train.latest_checkpoint(str(tmp_path)).endswith("-3")
    assert tf.train.load_checkpoint(str(tmp_path)).get_tensor("w") == 0.5


def test_projector_writes_its_configuration(tmp_path):
    config = projector.ProjectorConfig()
    embedding = config.embeddings.add()
    embedding.tensor_name = "words:0"
    embedding.metadata_path = "words.tsv"
    projector.visualize_embeddings(str(tmp_path), config)
    text = (tmp_path / "projector_config.pbtxt").read_text()
    assert text == ('embeddings {\n  tensor_name: "words:0"\n  metadata_path: "words.tsv"\n}\n')


PROGRAM = """
import tensorflow as tf
import tensorflow.contrib.slim as slim
from tensorflow.contrib import layers
from tensorflow.contrib.layers import xavier_initializer
from tensorflow.python.layers.core import Dense

x = tf.placeholder(tf.float32, [None, 5, 4])
hidden = layers.fully_connected(x[:, -1], 3, weights_initializer=xavier_initializer())
with slim.arg_scope([slim.fully_connected], activation_fn=None):
    y = slim.fully_connected(slim.dropout(hidden, 0.5), 2)
y = tf.layers.batch_normalization(Dense(2, name="out")(y), training=True)
train = layers.optimize_loss(
    tf.reduce_mean(y ** 2), tf.train.get_or_create_global_step(), 0.1, "Adam", clip_gradients=5.0
)
print([v.op.name for v in tf.trainable_variables()])
"""


def test_program_as_published_prints_nothing_else(tmp_path):
    path = tmp_path / "program.py"
    path.write_text(textwrap.dedent(PROGRAM))
    done = subprocess.run(
        [sys.executable, "-m", "tgcarry", str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    parts = ("weights", "biases"), ("kernel", "bias"), ("gamma", "beta")
    assert done.stdout.strip() == str(
        [f"fully_connected/{v}" for v in parts[0]]
        + [f"fully_connected_1/{v}" for v in parts[0]]
        + [f"out/{v}" for v in parts[1]]
        + [f"batch_normalization/{v}" for v in parts[2]]
    )
    assert "deprecated" not in done.stderr
