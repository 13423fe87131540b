"""Rows that are read at many steps, multiplied once, against the same inputs written out."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import tgcarry as tgc
from tgcarry.engines import Engine
from tgcarry.repeated import Repeated
from tgcarry.unroll import unroll_repeated

ROWS, WIDTH, BESIDE = 6, 3, 2


def twice(cell):
    return tgc.MultiRNNCell([cell] * 2)


CELLS = {
    "rnn": lambda: tgc.BasicRNNCell(4),
    "gru": lambda: tgc.GRUCell(4),
    "lstm": lambda: tgc.LSTMCell(4),
    "lstm relu": lambda: tgc.LSTMCell(4, activation=tf.nn.relu),
    "stack": lambda: tgc.MultiRNNCell([tgc.GRUCell(4), tgc.BasicLSTMCell(3)]),
    "residual above": lambda: tgc.MultiRNNCell(
        [tgc.GRUCell(5), tgc.ResidualWrapper(tgc.GRUCell(5))]
    ),
    "residual below": lambda: tgc.ResidualWrapper(tgc.GRUCell(WIDTH + BESIDE)),
    "one cell twice": lambda: twice(tgc.GRUCell(WIDTH + BESIDE)),
    "stock below": lambda: tgc.MultiRNNCell([tgc.LSTMCell(4, True), tgc.GRUCell(3)]),
}


def both(kind, rng, batch, engine, flags, beside=True):
    """Returns outputs, final states and gradients of both ways, flat."""
    steps = 7
    table = tf.constant(rng.normal(size=(ROWS, WIDTH if beside else WIDTH + BESIDE)))
    more = tf.constant(rng.normal(size=(steps, batch, BESIDE))) if beside else None
    rows = tf.constant(rng.integers(0, ROWS, size=(steps, batch)), tf.int32)
    lengths = rng.integers(0, steps + 1, size=batch) if flags else np.full(batch, steps)
    live = tf.constant(np.arange(steps)[:, np.newaxis] < lengths)
    resets = tf.constant(rng.random((steps, batch)) < 0.3) if flags else None
    inputs = Repeated(table, rows, live, more)
    cell = CELLS[kind]()
    ends = tf.constant(lengths, tf.int32) if flags else None
    runs = [
        unroll_repeated(cell, inputs, ends, None, resets, "one", Engine(engine, "")),
        tgc.dynamic_rnn(
            cell,
            inputs.whole(),
            ends,
            dtype=tf.float64,
            time_major=True,
            engine="stock",
            resets=resets,
        ),
    ]
    variables = tf.trainable_variables()
    found = []
    slopes = rng.normal(size=(steps, batch, runs[0][0].shape.as_list()[2]))
    for outputs, final in runs:
        objective = tf.reduce_sum(outputs * slopes)
        objective += tf.add_n([tf.reduce_sum(tf.sin(leaf)) for leaf in tf.nest.flatten(final)])
        wanted = [table, *([more] if beside else []), *variables]
        gradients = tf.gradients(objective, wanted)
        found.append([outputs, *tf.nest.flatten(final), *map(tf.convert_to_tensor, gradients)])
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        return session.run(found)


def same(one, other):
    for got, wanted in zip(one, other, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-10 * max(1, np.abs(wanted).max()))


@pytest.mark.parametrize("kind", CELLS)
def test_it_is_the_inputs_written_out(kind, rng):
    same(*both(kind, rng, 5, "loop", flags=True))


@pytest.mark.parametrize("kind", ["gru", "lstm"])
def test_so_it_is_with_few_streams(kind, rng):
    same(*both(kind, rng, 2, "loop", flags=False))


@pytest.mark.parametrize("kind", ["gru", "lstm"])
def test_so_it_is_with_many_streams_and_nothing_beside(kind, rng):
    same(*both(kind, rng, 50, "loop", flags=True, beside=False))


@pytest.mark.parametrize("batch", [2, 9])
def test_so_it_is_compiled(batch, rng):
    same(*both("lstm", rng, batch, "fused", flags=False))


def test_the_width_is_that_of_both_parts():
    table, beside = tf.zeros([ROWS, WIDTH]), tf.zeros([7, 2, BESIDE])
    rows = tf.zeros([7, 2], tf.int32)
    inputs = Repeated(table, rows, tf.ones([7, 2], tf.bool), beside)
    assert inputs.width == WIDTH + BESIDE
    assert inputs.whole().shape.as_list() == [7, 2, WIDTH + BESIDE]
    assert inputs.times(tf.zeros([WIDTH + BESIDE, 4])).shape.as_list() == [7, 2, 4]
