"""Two chained models, unrolled by hand with tgcarry's cells, against TensorFlow 1.15.5."""

from pathlib import Path

import models
import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import tgcarry as tgc

GOLDEN = np.load(Path(__file__).parent / "golden" / "chained_tf115.npz", allow_pickle=False)
STEPS = GOLDEN["mask"].sum(1)
UNITS = 4


def chained():
    """Chains a cell's outputs into another cell, each for its own number of steps."""
    x = tf.constant(GOLDEN["x"])
    with tf.variable_scope("a"):
        intermediate, final_a = tgc.dynamic_rnn(tgc.BasicRNNCell(UNITS), x, dtype=tf.float32)
    cell = tgc.BasicRNNCell(UNITS, name="b")
    state = cell.zero_state(x.shape[0], tf.float32)
    columns = []
    for t, steps in enumerate(STEPS):
        column = []
        for _ in range(steps):
            output, state = cell(intermediate[:, t], state)
            column.append(output)
        padding = [tf.zeros_like(state)] * (max(STEPS) - steps)
        columns.append(tf.stack(column + padding))
    return x, intermediate, tf.stack(columns), final_a, state


@pytest.fixture
def values():
    x, intermediate, outputs, final_a, final_b = chained()
    loss = tf.reduce_sum(outputs * GOLDEN["r"])
    names = ["a/kernel", "a/bias", "b/kernel", "b/bias"]
    targets = dict(zip(names, tf.trainable_variables(), strict=True))
    targets |= {"x": x, "intermediate": intermediate}
    fetches = {
        "outputs": outputs,
        "intermediate": intermediate,
        "final_a": final_a,
        "final_b": final_b,
    }
    gradients = tf.gradients(loss, list(targets.values()))
    fetches |= {f"grad/{n}": g for n, g in zip(targets, gradients, strict=True)}
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for name in names:
            targets[name].load(GOLDEN[name], session)
        return session.run(fetches)


def test_values_and_gradients_are_those_of_1_15(values):
    for name, value in values.items():
        assert models.relative([value], [GOLDEN[name].astype(np.float64)]) < 1e-6, name


def test_the_gradient_flows_sideways(values):
    """What the second model writes last depends on what the first one read first."""
    assert np.abs(values["grad/x"][:, 0]).min() > 0
