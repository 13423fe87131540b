"""What `tf.contrib.layers` does around a layer's numbers: scopes, collections, refusals."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tgcarry.legacy import behaviour
from tgcarry.legacy.modules import Facade
from tgcarry.legacy.registry import by_module


@pytest.fixture(autouse=True)
def graph():
    with behaviour.tensorflow1(), tf.Graph().as_default() as fresh:
        yield fresh


@pytest.fixture(scope="module")
def layers():
    return Facade(by_module()).find("tensorflow.contrib.layers")


def run(*tensors):
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        return session.run(tensors)


@pytest.mark.parametrize(
    "make",
    [
        lambda layers, x: layers.fully_connected(x, 2),
        lambda layers, x: layers.stack(x, layers.fully_connected, [2, 3]),
        lambda layers, x: layers.conv1d(x[tf.newaxis], 2, 3),
        lambda layers, x: layers.batch_norm(x),
    ],
)
def test_a_scope_that_reuses_makes_no_variables(layers, make):
    x = tf.ones([4, 3])
    with tf.variable_scope("shared"):
        first = make(layers, x)
    made = tf.global_variables()
    with tf.variable_scope("shared", reuse=True):
        again = make(layers, x)
    assert tf.global_variables() == made
    np.testing.assert_array_equal(*run(first, again))
    with tf.variable_scope("other", reuse=True), pytest.raises(ValueError, match="does not exist"):
        make(layers, x)
    with tf.variable_scope("either", reuse=tf.AUTO_REUSE):
        make(layers, x)
    assert len(tf.global_variables()) == 2 * len(made)


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("Flatten", lambda layers, x, **more: layers.flatten(x, **more)),
        ("MaxPool2D", lambda layers, x, **more: layers.max_pool2d(x, 2, **more)),
        ("AvgPool3D", lambda layers, x, **more: layers.avg_pool3d(x[tf.newaxis], 2, **more)),
        ("Dropout", lambda layers, x, **more: layers.dropout(x, **more)),
        ("ImagesToSequence", lambda layers, x, **more: layers.images_to_sequence(x, **more)),
        ("ConvInPlane", lambda layers, x, **more: layers.conv2d_in_plane(x, 2, **more)),
    ],
)
def test_outputs_are_collected_under_the_scope_without_a_slash(layers, name, make):
    x = tf.ones([2, 4, 6, 3])
    plain, scoped = (
        make(layers, x, outputs_collections="ends", **more) for more in ({}, {"scope": "mine"})
    )
    assert tf.get_collection("ends") == [plain, scoped]
    assert [output.aliases for output in (plain, scoped)] == [[name], ["mine"]]


@pytest.mark.parametrize(
    "make",
    [
        lambda layers, x: layers.max_pool2d(x, 2, data_format="CHWN"),
        lambda layers, x: layers.avg_pool3d(x, 2, data_format="NHWC"),
        lambda layers, x: layers.batch_norm(x, data_format="CHWN"),
        lambda layers, x: layers.separable_conv2d(x, 2, 3, data_format="NWHC"),
        lambda layers, x: layers.images_to_sequence(x, data_format="HWC"),
        lambda layers, x: layers.spatial_softmax(x, data_format="HWC"),
    ],
)
def test_the_place_of_the_channels_is_one_of_two(layers, make):
    with pytest.raises(ValueError, match="data_format has to be either NC"):
        make(layers, tf.ones([2, 4, 6, 3]))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda layers, x: layers.softmax(x[0]), ValueError, "2 or more"),
        (lambda layers, _: layers.softmax(tf.placeholder(tf.float32)), ValueError, "unknown"),
        (lambda layers, x: layers.layer_norm(x, begin_norm_axis=2), ValueError, "is 2"),
        (lambda layers, x: layers.stack(x, layers.fully_connected, 3), ValueError, "one entry"),
        (
            lambda layers, _: layers.variance_scaling_initializer(mode="FAN"),
            TypeError,
            "FAN_AVG",
        ),
        (
            lambda layers, _: layers.xavier_initializer(dtype=tf.int32),
            TypeError,
            "non-floating point type",
        ),
    ],
)
def test_refusals_are_the_errors_of_tf115(layers, make, error, message):
    with pytest.raises(error, match=message):
        make(layers, tf.ones([4, 3]))


def test_images_become_sequences_and_images_again(layers, rng):
    images = rng.normal(size=[2, 3, 5, 4]).astype(np.float32)
    sequence = layers.images_to_sequence(tf.constant(images))
    flipped = layers.images_to_sequence(tf.constant(images.transpose(0, 3, 1, 2)), "NCHW")
    back = layers.sequence_to_images(sequence, 3)
    first = layers.sequence_to_images(sequence, 3, "channels_first")
    assert sequence.shape.as_list() == [5, 6, 4]
    assert first.shape.as_list() == [2, 4, 3, 5]
    got = run(sequence, flipped, back, first)
    np.testing.assert_array_equal(got[0][:, 4], images[1, 1])
    np.testing.assert_array_equal(got[1], got[0])
    np.testing.assert_array_equal(got[2], images)
    np.testing.assert_array_equal(got[3], images.transpose(0, 3, 1, 2))


def test_a_gradient_is_scaled_but_not_the_value(layers):
    x = tf.constant([1.0, -2.0])
    y = layers.scale_gradient(x, 3.0)
    value, slope = run(y, tf.gradients(y * y, x)[0])
    assert value.tolist() == [1.0, -2.0]
    assert slope.tolist() == [6.0, -12.0]


def test_spatial_softmax_finds_the_places(layers):
    features = np.zeros([1, 5, 3, 2], np.float32)
    features[0, 4, 1, 0] = features[0, 0, 2, 1] = 200.0
    x = tf.placeholder_with_default(features, [None, None, None, 2])
    found = layers.spatial_softmax(x)
    flipped = layers.spatial_softmax(tf.transpose(x, [0, 3, 1, 2]), data_format="NCHW")
    assert [v.op.name for v in tf.trainable_variables()] == [
        "spatial_softmax/temperature",
        "spatial_softmax_1/temperature",
    ]
    for places in run(found, flipped):
        np.testing.assert_allclose(places, [[1.0, 0.0, -1.0, 1.0]], atol=1e-6)


def test_one_kernel_goes_over_every_channel(layers, rng):
    x = rng.normal(size=[2, 4, 4, 3]).astype(np.float32)
    rows = layers.conv2d_in_plane(
        tf.constant(x),
        [2, 1],
        padding="VALID",
        activation_fn=None,
        weights_initializer=tf.constant_initializer([-1.0, 1.0]),
    )
    assert [v.shape.as_list() for v in tf.trainable_variables()] == [[2, 1, 1, 1], [3]]
    np.testing.assert_allclose(run(rows)[0], np.diff(x, axis=1), rtol=1e-5, atol=1e-6)


def optimized(layers, **given):
    loss = tf.square(tf.get_variable("w", initializer=2.0))
    options = {"global_step": tf.train.create_global_step(), "learning_rate": 0.1}
    return layers.optimize_loss(loss, **{**options, "optimizer": "SGD", **given})


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"optimizer": "Adamant"}, ValueError),
        ({"optimizer": tf.Variable}, ValueError),
        ({"optimizer": lambda rate: rate}, ValueError),
        ({"learning_rate": -0.1}, ValueError),
        ({"summaries": ["weather"]}, ValueError),
        ({"clip_gradients": "much"}, ValueError),
        ({"global_step": np.float32(1.0)}, TypeError),
    ],
)
def test_optimize_loss_refuses_with_the_errors_of_tf115(layers, given, error):
    with pytest.raises(error):
        optimized(layers, **given)


def test_a_decay_needs_a_step(layers):
    loss = tf.square(tf.get_variable("w", initializer=2.0))
    with pytest.raises(ValueError, match="global_step is required"):
        layers.optimize_loss(loss, None, 0.1, "SGD", learning_rate_decay_fn=lambda rate, _: rate)
    with pytest.raises(TypeError):
        layers.optimize_loss(loss, tf.get_variable("step", initializer=0.5), 0.1, "SGD")
