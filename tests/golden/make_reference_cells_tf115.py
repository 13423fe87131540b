# ruff: noqa: B905  Python 3.7 has no zip(strict=).
"""Writes what TensorFlow 1.15.5 computes for BasicRNNCell, BasicLSTMCell and GRUCell.

    pip install tensorflow==1.15.5 'protobuf<3.21'      # Python 3.7
    python tests/golden/make_reference_cells_tf115.py

They are the three examples of a blog post on these cells: a batch of 3, inputs of width 2,
4 units, one step on ones from the zero state; and one step more, on drawn inputs. All runs
use one thread.

The rule. Weights, inputs and the weights of the objective are not stored: `numbers(cell)`
below makes them again, with NumPy only, from one `np.random.RandomState(SEED)`, in the order
in which it lists them.

In reference_cells_tf115.npz, with `<c>` one of rnn, lstm, gru and `<d>` of float32, float64:

    <c>/names                        [V] str  the variables' names in the order of creation
    <c>/shapes                       [V] str  their shapes, as "6x4"
    <c>/printed                      [P] str  the shapes in the order in which the post prints
                                     them: X, previous state, variables, state, output; for
                                     rnn the previous state behind the variables
    <c>/<d>/output/{1,2}             [3, 4]   output of step 1, of step 2
    <c>/<d>/state/{1,2}[/c,/h]       [3, 4]   their new states
    <c>/<d>/d_variable/<name>                 gradients of the objective below
    <c>/<d>/d_x/{1,2}                [3, 2]
    <c>/<d>/d_start[/c,/h]           [3, 4]   gradient at the state that step 1 starts from

    objective = <output 1, A1> + <output 2, A2> + <state 2, S>     A1, A2, S from `numbers`
"""

import os
import sys
import warnings

import numpy as np

SEED = 20
BATCH, INPUTS, UNITS = 3, 2, 4
CELLS = ["rnn", "lstm", "gru"]
CLASSES = {"rnn": "BasicRNNCell", "lstm": "BasicLSTMCell", "gru": "GRUCell"}
SHAPES = {
    "rnn": [("kernel", (INPUTS + UNITS, UNITS)), ("bias", (UNITS,))],
    "lstm": [("kernel", (INPUTS + UNITS, 4 * UNITS)), ("bias", (4 * UNITS,))],
    "gru": [
        ("gates/kernel", (INPUTS + UNITS, 2 * UNITS)),
        ("gates/bias", (2 * UNITS,)),
        ("candidate/kernel", (INPUTS + UNITS, UNITS)),
        ("candidate/bias", (UNITS,)),
    ],
}


def numbers(cell):
    """Draws, in this order: params (times 0.5), x of step 2, A1, A2, S (of an LSTM's c, then h).

    Returns:
      (params {name: array}, [x1, x2], [A1, A2], [S leaves]).
    """
    rng = np.random.RandomState(SEED)
    # In saturated units 1 - h^2 would magnify the rounding, in which two versions differ.
    params = {name: 0.5 * rng.standard_normal(shape) for name, shape in SHAPES[cell]}
    xs = [np.ones((BATCH, INPUTS)), rng.standard_normal((BATCH, INPUTS))]
    on_outputs = [rng.standard_normal((BATCH, UNITS)) for _ in range(2)]
    leaves = 2 if cell == "lstm" else 1
    return params, xs, on_outputs, [rng.standard_normal((BATCH, UNITS)) for _ in range(leaves)]


def leaf_names(cell, stem):
    """Returns the keys of a state's leaves."""
    return [stem + "/c", stem + "/h"] if cell == "lstm" else [stem]


def shape_text(shape):
    return "x".join(str(int(n)) for n in shape)


def run(tf, cells, cell, dtype):
    """Runs one cell for two steps in a fresh graph.

    Args:
      tf: a TensorFlow with version 1's interface.
      cells: a module with its cells.
      cell: "rnn", "lstm" or "gru".
      dtype: "float32" or "float64".

    Returns:
      Arrays by key without `<c>/`, as above; `names`, `shapes` and `printed` among them.
    """
    values, xs, on_outputs, on_state = numbers(cell)
    with tf.Graph().as_default():
        feeds = [tf.placeholder(dtype, (BATCH, INPUTS)) for _ in xs]
        layer = getattr(cells, CLASSES[cell])(UNITS)
        start = layer.zero_state(BATCH, dtype)
        output1, state1 = layer(feeds[0], start)
        output2, state2 = layer(feeds[1], state1)
        variables = layer.variables
        ends = tf.nest.flatten(state2)
        objective = tf.add_n(
            [
                tf.reduce_sum(t * a.astype(dtype))
                for t, a in zip([output1, output2, *ends], on_outputs + on_state)
            ]
        )
        starts = tf.nest.flatten(start)
        fetches = {"output/1": output1, "output/2": output2}
        fetches.update(zip(leaf_names(cell, "state/1"), tf.nest.flatten(state1)))
        fetches.update(zip(leaf_names(cell, "state/2"), ends))
        keys = ["d_variable/" + name for name, _ in SHAPES[cell]]
        keys += ["d_x/1", "d_x/2", *leaf_names(cell, "d_start")]
        fetches.update(zip(keys, tf.gradients(objective, variables + feeds + starts)))
        config = tf.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)
        with tf.Session(config=config) as session:
            session.run(tf.global_variables_initializer())
            for variable, (name, _) in zip(variables, SHAPES[cell]):
                variable.load(values[name].astype(dtype), session)
            got = session.run(fetches, dict(zip(feeds, xs)))
        middle = [v.shape for v in variables]
        before = [s.shape for s in starts]
        printed = middle + before if cell == "rnn" else before + middle
        printed = [feeds[0].shape, *printed]
        printed += [s.shape for s in tf.nest.flatten(state1)] + [output1.shape]
        arrays = {dtype + "/" + key: value for key, value in got.items()}
        arrays["names"] = np.array([v.op.name for v in variables])
        arrays["shapes"] = np.array([shape_text(v.shape) for v in variables])
        arrays["printed"] = np.array([shape_text(shape) for shape in printed])
    return arrays


def main(path):
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    warnings.filterwarnings("ignore")
    import tensorflow as tf

    if tf.__version__ != "1.15.5":
        raise SystemExit("needs TensorFlow 1.15.5, not " + tf.__version__)
    tf.compat.v1.logging.set_verbosity("ERROR")
    arrays = {}
    for cell in CELLS:
        for dtype in ("float32", "float64"):
            got = run(tf, tf.nn.rnn_cell, cell, dtype)
            arrays.update((cell + "/" + key, value) for key, value in got.items())
    np.savez_compressed(path, **arrays)
    print("%s: %d arrays, %d bytes" % (path, len(arrays), os.path.getsize(path)))


if __name__ == "__main__":
    here = os.path.dirname(os.path.abspath(__file__))
    main(sys.argv[1] if len(sys.argv) > 1 else os.path.join(here, "reference_cells_tf115.npz"))
