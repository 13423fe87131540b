"""What old programs build decoders of their own from, and what decoders draw and return."""

import pathlib
import subprocess
import sys

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tgcarry import cells, legacy, tf1
from tgcarry.errors import CellError
from tgcarry.legacy import behaviour, registry
from tgcarry.legacy.modules import Facade

OPS = "tensorflow.contrib.seq2seq.python.ops"
GOLDEN = pathlib.Path(__file__).parent / "golden"


@pytest.fixture(autouse=True)
def graph():
    """Runs each test as an old program is run, with reference variables and v1 loops."""
    with behaviour.tensorflow1():
        yield


@pytest.fixture(scope="module")
def module():
    name = "tensorflow.contrib.seq2seq"
    facade = Facade({k: t for k, t in registry.by_module().items() if k.startswith(name)})
    return lambda last: facade.module(f"{OPS}.{last}")


@pytest.fixture(scope="module")
def beams(module):
    return module("beam_search_decoder")


def run(fetches, feeds=None):
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        return session.run(fetches, feeds)


def log_softmax(logits):
    return logits - np.log(np.exp(logits).sum(-1, keepdims=True))


def test_a_seeded_program_decodes_and_draws_what_tf115_did():
    ours = legacy.run(GOLDEN / "legacy_decoding_program.py")["results"]
    with np.load(GOLDEN / "legacy_decoding_tf115.npz") as file:
        theirs = dict(file)
    assert sorted(ours) == sorted(theirs)
    for key, wanted in theirs.items():
        found = ours[key]
        assert (found.shape, found.dtype) == (wanted.shape, wanted.dtype), key
        # Both are computed in float32, in another order of sums.
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6, err_msg=key)


# One step of the search.


def test_a_step_takes_the_best_of_all_continuations(beams, rng):
    batch, width, classes, end = 3, 4, 6, 2
    logits = rng.normal(size=(batch, width, classes))
    before = np.log(rng.uniform(0.1, 1.0, size=(batch, width)))
    finished = rng.uniform(size=(batch, width)) < 0.4
    lengths = rng.integers(1, 5, size=(batch, width))
    cell_state = rng.normal(size=(batch, width, 5))
    state = beams.BeamSearchDecoderState(
        tf.constant(cell_state), tf.constant(before), tf.constant(finished), tf.constant(lengths)
    )
    output, after = run(
        beams._beam_search_step(
            1, tf.constant(logits), state.cell_state, state, tf.constant(batch), width, end, 1.5
        )
    )

    allowed = np.where(np.arange(classes) == end, 0.0, np.finfo(float).min)
    total = before[..., None] + np.where(finished[..., None], allowed, log_softmax(logits))
    longer = lengths[..., None] + (~finished[..., None] & (np.arange(classes) != end))
    scores = (total / ((5.0 + longer) / 6.0) ** 1.5).reshape(batch, -1)
    places = np.argsort(-scores, axis=1)[:, :width]
    parents, ids = np.divmod(places, classes)
    rows = np.arange(batch)[:, None]
    np.testing.assert_array_equal(output.parent_ids, parents)
    np.testing.assert_array_equal(output.predicted_ids, ids)
    np.testing.assert_allclose(output.scores, scores[rows, places], rtol=1e-6)
    np.testing.assert_allclose(after.log_probs, total.reshape(batch, -1)[rows, places])
    np.testing.assert_array_equal(after.finished, finished[rows, parents] | (ids == end))
    np.testing.assert_array_equal(after.lengths, lengths[rows, parents] + ~finished[rows, parents])
    np.testing.assert_array_equal(after.cell_state, cell_state[rows, parents])
    assert after.accumulated_attention_probs == ()


