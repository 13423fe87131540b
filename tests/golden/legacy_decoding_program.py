"""A TensorFlow 1 program: seeded decoders of many kinds, and what is drawn behind each."""

import numpy as np
import tensorflow as tf
from tensorflow.contrib import seq2seq
from tensorflow.contrib.seq2seq.python.ops import beam_search_decoder as beams
from tensorflow.contrib.seq2seq.python.ops import helper as helpers

tf.logging.set_verbosity(tf.logging.ERROR)

BATCH, STEPS, WIDTH, UNITS, CLASSES, BEAMS = 3, 4, 5, 6, 7, 2
LENGTHS = [4, 2, 3]


def values(*shape):
    """Numbers whose batch and time the graph does not know."""
    known = [None, None, shape[-1]]
    return tf.placeholder_with_default(np.random.RandomState(0).randn(*shape).astype("f"), known)


def embedding():
    return tf.get_variable("embedding", [CLASSES, WIDTH])


def decoded(helper, cell=None, layer=True, **options):
    cell = cell or tf.nn.rnn_cell.GRUCell(UNITS)
    layer = tf.layers.Dense(CLASSES) if layer else None
    decoder = seq2seq.BasicDecoder(cell, helper, cell.zero_state(BATCH, tf.float32), layer)
    return seq2seq.dynamic_decode(decoder, **options)[0]


def training(**options):
    return decoded(seq2seq.TrainingHelper(values(BATCH, STEPS, WIDTH), LENGTHS), **options)


def sampling():
    start = tf.fill([BATCH], 1)
    helper = seq2seq.SampleEmbeddingHelper(embedding(), start, 0, softmax_temperature=0.7)
    return decoded(helper, maximum_iterations=3)


def scheduled(**options):
    # More steps at once would draw in an order of their own.
    inputs, beside = values(BATCH, STEPS, WIDTH), values(BATCH, STEPS, 2)
    helper = seq2seq.ScheduledOutputTrainingHelper(
        inputs, LENGTHS, 0.5, next_inputs_fn=tf.layers.Dense(WIDTH), auxiliary_inputs=beside
    )
    return decoded(helper, parallel_iterations=1, **options)


def scheduled_embedding():
    inputs = values(BATCH, STEPS, WIDTH)
    helper = seq2seq.ScheduledEmbeddingTrainingHelper(inputs, LENGTHS, embedding(), 0.5)
    return decoded(helper, parallel_iterations=1)


def attending():
    memory = values(BATCH, 5, WIDTH)
    mechanism = seq2seq.BahdanauAttention(UNITS, memory, [5, 1, 2], normalize=True)
    cell = tf.nn.rnn_cell.DropoutWrapper(tf.nn.rnn_cell.GRUCell(UNITS), output_keep_prob=0.5)
    cell = seq2seq.AttentionWrapper(cell, mechanism, alignment_history=True)
    return training(cell=cell, impute_finished=True, parallel_iterations=1)


def searched(start, cell, batch, **options):
    cell_state = options.pop("state", None) or cell.zero_state(batch * BEAMS, tf.float32)
    decoder = seq2seq.BeamSearchDecoder(
        cell, embedding(), start, 0, cell_state, BEAMS, tf.layers.Dense(CLASSES), **options
    )
    output, state, _ = seq2seq.dynamic_decode(decoder, maximum_iterations=4)
    return output, state.lengths, getattr(state.cell_state, "alignment_history", ())


def searching():
    cell = tf.nn.rnn_cell.DropoutWrapper(tf.nn.rnn_cell.GRUCell(UNITS), output_keep_prob=0.5)
    return searched(tf.fill([BATCH], 1), cell, BATCH, length_penalty_weight=0.5)


def searching_with_attention(known=True):
    memory = seq2seq.tile_batch(values(BATCH, 5, WIDTH), BEAMS)
    lengths = seq2seq.tile_batch(tf.constant([5, 1, 2]), BEAMS)
    mechanism = seq2seq.LuongAttention(UNITS, memory, lengths)
    cell = tf.nn.rnn_cell.GRUCell(UNITS)
    cell = seq2seq.AttentionWrapper(cell, mechanism, 4, alignment_history=True)
    batch = BATCH if known else tf.shape(memory)[0] // BEAMS
    start = tf.fill([batch], 1)
    state = cell.zero_state(batch * BEAMS, tf.float32)
    return searched(start, cell, batch, state=state, coverage_penalty_weight=0.3)


def searching_an_unknown_batch():
    return searching_with_attention(known=False)


def beam_step():
    state = beams.BeamSearchDecoderState(
        cell_state=tf.zeros([2, 3, 4]),
        log_probs=tf.zeros([2, 3]),
        finished=tf.constant([[False, True, False]] * 2),
        lengths=tf.zeros([2, 3], tf.int64),
        accumulated_attention_probs=(),
    )
    logits = tf.constant(np.random.RandomState(1).randn(2, 3, 5).astype("f"))
    return beams._beam_search_step(
        0, logits, state.cell_state, state, tf.constant(2), 3, 1, 0.3, 0.0
    )


def tree():
    ids = np.random.RandomState(2).randint(0, 3, [4, 2, 3]).astype("i")
    collected = tf.constant(np.random.RandomState(3).randn(4, 6, 2))
    return (
        seq2seq.gather_tree(ids, ids, [4, 2], 2),
        beams.gather_tree_from_array(collected, tf.constant(ids), tf.constant([[4, 3, 1]] * 2)),
    )


def samples():
    return (
        helpers.bernoulli_sample(probs=[0.3, 0.6]),
        helpers.bernoulli_sample(logits=[0.3, 0.6], sample_shape=[3]),
        helpers.categorical_sample(tf.zeros([4, 5]), sample_shape=2),
        helpers.categorical_sample(tf.zeros([2, 4, 5])),
    )


def ones_and_zeros():
    return (
        tf.one_hot([2, 0], 4, on_value=1.0, off_value=0.0, axis=-1),
        tf.one_hot([2, 0], 4, on_value=5),
        tf.one_hot([2, 0], 4, tf.constant(1.0), 0.0),
    )


CASES = (
    training,
    sampling,
    scheduled,
    scheduled_embedding,
    attending,
    searching,
    searching_with_attention,
    searching_an_unknown_batch,
    beam_step,
    tree,
    samples,
    ones_and_zeros,
)


def flat(found):
    if not isinstance(found, (tuple, list)):
        return [] if isinstance(found, tf.TensorArray) else [found]
    return [leaf for part in found for leaf in flat(part)]


def run(case):
    with tf.Graph().as_default():
        tf.set_random_seed(11)
        fetches = [*flat(case()), tf.random_uniform([2])]
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            return session.run(fetches)


results = {}
for case in CASES:
    *found, drawn = run(case)
    results[case.__name__ + "|drawn behind"] = drawn
    for number, array in enumerate(found):
        results["%s|%d" % (case.__name__, number)] = np.asarray(array)
