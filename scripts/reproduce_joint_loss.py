"""Reproduces a question about a joint loss whose parts train their own variables.

    python scripts/reproduce_joint_loss.py
    python scripts/reproduce_joint_loss.py --vocabulary=50 --width=8 --epochs=5 --seed=3

The question on Stack Overflow about stopping gradients in a joint loss: logits 2 are computed
from logits 1, loss 1 is to train only output1, and loss 2 only output2. The answer gives each
loss its own variables; that is `tgc.partition_gradients`.

Prints what the post prints, then which loss reaches which variable, then a line for each check,
with its figure and its bar. Writes pictures of the two tables. The exit code is 1 if a check
fails.
"""

from __future__ import annotations

import _startup

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import tensorflow.compat.v1 as tf
from _checks import Checks, make_folder, relative
from absl import flags

import tgcarry as tgc
from tgcarry import console
from tgcarry.flow import GradientFlow, gradient_flow

NAMES = ("embedding_matrix", "output1", "output2")

# Upper bars on errors of float32 gradients and steps, relative to the largest entry wanted. A
# weight near 2 moves by 0.01 in units of 1.2e-7.
EQUAL, EQUAL_STEP = 1e-5, 1e-4
# Gradients that are to differ do so by more than this, relative to the largest entry.
DIFFERENT = 1e-3
BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8
# Adam's first step has the size of its rate wherever the gradient is not tiny, up to this share
# for the weight's rounding and epsilon. The post's numbers move by 0.01.
ROUNDING, TINY = 1e-3, 1e-2

# The answer's constants.
WORKED1 = [[1.0] * 4, [2.0] * 4, [3.0] * 4]
WORKED2 = [[32.0] * 5, [38.0] * 5, [44.0] * 5, [50.0] * 5]


class Data(NamedTuple):
    """Holds one batch, fed in every epoch."""

    ids: np.ndarray
    """Int `[B]`."""
    labels1: np.ndarray
    """Int `[B]`."""
    labels2: np.ndarray
    """Int `[B]`."""


class Joint(NamedTuple):
    """Holds what the joint loss computes; arrays in the order of the three variables."""

    params: list[str]
    """The trainable variables as the post prints them."""
    counts: list[int]
    """Trainable variables before output1, before output2, in all."""
    pairs: list[str]
    """The partition's (gradient, variable) pairs, printed."""
    pair_names: list[str]
    losses: tuple[float, float]
    partition: list[list[np.ndarray]]
    """The partition's gradients at output1 and output2, in each epoch."""
    by_sum: np.ndarray
    """Gradient of loss 1 + loss 2 at output2."""
    by_product: np.ndarray
    """Gradient of loss 1 * loss 2 at output2, the losses summed over the batch first."""
    by_rows: np.ndarray
    """The same of the products of each row's losses, as the post writes it."""
    naive: list[np.ndarray]
    """Gradients of loss 1 + loss 2 at all three variables."""
    values: list[list[np.ndarray]]
    """The three variables at the start and after each epoch."""
    flow: GradientFlow
    """Of loss 1, loss 2 and their sum, minimised naively."""
    partition_flow: GradientFlow
    """Of loss 1 and loss 2, with the partition that is wanted."""