def test_finished_beams_are_left_the_end_token(beams, rng):
    probs = rng.normal(size=(2, 2, 4)).astype(np.float32)
    finished = tf.constant([[True, False], [False, True]])
    masked = run(beams._mask_probs(tf.constant(probs), 3, finished))
    lowest = np.finfo(np.float32).min
    np.testing.assert_array_equal(masked[0, 0], [lowest, lowest, lowest, 0.0])
    np.testing.assert_array_equal(masked[1, 1], [lowest, lowest, lowest, 0.0])
    np.testing.assert_array_equal(masked[0, 1], probs[0, 1])
    np.testing.assert_array_equal(masked[1, 0], probs[1, 0])


def test_scores_without_coverage_need_three_arguments_as_before_16(beams):
    scores = beams._get_scores(tf.constant([[[-6.0, -3.0]]]), tf.constant([[[7, 1]]]), 1.0)
    np.testing.assert_allclose(run(scores), [[[-3.0, -3.0]]])


# Gathering.


def test_beams_are_gathered_from_each_sequences_own(beams, rng):
    values, places = rng.normal(size=(2, 3, 4)), np.array([[2, 2, 0], [1, 0, 0]])
    rows, size = np.arange(2)[:, None], tf.constant(2)
    states = beams._tensor_gather_helper(places, tf.constant(values), size, 3, [6, -1])
    assert states.shape == (2, 3, 4)
    np.testing.assert_array_equal(run(states), values[rows, places])
    flat = np.array([[11, 4, 0], [3, 3, 7]])
    found = beams._tensor_gather_helper(flat, tf.constant(values), size, 12, [-1], name="found")
    assert found.op.name == "found/output"
    np.testing.assert_array_equal(run(found), values.reshape(2, -1)[rows, flat])


def test_what_has_no_beams_is_not_gathered(beams):
    time, history = tf.constant(4), tf.TensorArray(tf.float32, size=0)
    for leaf in (time, history):
        assert beams._maybe_tensor_gather_helper(0, leaf, 2, 3, [6, -1]) is leaf
    unknown = tf.placeholder(tf.float32)
    with pytest.raises(CellError, match="set_shape"):
        beams._maybe_tensor_gather_helper(0, unknown, 2, 3, [6, -1])
    with pytest.raises(CellError, match="set_shape"):
        beams._check_ndims(unknown)
    with pytest.raises(TypeError, match="TensorArray"):
        beams._check_maybe(history)


@pytest.mark.parametrize(
    ("shape", "batch", "fits"),
    [
        ([6, 9], None, True),
        ([None, 9], 2, True),
        ([6], 2, True),
        ([6, None], 2, True),
        ([6, 9], 2, False),
        ([2, 3], 2, False),
        ([5, None], 2, False),
        (None, 2, False),
    ],
)
def test_arrays_of_known_shape_may_be_refused(beams, shape, batch, fits):
    assert beams._check_static_batch_beam_maybe(tf.TensorShape(shape), batch, 3) is fits


@pytest.mark.parametrize(
    ("dims", "fits"),
    [((4, 6, 5), True), ((4, 2, 3, 5), True), ((4, 6), True), ((4, 2, 2), False), ((4, 2), False)],
)
def test_arrays_are_checked_when_run(beams, dims, fits):
    t = tf.placeholder(tf.float32, [None] * len(dims))
    check = beams._check_batch_beam(t, tf.constant(2), 3)
    if fits:
        run(check, {t: np.zeros(dims)})
        return
    with pytest.raises(tf.errors.InvalidArgumentError, match="reorder_tensor_arrays"):
        run(check, {t: np.zeros(dims)})


# A search of a program's own.


