"""The operations that TensorFlow 1.15.5 makes for a step of a cell: how many, and their names."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tgcarry.cells import basic, gru, lstm
from tgcarry.cells.dropout import DropoutWrapper
from tgcarry.cells.multi import MultiRNNCell
from tgcarry.errors import CellError
from tgcarry.legacy import behaviour, numbering
from tgcarry.legacy.rnn import (
    attention,
    convolutional,
    coupled,
    frequency,
    frequency_grid,
    frequency_grid_both_ways,
    grid_kinds,
    groups,
    gru_blocks,
    independent,
    layer_norm_lstm,
    lstm_blocks,
    nas,
    phased,
    projection,
    sharding,
    simple,
    update_gates,
    weight_norm,
    wrappers,
)

B, WIDTH, H = 3, 4, 2


@pytest.fixture(autouse=True)
def graph():
    """Gives each test a fresh graph in TensorFlow 1's mode, as programs have it."""
    with behaviour.tensorflow1(), tf.Graph().as_default() as fresh:
        yield fresh


WINDOWS = {"feature_size": 2, "frequency_skip": 1, "num_frequency_blocks": [3]}


def flat_lstm():
    return lstm.BasicLSTMCell(H, state_is_tuple=False)


# What is made by the first call, variables included, and by the second.
CELLS = {
    "basic": (lambda: basic.BasicRNNCell(H), 19, 5),
    "gru": (lambda: gru.GRUCell(H), 47, 19),
    "basic lstm": (lambda: lstm.BasicLSTMCell(H), 32, 18),
    "basic lstm, one tensor": (flat_lstm, 36, 22),
    "lstm": (lambda: lstm.LSTMCell(H, use_peepholes=True, num_proj=3), 79, 25),
    "lstm in shards": (
        lambda: lstm.LSTMCell(
            H, cell_clip=1.0, num_proj=3, proj_clip=2.0, num_unit_shards=2, num_proj_shards=2
        ),
        77,
        33,
    ),
    "stack": (lambda: MultiRNNCell([flat_lstm(), flat_lstm()], state_is_tuple=False), 80, 52),
    "dropout": (lambda: DropoutWrapper(lstm.LSTMCell(H), 0.5, 0.5, 0.5, seed=3), 80, 66),
    "attention": (lambda: attention.AttentionCellWrapper(lstm.BasicLSTMCell(H), 4), 135, 59),
    "attention over a single state": (
        lambda: attention.AttentionCellWrapper(gru.GRUCell(H), 4),
        150,
        60,
    ),
    "attention, one tensor": (
        lambda: attention.AttentionCellWrapper(
            flat_lstm(), 4, 3, attn_vec_size=5, input_size=6, state_is_tuple=False
        ),
        148,
        72,
    ),
    "highway": (lambda: wrappers.HighwayWrapper(gru.GRUCell(WIDTH)), 69, None),
    "output projection": (
        lambda: projection.OutputProjectionWrapper(gru.GRUCell(H), 3),
        63,
        21,
    ),
    "block lstm": (lambda: lstm_blocks.LSTMBlockCell(H), 16, 2),
    "block lstm with peepholes": (
        lambda: lstm_blocks.LSTMBlockCell(H, use_peephole=True),
        45,
        1,
    ),
    "block gru": (lambda: gru_blocks.GRUBlockCellV2(H), 29, 1),
    "nas": (lambda: nas.NASCell(H, num_proj=3, use_bias=True), 75, 41),
    "intersection": (lambda: update_gates.IntersectionRNNCell(WIDTH), 52, 38),
    "update gate": (lambda: update_gates.UGRNNCell(H), 30, 16),
    "phased": (lambda: phased.PhasedLSTMCell(H), 123, 55),
    "coupled": (
        lambda: coupled.CoupledInputForgetGateLSTMCell(H, use_peepholes=True, num_proj=3),
        68,
        24,
    ),
    "coupled, one tensor": (
        lambda: coupled.CoupledInputForgetGateLSTMCell(
            H, state_is_tuple=False, layer_norm=True, num_proj=3
        ),
        139,
        83,
    ),
    "convolution in one dimension": (
        lambda: convolutional.Conv1DLSTMCell(
            input_shape=[4, 2], output_channels=3, kernel_shape=[3]
        ),
        37,
        23,
    ),
    "convolution in two": (
        lambda: convolutional.Conv2DLSTMCell(
            input_shape=[4, 5, 2], output_channels=3, kernel_shape=[3, 3]
        ),
        32,
        18,
    ),
    "windows": (
        lambda: frequency.TimeFreqLSTMCell(H, True, feature_size=2, frequency_skip=1),
        154,
        110,
    ),
    "normalised": (
        lambda: layer_norm_lstm.LayerNormBasicLSTMCell(H, dropout_keep_prob=0.5),
        153,
        103,
    ),
    "normalised with peepholes": (
        lambda: layer_norm_lstm.LayerNormLSTMCell(H, True, num_proj=3, layer_norm=True),
        188,
        94,
    ),
    "normalised weights": (
        lambda: weight_norm.WeightNormLSTMCell(H, use_peepholes=True, num_proj=3),
        149,
        65,
    ),
    "independent": (lambda: independent.IndyLSTMCell(H), 44, 20),
    "simple": (lambda: simple.SRUCell(WIDTH), 36, 22),
    "grid of two": (lambda: grid_kinds.Grid2LSTMCell(H), 93, None),
    "grid of three": (lambda: grid_kinds.Grid3LSTMCell(H), 125, None),
}
# The same with a batch whose size only the run knows.
GRIDS = {
    "grid": (lambda: frequency_grid.GridLSTMCell(H, True, **WINDOWS), (335, 187), (354, 206)),
    "grid, one tensor": (
        lambda: frequency_grid.GridLSTMCell(
            H, False, True, couple_input_forget_gates=True, state_is_tuple=False, **WINDOWS
        ),
        (128, 114),
        (147, 133),
    ),
    "grid both ways": (
        lambda: frequency_grid_both_ways.BidirectionalGridLSTMCell(H, **WINDOWS),
        (275, 219),
        (308, 252),
    ),
    "groups": (lambda: groups.GLSTMCell(H, number_of_groups=2), (83, 47), (92, 56)),
}


