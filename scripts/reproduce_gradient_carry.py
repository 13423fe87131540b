"""Reproduces a question about carrying gradients between mini-batches, and its two answers.

    python scripts/reproduce_gradient_carry.py
    python scripts/reproduce_gradient_carry.py --part=c --dtype=float64

The question on Stack Overflow: "Carrying gradients from previous time steps to current time
steps with GRU in Tensorflow". Part a is the question's model and its wish, part b the first
answer (grad_ys placeholders for each layer), part c the second (two chained GRUs, with the
gradient put together from its parts).

Prints what the post prints, then a line for each check, with its figure and its bar. The exit
code is 1 if a check fails.
"""

from __future__ import annotations

import _startup

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow.compat.v1 as tf
from _checks import Checks, relative
from absl import flags

import tgcarry as tgc

SIZES, FEATURES, LABELS = (64, 32), 200, 3
POST_SHAPES = [
    (264, 128),
    (128,),
    (264, 64),
    (64,),
    (96, 64),
    (64,),
    (96, 32),
    (32,),
    (32, 3),
    (3,),
]
CHAINED_SIZE = 32

# Upper bars on errors relative to the largest entry wanted.
EQUAL = {tf.float32: 1e-5, tf.float64: 1e-10}
# A gradient that misses a part must be off by more than ten times float32's bar.
DIFFERENT = 1e-4
# Part b's central differences with a step of 1e-5: 1e-10 of truncation, 1e-11 of rounding.
INNER_PRODUCT, DIFFERENCE_STEP = 1e-7, 1e-5
# Over more steps this untrained GRU forgets its state, and the differences measure rounding.
MOST_DIFFERENCE_STEPS = 5


def cosine(got: Sequence[np.ndarray], wanted: Sequence[np.ndarray]) -> float:
    """Returns the cosine of the angle between two gradients, each a list of arrays."""
    a, b = (np.concatenate([np.float64(array).ravel() for array in x]) for x in (got, wanted))
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))


def load_weights(session: tf.Session, weights: Sequence[np.ndarray] | None) -> None:
    """Puts arrays into the trainable variables in order of creation; None leaves them as drawn."""
    if weights is None:
        return
    for variable, value in zip(tf.trainable_variables(), weights, strict=True):
        variable.load(value.astype(variable.dtype.as_numpy_dtype), session)


def output_layer(input_layer: tf.Tensor, num_labels: int) -> tf.Tensor:
    """Maps `[N, H]` to `[N, num_labels]`, with the question's variables and initialisers."""
    fc_w = tf.get_variable(
        "fc_weights",
        [input_layer.shape[-1], num_labels],
        input_layer.dtype,
        tf.uniform_unit_scaling_initializer(factor=1.0, dtype=input_layer.dtype),
    )
    fc_b = tf.get_variable("fc_bias", [num_labels], input_layer.dtype, tf.zeros_initializer())
    return tf.matmul(input_layer, fc_w) + fc_b


def predict(output: tf.Tensor) -> tf.Tensor:
    """Maps the GRU's outputs `[B, L, H]` to logits `[B, L, LABELS]`, as the question does."""
    with tf.variable_scope("output_reshaped"):
        flat = tf.reshape(output, [-1, output.shape[-1]])
    with tf.variable_scope("output_layer"):
        logits = output_layer(flat, LABELS)
        return tf.reshape(logits, [-1, tf.shape(output)[1], LABELS])


def local_gradients(loss: tf.Tensor) -> list[tf.Tensor]:
    """Makes the gradients of the loss at the trainable variables, named as in the question."""
    with tf.name_scope("Optimizer"):
        optimizer = tf.train.AdamOptimizer()
        pairs = optimizer.compute_gradients(loss, tf.trainable_variables())
    return [gradient for gradient, _ in pairs]


class Question(NamedTuple):
    """Holds what part a computes; each list is ten weight gradients, then the state's."""

    listing: list[str]
    """The gradient tensors as the question prints them."""
    names: list[str]
    shapes: list[tuple[int, ...]]
    losses: tuple[float, float]
    """Of batch 1 and batch 2."""
    final_states: tuple[np.ndarray, np.ndarray]
    own: tuple[list[np.ndarray], list[np.ndarray]]
    """Gradients of each batch's own loss, nothing carried."""
    wish: list[np.ndarray]
    """Batch 2's, with batch 1's state gradient fed as its upstream."""
    unbroken: list[np.ndarray]
    """Gradients of both losses, from one run over both batches."""
    policies: dict[str, list[np.ndarray]]
    """The same as each policy has it, the batches visited one by one."""


