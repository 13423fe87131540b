"""Names and argument orders of before TensorFlow 1.0, and what tells them from today's."""

import inspect
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import tgcarry
from tgcarry.errors import LegacyError
from tgcarry.legacy import behaviour
from tgcarry.legacy.before_one import (
    arithmetic,
    cells,
    initializers,
    joining,
    losses,
    pictures,
    summaries,
)
from tgcarry.legacy.modules import resolve
from tgcarry.legacy.names import before_one, legacy_seq2seq


@pytest.fixture(autouse=True)
def graph():
    with behaviour.tensorflow1(), tf.Graph().as_default() as fresh:
        yield fresh


def value(fetch, **kwargs):
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        return session.run(fetch, **kwargs)


A = np.arange(6.0).reshape(2, 3)


def targets():
    for names in (before_one.ROOT, before_one.NN, before_one.TRAIN, before_one.CELLS):
        yield from names.items()
    for table in (*before_one.TABLES, *legacy_seq2seq.TABLES):
        yield from table.names.items()


@pytest.mark.parametrize(("name", "target"), sorted(set(targets())))
def test_every_target_is_there(name, target):
    assert resolve(target) is not None


def test_what_differs_is_there():
    for names, differs in (
        (before_one.ROOT, before_one.ROOT_DIFFERS),
        (before_one.NN, before_one.NN_DIFFERS),
        (before_one.CELLS, before_one.CELLS_DIFFERS),
    ):
        assert differs.keys() <= names.keys()


# Joining and cutting.


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [
        (([A, A], 1), {}),
        ((1, [A, A]), {}),
        ((1,), {"values": [A, A]}),
        ((), {"concat_dim": 1, "values": [A, A]}),
        ((), {"axis": 1, "values": [A, A]}),
        ((np.int64(1), (A, A), "mine"), {}),
        ((np.array(1), [A, A]), {}),
        ((tf.Dimension(1), [A, A]), {}),
    ],
)
def test_concat(args, kwargs):
    np.testing.assert_array_equal(value(joining.concat(*args, **kwargs)), np.hstack([A, A]))


def test_concat_by_a_tensor_and_of_one_tensor(graph):
    axis = tf.constant(0)
    np.testing.assert_array_equal(value(joining.concat(axis, [A, A])), np.vstack([A, A]))
    np.testing.assert_array_equal(value(joining.concat(tf.constant(A), 0)), A)
    unknown = tf.placeholder(tf.int32)
    both = joining.concat(unknown, [tf.constant(A), tf.constant(A)])
    np.testing.assert_array_equal(value(both, feed_dict={unknown: 0}), np.vstack([A, A]))


def test_concat_of_numbers_says_what_to_write():
    with pytest.raises(LegacyError, match=r"tf.concat\(0, 1\).*tf.concat\(\[a, b\], 1\)"):
        joining.concat(0, 1)


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [
        ((A, 3, 1), {}),
        ((1, 3, A), {}),
        ((1, 3), {"value": A}),
        ((), {"split_dim": 1, "num_split": 3, "value": A}),
        ((), {"axis": 1, "num_or_size_splits": 3, "value": A}),
        ((A, [1, 1, 1], 1), {}),
    ],
)
def test_split(args, kwargs):
    found = value(joining.split(*args, **kwargs))
    np.testing.assert_array_equal(found, np.split(A, 3, 1))


def test_split_of_numbers_says_what_to_write():
    with pytest.raises(LegacyError, match="cuts nothing"):
        joining.split(1, 3, 2)


def test_no_operations_are_added(graph):
    x = tf.constant(A)
    counts = []
    for build in (
        lambda: tf.concat([x, x], 1),
        lambda: joining.concat(1, [x, x]),
        lambda: tf.split(x, 3, 1),
        lambda: joining.split(1, 3, x),
        lambda: tf.stack([x, x]),
        lambda: joining.pack([x, x]),
    ):
        before = len(graph.get_operations())
        build()
        counts.append(len(graph.get_operations()) - before)
    assert counts[0::2] == counts[1::2]


def test_reverse():
    for marks in ([False, True], np.array([False, True]), tf.constant([False, True])):
        np.testing.assert_array_equal(value(joining.reverse(A, marks)), A[:, ::-1])
    np.testing.assert_array_equal(value(joining.reverse(A, dims=[True, False])), A[::-1])
    np.testing.assert_array_equal(value(joining.reverse(A, [1])), A[:, ::-1])
    np.testing.assert_array_equal(value(joining.reverse(A, axis=[0])), A[::-1])
    np.testing.assert_array_equal(value(joining.reverse(A, [])), A)


