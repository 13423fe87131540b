"""Reproduces a question about chaining two models, and what its answer is not certain about.

    python scripts/reproduce_chained.py
    python scripts/reproduce_chained.py --steps=2,5,1 --batch=3 --units=6 --seed=3

The question on Stack Overflow about chaining two stateful models: model_a reads a sequence, and
each of its outputs, IR[i], is read by model_b for a number of steps of its own, Out[i][0] and
so on. The answer writes model_b's outputs into one TensorArray and doubts which of them
gradients run between. Here that is `tgc.chained_rnn`, and `tgc.chain_flow` looks.

Prints the output's shape as the post does and which output depends on what, then a line for each
check, with its figure and its bar. Draws the same as pictures. The exit code is 1 if a check
fails.
"""

from __future__ import annotations

import _startup

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow.compat.v1 as tf
from _checks import Checks, make_folder, relative
from absl import flags

import tgcarry as tgc
from tgcarry import console
from tgcarry.chain_plot import draw_chain_flows

# Upper bar on errors of float64 values and gradients, relative to the largest entry wanted.
EQUAL = 1e-10
# Gradients that are to differ do so by more than this.
DIFFERENT = 1e-3
# Title -> options of `chain_flow`.
WAYS: dict[str, dict[str, Any]] = {
    "carried": {},
    "reset": {"inner_state": "reset"},
    "cut off": {"cut_outer_gradient": True},
}


class Chained(NamedTuple):
    """Holds a chain's outputs and the gradients of their weighted sum."""

    outputs: np.ndarray
    """`[T, S, B, H]`, time first as in the post."""
    gradients: list[np.ndarray]
    """At model_a's kernel and bias, then model_b's."""


