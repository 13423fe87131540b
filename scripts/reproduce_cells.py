"""Reproduces a blog post on TensorFlow's BasicRNNCell, BasicLSTMCell and GRUCell.

    python scripts/reproduce_cells.py
    python scripts/reproduce_cells.py --cell=gru --batch_size=5 --input_dim=3 --output_dim=8

For each cell: the shapes that the post prints, then a line for each check, with its figure and
its bar. The cell's values and gradients against equations written out in NumPy; the post's
question why `[x, h] W` is written where a textbook has `x Wx + h Wh`; and for the plain
recurrence its remark that gradients vanish or explode. The exit code is 1 if a check fails.
"""

from __future__ import annotations

import _startup

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import tensorflow.compat.v1 as tf
from _checks import Checks, relative
from absl import flags

import tgcarry as tgc
from tgcarry import reference

CELLS = {"rnn": tgc.BasicRNNCell, "lstm": tgc.BasicLSTMCell, "gru": tgc.GRUCell}
KINDS = {"rnn": "rnn", "lstm": "basic_lstm", "gru": "gru"}
POST_SIZES = (3, 2, 4)
POST_SHAPES = {
    "rnn": ["(3, 2)", "(6, 4)", "(4,)", "(3, 4)", "(3, 4)", "(3, 4)"],
    "lstm": ["(3, 2)", "(3, 4)", "(3, 4)", "(6, 16)", "(16,)", "(3, 4)", "(3, 4)", "(3, 4)"],
    "gru": ["(3, 2)", "(3, 4)", "(6, 8)", "(8,)", "(6, 4)", "(4,)", "(3, 4)", "(3, 4)"],
}

# Upper bars on errors relative to the largest entry wanted.
EQUAL = {tf.float32: 1e-5, tf.float64: 1e-10}
# The two variants of the GRU must be further apart than rounding could put them.
DIFFERENT = 1e-6
JACOBIAN_STEPS = 20
SHOWN_STEPS = (1, 2, 5, 10, 20)


def shapes_printed(name: str, batch: int, inputs: int, units: int) -> list[str]:
    """Runs the post's example and returns the shapes in the order in which it prints them."""
    with tf.Graph().as_default(), tf.Session() as session:
        placeholder = tf.placeholder(tf.float32, (batch, inputs))
        cell = CELLS[name](num_units=units)
        previous_state = cell.zero_state(batch, tf.float32)
        output, state = cell(placeholder, previous_state)
        x = np.ones((batch, inputs))
        session.run(tf.global_variables_initializer())
        feed = {placeholder: x}
        output, state, kernel = session.run([output, state, cell.variables], feed_dict=feed)
        before = [leaf.shape for leaf in tf.nest.flatten(previous_state)]
        weights = [array.shape for array in kernel]
        middle = weights + before if name == "rnn" else before + weights
        after = [leaf.shape for leaf in tf.nest.flatten(state)]
        return [str(shape) for shape in (x.shape, *middle, *after, output.shape)]


def shapes_wanted(name: str, batch: int, inputs: int, units: int) -> list[str]:
    """Returns the same by the cells' equations."""
    rows, state = inputs + units, (batch, units)
    every: dict[str, list[tuple[int, ...]]] = {
        "rnn": [(rows, units), (units,), state, state],
        "lstm": [state, state, (rows, 4 * units), (4 * units,), state, state],
        "gru": [state, (rows, 2 * units), (2 * units,), (rows, units), (units,), state],
    }
    return [str(shape) for shape in ((batch, inputs), *every[name], state)]


class Step(NamedTuple):
    """Holds one step of a cell and its gradients, each a flat list."""

    params: dict[str, np.ndarray]
    values: list[np.ndarray]
    """The output, then the new state's leaves."""
    gradients: list[np.ndarray]
    """Of the params, the inputs and the old state's leaves."""