def ask_question(
    dtype: tf.DType,
    x: np.ndarray,
    labels: np.ndarray,
    state: np.ndarray,
    *,
    seed: int = 0,
    weights: Sequence[np.ndarray] | None = None,
) -> Question:
    """Builds the question's model and differentiates two mini-batches in every way.

    Args:
      dtype: of the graph.
      x: float `[2, B, L, FEATURES]`, two consecutive mini-batches of the same B streams.
      labels: int `[2, B, L]`.
      state: float `[B, 96]`, the first batch's initial state.
      seed: of the weights.
      weights: in order of creation, instead of drawn ones.

    Returns:
      A `Question`.
    """
    with tf.Graph().as_default():
        tf.set_random_seed(seed)
        input_features = tf.placeholder(dtype, [None, None, FEATURES], "input_features")
        y = tf.placeholder(tf.int32, [None, None], "labels")
        with tf.variable_scope("GRU"):
            cells = [tgc.GRUCell(size) for size in SIZES]
            cell = tgc.MultiRNNCell(cells, state_is_tuple=False)
            ports = tgc.carry_ports(cell, dtype=dtype)
            output, new_state = tgc.dynamic_rnn(
                cell, input_features, initial_state=ports.initial_state
            )
        loss, _ = tgc.losses.softmax_loss(predict(output), y)
        local = local_gradients(loss)
        plain = [*local, *tf.gradients(loss, ports.initial_state)]
        chunk = tgc.build_chunk(loss, ports, new_state, {"x": input_features, "y": y})

        with tgc.Runner(chunk) as runner:
            load_weights(runner.session, weights)

            def differentiate(xs: Any, ys: Any, start: Any) -> tuple[float, Any, list[np.ndarray]]:
                feed = {input_features: xs, y: ys, ports.initial_state: start}
                return runner.session.run((loss, new_state, plain), feed)

            loss1, state1, own1 = differentiate(x[0], labels[0], state)
            loss2, state2, own2 = differentiate(x[1], labels[1], state1)
            x_whole, labels_whole = np.concatenate(x, 1), np.concatenate(labels, 1)
            _, _, unbroken = differentiate(x_whole, labels_whole, state)
            saved = {ports.upstream: own1[-1]}
            feed = {input_features: x[1], y: labels[1], ports.initial_state: state1, **saved}
            by_weight, by_state = runner.session.run(tuple(chunk.gradients), feed)

            chunks = tgc.split_chunks({"x": x_whole, "y": labels_whole}, length=x.shape[2])
            policies = {}
            for policy in (tgc.Truncated(), tgc.Stale(), tgc.ExactSweep()):
                got = runner.gradients(chunks, state.astype(dtype.as_numpy_dtype), policy)
                policies[type(policy).__name__] = [*got.variables.values(), got.initial_state]
        return Question(
            [f"v {gradient}" for gradient in local],
            [variable.op.name for variable in tf.trainable_variables()],
            [tuple(gradient.shape.as_list()) for gradient in local],
            (float(loss1), float(loss2)),
            (state1, state2),
            (own1, own2),
            [*by_weight, by_state],
            unbroken,
            policies,
        )


