"""exporting: SavedModels that carry state, and checkpoints, whole or not at all."""

import errno
import json
import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import tensorflow as tf2
import tensorflow.compat.v1 as tf
from tensorflow.core.protobuf import saved_model_pb2

import tgcarry as tgc
from tgcarry.dataset import DataOptions
from tgcarry.errors import ChunkError, LogError, RunError
from tgcarry.evaluation import read_trained, restored
from tgcarry.exporting import checkpoint_files, export_saved_model, saved_model, state_names, whole
from tgcarry.exporting.runs import export_checkpoint, export_run
from tgcarry.training import TrainOptions, train

pytestmark = pytest.mark.slow

B, L, D = 3, 9, 2


class Pair(NamedTuple):
    left: Any
    right: Any


def lstms(dtype=tf.float32):
    return tgc.MultiRNNCell([tgc.BasicLSTMCell(4), tgc.LSTMCell(3)])


CELLS = {
    "gru": lambda: tgc.GRUCell(4),
    "one_wide_state": lambda: tgc.MultiRNNCell(
        [tgc.GRUCell(4), tgc.GRUCell(3)], state_is_tuple=False
    ),
    "grus": lambda: tgc.MultiRNNCell([tgc.GRUCell(4), tgc.BasicRNNCell(3)]),
    "lstms": lstms,
}


def built(cell=None, dtype=tf.float32, engine="stock"):
    """Builds a chunk with a head; gives it and its logits."""
    x = tf.placeholder(dtype, [None, None, D], "x")
    y = tf.placeholder(tf.int32, [None, None], "y")
    cell = cell or tgc.GRUCell(4)
    ports = tgc.carry_ports(cell, dtype=dtype)
    outputs, final = tgc.dynamic_rnn(cell, x, initial_state=ports.initial_state, engine=engine)
    logits = tgc.losses.linear(outputs, 3)
    loss, _ = tgc.losses.softmax_loss(logits, y)
    chunk = tgc.build_chunk(
        loss, ports, final, feeds={"x": x, "y": y}, optimizer=tf.train.AdamOptimizer()
    )
    return chunk, logits


def zeros(chunk):
    ports = tf.nest.flatten(chunk.ports.initial_state)
    return {port: np.zeros([B, *port.shape[1:]]) for port in ports}


def eagerly(function):
    """Calls a function where no graph is the default one: those are a thread's own."""
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(function).result()


def loaded(path):
    """Loads a SavedModel as a program of TensorFlow 2 does: functions of arrays, by signature."""
    model = eagerly(lambda: tf2.saved_model.load(str(path)))

    def call(signature, **arrays):
        def values():
            fed = {name: tf.constant(array) for name, array in arrays.items()}
            return {name: t.numpy() for name, t in model.signatures[signature](**fed).items()}

        return eagerly(values)

    call.model = model
    return call


def loaded_in_session(path):
    """Loads it as a program of TensorFlow 1 does."""
    graph = tf.Graph()
    with graph.as_default():
        session = tf.Session(graph=graph)
        signatures = tf.saved_model.load(session, ["serve"], str(path)).signature_def

    def call(signature, **arrays):
        known = signatures[signature]
        fed = {known.inputs[name].name: array for name, array in arrays.items()}
        return session.run({name: t.name for name, t in known.outputs.items()}, fed)

    return call


def state_of(results):
    return {name: value for name, value in results.items() if name.startswith("state")}


def in_halves(call, x, cut, output, **more):
    """Runs a sequence in two calls, the second from the first one's state."""
    first = call("start", x=x[:, :cut], **more)
    second = call("serving_default", x=x[:, cut:], **state_of(first), **more)
    return np.concatenate([first[output], second[output]], 1), state_of(second)