def test_pack_and_unpack():
    np.testing.assert_array_equal(value(joining.pack([A, A])), np.stack([A, A]))
    np.testing.assert_array_equal(value(joining.unpack(tf.constant(A))), A)
    np.testing.assert_array_equal(value(joining.unpack(A, 3, 1)), A.T)


def test_sparse_split():
    sparse = tf.SparseTensor([[0, 0], [1, 1]], [1.0, 2.0], [2, 2])
    left, _ = joining.sparse_split(1, 2, sparse)
    np.testing.assert_array_equal(value(left).values, [1.0])
    left, _ = joining.sparse_split(sp_input=sparse, num_split=2, axis=0)
    np.testing.assert_array_equal(value(left).values, [1.0])


def test_arithmetic():
    chosen = arithmetic.select(A > 2, A, t_none := np.zeros_like(A))
    np.testing.assert_array_equal(value(chosen), np.where(A > 2, A, t_none))
    stack = np.stack([A, A])
    product = arithmetic.batch_matmul(stack, stack, adj_y=True)
    np.testing.assert_allclose(value(product), stack @ stack.transpose(0, 2, 1))


# Losses.

LOGITS = np.array([[1.0, -2.0, 0.5], [0.0, 3.0, 1.0]], np.float32)
LABELS = np.array([[0.0, 1.0, 0.0], [0.5, 0.5, 0.0]], np.float32)
CLASSES = np.array([1, 2])


@pytest.mark.parametrize(
    ("function", "wanted", "labels"),
    [
        (
            losses.softmax_cross_entropy_with_logits,
            "softmax_cross_entropy_with_logits",
            LABELS,
        ),
        (
            losses.sparse_softmax_cross_entropy_with_logits,
            "sparse_softmax_cross_entropy_with_logits",
            CLASSES,
        ),
        (
            losses.sigmoid_cross_entropy_with_logits,
            "sigmoid_cross_entropy_with_logits",
            LABELS,
        ),
    ],
)
def test_cross_entropies(function, wanted, labels):
    expected = value(getattr(tf.nn, wanted)(labels=labels, logits=LOGITS))
    for found in (
        function(LOGITS, labels),
        function(LOGITS, labels=labels),
        function(labels=labels, logits=LOGITS),
        function(None, labels, LOGITS),
        function(LOGITS, labels, name="mine"),
    ):
        np.testing.assert_array_equal(value(found), expected)
    with pytest.raises(LegacyError, match="logits is given twice"):
        function(labels, logits=LOGITS)


def test_sigmoid_targets():
    found = losses.sigmoid_cross_entropy_with_logits(LOGITS, targets=LABELS, name="mine")
    expected = tf.nn.sigmoid_cross_entropy_with_logits(labels=LABELS, logits=LOGITS)
    np.testing.assert_array_equal(value(found), value(expected))


@pytest.mark.parametrize("name", ["nce_loss", "sampled_softmax_loss"])
def test_labels_and_inputs_in_either_order(name):
    w, b = tf.constant(np.ones((5, 3), np.float32)), tf.zeros([5])
    x, y = tf.constant(LOGITS), tf.constant([[1], [2]])
    sampled = (np.array([1, 3]), np.ones([2, 1], np.float32), np.ones([2], np.float32))
    function = getattr(losses, name)
    found = [
        value(function(w, b, *pair, 2, 5, sampled_values=sampled)) for pair in ((x, y), (y, x))
    ]
    np.testing.assert_array_equal(*found)
    by_name = function(w, b, inputs=x, labels=y, num_sampled=2, num_classes=5)
    assert by_name.shape.as_list() == [2]


def test_ctc_loss_in_either_order():
    labels = tf.SparseTensor([[0, 0]], [1], [1, 1])
    inputs = tf.zeros([4, 1, 3])
    a = losses.ctc_loss(labels, inputs, [4])
    b = losses.ctc_loss(inputs, labels, [4])
    np.testing.assert_array_equal(value(a), value(b))


# Cells.


