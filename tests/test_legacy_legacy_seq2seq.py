"""`tf.contrib.legacy_seq2seq` where 1.15 fails, differs, or refuses; and a whole program."""

import functools
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tgcarry import cells
from tgcarry.errors import LegacyError
from tgcarry.legacy import behaviour
from tgcarry.legacy import legacy_seq2seq as library
from tgcarry.legacy.legacy_seq2seq.copies import unbuilt_copy
from tgcarry.legacy.legacy_seq2seq.loss_functions import with_keywords

B, V, H, E = 2, 5, 4, 3


@pytest.fixture(autouse=True)
def graph():
    with behaviour.tensorflow1(), tf.Graph().as_default() as fresh:
        yield fresh


def symbols(steps):
    return [tf.constant([t % V, (t + 1) % V]) for t in range(steps)]


# A program's own loss, in the orders of three versions.


@pytest.mark.parametrize(
    "function",
    [
        lambda labels, logits: labels - logits,
        lambda logits, labels: labels - logits,
        lambda inputs, labels: labels - inputs,
        lambda labels, inputs: labels - inputs,
        lambda x, targets: targets - x,
        lambda label, x: label - x,
        lambda logits, y: y - logits,
        lambda **kwargs: kwargs["labels"] - kwargs["logits"],
        functools.partial(lambda w, labels, logits: labels - logits, 0),
    ],
)
def test_the_order_of_a_loss_functions_arguments(function):
    assert with_keywords(function)(labels=5, logits=3) == 2


@pytest.mark.parametrize("function", [lambda x, y: x, lambda labels: labels])
def test_an_order_that_nobody_knows(function):
    with pytest.raises(LegacyError, match="name them labels and logits"):
        with_keywords(function)


def test_losses_call_it_by_position():
    seen = []

    def sampled(inputs, labels):
        seen.append((inputs.dtype, labels.dtype))
        return tf.reduce_sum(inputs, 1)

    logits = [tf.ones([B, V])] * 2
    weights = [tf.ones([B])] * 2
    loss = library.sequence_loss(logits, symbols(2), weights, softmax_loss_function=sampled)
    assert loss.shape.as_list() == []
    assert seen == [(tf.float32, tf.int32)] * 2


def test_lengths_must_agree():
    with pytest.raises(LegacyError, match="2 logits, 1 targets and 2 weights"):
        library.sequence_loss_by_example([tf.ones([B, V])] * 2, symbols(1), [tf.ones([B])] * 2)
    with pytest.raises(LegacyError, match="targets has 1 steps, but the last bucket needs 3"):
        library.model_with_buckets(symbols(2), symbols(3), symbols(1), [], [(2, 3)], None)


# A cell that was called before.


def test_one_cell_for_all_buckets():
    cell = cells.GRUCell(H)

    def model(x, y):
        return library.embedding_attention_seq2seq(x, y, cell, V, V, E)

    weights = [tf.ones([B])] * 3
    outputs, losses = library.model_with_buckets(
        symbols(4), symbols(3), symbols(3), weights, [(2, 2), (4, 3)], model
    )
    names = [v.name for v in tf.trainable_variables()]
    assert [len(steps) for steps in outputs] == [2, 3] and len(losses) == 2
    assert len(names) == len(set(names)) == 20
    encoder = "embedding_attention_seq2seq/rnn/embedding_wrapper/gru_cell/gates/kernel:0"
    assert names.count(encoder) == 1
    # The longer bucket's encoder has the shorter one's weights and not the decoder's.
    kernel = next(v for v in tf.trainable_variables() if v.name == encoder)
    assert tf.gradients(losses[1], kernel)[0] is not None


def test_an_unbuilt_copy_has_weights_of_its_own():
    inner = cells.GRUCell(H)
    cell = cells.MultiRNNCell([cells.DropoutWrapper(inner, 0.5), cells.BasicLSTMCell(H)])
    start = cell.zero_state(B, tf.float32)
    with tf.variable_scope("one"):
        cell(tf.ones([B, 3]), start)
    copied = unbuilt_copy(cell)
    assert copied is not cell and not copied.weights and len(cell.weights) == 6
    with tf.variable_scope("two"):
        copied(tf.ones([B, 2]), start)
    assert len(tf.trainable_variables()) == 12
    assert tf.trainable_variables()[6].name == "two/multi_rnn_cell/cell_0/gru_cell/gates/kernel:0"


# Refusals.