def inputs_for(name, rows):
    shapes = {"convolution in one dimension": [4, 2], "convolution in two": [4, 5, 2]}
    x = tf.placeholder(tf.float32, [rows, *shapes.get(name, [WIDTH])])
    return (tf.placeholder(tf.float64, [rows, 1]), x) if name == "phased" else x


def made_by(call):
    before = numbering.number()
    result = call()
    return numbering.number() - before, result


def made_by_two_calls(cell, inputs, twice=True):
    rows = tf.nest.flatten(inputs)[-1]
    size = rows.shape.as_list()[0] or tf.shape(rows)[0]
    state = cell.zero_state(size, tf.float32)
    first, (_, state) = made_by(lambda: cell(inputs, state))
    return first, made_by(lambda: cell(inputs, state))[0] if twice else None


@pytest.mark.parametrize("name", CELLS)
def test_a_step_counts_as_many_operations_as_in_1_15(name):
    make, first, second = CELLS[name]
    found = made_by_two_calls(make(), inputs_for(name, B), second is not None)
    assert found == (first, second)


@pytest.mark.parametrize("rows", [B, None])
@pytest.mark.parametrize("name", GRIDS)
def test_a_batch_that_only_the_run_knows_costs_operations(name, rows):
    make, known, unknown = GRIDS[name]
    assert made_by_two_calls(make(), inputs_for(name, rows)) == (
        unknown if rows is None else known
    )


@pytest.mark.parametrize(
    ("shape", "count"),
    [
        (lambda b: [2, 3], 1),
        (lambda b: [200, 30], 3),
        (lambda b: [b, 3], 8),
        (lambda b: (b, 3), 8),
        (lambda b: [b, 3, b], 9),
        (lambda b: [b], 5),
        (lambda b: [3, 4, b], 9),
        (lambda b: tf.stack([b, 3]), 4),
    ],
)
@pytest.mark.parametrize("fill", [tf.zeros, tf.ones])
def test_a_listed_shape_was_compared_to_a_limit(fill, shape, count):
    batch = tf.shape(tf.placeholder(tf.float32, [None, 4]))[0]
    assert made_by(lambda: fill(shape(batch)))[0] == count


def test_the_broadcast_of_two_known_shapes_is_found_once():
    x, y = (tf.placeholder(tf.float32, [B, H]) for _ in range(2))
    slopes = [made_by(lambda v=v: tf.gradients(1.0 - v, v))[0] for v in (x, y)]
    assert slopes[0] - slopes[1] == 3


def test_basic_lstm_operations_have_their_names():
    output, _ = lstm.BasicLSTMCell(H)(tf.zeros([B, WIDTH]), (tf.zeros([B, H]),) * 2)
    assert output.op.name == "basic_lstm_cell/Mul_2"


def test_a_stack_says_what_state_it_expects():
    cell = MultiRNNCell([gru.GRUCell(H) for _ in range(2)])
    with pytest.raises(CellError, match=r"Expected state of multi_rnn_cell.* to be a tuple of 2"):
        cell(tf.zeros([B, WIDTH]), tf.zeros([B, 2 * H]))


def test_shards_have_about_as_many_rows_each():
    parts = sharding.shards("part", [5, 2], tf.float32, 3)
    assert [part.op.name for part in parts] == ["part_0", "part_1", "part_2"]
    assert [part.shape.as_list() for part in parts] == [[2, 2], [2, 2], [1, 2]]


def test_periods_are_even_in_their_logarithm():
    start = phased.log_uniform(2.0, 8.0, seed=1)
    with tf.Session() as session:
        logs = np.log(session.run(start([1000])))
    assert np.log(2) <= logs.min() < 1.0 < 1.8 < logs.max() <= np.log(8)
    np.testing.assert_allclose(logs.mean(), np.log(4), atol=0.05)


class WithTime(lstm.LSTMCell):
    """Adds the share of units that are on to its output, as a subclass in an old program may."""

    def __init__(self, units):
        super().__init__(units)
        self._output_size = self._state_size.h + 1

    def call(self, inputs, state):
        output, state = super().call(inputs, state)
        on = tf.reduce_mean(tf.cast(output > 0, tf.float32), 1, keepdims=True)
        return tf.concat([output, on], 1), state


def test_an_lstm_subclass_sets_its_own_sizes():
    outputs, state = tf.nn.dynamic_rnn(WithTime(H), tf.ones([B, 5, WIDTH]), dtype=tf.float32)
    assert outputs.shape.as_list() == [B, 5, H + 1]
    assert state.h.shape.as_list() == [B, H]