def train_jointly(
    data: Data,
    sizes: tuple[int, int, int, int],
    *,
    epochs: int = 2,
    learning_rate: float = 0.01,
    seed: int = 0,
    weights: Sequence[np.ndarray] | None = None,
) -> Joint:
    """Builds the question's model, differentiates it in every way and trains the partition.

    Args:
      data: the batch.
      sizes: vocabulary, width, labels of output 1, labels of output 2.
      epochs: Adam's steps.
      learning_rate: Adam's.
      seed: of the weights.
      weights: in order of creation, instead of drawn ones.

    Returns:
      A `Joint`.
    """
    vocabulary, width, classes1, classes2 = sizes
    with tf.Graph().as_default(), tf.Session() as session:
        tf.set_random_seed(seed)
        ids, output1, output2 = (
            tf.placeholder(tf.int32, [None], name) for name in ("data", "labels1", "labels2")
        )
        counts = []

        def variable(name: str, shape: list[int]) -> tf.Variable:
            made = tf.get_variable(name, shape, tf.float32, tf.random_normal_initializer())
            counts.append(len(tf.trainable_variables()))
            return made

        embedding_matrix = variable(NAMES[0], [vocabulary, width])
        input_vectors = tf.nn.embedding_lookup(params=embedding_matrix, ids=ids)
        network_output1 = tf.matmul(input_vectors, variable(NAMES[1], [width, classes1]))
        network_output2 = tf.matmul(network_output1, variable(NAMES[2], [classes1, classes2]))
        entropy = tf.nn.sparse_softmax_cross_entropy_with_logits
        rows1 = entropy(labels=output1, logits=network_output1)
        rows2 = entropy(labels=output2, logits=network_output2)
        # The post's losses are vectors, which tf.gradients sums; so is written here what it does.
        loss1, loss2 = tf.reduce_sum(rows1), tf.reduce_sum(rows2)

        params = tf.trainable_variables()
        params1, params2 = params[counts[0] : counts[1]], params[counts[1] :]
        partition = [(loss1, params1), (loss2, params2)]
        pairs = tgc.partition_gradients(partition, tf.train.AdamOptimizer(learning_rate))
        joint = (loss1 + loss2, loss1 * loss2, tf.reduce_sum(rows1 * rows2))
        by_joint = [tgc.partition_gradients([(loss, params2)])[0][0] for loss in joint]
        naive = [tf.convert_to_tensor(g) for g in tf.gradients(joint[0], params)]

        session.run(tf.global_variables_initializer())
        for number, value in enumerate(weights or ()):
            params[number].load(value, session)
        feed = {ids: data.ids, output1: data.labels1, output2: data.labels2}
        losses = {"loss1": loss1, "loss2": loss2}
        flow = gradient_flow({**losses, "loss1 + loss2": joint[0]}, None, session, feed)
        wanted = gradient_flow(losses, None, session, feed, partitions=partition)
        at_start, joint_at_start, naive_at_start = session.run(
            ((loss1, loss2), by_joint, naive), feed
        )
        values, gradients = [session.run(params)], []
        for _ in range(epochs):
            gradients.append(session.run([gradient for gradient, _ in pairs], feed))
            session.run(pairs.train_op, feed)
            values.append(session.run(params))
        return Joint(
            [str(v) for v in params],
            counts,
            [f"({g}, {v})" for g, v in pairs],
            [v.op.name for _, v in pairs],
            (float(at_start[0]), float(at_start[1])),
            gradients,
            joint_at_start[0],
            joint_at_start[1],
            joint_at_start[2],
            naive_at_start,
            values,
            flow,
            wanted,
        )


def work_out() -> list[np.ndarray]:
    """Returns the answer's three gradients of constants."""
    with tf.Graph().as_default(), tf.Session() as session:
        inputs = tf.constant([[1, 2, 3]], tf.float32)
        label1 = tf.constant([[1, 2, 3, 4]], tf.float32)
        label2 = tf.constant([[1, 2, 3, 4, 5]], tf.float32)
        # Variables, because a partition is one of variables; in the post they are tensors.
        weight1 = tf.get_variable(
            "weight1", initializer=tf.reshape(tf.range(12, dtype=tf.float32), [3, 4])
        )
        weight2 = tf.get_variable(
            "weight2", initializer=tf.reshape(tf.range(20, dtype=tf.float32), [4, 5])
        )
        output1 = tf.matmul(inputs, weight1)
        loss1 = tf.reduce_sum(output1 - label1)
        loss2 = tf.reduce_sum(tf.matmul(output1, weight2) - label2)
        pairs = tgc.partition_gradients([(loss1, weight1), (loss2, weight2)])
        pairs += tgc.partition_gradients([(loss1 + loss2, weight2)])
        session.run(tf.global_variables_initializer())
        return session.run([gradient for gradient, _ in pairs])


def draw_data(rng: np.random.Generator, batch: int, sizes: tuple[int, int, int, int]) -> Data:
    """Draws ids as the post does, but such that the table has a row for each.

    The post feeds `np.random.normal(size=100)` to a placeholder of int32, which cuts fractions
    off towards zero. About one id in six is then -1 or -2, for which the table has no row: a CPU
    refuses them, a GPU reads zeros. Here they count from the table's end, as in Python.
    """
    ids = np.mod(rng.normal(size=batch).astype(np.int32), sizes[0])
    labels1, labels2 = (rng.integers(0, top, batch).astype(np.int32) for top in sizes[2:])
    return Data(ids, labels1, labels2)


class ByHand(NamedTuple):
    """Holds what `differentiate_by_hand` gives, in float64."""

    gradient1: np.ndarray
    """Of the sum of loss 1 at output1."""
    gradient2: np.ndarray
    """Of the sum of loss 2 at output2."""
    weighted2: np.ndarray
    """Of the sum over rows of loss 1 * loss 2 at output2."""


