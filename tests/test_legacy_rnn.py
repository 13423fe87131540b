"""The wrappers, layers and helpers of `tf.contrib.rnn` and its neighbours."""

import subprocess
import sys

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tgcarry import cells
from tgcarry.errors import CellError
from tgcarry.legacy import behaviour
from tgcarry.legacy.modules import resolve
from tgcarry.legacy.names import contrib_rnn
from tgcarry.legacy.rnn import (
    cudnn_layers,
    fused,
    helpers,
    linear,
    lstm_blocks,
    projection,
    stacked,
    wrappers,
)

B, T, WIDTH, H = 3, 5, 4, 2


@pytest.fixture(autouse=True)
def graph():
    """Gives each test a fresh graph in TensorFlow 1's mode, as programs have it."""
    # The switches want an empty graph stack, which the usual fixture's graph would fill.
    with behaviour.tensorflow1(), tf.Graph().as_default() as fresh:
        yield fresh


def names():
    return [v.op.name for v in tf.global_variables()]


def values(*fetches):
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        return session.run(fetches)


def test_every_target_of_the_tables_is_there():
    for table in contrib_rnn.TABLES:
        for target in table.names.values():
            resolve(target)
    for target in [
        *contrib_rnn.CELL_MODULE_NAMES.values(),
        *contrib_rnn.UNROLLING_MODULE_NAMES.values(),
    ]:
        resolve(target)


def test_linear_is_one_product_of_all_tensors(rng):
    x, y = rng.normal(size=(B, WIDTH)), rng.normal(size=(B, H))
    with tf.variable_scope("cell"):
        out = linear.linear([tf.constant(x), tf.constant(y)], 3, True, 0.5)
    kernel, bias = tf.global_variables()
    assert names() == ["cell/kernel", "cell/bias"]
    got, w, b = values(out, kernel, bias)
    assert np.allclose(got, np.concatenate([x, y], 1) @ w + b)
    assert b.tolist() == [0.5] * 3


def test_linear_object_uses_its_variables_again():
    x = tf.ones([B, WIDTH])
    once = linear.Linear(x, 3, True)
    assert once(x).shape == once(x).shape
    assert names() == ["kernel", "bias"]


@pytest.mark.parametrize("args", [None, [], "x"])
def test_linear_refuses_what_is_no_matrix(args):
    given = tf.ones([B, WIDTH, 2]) if args == "x" else args
    with pytest.raises(CellError):
        linear.linear(given, 3, True)


def test_shapes_join_as_tensors_and_as_lists():
    assert helpers.concat_shapes(B, tf.TensorShape([2, None]), static=True) == [B, 2, None]
    assert values(helpers.concat_shapes(tf.constant(B), 4))[0].tolist() == [B, 4]
    with pytest.raises(CellError):
        helpers.concat_shapes(None, 4)


def test_batch_and_time_swap_places():
    x = tf.placeholder(tf.float32, [None, T, WIDTH])
    assert helpers.transpose_batch_time(x).shape.as_list() == [T, None, WIDTH]
    assert (
        helpers.best_effort_input_batch_size([helpers.transpose_batch_time(x)]).dtype == tf.int32
    )
    assert helpers.best_effort_input_batch_size([tf.ones([T, B, WIDTH])]) == B


def test_embedding_wrapper_embeds_integers():
    cell = projection.EmbeddingWrapper(cells.GRUCell(H), 7, 3)
    outputs, _ = tf.nn.dynamic_rnn(cell, tf.zeros([B, T, 1], tf.int32), dtype=tf.float32)
    assert names()[0] == "rnn/embedding_wrapper/embedding"
    assert outputs.shape.as_list() == [B, T, H]


def test_device_wrapper_places_operations():
    cell = wrappers.DeviceWrapper(cells.GRUCell(H), "/cpu:0")
    output, _ = cell(tf.ones([B, WIDTH]), cell.zero_state(B, tf.float32))
    assert output.device.lower().endswith("cpu:0")
    assert names()[0] == "gru_cell/gates/kernel"


def test_fused_lstm_is_the_block_cell_unrolled(rng):
    x = tf.constant(rng.normal(size=(T, B, WIDTH)), tf.float32)
    lengths = tf.constant([5, 0, 2])
    whole = lstm_blocks.LSTMBlockFusedCell(H, name="lstm", use_peephole=True)
    outputs, state = whole(x, dtype=tf.float32, sequence_length=lengths)
    with tf.variable_scope("", reuse=True):
        cell = lstm_blocks.LSTMBlockCell(H, use_peephole=True, name="lstm", reuse=True)
        start = cell.zero_state(B, tf.float32)
        with tf.variable_scope("lstm"):
            cell._find_scope(None)
        cell._scope = whole._scope
        expected, final = tf.nn.dynamic_rnn(cell, x, lengths, start, time_major=True)
    assert names() == [f"lstm/{n}" for n in ("kernel", "bias", "w_i_diag", "w_f_diag", "w_o_diag")]
    got = values(outputs, *state, expected, *final)
    for ours, theirs in zip(got[:3], got[3:], strict=True):
        assert np.allclose(ours, theirs, atol=1e-6)


def test_fused_lstm_takes_lists():
    steps = [tf.ones([B, WIDTH])] * T
    outputs, _ = lstm_blocks.LSTMBlockFusedCell(H)(steps, dtype=tf.float32)
    assert len(outputs) == T
    assert names() == ["lstm_fused_cell/kernel", "lstm_fused_cell/bias"]


