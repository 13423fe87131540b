"""Old programs' gradients of gradients, which separate steps have and loops have not."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tgcarry import cells
from tgcarry.errors import CarryError
from tgcarry.legacy import behaviour, settings, unrolling

B, L, WIDTH, H = 2, 3, 4, 5


@pytest.fixture(autouse=True)
def graph():
    """Has every test of this file run as an old program does, on a fresh graph."""
    with behaviour.tensorflow1(), tf.Graph().as_default() as fresh:
        yield fresh


CELLS = {
    "gru": lambda: cells.GRUCell(H),
    "blstm_flat": lambda: cells.BasicLSTMCell(H, state_is_tuple=False),
    "lstm": lambda: cells.LSTMCell(H),
    "basic": lambda: cells.BasicRNNCell(H),
}


def dynamic(cell, x, **options):
    return unrolling.dynamic_rnn(cell, x, dtype=tf.float32, **options)


def static(cell, x, **options):
    outputs, final = unrolling.static_rnn(cell, tf.unstack(x, L, 1), dtype=tf.float32, **options)
    return tf.stack(outputs, 1), final


def penalty(unroll, make, engine, times=1, **options):
    """Evaluates a penalty on the slope at the inputs, and its own slopes, under one engine."""
    chosen = settings.using(settings.Settings(engine=engine))
    with chosen, tf.Graph().as_default(), tf.Session() as sess:
        tf.set_random_seed(3)
        x = tf.placeholder(tf.float32, [B, L, WIDTH])
        cell, outputs = make(), x
        for _ in range(times):
            outputs, final = unroll(cell, outputs, **options)
        ends = [outputs[:, -1], *tf.nest.flatten(final)]
        score = tf.add_n([tf.reduce_sum(tf.sin(end)) for end in ends])
        size = tf.sqrt(tf.reduce_sum(tf.square(tf.gradients(score, x)[0]), [1, 2]))
        loss = tf.reduce_mean(tf.square(size - 1))
        slopes = tf.gradients(loss, [x, *tf.trainable_variables()])
        sess.run(tf.global_variables_initializer())
        values = np.random.RandomState(2).randn(B, L, WIDTH)
        return sess.run([loss, *[s for s in slopes if s is not None]], {x: values})


def check_penalty(make, **options):
    wanted = penalty(static, make, "stock", **options)
    got = penalty(static, make, "loop", **options)
    for one, other in zip(got, wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-4, atol=2e-6)


@pytest.mark.parametrize("name", ["gru", "lstm", "blstm_flat", "basic"])
def test_separate_steps_have_gradients_of_gradients(name):
    check_penalty(CELLS[name])


def test_gradients_of_gradients_know_of_padding():
    check_penalty(CELLS["gru"], sequence_length=[3, 1])


def test_gradients_of_gradients_of_a_cell_behind_itself():
    check_penalty(lambda: cells.GRUCell(WIDTH), times=2)


def test_gradients_of_gradients_of_compiled_layers():
    wanted = penalty(static, CELLS["gru"], "stock")
    for one, other in zip(penalty(static, CELLS["gru"], "fused"), wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-4, atol=2e-6)


@pytest.mark.parametrize("engine", ["stock", "loop"])
def test_a_loop_has_no_gradients_of_gradients(engine):
    with pytest.raises((TypeError, CarryError), match=r"(?i)second-order|gradient of a gr"):
        penalty(dynamic, CELLS["gru"], engine)
