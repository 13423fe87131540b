"""Writes chained_tf115.npz: two chained models, a ragged number of steps, TensorFlow 1.15.5.

Model A reads a sequence; each of its outputs is repeated and unrolled through model B for a
number of steps of its own, B's state carried on; the outputs are padded to the longest column.
This is the flow of the question on Stack Overflow about chaining two models, at its sizes (batch
2, 3 outer steps, 4 units, steps [3, 4, 2]), built with two nested while loops in a graph.

Run under Python 3.7:
    pip install tensorflow==1.15.5 'protobuf<3.21'
    python tests/golden/make_chained_tf115.py

Arrays: x [2, 3, 4], weights r [3, 4, 2, 4] of the outputs in the scalar loss, `<model>/kernel`
[8, 4] and `<model>/bias` [4] for the models a and b, outputs [3, 4, 2, 4], mask [3, 4],
intermediate [2, 3, 4] (A's outputs), final_a and final_b [2, 4], and for sum(r * outputs) the
gradients grad/x, grad/intermediate, grad/<model>/kernel and grad/<model>/bias.
"""

from pathlib import Path

import numpy as np

STEPS = [3, 4, 2]
BATCH, OUTER, UNITS = 2, 3, 4


def draw():
    """Draws the fixed inputs and weights; both sides of the comparison use them."""
    rng = np.random.RandomState(31)
    arrays = {"x": rng.randn(BATCH, OUTER, UNITS), "r": rng.randn(OUTER, max(STEPS), BATCH, UNITS)}
    for name in ("a", "b"):
        arrays[name + "/kernel"] = 0.5 * rng.randn(2 * UNITS, UNITS)
        arrays[name + "/bias"] = 0.1 * rng.randn(UNITS)
    return {name: value.astype(np.float32) for name, value in arrays.items()}


def main():
    import tensorflow as tf

    assert tf.__version__ == "1.15.5", tf.__version__
    given = draw()
    weights = {n: tf.constant(v) for n, v in given.items() if "/" in n}

    def cell(name, inputs, state):
        joined = tf.concat([inputs, state], 1)
        return tf.tanh(tf.matmul(joined, weights[name + "/kernel"]) + weights[name + "/bias"])

    x = tf.constant(given["x"])
    steps, longest = tf.constant(STEPS), max(STEPS)
    state = tf.zeros([BATCH, UNITS])
    above = []
    for t in range(OUTER):
        state = cell("a", x[:, t], state)
        above.append(state)
    final_a = state
    intermediate = tf.stack(above, 1)

    def outer(t, columns, state):
        source, count = intermediate[:, t], steps[t]

        def inner(s, column, state):
            state = cell("b", source, state)
            return s + 1, column.write(s, state), state

        column = tf.TensorArray(tf.float32, count, element_shape=[BATCH, UNITS])
        _, column, state = tf.while_loop(lambda s, *_: s < count, inner, (0, column, state))
        filled = tf.pad(column.stack(), [[0, longest - count], [0, 0], [0, 0]])
        return t + 1, columns.write(t, filled), state

    columns = tf.TensorArray(tf.float32, OUTER, element_shape=[None, BATCH, UNITS])
    start = (0, columns, tf.zeros([BATCH, UNITS]))
    _, columns, final_b = tf.while_loop(lambda t, *_: t < OUTER, outer, start)
    outputs = columns.stack()
    loss = tf.reduce_sum(outputs * given["r"])
    targets = dict(weights, x=x, intermediate=intermediate)
    fetches = {
        "outputs": outputs,
        "intermediate": intermediate,
        "final_a": final_a,
        "final_b": final_b,
    }
    for name, tensor in targets.items():
        fetches["grad/" + name] = tf.gradients(loss, tensor)[0]
    with tf.Session() as session:
        found = session.run(fetches)
    found["mask"] = np.arange(longest)[None, :] < np.array(STEPS)[:, None]
    np.savez_compressed(str(Path(__file__).with_name("chained_tf115.npz")), **dict(given, **found))


if __name__ == "__main__":
    main()