def run_step(
    name: str,
    dtype: tf.DType,
    x: np.ndarray,
    state: Sequence[np.ndarray],
    ones: Sequence[np.ndarray],
    seed: int,
) -> Step:
    """Runs one step in a graph, with weights that its initialisers draw.

    Args:
      name: "rnn", "lstm" or "gru".
      dtype: of the graph.
      x: `[B, I]`.
      state: its leaves, `[B, H]`.
      ones: gradients at the output and at the new state's leaves.
      seed: of the weights.

    Returns:
      A `Step`.
    """
    with tf.Graph().as_default(), tf.Session() as session:
        tf.set_random_seed(seed)
        cell = CELLS[name](state[0].shape[1])
        leaves = [tf.placeholder(dtype, leaf.shape) for leaf in state]
        inputs = tf.placeholder(dtype, x.shape)
        output, new_state = cell(inputs, tf.nest.pack_sequence_as(cell.state_size, leaves))
        values = [output, *tf.nest.flatten(new_state)]
        variables = cell.variables
        gradients = tf.gradients(
            values, [*variables, inputs, *leaves], list(map(tf.constant, ones))
        )
        session.run(tf.global_variables_initializer())
        feed = {inputs: x, **dict(zip(leaves, state, strict=True))}
        weights, got, back = session.run((variables, values, gradients), feed)
        names = [v.op.name[len(cell.scope_name) + 1 :] for v in variables]
        return Step(dict(zip(names, weights, strict=True)), got, back)


def reference_step(
    name: str, step: Step, x: np.ndarray, state: Sequence[np.ndarray], ones: Sequence[np.ndarray]
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Computes a step's values and gradients by the written-out equations, in float64."""
    cell = reference.Cell(KINDS[name], step.params)
    packed, upstream = (
        tuple(leaves) if name == "lstm" else leaves[0] for leaves in (state, ones[1:])
    )
    output, new_state, saved = cell.step(x, packed)
    d_params, d_x, d_state = cell.step_backward(saved, ones[0], upstream)
    values = [output, *tf.nest.flatten(new_state)]
    return values, [*(d_params[k] for k in step.params), d_x, *tf.nest.flatten(d_state)]


def _sigmoid(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-z))


def textbook_step(
    name: str,
    params: dict[str, np.ndarray],
    x: np.ndarray,
    state: Sequence[np.ndarray],
    reset_after: bool = False,
) -> np.ndarray:
    """Computes a step's output with a product of its own for x and for h, for each gate.

    Args:
      name: "rnn", "lstm" or "gru".
      params: as the cell has them: a textbook's matrices stacked, x's rows first.
      x: `[B, I]`.
      state: its leaves.
      reset_after: for a GRU, whether r acts behind the product, `x Wx + r * (h Wh)`.

    Returns:
      `[B, H]`.
    """
    inputs, h = x.shape[1], state[-1]
    units = h.shape[1]

    def gate(kernel: str, bias: str, n: int, fed: np.ndarray = h) -> np.ndarray:
        columns = slice(n * units, (n + 1) * units)
        w = params[kernel][:, columns]
        return x @ w[:inputs] + fed @ w[inputs:] + params[bias][columns]

    if name == "rnn":
        return np.tanh(gate("kernel", "bias", 0))
    if name == "lstm":
        i, j, f, o = (gate("kernel", "bias", n) for n in range(4))
        c = state[0] * _sigmoid(f + 1) + _sigmoid(i) * np.tanh(j)
        return np.tanh(c) * _sigmoid(o)
    r, u = (_sigmoid(gate("gates/kernel", "gates/bias", n)) for n in range(2))
    if reset_after:
        w = params["candidate/kernel"]
        c = x @ w[:inputs] + r * (h @ w[inputs:]) + params["candidate/bias"]
    else:
        c = gate("candidate/kernel", "candidate/bias", 0, r * h)
    return u * h + (1 - u) * np.tanh(c)


