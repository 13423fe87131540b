"""Old programs' unrolling: what they give to it, and what they do with its cells."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tgcarry import cells, tf1
from tgcarry.errors import CellError
from tgcarry.legacy import behaviour, run, settings, unrolling

B, L, WIDTH, H = 3, 6, 4, 5
LENGTHS = [6, 0, 3]


@pytest.fixture(autouse=True)
def graph():
    """Has every test of this file run as an old program does, on a fresh graph."""
    with behaviour.tensorflow1(), tf.Graph().as_default() as fresh:
        yield fresh


def dynamic(cell, x, **options):
    return unrolling.dynamic_rnn(cell, x, dtype=tf.float32, **options)


def static(cell, x, **options):
    outputs, final = unrolling.static_rnn(cell, tf.unstack(x, L, 1), dtype=tf.float32, **options)
    return tf.stack(outputs, 1), final


def bidirectional(cell, x, **options):
    other = cells.LSTMCell(H)
    return unrolling.bidirectional_dynamic_rnn(cell, other, x, dtype=tf.float32, **options)


def test_arrays_are_unrolled_like_tensors():
    values = np.random.RandomState(0).randn(B, L, WIDTH).astype(np.float32)
    cell = cells.GRUCell(H)
    start = np.ones([B, H], np.float32)
    lengths = np.array(LENGTHS, np.int64)
    with settings.using(settings.Settings(engine="loop")):
        array, _ = unrolling.dynamic_rnn(cell, values, lengths, start)
        tensor, _ = unrolling.dynamic_rnn(cell, tf.constant(values), lengths, start)
    assert array.shape.as_list() == [B, L, H]
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        np.testing.assert_array_equal(*sess.run([array, tensor]))


@pytest.mark.parametrize("unroll", [dynamic, static, bidirectional])
def test_lengths_of_unknown_rank_are_taken(unroll):
    x = tf.placeholder(tf.float32, [B, L, WIDTH])
    lengths = tf.placeholder(tf.int64)
    with settings.using(settings.Settings(engine="loop")):
        results, _ = unroll(cells.BasicRNNCell(H), x, sequence_length=lengths)
    outputs = tf.nest.flatten(results)[0]
    assert outputs.shape.as_list() == [B, L, H]
    slopes = tf.gradients(outputs, tf.trainable_variables()[:2])
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        feeds = {x: np.ones([B, L, WIDTH]), lengths: LENGTHS}
        values, *_ = sess.run([outputs, *slopes], feeds)
        assert (values[1] == 0).all() and (values[0] != 0).all() and (values[2, 3:] == 0).all()
        # One length for three streams is not spread over them.
        with pytest.raises(tf.errors.InvalidArgumentError):
            sess.run(outputs, {x: feeds[x], lengths: [2]})


@pytest.mark.parametrize("shape", [None, [None, None], [None, H]])
def test_a_state_fed_without_sizes_gets_those_of_the_cell(shape):
    x = tf.placeholder(tf.float32, [B, L, WIDTH])
    state = tf.placeholder(tf.float32, shape)
    with settings.using(settings.Settings(engine="loop")):
        outputs, final = unrolling.dynamic_rnn(cells.GRUCell(H), x, initial_state=state)
    assert outputs.shape.as_list() == [B, L, H]
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        feeds = {x: np.ones([B, L, WIDTH]), state: np.zeros([B, H])}
        first, carried = sess.run([outputs, final], feeds)
        feeds[state] = carried
        assert np.abs(sess.run(outputs, feeds) - first).max() > 1e-3
        with pytest.raises(tf.errors.InvalidArgumentError):
            sess.run(outputs, {**feeds, state: carried[:1]})


def test_steps_with_placeholders_of_their_own_can_be_fed_one_after_the_other():
    steps = [tf.placeholder(tf.float32, [B, WIDTH]) for _ in range(L)]
    with settings.using(settings.Settings(engine="loop")):
        outputs, _ = unrolling.static_rnn(cells.GRUCell(H), steps, dtype=tf.float32)
    reached = tf.gradients(outputs[1], steps)
    assert [slope is not None for slope in reached] == [True, True, False, False, False, False]
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        ones = np.ones([B, WIDTH])
        assert sess.run(outputs[1], {steps[0]: ones, steps[1]: ones}).shape == (B, H)


def test_losses_of_a_scope_around_an_unrolled_cell_can_be_fetched():
    x = tf.placeholder(tf.float32, [None, L, WIDTH])
    with tf.variable_scope("model", regularizer=lambda w: 0.5 * tf.reduce_sum(w * w)):
        unrolling.dynamic_rnn(cells.BasicRNNCell(H), x, dtype=tf.float32)
    losses = tf.losses.get_regularization_losses()
    names = [loss.op.name.rpartition("/")[0] for loss in losses]
    cell = "model/rnn/basic_rnn_cell"
    assert names == [f"{cell}/kernel/Regularizer", f"{cell}/bias/Regularizer"]
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        values, weights = sess.run([losses, tf.trainable_variables()])
    wanted = [0.5 * np.sum(weight**2) for weight in weights]
    np.testing.assert_allclose(values, wanted, rtol=1e-5)


def test_weights_are_read_and_set_in_the_default_session():
    cell = cells.BasicRNNCell(H)
    unrolling.dynamic_rnn(cell, tf.ones([B, L, WIDTH]), dtype=tf.float32)
    values = [np.full([WIDTH + H, H], 0.25), np.arange(H)]
    with pytest.raises(CellError, match="session"):
        cell.get_weights()
    with tf.Session():
        tf.global_variables_initializer().run()
        cell.set_weights(values)
        for got, wanted in zip(cell.get_weights(), values, strict=True):
            np.testing.assert_array_equal(got, wanted)
        with pytest.raises(CellError, match="1 arrays for 2"):
            cell.set_weights(values[:1])


def test_kerass_layer_takes_a_cell():
    layer = tf1.keras().layers.RNN(cells.GRUCell(H), return_sequences=True)
    assert layer(tf.ones([B, L, WIDTH])).shape.as_list() == [B, L, H]
    assert next(v.op.name for v in tf.global_variables()).endswith("gru_cell/gates/kernel")


def test_keras_base_classes_are_found_in_its_engine(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        "from keras.engine import InputSpec, Layer\n"
        "from keras.engine.topology import Layer as Older\n"
        "from tensorflow.python.keras.engine.base_layer import Layer as Newer\n"
        "from tensorflow.python.keras.engine.network import Network\n"
        "from tensorflow.python.keras.models import Model\n"
        "alike = Layer is Older is Newer and issubclass(Model, Layer) and Network is Model\n",
        encoding="utf-8",
    )
    assert run(str(program), ())["alike"]