def differentiate_by_hand(values: Sequence[np.ndarray], data: Data) -> ByHand:
    """Takes the gradients in NumPy: of a softmax's cross-entropy they are `x^T (p - y)`."""
    table, weights1, weights2 = (np.float64(value) for value in values)
    vectors = table[data.ids]
    logits1 = vectors @ weights1
    rows1, wrong1 = _entropy(logits1, data.labels1)
    _, wrong2 = _entropy(logits1 @ weights2, data.labels2)
    weighted2 = logits1.T @ (rows1[:, None] * wrong2)
    return ByHand(vectors.T @ wrong1, logits1.T @ wrong2, weighted2)


def _entropy(logits: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns each row's cross-entropy `[B]` and its gradient `[B, classes]`."""
    shifted = logits - logits.max(1, keepdims=True)
    logs = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
    rows = np.arange(len(labels))
    wrong = np.exp(logs)
    wrong[rows, labels] -= 1
    return -logs[rows, labels], wrong


def adam_steps(gradients: Sequence[np.ndarray], learning_rate: float) -> list[np.ndarray]:
    """Returns the steps that Adam takes from one epoch's gradient after the other, in NumPy.

    TensorFlow adds epsilon before it corrects the second moment's start, not after.
    """
    mean = square = np.zeros_like(gradients[0], np.float64)
    steps = []
    for count, gradient in enumerate(gradients, start=1):
        mean = BETA1 * mean + (1 - BETA1) * gradient
        square = BETA2 * square + (1 - BETA2) * np.square(gradient, dtype=np.float64)
        rate = learning_rate * np.sqrt(1 - BETA2**count) / (1 - BETA1**count)
        steps.append(-rate * mean / (np.sqrt(square) + EPSILON))
    return steps


def largest_step(count: int) -> float:
    """Bounds Adam's step number `count` in learning rates, whatever the gradients were.

    By Cauchy and Schwarz; 1 for the first step, 1.0014 for the second.
    """
    weights = (BETA1**2 / BETA2) ** np.arange(count)
    start = np.sqrt(1 - BETA2**count) / (1 - BETA1**count)
    return float(start * (1 - BETA1) / np.sqrt(1 - BETA2) * np.sqrt(weights.sum()))


def show(result: Joint) -> None:
    """Prints what the post prints, then which loss reaches what."""
    print(result.counts[0])
    print(result.counts[1])
    print(f"[{', '.join(result.params)}]")
    for pair in result.pairs:
        print(f"[{pair}]")
    for epoch, values in enumerate(result.values[1:]):
        print(f"epoch:{epoch}")
        for name, value in zip(NAMES, values, strict=True):
            print(f"{name} value:\n {value}")
    print("\nMinimised naively, loss1 + loss2 trains whatever it reaches:")
    print(result.flow)
    print("\nThe partition, each loss for its own weights (what is marked ! is not computed):")
    print(result.partition_flow)
    print()


def check_gradients(checks: Checks, result: Joint, data: Data) -> None:
    """Checks the partition's gradients, and those of sums and products of the losses."""
    hand = differentiate_by_hand(result.values[0], data)
    own1, own2 = result.partition[0]
    loss1 = result.losses[0]
    for what, got, wanted in (
        ("the partition's gradient at output1 is loss1's by hand", own1, hand.gradient1),
        ("the partition's gradient at output2 is loss2's by hand", own2, hand.gradient2),
        ("at output2, loss1 + loss2 has loss2's gradient", result.by_sum, own2),
        ("at output2, loss1 * loss2 has loss2's times loss1", result.by_product, loss1 * own2),
        (
            "at output2, the rows' loss1 * loss2 weigh them by loss1",
            result.by_rows,
            hand.weighted2,
        ),
    ):
        checks.at_most(what, relative([got], [wanted]), EQUAL)
    for what, got, wanted in (
        ("at output2, loss1 * loss2 differs from loss2", result.by_product, own2),
        ("at output2, the rows' loss1 * loss2 differ from loss2", result.by_rows, own2),
        ("at output1, the naive loss1 + loss2 differs from loss1", result.naive[1], own1),
    ):
        checks.above(what, relative([got], [wanted]), DIFFERENT)


def check_steps(checks: Checks, result: Joint, learning_rate: float) -> None:
    """Checks what moves, and by how much."""
    table = {values[0].tobytes() for values in result.values}
    checks.same("embedding_matrix, bit for bit, values that it takes", len(table), 1)
    for place, name in enumerate(NAMES[1:]):
        values = [np.float64(value[place + 1]) for value in result.values]
        gradients = [pair[place] for pair in result.partition]
        for epoch, step in enumerate(adam_steps(gradients, learning_rate)):
            moved = values[epoch + 1] - values[epoch]
            sizes = np.abs(moved)
            what = f"{name} in epoch {epoch}"
            print(
                f"      {what} moves by {sizes.min():.6f} to {sizes.max():.6f}, median "
                f"{np.median(sizes):.6f}"
            )
            checks.at_most(f"{what}: off from Adam's step", relative([moved], [step]), EQUAL_STEP)
            bound = learning_rate * largest_step(epoch + 1)
            checks.at_most(f"{what}: largest step", float(sizes.max()) / bound, 1 + ROUNDING)
            if epoch == 0:
                clear = sizes[np.abs(gradients[0]) > TINY]
                short = float(np.max(np.abs(clear / learning_rate - 1), initial=0))
                checks.at_most(f"{what}: off from one learning rate", short, ROUNDING)


def check_flow(checks: Checks, result: Joint) -> None:
    """Checks which loss reaches what, and what is said of it."""
    reaches = [[True, True, False], [True, True, True], [True, True, True]]
    checks.same("only loss1 does not reach all three", result.flow.reaches.tolist(), reaches)
    leaks = [
        "loss1 leaks into embedding_matrix (of none)",
        "loss2 leaks into embedding_matrix (of none), output1 (of loss1)",
    ]
    named = [p.partition(":")[0].removeprefix("the loss ") for p in result.partition_flow.problems]
    checks.same("leaks that are named", named, leaks)


def define_flags() -> None:
    """Defines the flags; a function, so that importing this file leaves absl alone."""
    flags.DEFINE_integer("vocabulary", 5, "Rows of embedding_matrix.", lower_bound=1)
    flags.DEFINE_integer("width", 3, "Columns of embedding_matrix.", lower_bound=1)
    flags.DEFINE_integer("classes1", 4, "Classes of loss 1.", lower_bound=2)
    flags.DEFINE_integer("classes2", 5, "Classes of loss 2.", lower_bound=2)
    flags.DEFINE_integer("batch", 100, "Rows of the batch.", lower_bound=1)
    flags.DEFINE_integer("epochs", 2, "Steps of Adam, all on the same batch.", lower_bound=1)
    flags.DEFINE_float("learning_rate", 0.01, "Adam's.", lower_bound=1e-3, upper_bound=1.0)
    flags.DEFINE_integer("seed", 123, "Seed of the weights and the data.", 0, 2**31 - 1)
    flags.DEFINE_string("out", "runs/joint_loss", "Folder for the pictures; made if needed.")
    flags.DEFINE_float(
        "tolerance_scale", 1.0, "Factor on every upper bar; 0 accepts equality only.", 0.0
    )


def main(_: Sequence[str]) -> int:
    """Runs the post and its checks; returns the exit code."""
    console.quiet_tensorflow()
    args = flags.FLAGS
    checks = Checks(args.tolerance_scale)
    sizes = (args.vocabulary, args.width, args.classes1, args.classes2)
    with console.one_line_errors("reproduce_joint_loss.py"):
        folder = make_folder(args.out)
        data = draw_data(np.random.default_rng(args.seed), args.batch, sizes)
        print(f"seed {args.seed}; normal numbers cut to integers, the negative ones counted from")
        print(f"the table's end, for the post's own have no row: ids {data.ids[:12]} ...")
        result = train_jointly(
            data, sizes, epochs=args.epochs, learning_rate=args.learning_rate, seed=args.seed
        )
        show(result)
        checks.same("trainable variables, as they are made", result.counts, [1, 2, 3])
        checks.same("variables of the pairs", result.pair_names, list(NAMES[1:]))
        check_gradients(checks, result, data)
        check_steps(checks, result, args.learning_rate)
        check_flow(checks, result)
        for number, (got, wanted) in enumerate(
            zip(work_out(), (WORKED1, WORKED2, WORKED2), strict=True), start=1
        ):
            checks.same(f"grad{number} of the worked constants", got.tolist(), wanted)
        for name, flow in (("naive", result.flow), ("partition", result.partition_flow)):
            print(f"wrote {flow.draw(folder / f'{name}.png')}")
    return checks.finish()


if __name__ == "__main__":
    define_flags()
    _startup.run(main)
