"""What predictors learn: the same from one chunk as from sums, and held against NumPy."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tgcarry.lessons import Target, learning_from
from tgcarry.predictor import Predictor

RATE, STREAMS, WIDTH = 0.1, 7, 3


class Lab:
    """A predictor with numbers in it, and what is fed to it."""

    def __init__(self, rng, hidden, dtype=tf.float64):
        self.net = Predictor(hidden, WIDTH, dtype)
        feeds = [tf.placeholder(dtype, [None, width]) for width in (WIDTH, WIDTH, 1)]
        self.optimizer = tf.train.GradientDescentOptimizer(RATE)
        self.learning = learning_from([Target(self.net, *feeds)], self.optimizer)
        self.feeds = feeds
        self.session = tf.Session()
        self.session.run([tf.global_variables_initializer(), tf.local_variables_initializer()])
        for variable in self.net.weights:
            variable.load(rng.normal(size=variable.shape), self.session)
        for variable, value in zip(self.net.variables[-2:], (0.8, 0.4), strict=True):
            variable.load(value, self.session)

    def figures(self, lesson, fed):
        return self.session.run([lesson.groups[0].gradients, lesson.error], fed)


def drawn(rng, rows=STREAMS):
    return [
        rng.normal(size=(rows, WIDTH)),
        0.01 * rng.normal(size=(rows, WIDTH)),
        (rng.random((rows, 1)) < 0.6) * 1.0,
    ]


@pytest.fixture(params=[(), (5,), (4, 6)], ids=str)
def lab(request, rng):
    with tf.Graph().as_default():
        made = Lab(rng, request.param)
        with made.session:
            yield made


def test_sums_over_visits_teach_what_one_visit_of_all_streams_does(lab, rng):
    whole = drawn(rng)
    wanted, error = lab.figures(lab.learning.alone, dict(zip(lab.feeds, whole, strict=True)))
    for rows in (slice(0, 2), slice(2, 3), slice(3, None)):
        part = [array[rows] for array in whole]
        lab.session.run(lab.learning.add, dict(zip(lab.feeds, part, strict=True)))
    got, error_ = lab.figures(lab.learning.together, {})
    assert error_ == pytest.approx(error, rel=1e-10)
    assert lab.session.run(lab.learning.rows) == whole[2].sum()
    for one, other in zip(got, wanted, strict=True):
        np.testing.assert_allclose(one, other, 1e-10, 1e-12)


def test_the_scale_moves_as_much(lab, rng):
    whole = drawn(rng)
    fed = dict(zip(lab.feeds, whole, strict=True))
    with lab.session.graph.as_default():
        alone, together = (
            lesson.assigns[0]() for lesson in (lab.learning.alone, lab.learning.together)
        )
    start = lab.session.run(lab.net.variables[-2:])
    lab.session.run(alone, fed)
    wanted = lab.session.run(lab.net.variables[-2:])
    for variable, value in zip(lab.net.variables[-2:], start, strict=True):
        variable.load(value, lab.session)
    lab.session.run(lab.learning.add, fed)
    lab.session.run(together)
    got = lab.session.run(lab.net.variables[-2:])
    mean = np.sum(whole[2] * whole[1] ** 2) / (whole[2].sum() * WIDTH)
    np.testing.assert_allclose(wanted, [0.99 * 0.8 + 0.01 * mean, 0.99 * 0.4 + 0.01], 1e-12)
    np.testing.assert_allclose(got, wanted, 1e-12)


def test_a_linear_one_is_that_of_numpy(rng):
    with tf.Graph().as_default():
        lab = Lab(rng, ())
        with lab.session:
            kernel, bias = lab.session.run(lab.net.weights)
            state, value, weight = whole = drawn(rng)
            (kernel_, bias_), error = lab.figures(
                lab.learning.alone, dict(zip(lab.feeds, whole, strict=True))
            )
    rows = weight.sum()
    square = 0.99 * 0.8 + 0.01 * np.sum(weight * value**2) / (rows * WIDTH)
    scale = np.sqrt(square / (0.99 * 0.4 + 0.01))
    missed = weight * (state @ kernel + bias - value / scale)
    np.testing.assert_allclose(kernel_, state.T @ missed / rows, 1e-10)
    np.testing.assert_allclose(bias_, missed.sum(0) / rows, 1e-10)
    assert error == pytest.approx(np.sum(missed**2) / rows / WIDTH, rel=1e-10)


def test_with_no_stream_to_learn_from_nothing_is_learnt(lab, rng):
    state, value, weight = drawn(rng)
    fed = dict(zip(lab.feeds, (state, value, 0 * weight), strict=True))
    lab.session.run(lab.learning.add, fed)
    for lesson, given in ((lab.learning.alone, fed), (lab.learning.together, {})):
        gradients, error = lab.figures(lesson, given)
        assert error == 0 and not any(gradient.any() for gradient in gradients)


def test_in_float32_sums_lose_little(rng):
    with tf.Graph().as_default():
        lab = Lab(rng, (6,), tf.float32)
        with lab.session:
            whole = drawn(rng, 200)
            fed = dict(zip(lab.feeds, whole, strict=True))
            wanted, error = lab.figures(lab.learning.alone, fed)
            lab.session.run(lab.learning.add, fed)
            got, error_ = lab.figures(lab.learning.together, {})
    assert error_ == pytest.approx(error, rel=1e-5)
    largest = max(np.abs(gradient).max() for gradient in wanted)
    for one, other in zip(got, wanted, strict=True):
        np.testing.assert_allclose(one, other, 1e-5, 1e-5 * largest)