def test_a_subclass_may_write_init_and_step_itself(beams, module, rng):
    batch, width, classes = 2, 3, 5
    embedding = tf.constant(rng.normal(size=(classes, 4)), tf.float32)
    layer = tf1.keras().layers.Dense(classes)
    start = tf.constant([0] * batch)
    cell = cells.GRUCell(6)
    state = cell.zero_state(batch * width, tf.float32)
    calls = []

    class Own(beams.BeamSearchDecoder):
        def __init__(self):
            self._cell, self._output_layer, self._beam_width = cell, layer, width
            self._batch_size, self._end_token = tf.size(start), tf.constant(4)
            self._embedding_fn = lambda ids: tf.nn.embedding_lookup(embedding, ids)
            self._start_inputs = self._embedding_fn(tf.tile(start[:, None], [1, width]))
            self._finished = tf.one_hot([0] * batch, width, False, True, dtype=tf.bool)
            self._initial_cell_state = self._maybe_split_batch_beams(state, cell.state_size)
            self._length_penalty_weight = self._coverage_penalty_weight = 0.0
            self._reorder_tensor_arrays = True

        def step(self, time, inputs, state, name=None):
            flat = self._merge_batch_beams(inputs, s=inputs.shape[2:])
            below = self._maybe_merge_batch_beams(state.cell_state, cell.state_size)
            logits, below = cell(flat, below)
            logits = layer(self._split_batch_beams(logits, logits.shape[1:]))
            below = self._maybe_split_batch_beams(below, cell.state_size)
            output, state = beams._beam_search_step(
                time, logits, below, state, self._batch_size, width, self._end_token, 0.0, 0.0
            )
            return output, state, self._embedding_fn(output.predicted_ids), state.finished

        def _split_batch_beams(self, t, s=None):
            calls.append(s)
            return super()._split_batch_beams(t, s)

    decode = module("decoder").dynamic_decode
    own, _, _ = decode(Own(), maximum_iterations=4)
    given = beams.BeamSearchDecoder(cell, embedding, start, 4, state, width, layer)
    wanted, _, _ = decode(given, maximum_iterations=4, scope=tf.VariableScope(True, "decoder"))
    assert len(calls) == 3
    found, wanted = run([own.predicted_ids, wanted.predicted_ids])
    np.testing.assert_array_equal(found, wanted)


def test_zeros_for_the_outputs_of_a_decoder(module):
    kind = module("basic_decoder").BasicDecoderOutput
    zeros = module("decoder")._create_zero_outputs(
        kind(7, tf.TensorShape([])), kind(tf.float32, tf.int32), 3
    )
    assert [z.shape.as_list() for z in zeros] == [[3, 7], [3]]
    assert [z.dtype for z in zeros] == [tf.float32, tf.int32]


# Fewer results, as in older versions.


def two_steps(module, rng):
    helper = module("helper").TrainingHelper(tf.constant(rng.normal(size=(2, 2, 3))), [2, 1])
    cell = cells.GRUCell(4)
    decoder = module("basic_decoder").BasicDecoder(cell, helper, cell.zero_state(2, tf.float64))
    return module("decoder").dynamic_decode(decoder)


def test_two_names_take_two_results_as_in_11(module, rng):
    results = two_steps(module, rng)
    outputs, state = results
    assert outputs is results[0]
    assert state is results[1]
    [(first, second)] = [results]
    assert (first, second) == results[:2]


def test_everything_else_takes_all_results(module, rng):
    results = two_steps(module, rng)
    outputs, state, lengths = results
    first, *rest = results
    assert [first, *rest] == list(results) == [outputs, state, lengths]
    assert len(results) == 3
    with pytest.raises(ValueError, match="expected 4"):
        _, _, _, _ = results
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        _, _, found = session.run(results)
        np.testing.assert_array_equal(found, [2, 1])
        assert len(tf.nest.map_structure(tf.shape, results)) == 3


# Samples.


def test_samples_of_certain_events(module):
    helper = module("helper")
    certain = helper.bernoulli_sample(probs=[0.0, 1.0, 1.0], dtype=tf.bool, sample_shape=4)
    np.testing.assert_array_equal(run(certain), [[False, True, True]] * 4)
    by_logits = helper.bernoulli_sample(logits=[-50.0, 50.0], sample_shape=[2, 1], seed=1)
    np.testing.assert_array_equal(run(by_logits), [[[0, 1]], [[0, 1]]])
    logits = 1e4 * np.eye(5)[[3, 0, 4]]
    classes = helper.categorical_sample(logits, dtype=tf.int64, sample_shape=[2])
    np.testing.assert_array_equal(run(classes), [[3, 0, 4], [3, 0, 4]])
    assert classes.dtype == tf.int64