def test_what_attention_needs():
    memory, start = tf.ones([B, 2, 3]), tf.ones([B, H])
    cell = cells.GRUCell(H)
    with pytest.raises(LegacyError, match="at least one step"):
        library.attention_decoder([], start, memory, cell)
    with pytest.raises(LegacyError, match="num_heads=0"):
        library.attention_decoder([start], start, memory, cell, num_heads=0)
    with pytest.raises(LegacyError, match="last dimension must be known"):
        unknown = tf.placeholder(tf.float32, [B, 2, None])
        library.attention_decoder([start], start, unknown, cell)
    with pytest.raises(LegacyError, match="width must be known"):
        unknown = tf.placeholder(tf.float32, [B, None], "narrow")
        library.attention_decoder([unknown], start, memory, cell)


def test_a_projection_must_fit():
    wrong = tf.ones([H, V + 1]), tf.ones([V + 1])
    with pytest.raises(ValueError, match="incompatible"):
        library.embedding_rnn_seq2seq(
            symbols(2), symbols(2), cells.GRUCell(H), V, V, E, output_projection=wrong
        )


def test_decoders_must_be_named_alike():
    with pytest.raises(LegacyError, match=r"\['b'\].*\['a'\]"):
        library.one2many_rnn_seq2seq(
            symbols(2), {"a": symbols(2)}, cells.GRUCell(H), {"b": cells.GRUCell(H)}, V, {}, E
        )
    with pytest.raises(TypeError, match="enc_cell is 3"):
        library.one2many_rnn_seq2seq(symbols(2), {}, 3, {}, V, {}, E)


def test_a_memory_of_unknown_length():
    memory = tf.placeholder(tf.float32, [None, None, 3])
    start = tf.ones([B, H])
    outputs, _ = library.attention_decoder([start] * 2, start, memory, cells.GRUCell(H))
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        found = session.run(outputs, {memory: np.ones([B, 6, 3])})
    assert found[1].shape == (B, H)


PROGRAM = """
import copy
import numpy as np
import tensorflow as tf
from tensorflow.contrib.legacy_seq2seq.python.ops import seq2seq as inner

V, H, buckets = 9, 6, [(1, 2), (2, 3)]
cell = tf.nn.rnn_cell.GRUCell(H)
w_t = tf.get_variable("proj_w", [V, H])
w, b = tf.transpose(w_t), tf.get_variable("proj_b", [V])

def sampled_loss(labels, logits):
    return tf.nn.sampled_softmax_loss(w_t, b, tf.reshape(labels, [-1, 1]), logits, 4, V)

def seq2seq_f(encoder_inputs, decoder_inputs, do_decode):
    return tf.contrib.legacy_seq2seq.embedding_attention_seq2seq(
        encoder_inputs, decoder_inputs, copy.deepcopy(cell), num_encoder_symbols=V,
        num_decoder_symbols=V, embedding_size=H, output_projection=(w, b),
        feed_previous=do_decode, dtype=tf.float32)

encoder = [tf.placeholder(tf.int32, [None], "e%d" % i) for i in range(2)]
decoder = [tf.placeholder(tf.int32, [None], "d%d" % i) for i in range(4)]
weights = [tf.placeholder(tf.float32, [None]) for i in range(4)]
outputs, losses = tf.contrib.legacy_seq2seq.model_with_buckets(
    encoder, decoder[:3], decoder[1:], weights[:3], buckets,
    lambda x, y: seq2seq_f(x, y, False), softmax_loss_function=sampled_loss)
params = tf.trainable_variables()
updates = []
for loss in losses:
    gradients, norm = tf.clip_by_global_norm(tf.gradients(loss, params), 5.0)
    optimizer = tf.train.GradientDescentOptimizer(0.5)
    updates.append(optimizer.apply_gradients(zip(gradients, params)))
assert inner.sequence_loss is tf.nn.seq2seq.sequence_loss
feed = {t: np.arange(4) % V for t in encoder + decoder}
feed.update({t: np.ones(4) for t in weights})
with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    history = [session.run([losses[1], updates[1]], feed)[0] for _ in range(30)]
assert history[-1] < 0.7 * history[0], history
print(len(params))
"""


def test_a_program_with_buckets_runs(tmp_path):
    path = tmp_path / "translate.py"
    path.write_text(textwrap.dedent(PROGRAM))
    done = subprocess.run(
        [sys.executable, "-m", "tgcarry", str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.strip() == "20"
