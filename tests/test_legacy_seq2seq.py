"""`tf.contrib.seq2seq` as an old program meets it: names, errors, and what is older than 1.15."""

import subprocess
import sys

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tgcarry import cells, tf1
from tgcarry.errors import CellError, MissingNameError
from tgcarry.legacy import behaviour, registry
from tgcarry.legacy.modules import Facade

PUBLIC = (
    "AttentionMechanism",
    "AttentionWrapper",
    "AttentionWrapperState",
    "BahdanauAttention",
    "BahdanauMonotonicAttention",
    "BasicDecoder",
    "BasicDecoderOutput",
    "BeamSearchDecoder",
    "BeamSearchDecoderOutput",
    "BeamSearchDecoderState",
    "CustomHelper",
    "Decoder",
    "FinalBeamSearchDecoderOutput",
    "GreedyEmbeddingHelper",
    "Helper",
    "InferenceHelper",
    "LuongAttention",
    "LuongMonotonicAttention",
    "SampleEmbeddingHelper",
    "ScheduledEmbeddingTrainingHelper",
    "ScheduledOutputTrainingHelper",
    "TrainingHelper",
    "dynamic_decode",
    "gather_tree",
    "hardmax",
    "monotonic_attention",
    "safe_cumprod",
    "sequence_loss",
    "tile_batch",
)

BATCH, STEPS, UNITS, CLASSES = 2, 4, 5, 7


@pytest.fixture(autouse=True)
def graph():
    """Runs each test as an old program is run, with reference variables and v1 loops."""
    with behaviour.tensorflow1():
        yield


@pytest.fixture(scope="module")
def facade():
    name = "tensorflow.contrib.seq2seq"
    return Facade({k: t for k, t in registry.by_module().items() if k.startswith(name)})


@pytest.fixture(scope="module")
def seq2seq(facade):
    return facade.module("tensorflow.contrib.seq2seq")


@pytest.fixture
def memory(rng):
    return tf.constant(rng.normal(size=(BATCH, 3, UNITS)), tf.float32)


def run(fetches, feeds=None):
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        return session.run(fetches, feeds)


# Names.


@pytest.mark.parametrize("name", PUBLIC)
def test_public_name_of_115_is_there(seq2seq, name):
    assert callable(getattr(seq2seq, name))


def test_every_target_of_the_tables_exists(facade):
    for name, table in registry.by_module().items():
        if name.startswith("tensorflow.contrib.seq2seq"):
            for wanted in table.names:
                assert getattr(facade.module(name), wanted) is not None


def test_keras_decoders_are_refused_with_advice(facade):
    module = facade.module("tensorflow.contrib.seq2seq.python.ops.basic_decoder")
    with pytest.raises(MissingNameError, match="without V2"):
        module.BasicDecoderV2  # noqa: B018