class TestState:
    def test_names_follow_the_nest(self):
        cell = tgc.LSTMStateTuple(0, 0)
        assert state_names(0) == ["state"]
        assert state_names(cell) == ["state_c", "state_h"]
        assert state_names((0, cell)) == ["state_0", "state_1_c", "state_1_h"]
        assert state_names(Pair(cell, {"b": 0, "a-1": [0]})) == [
            "state_left_c",
            "state_left_h",
            "state_right_a_1_0",
            "state_right_b",
        ]

    def test_names_are_in_the_order_of_the_leaves(self):
        nest = Pair({"b": 1, "a": (2, 3)}, 4)
        assert [*zip(state_names(nest), tf.nest.flatten(nest), strict=True)] == [
            ("state_left_a_0", 2),
            ("state_left_a_1", 3),
            ("state_left_b", 1),
            ("state_right", 4),
        ]

    @pytest.mark.parametrize(
        ("name", "load"),
        [*((name, loaded) for name in CELLS), ("lstms", loaded_in_session)],
    )
    def test_two_calls_are_one(self, name, load, rng, tmp_path):
        chunk, logits = built(CELLS[name]())
        x = rng.normal(size=(B, L, D)).astype(np.float32)
        with tgc.Runner(chunk) as runner:
            export_saved_model(runner.session, chunk, tmp_path / "m", outputs={"logits": logits})
            fed = {chunk.feeds["x"]: x, **zeros(chunk)}
            wanted, last = runner.session.run((logits, chunk.final_state), fed)
        call = load(tmp_path / "m")
        one = call("start", x=x)
        np.testing.assert_allclose(one["logits"], wanted, atol=1e-6)
        two, state = in_halves(call, x, 4, "logits")
        np.testing.assert_allclose(two, wanted, atol=1e-5)
        for given, leaf in zip(state_names(last), tf.nest.flatten(last), strict=True):
            np.testing.assert_allclose(state[given], leaf, atol=1e-5)
        fed_zeros = {given: np.zeros_like(leaf) for given, leaf in state.items()}
        again = call("serving_default", x=x, **fed_zeros)
        np.testing.assert_allclose(again["logits"], wanted, atol=1e-6)

    def test_a_start_of_ones_own_is_kept(self, tmp_path):
        x = tf.placeholder(tf.float32, [2, None, D], "x")
        cell = tgc.BasicRNNCell(3)
        learnt = tf.get_variable("start", [3], initializer=tf.ones_initializer())
        initial = tf.placeholder_with_default(tf.tile(learnt[None], [2, 1]), [2, 3])
        outputs, final = tgc.dynamic_rnn(cell, x, initial_state=initial)
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            export_saved_model(
                session,
                (initial, final),
                tmp_path / "m",
                inputs={"x": x},
                outputs={"h": outputs},
            )
            wanted = session.run(outputs, {x: np.zeros((2, 1, D))})
        got = loaded(tmp_path / "m")("start", x=np.zeros((2, 1, D), np.float32))["h"]
        np.testing.assert_allclose(got, wanted, atol=1e-6)
        assert np.abs(wanted).max() > 0

    def test_time_may_come_first(self, rng, tmp_path):
        x = tf.placeholder(tf.float32, [None, None, D], "x")
        ports = tgc.carry_ports(tgc.GRUCell(4))
        outputs, final = tgc.dynamic_rnn(
            tgc.GRUCell(4), x, initial_state=ports.initial_state, time_major=True
        )
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            export_saved_model(
                session,
                (ports.initial_state, final),
                tmp_path / "m",
                inputs={"x": x},
                outputs={"h": outputs},
                batch_size=tf.shape(x)[1],
            )
        call = loaded(tmp_path / "m")
        assert call("start", x=np.zeros((L, B, D), np.float32))["state"].shape == (B, 4)


def test_the_documentation_serves_as_shown(tmp_path, monkeypatch, capsys):
    page = Path(__file__).parent.parent / "docs" / "export.md"
    export, serve = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.S)
    monkeypatch.chdir(tmp_path)
    exec(export, {})
    assert capsys.readouterr().out == f"{['x', 'state_0', 'state_1_c', 'state_1_h', 'logits']}\n"
    eagerly(lambda: exec(serve, {}))
    assert capsys.readouterr().out == "True\n"