def show_cell(checks: Checks, name: str, batch: int, inputs: int, units: int, seed: int) -> None:
    """Prints the post's shapes for one cell, then the checks."""
    print(f"\n{CELLS[name].__name__}")
    printed = shapes_printed(name, batch, inputs, units)
    print("\n".join(printed))
    if (batch, inputs, units) == POST_SIZES:
        checks.same(f"{name} shapes as in the post", printed, POST_SHAPES[name])
    checks.same(
        f"{name} shapes by the equations", printed, shapes_wanted(name, batch, inputs, units)
    )

    rng = np.random.default_rng(seed)
    leaves = 2 if name == "lstm" else 1
    starts = {
        "ones from the zero state": (
            np.ones((batch, inputs)),
            [np.zeros((batch, units))] * leaves,
        ),
        "a drawn input and state": (
            rng.standard_normal((batch, inputs)),
            [rng.standard_normal((batch, units)) for _ in range(leaves)],
        ),
    }
    upstream = [rng.standard_normal((batch, units)) for _ in range(leaves + 1)]
    for dtype, bar in EQUAL.items():
        number = dtype.as_numpy_dtype
        ones = [array.astype(number) for array in upstream]
        for start, drawn in starts.items():
            x, state = drawn[0].astype(number), [leaf.astype(number) for leaf in drawn[1]]
            step = run_step(name, dtype, x, state, ones, seed)
            values, gradients = reference_step(name, step, x, state, ones)
            title = f"{name} {dtype.name} {start}:"
            checks.at_most(f"{title} values as written out", relative(step.values, values), bar)
            checks.at_most(
                f"{title} gradients as written out", relative(step.gradients, gradients, ones), bar
            )
    # The last step: float64, from a drawn state.
    sums = textbook_step(name, step.params, x, state)
    kernel = next(iter(step.params.values()))
    together = np.concatenate([x, state[-1]], 1) @ kernel
    apart = x @ kernel[:inputs] + state[-1] @ kernel[inputs:]
    checks.at_most(f"{name} [x, h] W is x Wx + h Wh", relative([together], [apart]), 1e-12)
    checks.at_most(
        f"{name} the cell is the textbook's, with two products for each gate",
        relative([step.values[0]], [sums]),
        EQUAL[tf.float64],
    )
    if name == "gru" and units > 1:
        after = textbook_step(name, step.params, x, state, reset_after=True)
        checks.above(
            "gru the reset gate behind the product, as cuDNN and PyTorch have it, differs",
            relative([step.values[0]], [after]),
            DIFFERENT,
        )


class Recurrence(NamedTuple):
    """Is a plain recurrence whose recurrent matrix is an orthogonal one times a factor."""

    title: str
    activation: str
    norm: float
    """Of the recurrent matrix: all its singular values."""
    at_rest: bool
    """No input, and a state that stays where the activation is steepest."""
    slope: float
    """The activation's largest derivative."""


RECURRENCES = (
    Recurrence("tanh, at rest, small", "tanh", 0.5, True, 1.0),
    Recurrence("tanh, at rest, large", "tanh", 1.5, True, 1.0),
    Recurrence("sigmoid, at rest, small", "sigmoid", 2.0, True, 0.25),
    Recurrence("sigmoid, at rest, large", "sigmoid", 8.0, True, 0.25),
    Recurrence("tanh, with inputs, small", "tanh", 0.5, False, 1.0),
    Recurrence("tanh, with inputs, large", "tanh", 10.0, False, 1.0),
)


class Walk(NamedTuple):
    """Holds a recurrence that was run for some steps."""

    params: dict[str, np.ndarray]
    start: np.ndarray
    """`[1, H]`."""
    xs: np.ndarray
    """`[T, 1, I]`."""
    products: list[np.ndarray]
    """After each step dh_t / dh_0, `[H, H]`: the product of the steps' Jacobians."""


def walk(kind: Recurrence, inputs: int, units: int, steps: int, seed: int) -> Walk:
    """Runs a recurrence and multiplies its Jacobians."""
    rng = np.random.default_rng(seed)
    recurrent = kind.norm * np.linalg.qr(rng.standard_normal((units, units)))[0]
    rest = 0.5 if kind.activation == "sigmoid" else 0.0
    params = {
        "kernel": np.concatenate([rng.standard_normal((inputs, units)), recurrent]),
        "bias": -rest * recurrent.sum(0),
    }
    xs = rng.standard_normal((steps, 1, inputs)) * (not kind.at_rest)
    h = start = np.full((1, units), rest)
    product, products = np.eye(units), []
    for x in xs:
        # One row for each unit: pulling the unit matrix back gives the whole Jacobian.
        rows = [np.repeat(a, units, 0) for a in (x, h)]
        output, _, saved = reference.rnn_step(params, *rows, activation=kind.activation)
        _, _, jacobian = reference.rnn_step_backward(params, saved, np.eye(units), None)
        h, product = output[:1], jacobian @ product
        products.append(product)
    return Walk(params, start, xs, products)