def test_a_program_imports_it_in_every_way(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        "import numpy as np\n"
        "import tensorflow as tf\n"
        "import tensorflow.contrib.seq2seq as seq2seq\n"
        "from tensorflow.contrib.seq2seq import TrainingHelper\n"
        "from tensorflow.contrib.seq2seq.python.ops import attention_wrapper as wrapper\n"
        "from tensorflow.contrib.seq2seq.python.ops.attention_wrapper import (\n"
        "    _BaseAttentionMechanism, _bahdanau_score)\n"
        "assert tf.contrib.seq2seq.TrainingHelper is TrainingHelper is seq2seq.TrainingHelper\n"
        "class Location(wrapper.BahdanauAttention):\n"
        "    def __call__(self, query, state):\n"
        "        with tf.variable_scope(None, 'location_attention', [query]):\n"
        "            q = self.query_layer(query)\n"
        "            v = tf.get_variable('attention_v', [self._num_units])\n"
        "            score = _bahdanau_score(q, self._keys, v) + state\n"
        "        alignments = self._probability_fn(score, state)\n"
        "        return alignments, alignments + state\n"
        "x = tf.placeholder(tf.float32, [None, None, 4])\n"
        "cell = tf.nn.rnn_cell.GRUCell(5)\n"
        "cell = seq2seq.AttentionWrapper(cell, Location(3, x, [2, 3]), 4, True)\n"
        "batch = tf.shape(x)[0]\n"
        "helper = TrainingHelper(x, tf.fill([batch], 3))\n"
        "decoder = seq2seq.BasicDecoder(cell, helper, cell.zero_state(batch, tf.float32))\n"
        "outputs, state, lengths = seq2seq.dynamic_decode(decoder, impute_finished=True)\n"
        "loss = tf.reduce_mean(outputs.rnn_output ** 2)\n"
        "step = tf.train.AdamOptimizer(0.1).minimize(loss)\n"
        "print([v.name for v in tf.trainable_variables()])\n"
        "with tf.Session() as session:\n"
        "    session.run(tf.global_variables_initializer())\n"
        "    feed = {x: np.ones([2, 3, 4])}\n"
        "    losses = [session.run([loss, step], feed)[0] for _ in range(20)]\n"
        "    history = session.run(state.alignment_history.stack(), feed)\n"
        "    print(losses[-1] < losses[0], history.shape)\n"
    )
    found = subprocess.run(
        [sys.executable, "-m", "tgcarry", str(program)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stderr
    names, last = found.stdout.splitlines()[-2:]
    assert "'decoder/attention_wrapper/location_attention/query_layer/kernel:0'" in names
    assert "'memory_layer/kernel:0'" in names
    assert last == "True (3, 2, 3)"


# Errors.


def test_errors_name_what_was_given(seq2seq, memory):
    cell = cells.GRUCell(UNITS)
    with pytest.raises(TypeError, match="helper='no helper' is not a Helper"):
        seq2seq.BasicDecoder(cell, "no helper", None)
    with pytest.raises(TypeError, match="is not a Decoder"):
        seq2seq.dynamic_decode("decoder")
    with pytest.raises(CellError, match=r"sequence_length has the shape \(\)"):
        seq2seq.TrainingHelper(memory, 3)
    with pytest.raises(CellError, match="start_tokens=1 is not a vector"):
        seq2seq.GreedyEmbeddingHelper(tf.zeros([7, 2]), 1, 2)
    with pytest.raises(CellError, match="single id"):
        seq2seq.GreedyEmbeddingHelper(tf.zeros([7, 2]), [1], [2])
    with pytest.raises(CellError, match="mode='soft'"):
        seq2seq.monotonic_attention(tf.zeros([1, 2]), tf.zeros([1, 2]), "soft")
    with pytest.raises(CellError, match="logits have the shape"):
        seq2seq.sequence_loss(tf.zeros([2, 3]), tf.zeros([2, 3]), tf.zeros([2, 3]))
    with pytest.raises(CellError, match="turn one off"):
        seq2seq.sequence_loss(
            tf.zeros([2, 3, 4]), tf.zeros([2, 3]), tf.zeros([2, 3]), sum_over_batch=True
        )
    with pytest.raises(CellError, match="known rank"):
        seq2seq.tile_batch(tf.constant(1.0), 2)


def test_attention_wrapper_refuses_what_does_not_fit(seq2seq, memory):
    cell, luong = cells.GRUCell(UNITS), seq2seq.LuongAttention(UNITS, memory)
    with pytest.raises(TypeError, match="is not an AttentionMechanism"):
        seq2seq.AttentionWrapper(cell, "luong")
    with pytest.raises(CellError, match=r"\[3, 4\] is 2 for 1 attention mechanisms"):
        seq2seq.AttentionWrapper(cell, luong, [3, 4])
    with pytest.raises(CellError, match="pass one of them"):
        seq2seq.AttentionWrapper(cell, luong, 3, attention_layer=tf1.dense_layer(3))
    with pytest.raises(CellError, match="make num_units the cell's, 2"):
        luong(tf.zeros([BATCH, 2]), None)
    state = seq2seq.AttentionWrapper(cell, luong).zero_state(BATCH, tf.float32)
    with pytest.raises(CellError, match="cannot replace"):
        state.clone(cell_state=tf.zeros([BATCH, UNITS + 1]))
    with pytest.raises(CellError, match="have to be known"):
        seq2seq.LuongAttention(UNITS, tf.placeholder(tf.float32, [2, 3, None]))
    with pytest.raises((ValueError, tf.errors.InvalidArgumentError), match="tile_batch"):
        seq2seq.AttentionWrapper(cell, luong).zero_state(BATCH * 2, tf.float32)


def test_clone_checks_unknown_shapes_when_run(seq2seq, memory):
    rows = tf.placeholder_with_default(BATCH, [])
    cell = seq2seq.AttentionWrapper(cells.GRUCell(UNITS), seq2seq.LuongAttention(UNITS, memory))
    given = tf.placeholder(tf.float32, [None, UNITS])
    cloned = cell.zero_state(rows, tf.float32).clone(cell_state=given)
    assert run(cloned.cell_state, {given: np.ones([BATCH, UNITS])}).sum() == BATCH * UNITS
    with pytest.raises(tf.errors.InvalidArgumentError, match="which it replaces"):
        run(cloned.cell_state, {given: np.ones([BATCH + 1, UNITS])})


def test_initial_cell_state_is_where_the_zero_state_starts(seq2seq, memory):
    start = tf.ones([BATCH, UNITS])
    mechanism = seq2seq.BahdanauAttention(UNITS, memory)
    cell = seq2seq.AttentionWrapper(cells.GRUCell(UNITS), mechanism, initial_cell_state=start)
    assert run(cell.zero_state(BATCH, tf.float32).cell_state).all()


# Decoding.


def test_inference_helper_and_custom_helper_feed_what_their_functions_say(seq2seq):
    cell = cells.BasicRNNCell(3)
    start = tf.ones([BATCH, 3])
    inference = seq2seq.InferenceHelper(
        lambda y: y, [3], tf.float32, start, lambda s: tf.fill([BATCH], False), lambda s: 2 * s
    )
    custom = seq2seq.CustomHelper(
        lambda: (tf.fill([BATCH], False), start),
        lambda time, outputs, state: outputs,
        lambda time, outputs, state, sample_ids: (tf.fill([BATCH], False), 2 * outputs, state),
        [3],
        tf.float32,
    )
    found = []
    for helper in (inference, custom):
        decoder = seq2seq.BasicDecoder(cell, helper, cell.zero_state(BATCH, tf.float32))
        with tf.variable_scope("both", reuse=tf.AUTO_REUSE):
            outputs, _, lengths = seq2seq.dynamic_decode(decoder, maximum_iterations=4)
        found.append((outputs.rnn_output, outputs.sample_id, lengths))
    (one, samples, lengths), (other, _, _) = run(found)
    assert np.array_equal(one, other)
    assert np.array_equal(one, samples)
    assert lengths.tolist() == [4, 4]


def test_samples_of_a_sharp_softmax_are_the_greedy_ones(seq2seq, rng):
    table = tf.constant(rng.normal(size=(CLASSES, UNITS)), tf.float32)
    cell, layer = cells.GRUCell(UNITS), tf1.dense_layer(CLASSES)
    ids = []
    for helper in (
        seq2seq.GreedyEmbeddingHelper(table, [1, 3], 0),
        seq2seq.SampleEmbeddingHelper(table, [1, 3], 0, softmax_temperature=1e-6),
    ):
        decoder = seq2seq.BasicDecoder(cell, helper, cell.zero_state(2, tf.float32), layer)
        outputs, _, _ = seq2seq.dynamic_decode(decoder, maximum_iterations=6)
        ids.append(outputs.sample_id)
    greedy, sampled = run(ids)
    assert np.array_equal(greedy, sampled)


def test_history_of_known_shape_stays_an_array_as_in_115(seq2seq, memory):
    tiled = seq2seq.tile_batch(memory, 2)
    cell = seq2seq.AttentionWrapper(
        cells.GRUCell(UNITS), seq2seq.LuongAttention(UNITS, tiled), alignment_history=True
    )
    decoder = seq2seq.BeamSearchDecoder(
        cell, tf.ones([CLASSES, 2]), [1, 1], 0, cell.zero_state(4, tf.float32), 2,
        tf1.dense_layer(CLASSES),
    )  # fmt: skip
    _, state, _ = seq2seq.dynamic_decode(decoder, maximum_iterations=3)
    assert isinstance(state.cell_state.alignment_history, tf.TensorArray)
    assert run(state.cell_state.alignment_history.stack()).shape[1:] == (4, 3)


def test_best_beam_of_all_beams_is_the_best_sequence(seq2seq, rng):
    # Wide enough to hold every sequence of three ids, so that nothing is lost on the way.
    table, width = tf.constant(rng.normal(size=(3, UNITS)), tf.float32), 27
    cell, layer = cells.GRUCell(UNITS), tf1.dense_layer(3)
    decoder = seq2seq.BeamSearchDecoder(
        cell, table, [1], 0, cell.zero_state(width, tf.float32), width, layer
    )
    outputs, state, _ = seq2seq.dynamic_decode(decoder, maximum_iterations=3)
    hidden = cell.zero_state(9, tf.float32)
    ids = np.array([[1, a, b] for a in (1, 2, 0) for b in (0, 1, 2)])
    with tf.variable_scope("decoder", reuse=True):
        probs = []
        for step in range(3):
            output, hidden = cell(tf.gather(table, ids[:, step]), hidden)
            probs.append(tf.nn.log_softmax(layer(output)))
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        best, log_prob, probs = session.run(
            [outputs.predicted_ids[0, :, 0], state.log_probs[0, 0], tf.stack(probs)]
        )
    every = {}
    for row, (_, a, b) in enumerate(ids):
        for c in range(3):
            sequence = (0, 0, 0) if a == 0 else (a, 0, 0) if b == 0 else (a, b, c)
            parts = [probs[0][row][a], probs[1][row][b], probs[2][row][c]]
            every[sequence] = sum(parts[: 1 if a == 0 else 2 if b == 0 else 3])
    assert tuple(best) == max(every, key=every.get)
    assert log_prob == pytest.approx(max(every.values()), rel=1e-5)


# Older than 1.15.


def test_dynamic_attention_wrapper_of_11_is_the_later_one(seq2seq, memory, rng):
    inputs = tf.constant(rng.normal(size=(BATCH, 3)), tf.float32)
    luong = seq2seq.LuongAttention(UNITS, memory)
    old = seq2seq.DynamicAttentionWrapper(cells.GRUCell(UNITS), luong, 6, name="same")
    state = seq2seq.DynamicAttentionWrapperState(tf.zeros([BATCH, UNITS]), tf.zeros([BATCH, 6]))
    tf.nest.assert_same_structure(state, old.zero_state(BATCH, tf.float32))
    one, _ = old(inputs, state)
    assert "same/attention_layer/kernel:0" in [v.name for v in tf.global_variables()]
    tf.get_variable_scope().reuse_variables()
    new = seq2seq.AttentionWrapper(cells.GRUCell(UNITS), luong, 6, name="same")
    other, _ = new(inputs, new.zero_state(BATCH, tf.float32))
    one, other = run([one, other])
    assert np.allclose(one, other, atol=1e-6)


@pytest.mark.parametrize("option", ["bahdanau", "luong"])
def test_decoder_functions_of_10_train_and_infer(seq2seq, memory, option):
    encoded = tf.ones([BATCH, UNITS])
    table = tf.get_variable("table", [CLASSES, UNITS])
    layer = tf1.dense_layer(CLASSES)
    inputs = tf.nn.embedding_lookup(table, np.arange(BATCH * STEPS).reshape(BATCH, STEPS) % 7)
    found = {}
    for reuse in (None, True):
        with tf.variable_scope("decode", reuse=reuse) as scope:
            parts = seq2seq.prepare_attention(memory, option, UNITS, reuse=reuse)
            if reuse:
                steer = seq2seq.attention_decoder_fn_inference(
                    layer, encoded, *parts, table, 1, 0, 5, CLASSES
                )
                found["infer"] = seq2seq.dynamic_rnn_decoder(
                    cells.GRUCell(UNITS), steer, scope=scope
                )
            else:
                steer = seq2seq.attention_decoder_fn_train(encoded, *parts)
                found["train"] = seq2seq.dynamic_rnn_decoder(
                    cells.GRUCell(UNITS), steer, inputs, tf.constant([4, 2]), scope=scope
                )
                layer(found["train"][0])
    names = {v.op.name for v in tf.trainable_variables()}
    assert {"decode/attention_keys/weights", "decode/attention_construct/weights"} <= names
    assert ("decode/attention_score/attnV" in names) == (option == "bahdanau")
    loss = tf.reduce_sum(found["train"][0] ** 2)
    used = [v for v in tf.trainable_variables() if "dense" not in v.op.name]
    assert all(gradient is not None for gradient in tf.gradients(loss, used))
    outputs, state, logits = run([found["train"][0], found["train"][1], found["infer"][0]])
    assert outputs.shape == (BATCH, STEPS, UNITS)
    assert not outputs[1, 2:].any(), "a finished row gives zeros"
    assert state.shape == (BATCH, UNITS)
    assert logits.shape[2] == CLASSES


def test_simple_decoder_function_of_10_is_a_plain_network(seq2seq, rng):
    inputs = tf.constant(rng.normal(size=(BATCH, STEPS, 3)), tf.float32)
    encoded, lengths = tf.ones([BATCH, UNITS]), tf.constant([4, 2])
    cell = cells.GRUCell(UNITS)
    steer = seq2seq.simple_decoder_fn_train(encoded)
    outputs, state, context = seq2seq.dynamic_rnn_decoder(cell, steer, inputs, lengths)
    with tf.variable_scope(tf.get_variable_scope(), reuse=True):
        wanted = tf.nn.dynamic_rnn(cell, inputs, lengths, initial_state=encoded)
    assert context is None
    (ours, last), (theirs, final) = run([(outputs, state), wanted])
    assert np.allclose(ours, theirs, atol=1e-6)
    assert np.allclose(last, final, atol=1e-6)


def test_simple_inference_function_of_10_ends_at_the_maximum_length(seq2seq):
    steer = seq2seq.simple_decoder_fn_inference(
        None, tf.zeros([BATCH, CLASSES]), tf.ones([CLASSES, 3]), 1, 99, 4, CLASSES
    )
    outputs, _, _ = seq2seq.dynamic_rnn_decoder(cells.GRUCell(CLASSES), steer)
    assert run(outputs).shape == (BATCH, 5, CLASSES)