class TestWhatIsWritten:
    def test_only_what_the_outputs_need(self, tmp_path, graph):
        chunk, logits = built()
        with tgc.Runner(chunk) as runner:
            exported = export_saved_model(
                runner.session, chunk, tmp_path / "m", outputs={"logits": logits}
            )
        assert [(port.name, port.role, port.shape, port.dtype) for port in exported.ports] == [
            ("x", "input", (None, None, D), "float32"),
            ("state", "state", (None, 4), "float32"),
            ("logits", "output", (None, None, 3), "float32"),
        ]
        saved = tf.train.load_checkpoint(str(tmp_path / "m/variables/variables"))
        assert set(saved.get_variable_to_shape_map()) == {v.op.name for v in chunk.variables}
        (meta,) = saved_model_pb2.SavedModel.FromString(
            (tmp_path / "m/saved_model.pb").read_bytes()
        ).meta_graphs
        nodes = {node.name for node in meta.graph_def.node}
        assert not [name for name in nodes if "Adam" in name or "loss" in name]
        bodies = [function.signature.name for function in meta.graph_def.library.function]
        assert bodies and not [name for name in bodies if "_grad_" in name]
        # TensorFlow 1.15 refuses a graph with this attribute.
        assert not [node.name for node in meta.graph_def.node if "debug_name" in node.attr]

    def test_nothing_is_added_to_the_graph(self, graph, tmp_path):
        chunk, logits = built()
        with tgc.Runner(chunk) as runner:
            graph.finalize()
            export_saved_model(runner.session, chunk, tmp_path / "m", outputs={"logits": logits})
        assert (tmp_path / "m/saved_model.pb").is_file()

    def test_variables_stay_variables(self, tmp_path):
        chunk, logits = built()
        with tgc.Runner(chunk) as runner:
            export_saved_model(runner.session, chunk, tmp_path / "m", outputs={"logits": logits})
            values = runner.session.run({v.op.name: v for v in chunk.variables})
        variables = loaded(tmp_path / "m").model.variables
        assert len(variables) == len(values)
        found = eagerly(lambda: {v.name.partition(":")[0]: v.numpy() for v in variables})
        for name, value in values.items():
            np.testing.assert_array_equal(found[name], value)

    def test_variables_of_tensorflow_1_and_float64(self, rng, tmp_path):
        with tf.variable_scope("", use_resource=False):
            chunk, logits = built(dtype=tf.float64)
        assert "VariableV2" in {v.op.type for v in chunk.variables}
        x = rng.normal(size=(B, L, D))
        with tgc.Runner(chunk) as runner:
            export_saved_model(runner.session, chunk, tmp_path / "m", outputs={"logits": logits})
            wanted = runner.session.run(logits, {chunk.feeds["x"]: x, **zeros(chunk)})
        for load in (loaded, loaded_in_session):
            got, _ = in_halves(load(tmp_path / "m"), x, 5, "logits")
            np.testing.assert_allclose(got, wanted, atol=1e-12)

    def test_a_dropout_rate_is_fixed(self, rng, tmp_path):
        keep = tf.placeholder(tf.float32, [], "keep")
        cell = tgc.DropoutWrapper(tgc.GRUCell(4), output_keep_prob=keep)
        chunk, logits = built(cell)
        x = rng.normal(size=(B, L, D)).astype(np.float32)
        with tgc.Runner(chunk, tgc.Truncated(), feed_dict={keep: 0.5}) as runner:
            with pytest.raises(ChunkError, match=r"needs? the placeholder 'keep:0'.*feed_dict"):
                export_saved_model(
                    runner.session, chunk, tmp_path / "m", outputs={"logits": logits}
                )
            export_saved_model(
                runner.session,
                chunk,
                tmp_path / "m",
                outputs={"logits": logits},
                feed_dict={keep: 1.0},
            )
            wanted = runner.session.run(logits, {chunk.feeds["x"]: x, keep: 1.0, **zeros(chunk)})
        got = loaded(tmp_path / "m")("start", x=x)["logits"]
        np.testing.assert_allclose(got, wanted, atol=1e-6)

    def test_notes_lie_beside(self, tmp_path):
        chunk, logits = built(lstms())
        with tgc.Runner(chunk) as runner:
            export_saved_model(
                runner.session,
                chunk,
                tmp_path / "m",
                outputs={"logits": logits},
                notes={"classes": ["ä", "b"]},
            )
        notes = json.loads((tmp_path / "m/assets.extra/tgcarry.json").read_text())
        assert notes == {"classes": ["ä", "b"], "state": state_names(chunk.final_state)}

    def test_an_output_may_be_an_input(self, tmp_path):
        chunk, _ = built()
        with tgc.Runner(chunk) as runner:
            export_saved_model(
                runner.session, chunk, tmp_path / "m", outputs={"same": chunk.feeds["x"]}
            )
        x = np.ones((B, L, D), np.float32)
        np.testing.assert_array_equal(loaded(tmp_path / "m")("start", x=x)["same"], x)