def show_question(checks: Checks, dtype: tf.DType, batch: int, steps: int, seed: int) -> None:
    """Runs part a on random data and prints the gradients, the carry and the checks."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((2, batch, steps, FEATURES)).astype(dtype.as_numpy_dtype)
    labels = rng.integers(0, LABELS, (2, batch, steps)).astype(np.int32)
    result = ask_question(dtype, x, labels, np.zeros((batch, sum(SIZES))), seed=seed)

    print(f"\n(a) the question's model, {dtype.name}, two mini-batches {x.shape[1:]}")
    print("\n".join(result.listing))
    print("Saved after batch 1, the weights' gradients just add up with those of batch 2. What")
    print("back-propagates is the state's, and backwards: from the start of batch 2 (grad_ys) to")
    print("the end of batch 1. Fed forward, from batch 1 to batch 2, it is not the gradient.")
    print(f"Both batches, against one unbroken graph of {2 * steps} steps:")
    print(f"{'policy':12}{'relative error':>16}{'cosine':>12}")
    for name, got in result.policies.items():
        error, angle = relative(got, result.unbroken), cosine(got, result.unbroken)
        print(f"{name:12}{error:16.2e}{angle:12.8f}")

    equal, title = EQUAL[dtype], f"a {dtype.name}"
    own1, own2 = result.own
    added = [a + b for a, b in zip(own1[:-1], own2[:-1], strict=True)]
    wished = [a + b for a, b in zip(own1[:-1], result.wish[:-1], strict=True)]
    checks.same(f"{title} shapes as in the post", result.shapes, POST_SHAPES)
    checks.at_most(
        f"{title} saved weight gradients of batch 1 plus those of batch 2 are Truncated's",
        relative(added, result.policies["Truncated"][:-1]),
        equal,
    )
    checks.at_most(
        f"{title} state gradient of batch 1 fed by hand into batch 2 is Stale's",
        relative(wished, result.policies["Stale"][:-1]),
        equal,
    )
    errors = {name: relative(got, result.unbroken) for name, got in result.policies.items()}
    checks.at_most(f"{title} ExactSweep equals the unbroken graph", errors["ExactSweep"], equal)
    for name in ("Truncated", "Stale"):
        checks.above(f"{title} {name} differs from the unbroken graph", errors[name], DIFFERENT)


class FirstAnswer(NamedTuple):
    """Holds what part b computes; lists are of one array for each of the two layers."""

    listing: list[str]
    names: list[str]
    shapes: list[tuple[int, ...]]
    loss: float
    own: list[np.ndarray]
    """The loss's gradients at the ten weights."""
    carried: list[list[np.ndarray]]
    """`state_gradients` at the initial states, for each pair of upstreams that was fed."""
    plain: list[list[np.ndarray]]
    """The same from `tf.gradients`."""
    inner: tuple[float, float]
    """<upstream, J v> by central differences and <J^T upstream, v>, over few steps."""
    inner_scale: float
    """|J^T upstream| |v|, which both could be at most."""


def give_first_answer(
    dtype: tf.DType,
    x: np.ndarray,
    labels: np.ndarray,
    upstreams: Sequence[Sequence[np.ndarray]],
    direction: Sequence[np.ndarray],
    *,
    seed: int = 0,
    weights: Sequence[np.ndarray] | None = None,
) -> FirstAnswer:
    """Carries gradients through two stacked layers, each with its own state and grad_ys.

    J is the Jacobian of the new states with respect to the initial states, which are zero.

    Args:
      dtype: of the graph.
      x: float `[B, L, FEATURES]`.
      labels: int `[B, L]`.
      upstreams: pairs of float `[B, 64]` and `[B, 32]` to feed as grad_ys.
      direction: v, a pair of the same shapes.
      seed: of the weights.
      weights: in order of creation, instead of drawn ones.

    Returns:
      A `FirstAnswer`; its inner products are with the last pair of `upstreams`.
    """
    batch = x.shape[0]
    with tf.Graph().as_default(), tf.Session() as session:
        tf.set_random_seed(seed)
        input_features = tf.placeholder(dtype, [None, None, FEATURES], "input_features")
        y = tf.placeholder(tf.int32, [None, None], "labels")
        output, ports, new_states = input_features, [], []
        for layer, size in enumerate(SIZES, start=1):
            with tf.variable_scope(f"GRU_Layer{layer}"):
                cell = tgc.GRUCell(size)
                ports.append(tgc.carry_ports(cell, batch, dtype))
                output, new_state = tgc.dynamic_rnn(
                    cell, output, initial_state=ports[-1].initial_state
                )
                new_states.append(new_state)
        initial_states = [port.initial_state for port in ports]
        prev_grad_pl = [port.upstream for port in ports]
        loss, _ = tgc.losses.softmax_loss(predict(output), y)
        local = local_gradients(loss)
        grads = tgc.state_gradients(new_states, initial_states, upstream=prev_grad_pl)
        plain = tf.gradients(new_states, initial_states, grad_ys=prev_grad_pl)

        session.run(tf.global_variables_initializer())
        load_weights(session, weights)
        zeros = [np.zeros((batch, size)) for size in SIZES]
        feed = {input_features: x, y: labels, **dict(zip(initial_states, zeros, strict=True))}
        value, own = session.run((loss, local), feed)
        both = [
            session.run((grads, plain), {**feed, **dict(zip(prev_grad_pl, pair, strict=True))})
            for pair in upstreams
        ]

        short = {**feed, input_features: x[:, :MOST_DIFFERENCE_STEPS]}

        def new_at(step: float) -> list[np.ndarray]:
            moved = {s: step * v for s, v in zip(initial_states, direction, strict=True)}
            return session.run(new_states, {**short, **moved})

        last = upstreams[-1]
        ends = zip(new_at(DIFFERENCE_STEP), new_at(-DIFFERENCE_STEP), strict=True)
        pushed = [(a - b) / (2 * DIFFERENCE_STEP) for a, b in ends]
        pulled = session.run(grads, {**short, **dict(zip(prev_grad_pl, last, strict=True))})
        return FirstAnswer(
            [f"v {gradient}" for gradient in local],
            [variable.op.name for variable in tf.trainable_variables()],
            [tuple(gradient.shape.as_list()) for gradient in local],
            float(value),
            own,
            [pair[0] for pair in both],
            [pair[1] for pair in both],
            (inner_product(last, pushed), inner_product(pulled, direction)),
            (inner_product(pulled, pulled) * inner_product(direction, direction)) ** 0.5,
        )