def test_an_inputs_width_is_left_out():
    for made, wanted in (
        (cells.GRUCell(4, 9), tf.tanh),
        (cells.GRUCell(4, 9, tf.nn.relu), tf.nn.relu),
        (cells.GRUCell(4, None, tf.nn.relu), tf.nn.relu),
        (cells.GRUCell(4, tf.nn.relu), tf.nn.relu),
        (cells.GRUCell(4, input_size=9), tf.tanh),
        (cells.BasicRNNCell(4, 9, tf.nn.relu), tf.nn.relu),
        (cells.BasicLSTMCell(4, 0.0, 9, True, tf.nn.relu), tf.nn.relu),
        (cells.BasicLSTMCell(4, 0.0, None, True), tf.tanh),
        (cells.LSTMCell(4, 9), tf.tanh),
    ):
        assert made.activation is wanted
    assert type(cells.GRUCell(4)) is tgcarry.cells.GRUCell
    assert cells.BasicLSTMCell(4, 0.5, 9).forget_bias == 0.5
    assert cells.BasicLSTMCell(4, 0.5, False).state_is_tuple is False
    assert cells.DropoutWrapper(cells.GRUCell(4), 1.0, 0.5, 42).seed == 42


def test_classes_stand_for_their_bases():
    class Mine(cells.GRUCell):
        def __init__(self, units):
            super().__init__(units, input_size=3)

    cell = Mine(4)
    assert isinstance(cell, Mine) and isinstance(cell, cells.GRUCell)
    assert isinstance(cells.GRUCell(4), cells.GRUCell)
    assert not isinstance(cells.GRUCell(4), Mine)
    assert not isinstance(cells.LSTMCell(4), cells.GRUCell)
    assert issubclass(cells.GRUCell, tgcarry.cells.RNNCell)
    cell(tf.zeros([2, 3]), tf.zeros([2, 4]))
    assert tf.trainable_variables()[0].name == "mine/gates/kernel:0"
    assert "reuse" in inspect.getfullargspec(cells.BasicLSTMCell.__init__).args


def test_one_cell_for_layers_of_one_width_shares_its_weights():
    stacked = cells.MultiRNNCell([cells.GRUCell(4)] * 3)
    stacked(tf.zeros([2, 4]), stacked.zero_state(2, tf.float32))
    assert len(tf.trainable_variables()) == 4


@pytest.mark.parametrize("width", [3, 5])
def test_one_cell_for_layers_of_several_widths_is_several_cells(width):
    cell = cells.GRUCell(4)
    stacked = cells.MultiRNNCell([cell] * 3)
    stacked(tf.zeros([2, width]), stacked.zero_state(2, tf.float32))
    names = [v.name for v in tf.trainable_variables()]
    assert len(names) == 12
    assert names[4] == "multi_rnn_cell/cell_1/gru_cell/gates/kernel:0"
    assert stacked.cells[0] is cell
    assert type(stacked) is tgcarry.cells.MultiRNNCell


def test_wrapped_twice_and_by_keyword():
    cell = cells.GRUCell(4)
    layers = [cells.DropoutWrapper(cell, 0.5) for _ in range(2)]
    stacked = cells.MultiRNNCell(cells=layers, state_is_tuple=True)
    stacked(tf.zeros([2, 3]), stacked.zero_state(2, tf.float32))
    assert len(tf.trainable_variables()) == 8


def test_a_cell_with_variables_is_shared():
    cell = cells.GRUCell(4)
    cell(tf.zeros([2, 4]), tf.zeros([2, 4]))
    stacked = cells.MultiRNNCell([cell, cell])
    stacked(tf.zeros([2, 4]), stacked.zero_state(2, tf.float32))
    assert len(tf.trainable_variables()) == 4


def test_linear():
    linear = before_one.CELLS["_linear"]
    function = resolve(linear)
    with tf.variable_scope("a"):
        out = function([tf.ones([2, 3]), tf.ones([2, 1])], 5, True, 1.0)
    with tf.variable_scope("b"):
        function(tf.ones([2, 3]), 5, True, bias_start=2.0, scope="Gates")
        function(tf.ones([2, 3]), 5, False, 0.0, "Other")
    assert out.shape.as_list() == [2, 5]
    names = [v.name for v in tf.trainable_variables()]
    assert names == [
        "a/kernel:0",
        "a/bias:0",
        "b/Gates/kernel:0",
        "b/Gates/bias:0",
        "b/Other/kernel:0",
    ]
    np.testing.assert_array_equal(value(tf.trainable_variables()[3]), np.full(5, 2.0))


# Initialisers, summaries, pictures.


def test_initializers():
    v = tf.get_variable("v", [2], initializer=initializers.ZerosInitializer)
    w = tf.get_variable("w", [2], initializer=initializers.OnesInitializer())
    u = tf.get_variable("u", [2], tf.float64, initializers.ZerosInitializer(tf.float64))
    x = initializers.ZerosInitializer([2, 3])
    y = initializers.OnesInitializer((2,), tf.float64)
    found = value([v, w, u, x, y])
    np.testing.assert_array_equal(found[1], [1, 1])
    assert found[3].shape == (2, 3) and found[4].dtype == np.float64
    np.testing.assert_array_equal(value(initializers.ZerosInitializer()([2])), [0, 0])