@pytest.fixture(scope="module")
def shared():
    """Is a model that no test changes: (session, chunk, logits)."""
    with tf.Graph().as_default():
        chunk, logits = built()
        runner = tgc.Runner(chunk)
        runner.open()
    yield runner.session, chunk, logits
    runner.close()


@pytest.fixture
def model(shared):
    """Is the shared model, whose graph is the default one."""
    with shared[1].graph.as_default():
        yield shared


class TestRefusals:
    @pytest.mark.parametrize(
        ("change", "fact"),
        [
            (lambda x, z: {"outputs": {}}, "at least one output"),
            (lambda x, z: {"outputs": [z]}, "dict of tensors"),
            (lambda x, z: {"outputs": {"": z}}, "by name"),
            (lambda x, z: {"outputs": {"state": z}}, "'state' is the name of a leaf"),
            (lambda x, z: {"inputs": {"state": x}}, "'state' is the name of a leaf"),
            (lambda x, z: {"inputs": {}}, "placeholder 'x:0'"),
            (lambda x, z: {"inputs": {"z": z, "x": x}}, "'z' is .* only a placeholder"),
            (lambda x, z: {"inputs": {"x": x}, "feed_dict": {x: 1}}, "'x' is an input and in"),
            (lambda x, z: {"feed_dict": {x: [[[1, 2]]]}}, "no input among none.*batch_size="),
            (lambda x, z: {"batch_size": x}, "scalar int"),
            (lambda x, z: {"batch_size": 3}, "scalar int"),
            (lambda x, z: {"batch_size": tf.shape(z)[0]}, "computed from the state"),
            (lambda x, z: {"notes": {"a": object()}}, "notes="),
            (lambda x, z: {"notes": {"a": float("nan")}}, "notes="),
            (lambda x, z: {"notes": {"state": 1}}, "'state'"),
        ],
    )
    def test_arguments(self, model, change, fact, tmp_path):
        session, chunk, logits = model
        arguments = {"outputs": {"logits": logits}, **change(chunk.feeds["x"], logits)}
        with pytest.raises(ChunkError, match=fact) as error:
            export_saved_model(session, chunk, tmp_path / "m", **arguments)
        assert "\n" not in str(error.value)
        assert not list(tmp_path.iterdir())

    def test_a_chunk_of_another_kind(self, model, tmp_path):
        with pytest.raises(ChunkError, match="build_chunk returned"):
            export_saved_model(model[0], 5, tmp_path / "m", outputs={"logits": model[2]})
        pair = (model[1].ports.initial_state, model[1].final_state)
        with pytest.raises(ChunkError, match="inputs="):
            export_saved_model(model[0], pair, tmp_path / "m", outputs={"logits": model[2]})

    def test_a_state_that_is_no_placeholder(self, model, tmp_path):
        session, chunk, logits = model
        with pytest.raises(ChunkError, match=r"'state' is.*carry_ports"):
            export_saved_model(
                session,
                (chunk.final_state, chunk.final_state),
                tmp_path / "m",
                inputs={"x": chunk.feeds["x"]},
                outputs={"logits": logits},
            )

    def test_a_local_variable(self, model, tmp_path):
        session, chunk, logits = model
        shift = tf.Variable(1.0, collections=[tf.GraphKeys.LOCAL_VARIABLES], name="shift")
        with pytest.raises(ChunkError, match="'shift'"):
            export_saved_model(session, chunk, tmp_path / "m", outputs={"z": logits + shift})

    def test_a_table(self, model, tmp_path):
        session, chunk, logits = model
        table = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer([0, 1], [2.0, 3.0]), 0.0
        )
        found = table.lookup(tf.cast(tf.argmax(logits, -1), tf.int32))
        with pytest.raises(ChunkError, match="lookup table"):
            export_saved_model(session, chunk, tmp_path / "m", outputs={"z": found})

    def test_sessions_without_values(self, model, tmp_path):
        _, chunk, logits = model
        with tf.Session() as session:
            with pytest.raises(RunError, match="no values"):
                export_saved_model(session, chunk, tmp_path / "m", outputs={"z": logits})
        with pytest.raises(RunError, match="no values"):
            export_saved_model(session, chunk, tmp_path / "m", outputs={"z": logits})
        with tf.Session(graph=tf.Graph()) as other:
            with pytest.raises(RunError, match="another graph"):
                export_saved_model(other, chunk, tmp_path / "m", outputs={"z": logits})
        assert not list(tmp_path.iterdir())


