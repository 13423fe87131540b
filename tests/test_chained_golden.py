"""Two chained models, by `chained_rnn` and unrolled by hand, against TensorFlow 1.15.5."""

from pathlib import Path

import models
import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from loading import start_with

import tgcarry as tgc

GOLDEN = np.load(Path(__file__).parent / "golden" / "chained_tf115.npz", allow_pickle=False)
STEPS = GOLDEN["mask"].sum(1)
UNITS = 4
WEIGHTS = ["a/kernel", "a/bias", "b/kernel", "b/bias"]
# In float64 what is left is the rounding of 1.15.5, which ran in float32.
TOLERANCE = 1e-6


class Chain:
    """Holds tensors under the names of the golden arrays, S in the second place."""

    def __init__(self, x, intermediate, outputs, final_a, final_b):
        self.sources = {"x": x, "intermediate": intermediate}
        self.values = {"outputs": outputs, "final_a": final_a, "final_b": final_b}


def by_hand(dtype):
    """Chains a cell's outputs into another cell, each for its own number of steps."""
    x = tf.constant(GOLDEN["x"], dtype)
    with tf.variable_scope("a"):
        intermediate, final_a = tgc.dynamic_rnn(tgc.BasicRNNCell(UNITS), x, dtype=dtype)
    cell = tgc.BasicRNNCell(UNITS, name="b")
    state = cell.zero_state(x.shape[0], dtype)
    columns = []
    for t, steps in enumerate(STEPS):
        column = []
        for _ in range(steps):
            output, state = cell(intermediate[:, t], state)
            column.append(output)
        padding = [tf.zeros_like(state)] * (max(STEPS) - steps)
        columns.append(tf.stack(column + padding))
    return Chain(x, intermediate, tf.stack(columns), final_a, state)


def chained(dtype, engine):
    """Does the same with `chained_rnn`."""
    x = tf.constant(GOLDEN["x"].transpose(1, 0, 2), dtype)
    cells = tgc.BasicRNNCell(UNITS), tgc.BasicRNNCell(UNITS)
    # Time first, so that the outer outputs are the tensor that the inner model reads.
    out = tgc.chained_rnn(*cells, x, STEPS, time_major=True, engine=engine)
    outputs = tf.transpose(out.outputs, [0, 2, 1, 3])
    return Chain(x, out.outer_outputs, outputs, *out.final_state)


def run(chain):
    """Returns the values and gradients by the golden names, with the golden weights."""
    weights = dict(zip(WEIGHTS, tf.trainable_variables(), strict=True))
    targets = {**weights, **chain.sources}
    loss = tf.reduce_sum(chain.values["outputs"] * GOLDEN["r"])
    gradients = tf.gradients(loss, list(targets.values()))
    fetches = {**chain.values, "intermediate": chain.sources["intermediate"]}
    fetches |= {f"grad/{n}": g for n, g in zip(targets, gradients, strict=True)}
    with tf.Session() as session:
        start_with({variable: GOLDEN[name] for name, variable in weights.items()}, session)
        return session.run(fetches)


def check(values, batch_first=()):
    assert {n for n in GOLDEN.files if n.startswith("grad/")} < set(values)
    for name, value in values.items():
        wanted = GOLDEN[name].astype(np.float64)
        got = value.swapaxes(0, 1) if name in batch_first else value
        assert got.shape == wanted.shape
        assert models.relative([got], [wanted]) < TOLERANCE, name


@pytest.mark.parametrize(
    ("engine", "dtype"),
    [("stock", tf.float32), ("loop", tf.float32), ("loop", tf.float64), ("fused", tf.float32)],
    ids=["stock", "loop", "loop64", "fused"],
)
def test_chained_rnn_has_the_values_and_gradients_of_1_15(engine, dtype):
    values = run(chained(dtype, engine))
    check(values, ("intermediate", "grad/x", "grad/intermediate"))
    assert values["outputs"].shape == (3, 4, 2, 4)
    assert not values["outputs"][~GOLDEN["mask"]].any()
    # What the second model writes last depends on what the first one read first.
    assert np.abs(values["grad/x"][0]).min() > 0


def test_by_hand_it_has_them_too():
    check(run(by_hand(tf.float32)))