@pytest.mark.parametrize("dynamic", [False, True])
def test_adaptor_runs_backwards_in_time(rng, dynamic):
    x = tf.constant(rng.normal(size=(T, B, WIDTH)), tf.float32)
    adaptor = fused.FusedRNNCellAdaptor(cells.GRUCell(H), dynamic)
    outputs, state = fused.TimeReversedFusedRNN(adaptor)(x, dtype=tf.float32)
    got, end = values(outputs, state)
    assert got.shape == (T, B, H)
    assert np.allclose(got[0], end)


def test_stacked_layers_read_both_directions():
    layers = [[cells.GRUCell(H) for _ in range(2)] for _ in range(2)]
    outputs, forward, backward = stacked.stack_bidirectional_dynamic_rnn(
        *layers, tf.ones([B, T, WIDTH]), dtype=tf.float32
    )
    assert outputs.shape.as_list() == [B, T, 2 * H]
    assert len(forward) == len(backward) == 2
    where = "stack_bidirectional_rnn/cell_1/bidirectional_rnn/bw/gru_cell/gates/kernel"
    assert where in names()
    with pytest.raises(CellError):
        stacked.stack_bidirectional_dynamic_rnn(layers[0], [], tf.ones([B, T, WIDTH]))


def test_stacked_layers_over_lists():
    outputs, *_ = stacked.stack_bidirectional_rnn(
        [cells.GRUCell(H)], [cells.GRUCell(H)], [tf.ones([B, WIDTH])] * T, dtype=tf.float32
    )
    assert [step.shape.as_list() for step in outputs] == [[B, 2 * H]] * T


def test_cudnn_lstm_is_its_cells_stacked(rng):
    x = tf.constant(rng.normal(size=(T, B, WIDTH)), tf.float32)
    with tf.variable_scope("model"):
        layer = cudnn_layers.CudnnLSTM(2, H, kernel_initializer=tf.ones_initializer())
        outputs, (h, c) = layer(x, training=False)
    root = "model/rnn/multi_rnn_cell/cell_{}/cudnn_compatible_lstm_cell/{}"
    assert names() == [root.format(n, v) for n in (0, 1) for v in ("kernel", "bias")]
    assert layer.trainable_variables == tf.trainable_variables()
    got, last, memory = values(outputs, h, c)
    assert last.shape == memory.shape == (2, B, H)
    assert np.allclose(got[-1], last[1])


def test_cudnn_gru_both_ways_and_batch_first(rng):
    x = rng.normal(size=(B, T, WIDTH)).astype("f")
    layer = cudnn_layers.CudnnGRU(1, H, direction="bidirectional")
    outputs, (h,) = layer(tf.constant(x), None, [5, 1, 2], time_major=False)
    got, last = values(outputs, h)
    assert got.shape == (B, T, 2 * H)
    assert last.shape == (B, 2, H)
    assert not got[1, 1:].any()
    assert np.allclose(got[1, 0], last[1].ravel())
    assert "stack_bidirectional_rnn/cell_0/bidirectional_rnn/bw" in names()[-1]


def test_cudnn_layers_in_one_scope_have_their_own_variables():
    for _ in range(2):
        cudnn_layers.CudnnGRU(1, H)(tf.ones([T, B, WIDTH]))
    found = names()
    assert len(set(found)) == 12
    assert found[6].startswith("cudnn_gru_1/rnn/multi_rnn_cell/cell_0/")


def test_cudnn_layer_called_twice_shares_its_variables():
    layer = cudnn_layers.CudnnRNNRelu(1, H)
    layer(tf.ones([T, B, WIDTH]))
    layer(tf.ones([T, B, WIDTH]), training=False)
    assert len(names()) == 2


PROGRAM = """
import numpy as np
import tensorflow as tf
from tensorflow.contrib import rnn
from tensorflow.contrib.rnn.python.ops.core_rnn_cell import _linear
from tensorflow.contrib.rnn.python.ops import core_rnn_cell

class Own(rnn.RNNCell):
    @property
    def state_size(self):
        return 3
    @property
    def output_size(self):
        return 3
    def __call__(self, inputs, state, scope=None):
        with tf.variable_scope(scope or type(self).__name__):
            new = tf.tanh(_linear([inputs, state], 3, True))
        return new, new

x = tf.placeholder(tf.float32, [None, 4, 2])
cell = rnn.MultiRNNCell([Own(), rnn.AttentionCellWrapper(rnn.LSTMBlockCell(3), 2)])
outputs, state = tf.nn.dynamic_rnn(cell, x, dtype=tf.float32)
phased, _ = tf.nn.dynamic_rnn(rnn.PhasedLSTMCell(3), (x[:, :, :1], x), dtype=tf.float32,
                              scope="phased")
steps, _ = rnn.static_rnn(rnn.LayerNormBasicLSTMCell(3, dropout_keep_prob=0.5),
                          tf.unstack(x, axis=1), dtype=tf.float32)
loss = tf.reduce_sum(outputs) + tf.reduce_sum(phased) + tf.reduce_sum(steps[-1])
train = tf.train.AdamOptimizer().minimize(loss)
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for _ in range(2):
        sess.run(train, {x: np.ones([5, 4, 2])})
print(tf.global_variables()[0].name, outputs.get_shape()[-1].value)
"""


@pytest.mark.slow
def test_a_program_runs(tmp_path):
    (tmp_path / "prog.py").write_text(PROGRAM)
    done = subprocess.run(
        [sys.executable, "-m", "tgcarry", str(tmp_path / "prog.py")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.split() == ["rnn/multi_rnn_cell/cell_0/Own/kernel:0", "3"]
