"""A checkpoint that TensorFlow 1.15 wrote is restored and trained on, number for number.

The fixtures and what they hold: tests/golden/make_checkpoint_tf115.py.
"""

from pathlib import Path

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import tgcarry as tgc

GOLDEN = Path(__file__).parent / "golden"
SAVED = 5


def grus():
    return tgc.MultiRNNCell([tgc.GRUCell(5), tgc.GRUCell(4)], state_is_tuple=False)


def lstms():
    return tgc.MultiRNNCell(
        [tgc.LSTMCell(4, use_peepholes=True, num_proj=3), tgc.BasicLSTMCell(3)]
    )


MODELS = {"checkpoint_tf115": grus, "checkpoint_tf115_lstm": lstms}


@pytest.fixture(params=sorted(MODELS))
def model(request):
    """Rebuilds the graph and loads what 1.15 recorded: (name, kept, placeholders, fetches)."""
    with np.load(GOLDEN / f"{request.param}.npz", allow_pickle=False) as file:
        kept = dict(file)
    _, streams, steps, letters = kept["x"].shape
    x = tf.placeholder(tf.float32, [streams, steps, letters])
    y = tf.placeholder(tf.int32, [streams, steps])
    cell = MODELS[request.param]()
    if "state_5" in kept:
        initial = tf.placeholder(tf.float32, [streams, cell.state_size])
    else:
        initial = cell.zero_state(streams, tf.float32)
    outputs, final = tgc.dynamic_rnn(cell, x, initial_state=initial, dtype=tf.float32)
    with tf.variable_scope("output"):
        weights = tf.get_variable("weights", [cell.output_size, letters])
        bias = tf.get_variable("bias", [letters])
    logits = tf.tensordot(outputs, weights, 1) + bias
    loss = tf.reduce_sum(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=logits))
    step = tf.train.get_or_create_global_step()
    train = tf.train.AdamOptimizer(0.01).minimize(loss, global_step=step)
    return request.param, kept, (x, y, initial), (loss, final, train)


def prefix_of(name):
    return str(GOLDEN / name / f"model.ckpt-{SAVED}")


def test_names_and_shapes_are_those_of_115(model):
    name, kept, _, _ = model
    saved = tf.train.load_checkpoint(prefix_of(name)).get_variable_to_shape_map()
    ours = {v.op.name: v.shape.as_list() for v in tf.global_variables()}
    assert ours == saved
    assert sorted(ours) == kept["names"].tolist()


def test_training_continues_as_in_115(model):
    name, kept, (x, y, initial), fetches = model
    carried = "state_5" in kept
    with tf.Session() as sess:
        tf.train.Saver().restore(sess, prefix_of(name))
        state, losses = kept.get("state_5"), []
        for n in range(SAVED, len(kept["losses"])):
            feed = {x: kept["x"][n], y: kept["y"][n]}
            if carried:
                feed[initial] = state
            loss, state, _ = sess.run(fetches, feed)
            losses.append(loss)
        np.testing.assert_allclose(losses, kept["losses"][SAVED:], rtol=1e-6)
        if carried:
            np.testing.assert_allclose(state, kept["state_15"], rtol=1e-4, atol=1e-5)
        for variable in tf.global_variables():
            np.testing.assert_allclose(
                sess.run(variable), kept[f"value/{variable.op.name}"], rtol=1e-4, atol=1e-5
            )


def test_latest_checkpoint_is_found_wherever_the_folder_lies(model):
    name = model[0]
    assert tf.train.latest_checkpoint(str(GOLDEN / name)) == prefix_of(name)