def test_summaries(tmp_path):
    with tf.name_scope("inside"):
        summaries.scalar_summary("loss", tf.constant(2.0))
    summaries.scalar_summary(["a", "b"], tf.constant([1.0, 2.0]))
    summaries.histogram_summary("spread", tf.constant([1.0, 2.0]))
    summaries.image_summary("picture", tf.zeros([1, 2, 2, 1]), max_images=1)
    summaries.audio_summary("sound", tf.zeros([1, 9]), 8000.0)
    apart = summaries.scalar_summary("apart", 1.0, collections=[])
    merged = summaries.merge_all_summaries()
    text = value(merged)
    tags = [v.tag for v in tf.Summary.FromString(text).value]
    assert tags == ["loss", "a", "b", "spread", "picture/image", "sound/audio/0"]
    both = tf.Summary.FromString(value(summaries.merge_summary([apart])))
    assert [v.tag for v in both.value] == ["apart"]
    definition = tf.get_default_graph().as_graph_def()
    for graph in (definition, tf.get_default_graph()):
        writer = summaries.SummaryWriter(str(tmp_path), graph, flush_secs=1)
        writer.add_summary(text, 1)
        writer.close()
    assert list(tmp_path.iterdir())


def test_resize_images():
    x = tf.zeros([1, 4, 4, 3])
    assert pictures.resize_images(x, 2, 6).shape.as_list() == [1, 2, 6, 3]
    assert pictures.resize_images(x, [2, 6]).shape.as_list() == [1, 2, 6, 3]
    assert pictures.resize_images(x, size=(2, 6), method=1).shape.as_list() == [1, 2, 6, 3]


PROGRAM = """
import numpy as np
import tensorflow as tf
from tensorflow.models.rnn import rnn, rnn_cell, seq2seq
from tensorflow.models.rnn.linear import linear
from tensorflow.python.framework import dtypes, ops
from tensorflow.python.ops import array_ops, control_flow_ops, math_ops
from tensorflow.python.ops import seq2seq as other
from tensorflow.python.ops import variable_scope as vs
from tensorflow.python.platform import gfile
from tensorflow.python.util import nest
from tensorflow.python import pywrap_tensorflow

cell = rnn_cell.MultiRNNCell([rnn_cell.BasicLSTMCell(5, 0.0, 4)] * 2)
x = tf.placeholder(tf.int32, [3, 4])
with tf.variable_scope("lm", initializer=tf.random_uniform_initializer(-0.1, 0.1)):
    embedding = tf.get_variable("embedding", [7, 5])
    inputs = tf.split(1, 4, tf.nn.embedding_lookup(embedding, x))
    inputs = [tf.squeeze(i, [1]) for i in inputs]
    start = cell.zero_state(3, tf.float32)
    outputs, last = seq2seq.rnn_decoder(inputs, start, cell, scope="decoder")
    output = tf.reshape(tf.concat(1, outputs), [-1, 5])
    w = tf.get_variable("w", [5, 7], initializer=tf.zeros_initializer)
    logits = tf.matmul(output, w)
    loss = tf.nn.seq2seq.sequence_loss_by_example(
        [logits], [tf.reshape(x, [-1])], [tf.ones([12])], 7)
    other_loss = tf.reduce_mean(
        tf.nn.sparse_softmax_cross_entropy_with_logits(logits, tf.reshape(x, [-1])))
tf.scalar_summary("loss", other_loss)
merged = tf.merge_all_summaries()
same = tf.sub(tf.mul(1.0, 2.0), tf.neg(-2.0))
assert nest.is_sequence((1, 2)) and not nest.is_sequence(1)
assert array_ops.concat(0, [[1], [2]]).get_shape()[0].value == 2
assert control_flow_ops.cond is not None and ops.Tensor is not None
assert pywrap_tensorflow.NewCheckpointReader and gfile.Exists and vs.get_variable
with tf.Session() as session:
    session.run(tf.initialize_all_variables())
    feed = {x: np.arange(12).reshape(3, 4) % 7}
    found = session.run([tf.reduce_mean(loss), other_loss, merged, same], feed)
assert abs(found[0] - np.log(7)) < 1e-4, found
assert found[3] == 0
print(len(tf.trainable_variables()), "variables")
"""


def test_an_old_program_runs(tmp_path):
    path = tmp_path / "old.py"
    path.write_text(textwrap.dedent(PROGRAM))
    done = subprocess.run(
        [sys.executable, "-m", "tgcarry", str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.split() == ["4", "variables"]