def fill(text):
    def write(folder):
        (folder / "mark").write_text(text)
        (folder / "below").mkdir()
        (folder / "below" / "file").write_text(text)

    return write


def full(folder):
    (folder / "mark").write_text("half")
    raise OSError(errno.ENOSPC, "No space left on device")


class TestFolders:
    def test_are_made_with_those_above(self, tmp_path):
        whole.write_folder(tmp_path / "a/b/1", "mark", fill("x"))
        assert (tmp_path / "a/b/1/below/file").read_text() == "x"
        assert [path.name for path in (tmp_path / "a/b").iterdir()] == ["1"]

    def test_an_empty_one_is_free(self, tmp_path):
        (tmp_path / "m").mkdir()
        whole.write_folder(tmp_path / "m", "mark", fill("x"))
        assert (tmp_path / "m/mark").is_file()

    def test_replace_only_when_asked_and_only_their_like(self, tmp_path):
        whole.write_folder(tmp_path / "m", "mark", fill("old"))
        with pytest.raises(LogError, match="--overwrite"):
            whole.write_folder(tmp_path / "m", "mark", fill("new"))
        assert (tmp_path / "m/mark").read_text() == "old"
        (tmp_path / "m/stale").write_text("x")
        whole.write_folder(tmp_path / "m", "mark", fill("new"), overwrite=True)
        assert sorted(path.name for path in (tmp_path / "m").iterdir()) == ["below", "mark"]
        assert (tmp_path / "m/mark").read_text() == "new"
        assert [path.name for path in tmp_path.iterdir()] == ["m"]
        (tmp_path / "file").write_text("mine")
        (tmp_path / "home").mkdir()
        (tmp_path / "home/letter").write_text("mine")
        (tmp_path / "link").symlink_to(tmp_path / "m")
        for name in ("file", "home", "link"):
            with pytest.raises(LogError, match="not replaced"):
                whole.write_folder(tmp_path / name, "mark", fill("new"), overwrite=True)
        assert (tmp_path / "file").read_text() == (tmp_path / "home/letter").read_text() == "mine"

    @pytest.mark.parametrize("overwrite", [False, True])
    def test_are_not_there_when_the_disk_is_full(self, tmp_path, overwrite):
        if overwrite:
            whole.write_folder(tmp_path / "m", "mark", fill("old"))
        with pytest.raises(LogError, match=r"m: cannot be written: No space.*free some space"):
            whole.write_folder(tmp_path / "m", "mark", full, overwrite)
        assert [path.name for path in tmp_path.iterdir()] == ["m"] * overwrite
        assert not overwrite or (tmp_path / "m/mark").read_text() == "old"

    def test_the_earlier_one_comes_back_when_the_new_one_gets_no_name(self, tmp_path, monkeypatch):
        whole.write_folder(tmp_path / "m", "mark", fill("old"))
        rename = type(tmp_path).rename

        def fails(self, target):
            if ".saving-" in self.name:
                raise OSError(errno.EIO, "Input/output error")
            return rename(self, target)

        monkeypatch.setattr(type(tmp_path), "rename", fails)
        with pytest.raises(LogError, match="Input/output error"):
            whole.write_folder(tmp_path / "m", "mark", fill("new"), overwrite=True)
        assert (tmp_path / "m/mark").read_text() == "old"
        assert [path.name for path in tmp_path.iterdir()] == ["m"]

    def test_what_killed_ones_left_goes_with_the_next(self, tmp_path):
        for name in (".m.saving-00", ".m.replaced-00", ".other.saving-00"):
            (tmp_path / name).mkdir()
            (tmp_path / name / "mark").write_text("x")
        with pytest.raises(LogError):
            whole.write_folder(tmp_path / "m", "mark", full)
        assert (tmp_path / ".m.replaced-00").exists(), "the only one there is"
        whole.write_folder(tmp_path / "m", "mark", fill("new"))
        assert sorted(path.name for path in tmp_path.iterdir()) == [".other.saving-00", "m"]