def weights_of(units: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Draws kernel and bias of model_a, then of model_b, `[2 H, H]` and `[H]`."""
    shapes = [(2 * units, units), (units,)] * 2
    return [0.5 * rng.normal(size=shape) for shape in shapes]


def chain(
    x: np.ndarray,
    steps: Sequence[int],
    weights: Sequence[np.ndarray],
    slope: np.ndarray,
    mode: str,
) -> Chained:
    """Runs the two models with `tgc.chained_rnn`.

    Args:
      x: float `[B, T, H]`.
      steps: of model_b at each output of model_a.
      weights: as of `weights_of`.
      slope: `[T, S, B, H]`, the weights of the outputs in the sum that is differentiated.
      mode: "carry" or "reset".
    """
    units = x.shape[2]
    with tf.Graph().as_default(), tf.Session() as session:
        out = tgc.chained_rnn(
            tgc.BasicRNNCell(units),
            tgc.BasicRNNCell(units),
            tf.constant(x),
            list(steps),
            inner_state=mode,
            engine="loop",
        )
        variables = tf.trainable_variables()
        outputs = tf.transpose(out.outputs, [1, 2, 0, 3])
        gradients = tf.gradients(tf.reduce_sum(outputs * slope), variables)
        session.run(tf.global_variables_initializer())
        for variable, value in zip(variables, weights, strict=True):
            variable.load(value, session)
        return Chained(*session.run((outputs, gradients)))


def chain_by_hand(
    x: np.ndarray,
    steps: Sequence[int],
    weights: Sequence[np.ndarray],
    slope: np.ndarray,
    mode: str,
    one_array: bool,
) -> Chained:
    """Does the same as `chain` with loops of TensorFlow's own, written as the post writes them.

    Args:
      x: as for `chain`.
      steps: as for `chain`.
      weights: as for `chain`.
      slope: as for `chain`.
      mode: as for `chain`.
      one_array: whether all outputs are written into one TensorArray; else each outer step has
        one of its own.
    """
    batch, times, units = x.shape
    longest = max(steps)
    with tf.Graph().as_default(), tf.Session() as session:
        kernel_a, bias_a, kernel_b, bias_b = (tf.constant(value) for value in weights)
        zeros = tf.zeros([batch, units], tf.float64)
        a = b = zeros
        whole, columns = _array(times * longest, batch, units), []
        for t, count in enumerate(steps):
            a = tf.tanh(tf.matmul(tf.concat([x[:, t], a], 1), kernel_a) + bias_a)
            if mode == "reset":
                b = zeros
            array, first = (
                (whole, t * longest) if one_array else (_array(longest, batch, units), 0)
            )
            array, b = _column(array, first, count, a, b, (kernel_b, bias_b))
            for j in range(count, longest):
                array = array.write(first + j, zeros)
            whole = array
            columns.append(array)
        written = [whole] if one_array else columns
        outputs = tf.concat([array.stack() for array in written], 0)
        outputs = tf.reshape(outputs, [times, longest, batch, units])
        loss = tf.reduce_sum(outputs * slope)
        gradients = tf.gradients(loss, [kernel_a, bias_a, kernel_b, bias_b])
        return Chained(*session.run((outputs, gradients)))


def _array(size: int, batch: int, units: int) -> Any:
    return tf.TensorArray(tf.float64, size, element_shape=[batch, units])


def _column(
    array: Any, first: int, count: int, read: Any, state: Any, weights: tuple[Any, Any]
) -> tuple[Any, Any]:
    """Writes model_b's outputs on one of model_a's into an array, from a place on."""
    kernel, bias = weights

    def step(j: Any, array: Any, state: Any) -> tuple[Any, Any, Any]:
        state = tf.tanh(tf.matmul(tf.concat([read, state], 1), kernel) + bias)
        return j + 1, array.write(first + j, state), state

    start = (tf.constant(0), array, state)
    _, array, state = tf.while_loop(lambda j, *_: j < count, step, start)
    return array, state


def expected(steps: Sequence[int], way: str) -> list[str]:
    """Writes the marks that `ChainFlow.marks` is to have, from the order of the steps alone."""
    made = [(i, j) for i, count in enumerate(steps) for j in range(count)]
    times = range(len(steps))
    lines = []
    for i, j in made:
        if way == "reset":
            outs = [k == i and m <= j for k, m in made]
            reads = [k == i for k in times]
        else:
            outs = [(k, m) <= (i, j) for k, m in made]
            reads = [k == i or (k < i and steps[k] > 0) for k in times]
        inputs = [k <= i for k in times]
        if way == "cut off":
            reads = inputs = [False for _ in times]
        both = [way != "cut off", way != "reset"]
        lines.append("".join(".#"[flows] for flows in [*outs, *reads, *inputs, *both]))
    return lines


def look(
    checks: Checks, x: np.ndarray, steps: Sequence[int], seed: int
) -> dict[str, tgc.ChainFlow]:
    """Prints what depends on what, in each way to run the chain, and checks it."""
    units = x.shape[2]
    found = {}
    for way, options in WAYS.items():
        cells = tgc.BasicRNNCell(units), tgc.BasicRNNCell(units)
        flow = tgc.chain_flow(*cells, x, list(steps), seed=seed, **options)
        print(f"\nsteps {list(steps)}, {way}:\n{flow}")
        wanted = expected(steps, way)
        wrong = sum(
            got != right
            for b in range(len(x))
            for line, other in zip(flow.marks(b), wanted, strict=True)
            for got, right in zip(line, other, strict=True)
        )
        what = f"steps {list(steps)}, {way}:"
        checks.same(f"{what} wrong entries of {len(x)} x {len(wanted)} rows", wrong, 0)
        checks.same(f"{what} gradients between streams", len(flow.crossings), 0)
        found[way] = flow
    return found


def check_outputs(
    checks: Checks, x: np.ndarray, steps: Sequence[int], weights: Any, slope: np.ndarray
) -> None:
    """Checks shape and padding, and values and gradients against the post's loops."""
    runs = {mode: chain(x, steps, weights, slope, mode) for mode in ("carry", "reset")}
    got = runs["carry"]
    shape = (len(steps), max(steps), *x.shape[::2])
    print(f"outputs {got.outputs.shape}, 0-padded: steps {list(steps)} of {max(steps)}")
    checks.same("shape: outer steps, longest, batch, units", got.outputs.shape, shape)
    rest = sum(int(np.count_nonzero(got.outputs[i, n:])) for i, n in enumerate(steps))
    checks.same("numbers in the padding that are not 0", rest, 0)
    empty = sum(int(np.sum(got.outputs[i, :n] == 0)) for i, n in enumerate(steps))
    checks.same("numbers of the outputs that are 0", empty, 0)
    for mode, ours in runs.items():
        post = chain_by_hand(x, steps, weights, slope, mode, one_array=True)
        pairs = (
            ("outputs", [ours.outputs], [post.outputs]),
            ("gradients of both models", ours.gradients, post.gradients),
        )
        for what, own, loops in pairs:
            checks.at_most(f"{mode}: {what} are the loops'", relative(own, loops), EQUAL)


def check_doubts(
    checks: Checks,
    steps: Sequence[int],
    flows: dict[str, tgc.ChainFlow],
    x: np.ndarray,
    weights: Any,
    slope: np.ndarray,
) -> None:
    """Answers what the post doubts, a check for each."""
    last, first = f"Out[{len(steps) - 1}][0]", f"Out[0][{min(1, steps[0] - 1)}]"
    carried, reset, cut = (flows[way] for way in WAYS)
    print(f"\nDo gradients interact between {first} and {last}? By model_b's state, forward only.")
    checks.same(f"{last} depends on {first}, state carried", carried.depends(last, first), True)
    checks.same(f"{first} depends on {last}, state carried", carried.depends(first, last), False)
    checks.same(f"{last} depends on {first}, state reset", reset.depends(last, first), False)
    print('"There are no ops from e.g. IR[1] to Out[0][1]": right, and no gradient.')
    checks.same(f"{first} depends on IR[1]", carried.depends(first, "IR[1]"), False)

    print("Does a horizontal gradient flow when B is cut off from A? In B it does, if the state")
    print("is carried; into A nothing does.")
    checks.same(f"{last} depends on {first}, cut off", cut.depends(last, first), True)
    reached = [name for name in ("IR[0]", "x[0]", "outer state") if cut.depends(last, name)]
    checks.same(f"what {last} depends on of A, cut off", reached, [])

    print("Do separate TensorArrays keep gradients from flowing sideways, and one not? No: the")
    print("array makes no difference at all; whether the state is passed does.")
    for mode in ("carry", "reset"):
        one, each = (
            chain_by_hand(x, steps, weights, slope, mode, one_array) for one_array in (True, False)
        )
        error = relative(one.gradients, each.gradients)
        checks.at_most(f"{mode}: gradients with one array are those with many", error, EQUAL)


def check_ones(
    checks: Checks,
    flows: dict[str, tgc.ChainFlow],
    x: np.ndarray,
    weights: Any,
    slope: np.ndarray,
) -> None:
    """Answers what the post says of one inner step at each outer one."""
    times = x.shape[1]
    print(f"\nDoes [1]*{times} make gradients flow sideways in both models? In A always. In B if")
    print("the state is passed; writing one array does not do it.")
    pairs = [(i, k) for i in range(times) for k in range(i)]
    for way, wanted in (("carried", True), ("reset", False)):
        flow = flows[way]
        in_b = {flow.depends(f"Out[{i}][0]", f"Out[{k}][0]") for i, k in pairs}
        in_a = {flow.depends(f"Out[{i}][0]", f"x[{k}]") for i, k in pairs}
        checks.same(f"[1]*{times}, {way}: later outputs depend on earlier ones", in_b, {wanted})
        checks.same(f"[1]*{times}, {way}: and on earlier inputs, through A", in_a, {True})
    print("Do the gradients of both models differ then? Between carried and reset, yes.")
    carry, reset = (chain(x, [1] * times, weights, slope, mode) for mode in ("carry", "reset"))
    for name, rows in (("model_a", slice(0, 2)), ("model_b", slice(2, 4))):
        error = relative(carry.gradients[rows], reset.gradients[rows])
        checks.above(f"[1]*{times}: {name}'s gradients, carried against reset", error, DIFFERENT)


def define_flags() -> None:
    """Defines the flags; a function, so that importing this file leaves absl alone."""
    flags.DEFINE_list("steps", ["3", "4", "2"], "Inner steps of each outer step, with commas.")
    flags.DEFINE_integer("ones", 6, "Outer steps of the run with one inner step each.", 2, 20)
    flags.DEFINE_integer("batch", 2, "Streams.", 1, 8)
    flags.DEFINE_integer("units", 4, "Units of both models, and the input's width.", 1, 64)
    flags.DEFINE_integer("seed", 123, "Seed of the weights and the data.", 0, 2**31 - 1)
    flags.DEFINE_string("out", "runs/chained", "Folder for the pictures; made if needed.")
    flags.DEFINE_float(
        "tolerance_scale", 1.0, "Factor on every upper bar; 0 accepts equality only.", 0.0
    )
    flags.register_validator(
        "steps",
        lambda steps: (
            2 <= len(steps) <= 8 and all(s.isdecimal() and 1 <= int(s) < 10 for s in steps)
        ),
        "give 2 to 8 numbers from 1 to 9, such as 3,4,2",
    )


def main(_: Sequence[str]) -> int:
    """Runs the post and its checks; returns the exit code."""
    console.quiet_tensorflow()
    args = flags.FLAGS
    checks = Checks(args.tolerance_scale)
    with console.one_line_errors("reproduce_chained.py"):
        folder = make_folder(args.out)
        rng = np.random.default_rng(args.seed)
        weights = weights_of(args.units, rng)
        print(f"seed {args.seed}, float64")
        runs = {"steps": [int(count) for count in args.steps], "ones": [1] * args.ones}
        for name, steps in runs.items():
            x = rng.normal(size=(args.batch, len(steps), args.units))
            slope = rng.normal(size=(len(steps), max(steps), args.batch, args.units))
            if name == "steps":
                check_outputs(checks, x, steps, weights, slope)
            found = look(checks, x, steps, args.seed)
            if name == "steps":
                check_doubts(checks, steps, found, x, weights, slope)
            else:
                check_ones(checks, found, x, weights, slope)
            titles = {f"{steps}, {way}": flow for way, flow in found.items()}
            print(f"wrote {draw_chain_flows(folder / f'{name}.png', titles)}")
    return checks.finish()


if __name__ == "__main__":
    define_flags()
    _startup.run(main)