def inner_product(a: Sequence[np.ndarray], b: Sequence[np.ndarray]) -> float:
    """Returns the inner product of two lists of arrays."""
    return float(sum(np.sum(p * q) for p, q in zip(a, b, strict=True)))


def show_first_answer(checks: Checks, dtype: tf.DType, batch: int, steps: int, seed: int) -> None:
    """Runs part b on random data and prints the carried gradients and the checks."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((batch, steps, FEATURES)).astype(dtype.as_numpy_dtype)
    labels = rng.integers(0, LABELS, (batch, steps)).astype(np.int32)
    ones = [np.ones((batch, size)) for size in SIZES]
    drawn = [rng.standard_normal((batch, size)) for size in SIZES]
    direction = [rng.standard_normal((batch, size)) for size in SIZES]
    result = give_first_answer(dtype, x, labels, [ones, drawn], direction, seed=seed)

    print(f"\n(b) the first answer, {dtype.name}: grad_ys placeholders for each layer")
    print("\n".join(result.listing))
    for layer, (up, down) in enumerate(zip(ones, result.carried[0], strict=True), start=1):
        print(
            f"grad{layer} {down.shape}, norm {np.linalg.norm(down):.3g} after {steps} steps "
            f"back from ones, norm {np.linalg.norm(up):.3g}"
        )

    title = f"b {dtype.name}"
    wanted = [(batch, size) for size in SIZES]
    checks.same(f"{title} shapes as in the post", result.shapes, POST_SHAPES)
    checks.same(f"{title} shapes of the carry", [g.shape for g in result.carried[0]], wanted)
    for name, got, plain in zip(("ones", "drawn"), result.carried, result.plain, strict=True):
        checks.at_most(
            f"{title} state_gradients equals tf.gradients, grad_ys {name}",
            relative(got, plain),
            EQUAL[dtype],
        )
    if dtype == tf.float64:
        pushed, pulled = result.inner
        checks.at_most(
            f"{title} <upstream, J v> = {pushed:.10g} by differences, <J^T upstream, v> = "
            f"{pulled:.10g}, relative to |J^T upstream| |v|",
            abs(pushed - pulled) / result.inner_scale,
            INNER_PRODUCT,
        )


class SecondAnswer(NamedTuple):
    """Holds what part c computes."""

    names: list[str]
    shapes: list[list[int]]
    """Of the outputs: whole, first half, second half."""
    losses: tuple[float, float, float]
    """Whole, first half, second half."""
    carried: np.ndarray
    """`[1, 32]`, d(loss2)/d(new_state1), the part that is carried."""
    assembled: np.ndarray
    """`[1, 32]`, the gradient at the first state put together from the parts."""
    whole: np.ndarray
    """`[1, 32]`, the same from the whole loss."""


def absolute_loss(output: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """Sums the absolute error, as the post writes it."""
    return tf.reduce_sum(tf.sqrt(tf.square(output - labels)))


def give_second_answer(
    dtype: tf.DType,
    sequence: int,
    *,
    seed: int = 0,
    weights: Sequence[np.ndarray] | None = None,
) -> SecondAnswer:
    """Chains two GRUs over the numbers 1, 2, ... and differentiates by the first state.

        d_start = dloss1/ds_0 + (ds_1/ds_0)^T dloss2/ds_1

    Args:
      dtype: of the graph.
      sequence: steps in all, even: half for each GRU.
      seed: of the weights.
      weights: in order of creation, instead of drawn ones.

    Returns:
      A `SecondAnswer`.
    """
    half = sequence // 2
    with tf.Graph().as_default(), tf.Session() as session:
        tf.set_random_seed(seed)
        inputs = [tf.placeholder(dtype, [None, half, 1], f"input_{n}") for n in (1, 2)]
        labels = [tf.placeholder(dtype, [None, half, 1], f"labels_{n}") for n in (1, 2)]
        with tf.variable_scope("GRU"):
            cells = [tgc.GRUCell(CHAINED_SIZE), tgc.GRUCell(CHAINED_SIZE)]
            initial_state = tgc.carry_ports(cells[0], dtype=dtype).initial_state
            with tf.variable_scope("First50"):
                output1, new_state1 = tgc.dynamic_rnn(
                    cells[0], inputs[0], initial_state=initial_state
                )
            with tf.variable_scope("Second50"):
                output2, _ = tgc.dynamic_rnn(cells[1], inputs[1], initial_state=new_state1)
        with tf.variable_scope("output"):
            output = tgc.losses.linear(tf.concat([output1, output2], axis=1), 1, name="dense")
            output = tf.reshape(output, [1, sequence, 1])
        halves = [output[:, :half], output[:, half:]]
        loss = absolute_loss(output, tf.concat(labels, axis=1))
        loss1, loss2 = (absolute_loss(o, y) for o, y in zip(halves, labels, strict=True))

        (grads1,) = tf.gradients(loss2, new_state1)
        (grads2,) = tf.gradients(loss1, initial_state)
        grads3 = tgc.state_gradients(new_state1, initial_state, upstream=grads1)
        (whole,) = tf.gradients(loss, initial_state)

        session.run(tf.global_variables_initializer())
        load_weights(session, weights)
        numbers = np.arange(1, sequence + 2).reshape(1, -1, 1)
        feed = {
            inputs[0]: numbers[:, :half],
            inputs[1]: numbers[:, half:sequence],
            labels[0]: numbers[:, 1 : half + 1],
            labels[1]: numbers[:, half + 1 :],
            initial_state: np.zeros((1, CHAINED_SIZE)),
        }
        fetches = (loss, loss1, loss2), grads1, grads2 + grads3, whole
        losses, carried, assembled, direct = session.run(fetches, feed)
        return SecondAnswer(
            [variable.op.name for variable in tf.trainable_variables()],
            [tensor.shape.as_list() for tensor in (output, *halves)],
            (float(losses[0]), float(losses[1]), float(losses[2])),
            carried,
            assembled,
            direct,
        )


def share_a_cell(
    dtype: tf.DType, sequence: int, chunk_steps: int, *, seed: int = 0
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Carries one GRU over chunks of part c's sequence, scaled to 0..1, and over it unbroken.

    Args:
      dtype: of the graph.
      sequence: steps in all.
      chunk_steps: steps of a chunk.
      seed: of the weights.

    Returns:
      `(carried, unbroken)`: the gradients at the weights, then at the first state; of the
      Runner under `ExactSweep()`, and of plain `tf.gradients` over the whole.
    """
    numbers = np.arange(1, sequence + 2, dtype=dtype.as_numpy_dtype).reshape(1, -1, 1) / sequence
    arrays = {"x": numbers[:, :-1], "y": numbers[:, 1:]}
    with tf.Graph().as_default():
        tf.set_random_seed(seed)
        feeds = {name: tf.placeholder(dtype, [None, None, 1], name) for name in arrays}
        cell = tgc.GRUCell(CHAINED_SIZE)
        ports = tgc.carry_ports(cell, dtype=dtype)
        output, new_state = tgc.dynamic_rnn(cell, feeds["x"], initial_state=ports.initial_state)
        loss = absolute_loss(tgc.losses.linear(output, 1, name="dense"), feeds["y"])
        plain = tf.gradients(loss, [*tf.trainable_variables(), ports.initial_state])
        chunk = tgc.build_chunk(loss, ports, new_state, feeds)
        with tgc.Runner(chunk, tgc.ExactSweep()) as runner:
            got = runner.gradients(tgc.split_chunks(arrays, length=chunk_steps))
            feed = {feeds[name]: array for name, array in arrays.items()}
            feed[ports.initial_state] = np.zeros((1, CHAINED_SIZE))
            unbroken = runner.session.run(plain, feed)
    return [*got.variables.values(), got.initial_state], unbroken