def product_in_graph(kind: Recurrence, done: Walk) -> np.ndarray:
    """Computes the last of a walk's products with `tgc.state_gradients`, in float64."""
    units = done.start.shape[1]
    with tf.Graph().as_default(), tf.Session() as session:
        x = tf.constant(np.repeat(np.swapaxes(done.xs, 0, 1), units, 0))
        start = tf.constant(np.repeat(done.start, units, 0))
        cell = tgc.BasicRNNCell(units, getattr(tf, kind.activation))
        _, end = tgc.dynamic_rnn(cell, x, initial_state=start)
        carried = tgc.state_gradients(end, start, tf.eye(units, dtype=tf.float64))
        session.run(tf.global_variables_initializer())
        for variable, value in zip(cell.variables, done.params.values(), strict=True):
            variable.load(value, session)
        return session.run(carried)


def show_jacobians(checks: Checks, inputs: int, units: int, seed: int) -> None:
    """Prints how the product of the Jacobians grows or shrinks with the steps, and checks it."""
    print("\nVanishing and exploding: |dh_t/dh_0|, the norm of the product of t Jacobians")
    print(f"{'recurrent weights':25}{'|Wh|':>6}" + "".join(f"{f't={t}':>10}" for t in SHOWN_STEPS))
    walks = [walk(kind, inputs, units, JACOBIAN_STEPS, seed) for kind in RECURRENCES]
    norms = [[float(np.linalg.norm(p, 2)) for p in done.products] for done in walks]
    for kind, row in zip(RECURRENCES, norms, strict=True):
        shown = "".join(f"{row[t - 1]:10.2e}" for t in SHOWN_STEPS)
        print(f"{kind.title:25}{kind.norm:6g}{shown}")
    print("A factor is at most |Wh| times the activation's steepest slope: 1 for tanh, 1/4 for")
    print("the sigmoid. Below 1 the gradient must vanish. Above 1 it may explode, as at rest;")
    print("but with inputs large weights saturate the units, and it may vanish as well.")
    for kind, done, row in zip(RECURRENCES, walks, norms, strict=True):
        factor = kind.norm * kind.slope
        title = f"jacobians {kind.title}:"
        if kind.at_rest:
            wanted = np.array([factor ** (t + 1) for t in range(JACOBIAN_STEPS)])
            error = float(np.max(np.abs(np.array(row) / wanted - 1)))
            checks.at_most(f"{title} the norm is {factor:g}^t, relative error", error, 1e-6)
        else:
            ratio = max(norm / factor ** (t + 1) for t, norm in enumerate(row))
            checks.at_most(f"{title} the norm over its bound {factor:g}^t", ratio, 1 + 1e-9)
        if factor > 1 and not kind.at_rest:
            continue  # in saturated units 1 - h^2 is rounding, and no two computations agree
        checks.at_most(
            f"{title} tgc.state_gradients has the same",
            relative([product_in_graph(kind, done)], [done.products[-1]]),
            1e-6,
        )


def define_flags() -> None:
    """Defines the flags; a function, so that importing this file leaves absl alone."""
    flags.DEFINE_enum("cell", "all", ["all", *CELLS], "Which cell to run.")
    flags.DEFINE_integer("batch_size", POST_SIZES[0], "B.", lower_bound=1)
    flags.DEFINE_integer("input_dim", POST_SIZES[1], "I, the inputs' width.", lower_bound=1)
    flags.DEFINE_integer("output_dim", POST_SIZES[2], "H, the units.", lower_bound=1)
    flags.DEFINE_integer("seed", 123, "Seed of the weights and the data.", 0, 2**31 - 1)
    flags.DEFINE_float(
        "tolerance_scale", 1.0, "Factor on every upper bar; 0 accepts equality only.", 0.0
    )


def main(_: Sequence[str]) -> int:
    """Runs the cells that the flags name; returns the exit code."""
    tf.logging.set_verbosity(tf.logging.ERROR)
    args = flags.FLAGS
    checks = Checks(args.tolerance_scale)
    for name in CELLS:
        if args.cell in (name, "all"):
            show_cell(checks, name, args.batch_size, args.input_dim, args.output_dim, args.seed)
        if name == "rnn" and args.cell in (name, "all"):
            show_jacobians(checks, args.input_dim, args.output_dim, args.seed)
    return checks.finish()


if __name__ == "__main__":
    define_flags()
    _startup.run(main)
