"""The LSTM's step and sequence as functions, next to the cells that use them."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tgcarry.errors import CellError
from tgcarry.legacy import behaviour
from tgcarry.legacy.modules import Facade
from tgcarry.legacy.registry import by_module
from tgcarry.legacy.rnn import lstm_blocks, lstm_kernels

T, B, WIDTH, H = 4, 3, 2, 5
GATES = ("i", "cs", "f", "o", "ci", "co", "h")


@pytest.fixture(autouse=True)
def graph():
    with behaviour.tensorflow1(), tf.Graph().as_default() as fresh:
        yield fresh


@pytest.fixture
def weights(rng):
    shapes = {"w": [WIDTH + H, 4 * H], "b": [4 * H], "wci": [H], "wcf": [H], "wco": [H]}
    return {
        name: tf.constant(rng.normal(size=shape).astype(np.float32))
        for name, shape in shapes.items()
    }


def run(*tensors):
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        return session.run(tensors)


def sequence(rng):
    return [tf.constant(rng.normal(size=[B, WIDTH]).astype(np.float32)) for _ in range(T)]


@pytest.mark.parametrize("options", [{}, {"use_peephole": True}, {"cell_clip": 0.2}])
def test_the_sequence_is_the_step_repeated_in_all_gates_and_gradients(rng, weights, options):
    xs = sequence(rng)
    if "use_peephole" not in options:
        weights = {name: weights[name] for name in "wb"}
    c, h = tf.zeros([B, H]), tf.zeros([B, H])
    steps = []
    for x in xs:
        steps.append(lstm_kernels.lstm_block_cell(x, c, h, **weights, forget_bias=0.5, **options))
        c, h = steps[-1].cs, steps[-1].h
    whole = lstm_kernels.block_lstm(
        tf.constant(T, tf.int64), xs, **weights, forget_bias=0.5, **options
    )
    assert len(whole) == len(GATES) == len(steps[0])
    inputs = [*xs, *weights.values()]
    ours, theirs = run([list(step) for step in steps], list(zip(*whole, strict=True)))
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)
    for one, other in zip(
        *run(
            tf.gradients([step.h for step in steps], inputs),
            tf.gradients(whole[-1], inputs),
        ),
        strict=True,
    ):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_the_sequence_starts_from_a_state_and_stops_early(rng, weights):
    xs = sequence(rng)
    start = tf.constant(rng.normal(size=[B, H]).astype(np.float32))
    w, b = weights["w"], weights["b"]
    whole = lstm_kernels.block_lstm(tf.constant(2, tf.int64), xs, w, b, start, start)
    first = lstm_kernels.lstm_block_cell(xs[0], start, start, w, b)
    second = lstm_kernels.lstm_block_cell(xs[1], first.cs, first.h, w, b)
    got, one, two = run(whole[-1], first.h, second.h)
    np.testing.assert_allclose(got[:2], [one, two], rtol=1e-5, atol=1e-6)


def test_the_cell_of_one_step_computes_what_its_function_does(rng):
    x = tf.constant(rng.normal(size=[B, WIDTH]).astype(np.float32))
    state = tuple(tf.constant(rng.normal(size=[B, H]).astype(np.float32)) for _ in range(2))
    cell = lstm_blocks.LSTMBlockCell(H, 0.7, 0.4, use_peephole=True)
    output, (c, h) = cell(x, state)
    kernel, bias, *diagonals = tf.trainable_variables()
    assert [v.op.name for v in diagonals] == [f"lstm_cell/w_{gate}_diag" for gate in "ifo"]
    step = lstm_kernels.lstm_block_cell(
        x, *state, kernel, bias, *diagonals, forget_bias=0.7, cell_clip=0.4, use_peephole=True
    )
    got = run(output, c, h, step.h, step.cs)
    for mine, other in ((0, 3), (1, 4), (2, 3)):
        np.testing.assert_array_equal(got[mine], got[other])


def test_peepholes_have_to_be_given(rng, weights):
    xs = sequence(rng)
    with pytest.raises(CellError, match="wcf"):
        lstm_kernels.block_lstm(T, xs, weights["w"], weights["b"], use_peephole=True)


def test_old_programs_find_both_functions_in_their_module():
    ops = Facade(by_module()).find("tensorflow.contrib.rnn.python.ops.lstm_ops")
    assert ops._block_lstm is lstm_kernels.block_lstm
    assert ops._lstm_block_cell is lstm_kernels.lstm_block_cell