def trained_run(name, folder):
    """Trains a few steps on numbers, characters or classes; gives the log folder."""
    small = {"engine": "loop", "steps": 3, "window": 2}
    if name == "text":
        (folder / "text.txt").write_text("to be or not to be\n" * 60)
        where = DataOptions(str(folder / "text.txt"), batch=4, chunk=10)
        options = TrainOptions(where, units=(4, 3), cell="lstm", embedding=4, **small)
    elif name == "series":
        options = TrainOptions(DataOptions("series", batch=4, chunk=20), units=(4,), **small)
    elif name == "copy":
        where = DataOptions("copy", batch=4, chunk=5, sequence=6, bits=2)
        options = TrainOptions(where, units=(4,), **small)
    else:
        x = np.random.default_rng(1).normal(size=(300, 2)).astype(np.float32)
        np.savez(folder / "classes.npz", x=x, y=(x[:, 0] > 0).astype(np.int64))
        where = DataOptions(str(folder / "classes.npz"), batch=2, chunk=10)
        options = TrainOptions(where, units=(4,), **small)
    with tf.Graph().as_default():
        train(options, folder / name, on_text=lambda text: None)
    return folder / name


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Is the log folder of a run that classifies."""
    return trained_run("classes", tmp_path_factory.mktemp("exporting"))


@pytest.fixture(
    params=[
        "classes",
        *(pytest.param(n, marks=pytest.mark.slow) for n in ("text", "series", "copy")),
    ]
)
def any_run(request, run, tmp_path_factory):
    """Is the log folder of a run of each kind."""
    if request.param == "classes":
        return run
    return trained_run(request.param, tmp_path_factory.mktemp(request.param))


def inputs_of(trained, rng):
    if trained.spec.kind == "characters":
        return rng.integers(0, trained.spec.inputs, (B, L)).astype(np.int32)
    return rng.normal(size=(B, L, trained.spec.inputs)).astype(np.float32)


def predicted(folder, x, lengths):
    """Predicts from zeros as the evaluation does."""
    with restored(read_trained(folder), folder) as (runner, model, _):
        feeds = model.chunk.feeds
        fed = {feeds["x"]: x, feeds["lengths"]: lengths, **zeros(model.chunk)}
        return runner.session.run(model.predictions, fed)


class TestRuns:
    def test_predict_as_the_evaluation_does(self, any_run, rng, tmp_path):
        trained = read_trained(any_run)
        exported = export_run(any_run, tmp_path / "m")
        x = inputs_of(trained, rng)
        lengths = np.array([L, L - 2, L], np.int32)
        wanted = predicted(any_run, x, lengths)
        call = loaded(tmp_path / "m")
        got = call("start", x=x, lengths=lengths)
        np.testing.assert_allclose(got["predictions"], wanted, atol=1e-5)
        first = call("start", x=x[:, :4], lengths=np.full(B, 4, np.int32))
        second = call("serving_default", x=x[:, 4:], lengths=lengths - 4, **state_of(first))
        halves = np.concatenate([first["predictions"], second["predictions"]], 1)
        np.testing.assert_allclose(halves, wanted, atol=1e-5)
        for leaf, value in state_of(got).items():
            np.testing.assert_allclose(second[leaf], value, atol=1e-5)
        assert {port.name for port in exported.ports if port.role != "input"} == set(got)
        if trained.spec.kind == "regression":
            assert "probabilities" not in got
        else:
            powers = np.exp(wanted.astype(np.float64))
            bits = trained.spec.kind == "bits"
            shares = powers / (1 + powers if bits else powers.sum(-1, keepdims=True))
            np.testing.assert_allclose(got["probabilities"], shares, atol=1e-5)
        notes = json.loads((tmp_path / "m/assets.extra/tgcarry.json").read_text())
        config = json.loads((any_run / "config.json").read_text())
        assert notes["state"] == sorted(state_of(got))
        assert (notes["step"], notes["kind"]) == (3, config["model"]["kind"])
        for key in ("vocabulary", "classes", "scale"):
            assert notes[key] == config[key]
        made = trained.options.data == "copy"
        assert made or notes["vocabulary"] or notes["scale"]["mean"]["x"]

    @pytest.mark.slow
    @pytest.mark.parametrize("engine", ["loop", "fused"])
    def test_every_engine_can_be_served(self, run, engine, rng, tmp_path):
        export_run(run, tmp_path / "m", engine=engine)
        x = rng.normal(size=(B, L, 2)).astype(np.float32)
        lengths = np.full(B, L, np.int32)
        got = loaded(tmp_path / "m")("start", x=x, lengths=lengths)["predictions"]
        np.testing.assert_allclose(got, predicted(run, x, lengths), atol=1e-5)

    def test_refusals_come_before_the_work(self, run, tmp_path, monkeypatch):
        monkeypatch.setattr("tgcarry.exporting.runs.read_trained", None)
        (tmp_path / "m").mkdir()
        (tmp_path / "m/saved_model.pb").write_text("old")
        with pytest.raises(LogError, match="--overwrite"):
            export_run(run, tmp_path / "m")
        for place in ("checkpoints", "checkpoints/m"):
            with pytest.raises(LogError, match="own checkpoints"):
                export_run(run, run / place)
            with pytest.raises(LogError, match="own checkpoints"):
                export_checkpoint(run, run / place)

    def test_a_failure_leaves_the_earlier_one(self, run, tmp_path, monkeypatch):
        export_run(run, tmp_path / "m")
        before = (tmp_path / "m/saved_model.pb").read_bytes()

        def fails(*_, **__):
            raise tf.errors.ResourceExhaustedError(None, None, "m; No space left on device")

        monkeypatch.setattr(saved_model, "_signatures", fails)
        with pytest.raises(LogError, match=r"m: cannot be written: No space left on device: free"):
            export_run(run, tmp_path / "m", overwrite=True)
        assert (tmp_path / "m/saved_model.pb").read_bytes() == before
        assert [path.name for path in tmp_path.iterdir()] == ["m"]


def write_files(text="x", data=1):
    """Gives a function that writes what looks like a checkpoint."""

    def write(prefix):
        endings = ["index", *(f"data-{k:05d}-of-{data:05d}" for k in range(data))]
        for ending in endings:
            prefix.with_name(f"{prefix.name}.{ending}").write_text(text)

    return write


class TestCheckpoints:
    def test_hold_the_weights_and_are_found(self, run, tmp_path):
        written = export_checkpoint(run, tmp_path / "a/model.ckpt")
        shutil.move(tmp_path / "a", tmp_path / "b")
        prefix = tf.train.latest_checkpoint(str(tmp_path / "b"))
        assert prefix == str(tmp_path / "b/model.ckpt")
        reader = tf.train.load_checkpoint(prefix)
        shapes = reader.get_variable_to_shape_map()
        assert {name: tuple(shape) for name, shape in shapes.items()} == written
        with restored(read_trained(run), run) as (runner, model, _):
            variables = {v.op.name: v for v in model.chunk.variables}
            assert set(variables) == set(written)
            for name, value in runner.session.run(variables).items():
                np.testing.assert_array_equal(reader.get_tensor(name), value)
        assert sorted(path.name for path in (tmp_path / "b").iterdir()) == [
            "checkpoint",
            "model.ckpt.data-00000-of-00001",
            "model.ckpt.index",
        ]

    def test_with_slots_are_what_a_plain_program_restores(self, run, tmp_path):
        export_checkpoint(run, tmp_path / "model.ckpt", slots=True)
        x = tf.placeholder(tf.float32, [None, None, 2])
        outputs, _ = tgc.dynamic_rnn(tgc.GRUCell(4), x, dtype=tf.float32)
        with tf.variable_scope("head"):
            kernel, bias = tf.get_variable("kernel", [4, 2]), tf.get_variable("bias", [2])
        loss = tf.reduce_sum(tf.tensordot(outputs, kernel, 1) + bias)
        step = tf.train.get_or_create_global_step()
        tf.train.AdamOptimizer().minimize(loss, global_step=step)
        prefix = tf.train.latest_checkpoint(str(tmp_path))
        saved = tf.train.load_checkpoint(prefix).get_variable_to_shape_map()
        assert saved == {v.op.name: v.shape.as_list() for v in tf.global_variables()}
        with tf.Session() as session:
            tf.train.Saver().restore(session, prefix)
            assert session.run(step) == 3
            power = next(v for v in tf.global_variables() if v.op.name == "beta1_power")
            assert session.run(power) == pytest.approx(0.9**4)

    def test_others_of_the_folder_stay_listed(self, tmp_path):
        for name in ("one", "two", "one"):
            checkpoint_files.write_checkpoint(tmp_path / name, write_files(), overwrite=True)
        state = tf.train.get_checkpoint_state(str(tmp_path))
        assert state.model_checkpoint_path == str(tmp_path / "one")
        assert list(state.all_model_checkpoint_paths) == [
            str(tmp_path / "two"),
            str(tmp_path / "one"),
        ]

    def test_a_place_that_is_taken_is_refused(self, tmp_path):
        checkpoint_files.write_checkpoint(tmp_path / "model.ckpt", write_files("old"))
        before = {path: path.read_bytes() for path in tmp_path.iterdir()}
        with pytest.raises(LogError, match="--overwrite"):
            checkpoint_files.write_checkpoint(tmp_path / "model.ckpt", write_files("new"))
        with pytest.raises(LogError, match=r"a folder.*model\.ckpt"):
            checkpoint_files.write_checkpoint(tmp_path, write_files("new"))
        assert before == {path: path.read_bytes() for path in tmp_path.iterdir()}

    @pytest.mark.parametrize("moment", range(6))
    def test_a_failure_at_any_move_leaves_the_earlier_one(self, tmp_path, monkeypatch, moment):
        prefix = tmp_path / "model.ckpt"
        checkpoint_files.write_checkpoint(prefix, write_files("old"))
        before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
        moves = iter(range(100))
        for name in ("rename", "replace"):
            move = getattr(type(tmp_path), name)

            def fails(self, target, move=move):
                if next(moves) == moment:
                    raise OSError(errno.EIO, "Input/output error")
                return move(self, target)

            monkeypatch.setattr(type(tmp_path), name, fails)
        if moment == 5:  # Two away, two in, and the `checkpoint` file: all went well.
            checkpoint_files.write_checkpoint(prefix, write_files("new"), overwrite=True)
            assert (tmp_path / "model.ckpt.index").read_text() == "new"
        else:
            with pytest.raises(LogError, match="Input/output error"):
                checkpoint_files.write_checkpoint(prefix, write_files("new"), overwrite=True)
            assert before == {path.name: path.read_bytes() for path in tmp_path.iterdir()}
        assert len(list(tmp_path.iterdir())) == 3

    def test_the_index_is_last_to_come_and_first_to_go(self, tmp_path, monkeypatch):
        order = []
        rename = type(tmp_path).rename

        def noted(self, target):
            order.append((self.suffix == ".index", ".replaced-" in str(target)))
            return rename(self, target)

        checkpoint_files.write_checkpoint(tmp_path / "m", write_files(data=2))
        monkeypatch.setattr(type(tmp_path), "rename", noted)
        checkpoint_files.write_checkpoint(tmp_path / "m", write_files(data=2), overwrite=True)
        away = [(True, True), (False, True), (False, True)]
        assert order == [*away, (False, False), (False, False), (True, False)]