def assembled_bar(dtype: tf.DType, sequence: int) -> float:
    """Bounds the assembled gradient's relative error: in float32, one rounding for each step.

    Inputs up to 1000 leave units that keep their state for ever, so the gradient at the first
    state is a sum over all steps, and so is its rounding: 1000 * 1.2e-7. Over 30 seeds the
    worst was 2e-5. On TensorFlow 1.15 the post's own program differs by 3.5e-5 in its sums.
    """
    if dtype == tf.float64:
        return EQUAL[dtype]
    return max(1000, sequence) * float(np.finfo(np.float32).eps)


def show_second_answer(
    checks: Checks, dtype: tf.DType, sequence: int, chunk_steps: int, seed: int
) -> None:
    """Runs part c and prints shapes, means and sums as the post does, then the checks."""
    result = give_second_answer(dtype, sequence, seed=seed)
    assembled, whole = result.assembled, result.whole

    print(f"\n(c) the second answer, {dtype.name}: two chained GRUs over {sequence} steps")
    for number, shape in enumerate(result.shapes, start=1):
        print(shape, number)
    print(np.mean(assembled), np.mean(whole))
    print(np.sum(assembled), np.sum(whole))

    title = f"c {dtype.name}"
    wanted = [[1, steps, 1] for steps in (sequence, sequence // 2, sequence // 2)]
    checks.same(f"{title} shapes as in the post", result.shapes, wanted)
    checks.at_most(
        f"{title} gradient assembled from the parts equals the whole's",
        relative([assembled], [whole]),
        assembled_bar(dtype, sequence),
    )
    carried, unbroken = share_a_cell(dtype, sequence, chunk_steps, seed=seed)
    checks.at_most(
        f"{title} one shared cell over chunks of {chunk_steps} equals {sequence} unbroken steps",
        relative(carried, unbroken),
        EQUAL[dtype],
    )


def define_flags() -> None:
    """Defines the flags; a function, so that importing this file leaves absl alone."""
    flags.DEFINE_enum("part", "all", ["a", "b", "c", "all"], "Which part of the post to run.")
    flags.DEFINE_enum("dtype", "both", ["both", "float32", "float64"], "In which precision.")
    flags.DEFINE_integer("seed", 123, "Seed of the weights and the data.", 0, 2**31 - 1)
    flags.DEFINE_integer("batch", 34, "Streams in a and b.", lower_bound=1)
    flags.DEFINE_integer("steps", 100, "Steps of a mini-batch in a and b.", lower_bound=1)
    flags.DEFINE_integer("sequence", 1000, "Steps of the whole sequence in c.", lower_bound=2)
    flags.DEFINE_integer("chunk_steps", 100, "Steps of a chunk in c.", lower_bound=1)
    flags.DEFINE_float(
        "tolerance_scale", 1.0, "Factor on every upper bar; 0 accepts equality only.", 0.0
    )
    flags.register_validator(
        "sequence", lambda steps: steps % 2 == 0, "give an even number, one half for each GRU"
    )


def main(_: Sequence[str]) -> int:
    """Runs the parts that the flags name; returns the exit code."""
    tf.logging.set_verbosity(tf.logging.ERROR)
    args = flags.FLAGS
    checks = Checks(args.tolerance_scale)
    print(f"seed {args.seed}; from it, float32 and float64 draw different weights")
    for dtype in (tf.float32, tf.float64):
        if args.dtype not in ("both", dtype.name):
            continue
        if args.part in ("a", "all"):
            show_question(checks, dtype, args.batch, args.steps, args.seed)
        if args.part in ("b", "all"):
            show_first_answer(checks, dtype, args.batch, args.steps, args.seed)
        if args.part in ("c", "all"):
            show_second_answer(checks, dtype, args.sequence, args.chunk_steps, args.seed)
    return checks.finish()


if __name__ == "__main__":
    define_flags()
    _startup.run(main)