def test_scheduled_outputs_pass_the_layer_of_before_14(module, rng):
    inputs = tf.constant(rng.normal(size=(2, 3, 4)), tf.float32)
    helper = module("helper").ScheduledOutputTrainingHelper(
        inputs, [3, 3], 1.0, next_input_layer=lambda outputs: outputs[:, :4] * 10.0
    )
    outputs = tf.constant(rng.normal(size=(2, 6)), tf.float32)
    sample = helper.sample(tf.constant(0), outputs, ())
    _, following, _ = helper.next_inputs(tf.constant(0), outputs, (), sample)
    found, wanted = run([following, outputs[:, :4] * 10.0])
    np.testing.assert_array_equal(found, wanted)


# The loss of Keras.


@pytest.mark.parametrize(
    ("over_time", "over_batch"), [(True, True), (True, False), (False, True), (False, False)]
)
@pytest.mark.parametrize("how", ["average", "sum"])
def test_loss_of_keras_is_the_loss_of_sequences(module, rng, over_time, over_batch, how):
    loss = module("loss")
    logits, targets = rng.normal(size=(2, 3, 5)), rng.integers(5, size=(2, 3))
    weights = np.array([[1.0, 0.5, 0.0], [2.0, 0.0, 0.0]])
    options = dict.fromkeys(
        ["average_across_timesteps", "average_across_batch", "sum_over_timesteps"], False
    )
    options["sum_over_batch"] = False
    names = ("average_across_{}" if how == "average" else "sum_over_{}").format
    options.update({names("timesteps"): over_time, names("batch"): over_batch})
    found = run(loss.SequenceLoss(**options)(*map(tf.constant, (targets, logits, weights))))

    entropy = -np.take_along_axis(log_softmax(logits), targets[..., None], -1)[..., 0] * weights
    axes = tuple(axis for axis, over in ((0, over_batch), (1, over_time)) if over)
    if not axes:
        np.testing.assert_allclose(found, entropy)
        return
    of = weights if how == "average" else weights != 0
    total, count = entropy.sum(axes), of.sum(axes)
    wanted = np.divide(total, count, out=np.zeros_like(total), where=count != 0)
    np.testing.assert_allclose(found, wanted)


def test_loss_of_keras_is_one(module):
    loss = module("loss").SequenceLoss()
    assert isinstance(loss, tf1.keras().losses.Loss)
    assert loss.sum_over_timesteps and loss.sum_over_batch


def test_a_program_imports_the_parts(tmp_path):
    program = tmp_path / "own_beams.py"
    program.write_text(
        "import tensorflow as tf\n"
        f"from {OPS} import beam_search_decoder as b\n"
        f"from {OPS}.beam_search_decoder import _beam_search_step, _tensor_gather_helper\n"
        f"from {OPS}.helper import bernoulli_sample, categorical_sample\n"
        f"from {OPS}.loss import SequenceLoss\n"
        "state = b.BeamSearchDecoderState(tf.zeros([1, 2]), tf.zeros([1, 2]),\n"
        "    tf.zeros([1, 2], tf.bool), tf.zeros([1, 2], tf.int64))\n"
        "output, state = _beam_search_step(0, tf.constant([[[0., 1., 2.], [9., 0., 0.]]]),\n"
        "    state.cell_state, state, tf.constant(1), 2, 1, 0.0)\n"
        "with tf.Session() as sess:\n"
        "    print(sess.run([output.predicted_ids, output.parent_ids]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "tgcarry", str(program)], capture_output=True, text=True, check=True
    )
    assert "[array([[0, 2]], dtype=int32), array([[1, 0]], dtype=int32)]" in done.stdout
