"""Heads and losses against NumPy; sums that add up over chunks."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import tgcarry as tgc
from tgcarry import losses


@pytest.fixture(autouse=True)
def same_weights(graph):
    tf.set_random_seed(20)
    print("graph seed 20")


def evaluate(fetches):
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        return session.run(fetches)


def log_softmax(z):
    z = z - z.max(-1, keepdims=True)
    return z - np.log(np.exp(z).sum(-1, keepdims=True))


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("ints", [np.int32, np.int64])
def test_softmax_loss(ints, masked, rng):
    z, y = rng.normal(size=(3, 5, 4)), rng.integers(0, 4, (3, 5)).astype(ints)
    weights = rng.random((3, 5)) * (rng.random((3, 5)) < 0.6) if masked else np.ones((3, 5))
    mask = tf.constant(weights) if masked else None
    loss, extra = evaluate(losses.softmax_loss(tf.constant(z), tf.constant(y), mask))
    steps = -np.take_along_axis(log_softmax(z), y[..., None], -1)[..., 0] * weights
    np.testing.assert_allclose(extra.per_step, steps, rtol=1e-12)
    assert loss == pytest.approx(steps.sum(), rel=1e-12)
    assert extra.count == pytest.approx(weights.sum(), rel=1e-12)
    assert extra.correct == pytest.approx(((z.argmax(-1) == y) * weights).sum(), rel=1e-12)


def test_squared_loss(rng):
    p, y, weights = rng.normal(size=(2, 4, 3)), rng.normal(size=(2, 4, 3)), rng.random((2, 4))
    loss, extra = evaluate(losses.squared_loss(*map(tf.constant, (p, y, weights))))
    squared = ((p - y) ** 2).sum(-1) * weights
    np.testing.assert_allclose(extra.per_step, squared / 2, rtol=1e-12)
    assert loss == pytest.approx(squared.sum() / 2, rel=1e-12)
    assert extra.correct == pytest.approx(squared.sum(), rel=1e-12)
    assert extra.count == pytest.approx(weights.sum(), rel=1e-12)


def test_sigmoid_loss(rng):
    z, y = 3 * rng.normal(size=(2, 4, 3)), rng.integers(0, 2, (2, 4, 3)).astype(float)
    weights = rng.random((2, 4))
    loss, extra = evaluate(losses.sigmoid_loss(*map(tf.constant, (z, y, weights))))
    shares = 1 / (1 + np.exp(-z))
    steps = -np.log(np.where(y == 1, shares, 1 - shares)).sum(-1) * weights
    np.testing.assert_allclose(extra.per_step, steps, rtol=1e-12)
    assert loss == pytest.approx(steps.sum(), rel=1e-12)
    right = (((shares > 0.5) == (y == 1)).mean(-1) * weights).sum()
    assert extra.correct == pytest.approx(right, rel=1e-12)
    assert extra.count == pytest.approx(weights.sum(), rel=1e-12)


@pytest.mark.parametrize("mask", [np.bool_, np.int32, np.float64])
def test_a_mask_of_any_dtype_weighs_steps(mask, rng):
    z, keep = rng.normal(size=(2, 3, 2)), np.array([[1, 1, 0], [1, 0, 0]]).astype(mask)
    loss = losses.softmax_loss(tf.constant(z), tf.zeros([2, 3], tf.int32), tf.constant(keep))[0]
    wanted = -(log_softmax(z)[..., 0] * keep).sum()
    assert evaluate(loss) == pytest.approx(wanted, rel=1e-12)


def test_chunks_add_up_to_the_whole(rng):
    z, y, keep = rng.normal(size=(2, 7, 3)), rng.integers(0, 3, (2, 7)), rng.random((2, 7)) < 0.5

    def part(piece):
        arrays = [tf.constant(a[:, piece]) for a in (z, y.astype(np.int32), keep)]
        loss, extra = losses.softmax_loss(*arrays)
        return [loss, extra.count, extra.correct]

    whole, one, two = evaluate([part(slice(None)), part(slice(0, 3)), part(slice(3, None))])
    np.testing.assert_allclose(np.add(one, two), whole, rtol=1e-12)


def test_linear_keeps_the_names_and_equation_of_tf_layers_dense(rng):
    x = rng.normal(size=(2, 5, 3))
    out = losses.linear(tf.constant(x), 4, name="softmax")
    kernel, bias = tf.trainable_variables()
    assert [kernel.op.name, bias.op.name] == ["softmax/kernel", "softmax/bias"]
    assert out.shape.as_list() == [2, 5, 4]
    got, w, b = evaluate([out, kernel, bias])
    np.testing.assert_allclose(got, x @ w + b, rtol=1e-12)
    assert not b.any()
    assert np.abs(w).max() <= np.sqrt(6 / 7)


def test_linear_with_open_batch_and_time_and_a_given_initializer():
    x = tf.placeholder(tf.float32, [None, None, 3])
    out = losses.linear(x, 2, kernel_initializer=tf.ones_initializer())
    assert out.shape.as_list() == [None, None, 2]
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        got = session.run(out, {x: np.ones((4, 6, 3))})
    assert got.shape == (4, 6, 2)
    assert (got == 3).all()


@pytest.mark.parametrize(
    ("make", "facts"),
    [
        (lambda: losses.linear(tf.placeholder(tf.float32, [None, None]), 2), ["Placeholder"]),
        (
            lambda: losses.squared_loss(tf.zeros([2, 3, 1]), tf.zeros([2, 3])),
            ["(2, 3, 1)", "(2, 3)"],
        ),
        (
            lambda: losses.squared_loss(tf.zeros([2, 3, 1]), tf.zeros([2, 3, 4])),
            ["(2, 3, 1)", "(2, 3, 4)"],
        ),
        (
            lambda: losses.softmax_loss(
                tf.zeros([3, 3, 2]), tf.zeros([3, 3], tf.int32), tf.ones([3, 3, 1])
            ),
            ["(3, 3, 1)", "(3, 3)"],
        ),
        (
            lambda: losses.squared_loss(tf.zeros([3, 3, 2]), tf.zeros([3, 3, 2]), tf.ones([3])),
            ["(3,)", "(3, 3)"],
        ),
        (
            lambda: losses.sigmoid_loss(tf.zeros([2, 3, 4]), tf.zeros([2, 3, 1])),
            ["(2, 3, 4)", "(2, 3, 1)"],
        ),
    ],
    ids=["width", "rank", "units", "mask-broadcasts", "mask-per-stream", "bits"],
)
def test_what_would_broadcast_silently_is_refused(make, facts):
    with pytest.raises(tgc.ChunkError) as caught:
        make()
    message = str(caught.value)
    assert "\n" not in message
    for fact in facts:
        assert fact in message
