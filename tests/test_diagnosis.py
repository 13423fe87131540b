"""diagnosis: what is the first that is not finite in a chunk, and what is kept of it."""

import json
import os
import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from hypothesis import given
from hypothesis import strategies as st
from models import FEATURES, build

import tgcarry as tgc
from tgcarry.diagnosis import diagnose, load_evidence, read_weights, save_evidence
from tgcarry.diagnosis.narrowing import bad_streams, first_bad_step
from tgcarry.errors import LogError, NumericsError

pytestmark = pytest.mark.slow

B, L = 5, 6


class Fed(NamedTuple):
    """Holds what a chunk is fed, in the order of `diagnose`'s arguments."""

    arrays: tuple
    state: Any
    upstream: Any


def full(structure, batch=B):
    """Gives a nest of small numbers for ports."""
    return tf.nest.map_structure(
        lambda port: np.full([batch, *port.shape.as_list()[1:]], 0.1, port.dtype.as_numpy_dtype),
        structure,
    )


def finite(chunk, batch=B, length=L):
    """Feeds a chunk numbers with which nothing goes wrong."""
    rng = np.random.default_rng(3)

    def array(name, placeholder):
        dtype = placeholder.dtype.as_numpy_dtype
        if name == "lengths":
            return np.full(batch, length, dtype)
        if name == "seed":
            return np.array([0, 7], dtype)
        shape = [batch, length, *placeholder.shape.as_list()[2:]]
        if placeholder.dtype.is_integer or name == "mask":
            return np.ones(shape, dtype)
        return rng.uniform(0.2, 0.5, size=shape).astype(dtype)

    arrays = tuple(array(name, placeholder) for name, placeholder in chunk.feeds.items())
    return Fed(arrays, full(chunk.ports.initial_state, batch), full(chunk.ports.upstream, batch))


def session_for(chunk):
    session = tf.Session(graph=chunk.graph)
    session.run([tf.global_variables_initializer(), tf.local_variables_initializer()])
    return session


def chunk_of(model, **options):
    return tgc.build_chunk(
        model.loss,
        model.ports,
        model.final_state,
        model.feeds,
        tf.train.GradientDescentOptimizer(0.1),
        **options,
    )


def plain_rnn(loss_of, *, activation=tf.tanh, batch=None, length=None, **more):
    """Builds a chunk of one basic cell with a loss of one's own of (outputs, final state, x)."""
    cell = tgc.BasicRNNCell(2, activation=activation)
    x = tf.placeholder(tf.float32, [batch, length, 2], "x")
    ports = tgc.carry_ports(cell, batch_size=batch)
    outputs, final = tgc.dynamic_rnn(cell, x, initial_state=ports.initial_state, engine="stock")
    loss = loss_of(outputs, final, x)
    metrics = {name: metric(x) for name, metric in more.pop("metrics", {}).items()}
    optimizer = tf.train.GradientDescentOptimizer(0.1)
    return tgc.build_chunk(loss, ports, final, {"x": x}, optimizer, metrics=metrics, **more)


def sum_of_outputs(outputs, final, x):
    return tf.reduce_sum(outputs)


@pytest.fixture
def lstm(rng):
    return chunk_of(build("lstm", [3, 2], True, tf.float32, rng))


@pytest.fixture
def gru(rng):
    return chunk_of(build("gru", [3], False, tf.float32, rng))


def spoilt(array, *places, value=np.nan):
    array = np.array(array)
    for place in places:
        array[place] = value
    return array


class TestWhatIsFed:
    def test_all_finite_is_said(self, lstm):
        with session_for(lstm) as session:
            found = diagnose(lstm, session, *finite(lstm), number=12)
        assert not found.found and found.stage == "" and found.names == ()
        assert str(found) == "chunk 12: everything was finite when it was computed again"
        assert found.fine[0] == "data" and found.fine[-2:] == ("gradient norm", "forward pass")

    def test_data_by_array_stream_and_step(self, lstm):
        fed = finite(lstm)
        x = spoilt(fed.arrays[0], (3, 4, 1), (1, 5, 0), value=np.inf)
        with session_for(lstm) as session:
            found = diagnose(lstm, session, (x, *fed.arrays[1:]), *fed[1:], number=2)
        assert (found.stage, found.streams, found.step) == ("data", (1, 3), 4)
        assert str(found) == (
            "chunk 2: array 'x' of streams 1, 3, first at step 4, is not finite (inf)"
        )

    def test_state_by_leaf_and_stream(self, lstm):
        fed = finite(lstm)
        bad = tf.nest.pack_sequence_as(
            fed.state,
            [
                spoilt(a, *([(2, 0), (4, 1)] if k == 2 else []))
                for k, a in enumerate(tf.nest.flatten(fed.state))
            ],
        )
        with session_for(lstm) as session:
            found = diagnose(lstm, session, fed.arrays, bad, fed.upstream, number=12)
        assert str(found) == (
            "chunk 12: fed state[1].c of streams 2, 4 is not finite (nan); data are"
        )

    def test_upstream_by_stream(self, gru):
        fed = finite(gru)
        with session_for(gru) as session:
            bad = spoilt(fed.upstream, (0, 1), value=-np.inf)
            found = diagnose(gru, session, fed.arrays, fed.state, bad)
            forward = diagnose(gru, session, fed.arrays, fed.state)
        assert str(found) == ("upstream of stream 0 is not finite (-inf); data and fed state are")
        assert not forward.found and "state gradient" not in forward.fine

    def test_constants_by_name(self):
        rate = tf.placeholder(tf.float32, [], "rate")
        chunk = plain_rnn(lambda outputs, final, x: rate * tf.reduce_sum(outputs))
        with session_for(chunk) as session:
            good = diagnose(chunk, session, *finite(chunk), feed_dict={rate: 0.5})
            bad = diagnose(chunk, session, *finite(chunk), feed_dict={rate: np.nan})
        assert not good.found and "constants" in good.fine
        assert (bad.stage, bad.names) == ("constants", ("constant 'rate:0'",))

    def test_variables_by_name_those_that_are_not_trained_too(self):
        fixed = tf.Variable(np.ones(2, np.float32), trainable=False, name="fixed")
        tf.Variable(np.full(2, np.nan, np.float32), name="elsewhere", trainable=False)
        chunk = plain_rnn(lambda outputs, final, x: tf.reduce_sum(outputs * fixed))
        with session_for(chunk) as session:
            assert not diagnose(chunk, session, *finite(chunk)).found
            fixed.load([np.nan, 1.0], session)
            name = chunk.variables[0].op.name
            chunk.variables[0].load(np.full(chunk.variables[0].shape, np.inf), session)
            found = diagnose(chunk, session, *finite(chunk), number=0)
        assert (found.stage, found.names) == ("variables", (name, "fixed"))
        assert str(found).endswith("are not finite (inf); data, fed state and upstream are")


def exploding(**options):
    """Builds a chunk whose state grows beyond all numbers where the data are large."""
    return plain_rnn(sum_of_outputs, activation=lambda z: tf.exp(tf.abs(z)) * z, **options)


def strong(chunk, session):
    kernel, bias = chunk.variables
    kernel.load(np.full(kernel.shape, 1.0), session)
    bias.load(np.zeros(bias.shape), session)


class TestForwards:
    def explosion(self, chunk, length=L, **options):
        fed = finite(chunk, length=length)
        x = np.zeros_like(fed.arrays[0])
        x[1, 2], x[4, 3] = 90.0, 90.0
        state = np.zeros_like(fed.state)
        with session_for(chunk) as session:
            strong(chunk, session)
            return diagnose(chunk, session, (x,), state, fed.upstream, number=12, **options)

    def test_final_state_by_leaf_stream_and_step(self):
        found = self.explosion(exploding())
        assert str(found) == (
            "chunk 12: final state of streams 1, 4, first at step 2, is not finite (inf); "
            "data, fed state, upstream and variables are"
        ) or "(nan)" in str(found)
        assert (found.stage, found.streams, found.step) == ("final state", (1, 4), 2)

    @pytest.mark.parametrize("options", [{"batch": B}, {"batch": B, "length": L}, {"length": L}])
    def test_sizes_that_are_fixed_leave_out_what_they_forbid(self, options):
        found = self.explosion(exploding(**options))
        assert (found.stage, found.streams) == ("final state", (1, 4))
        assert found.step == (None if "length" in options else 2)

    def test_without_narrowing_rows_are_told_all_the_same(self):
        found = self.explosion(exploding(), narrow=False)
        assert (found.streams, found.step) == ((1, 4), None)

    @pytest.mark.parametrize("batch", [None, B])
    def test_loss_by_streams_and_step(self, batch):
        chunk = plain_rnn(
            lambda outputs, final, x: tf.reduce_sum(tf.log(x)) + tf.reduce_sum(outputs),
            batch=batch,
        )
        fed = finite(chunk)
        x = spoilt(fed.arrays[0], (0, 3), (2, 1), value=-1.0)
        with session_for(chunk) as session:
            found = diagnose(chunk, session, (x,), *fed[1:], number=3)
        assert str(found) == (
            "chunk 3: loss of streams 0, 2, first at step 1, is not finite (nan); data, fed "
            "state, upstream, variables and final state are"
        )

    def test_a_loss_that_is_bad_in_company_only_blames_no_stream(self):
        # The sum of all is beyond the largest number, and no half of it is.
        chunk = plain_rnn(lambda outputs, final, x: tf.reduce_sum(x) + tf.reduce_sum(outputs))
        fed = finite(chunk, batch=2, length=1)
        x = np.full_like(fed.arrays[0], 1.2e38)
        with session_for(chunk) as session:
            for variable in chunk.variables:
                variable.load(np.zeros(variable.shape), session)
            found = diagnose(chunk, session, (x,), *fed[1:])
        assert (found.stage, found.streams, found.step, found.value) == ("loss", (), 0, "inf")

    def test_metrics_by_name(self):
        metrics = {"fine": tf.reduce_sum, "inverse": lambda x: tf.reduce_sum(1 / x)}
        chunk = plain_rnn(sum_of_outputs, metrics=metrics)
        fed = finite(chunk)
        with session_for(chunk) as session:
            x = spoilt(fed.arrays[0], (4, 0, 0), value=0.0)
            found = diagnose(chunk, session, (x,), *fed[1:])
        assert (found.stage, found.names) == ("metrics", ("metric 'inverse'",))
        assert (found.streams, found.step) == ((4,), 0)

    def test_what_the_graph_refuses_itself_is_told(self):
        chunk = plain_rnn(
            lambda outputs, final, x: (
                tf.reduce_sum(tf.check_numerics(tf.log(x), "my check")) + tf.reduce_sum(outputs)
            )
        )
        fed = finite(chunk)
        with session_for(chunk) as session:
            found = diagnose(chunk, session, (-fed.arrays[0],), *fed[1:])
        assert found.stage == "loss" and "my check" in found.remark
        assert "\n" not in str(found)


class TestBackwards:
    def test_state_gradient_by_leaf_and_stream(self):
        # The root of the state has no derivative at 0.
        root = lambda outputs, final, x: tf.reduce_sum(tf.sqrt(final))  # noqa: E731
        chunk = plain_rnn(root, activation=tf.identity)
        fed = finite(chunk)
        with session_for(chunk) as session:
            kernel, bias = chunk.variables
            kernel.load(np.ones((4, 2)), session)
            bias.load(np.zeros(2), session)
            x, state = spoilt(fed.arrays[0], 3, value=0.0), spoilt(fed.state, 3, value=0.0)
            found = diagnose(chunk, session, (x,), state, fed.upstream)
        assert (found.stage, found.streams, found.value) == ("state gradient", (3,), "inf")
        assert found.fine[-2:] == ("final state", "loss")

    def test_gradients_of_variables_by_name_and_stream(self):
        scale = tf.Variable(np.zeros([], np.float32), name="scale")

        def loss(outputs, final, x):
            return tf.reduce_sum(outputs) + tf.reduce_sum(tf.sqrt(scale * x[:, :, 0]))

        chunk = plain_rnn(loss)
        fed = finite(chunk)
        x = spoilt(fed.arrays[0], slice(None), value=0.0)
        x[2, 1] = 1.0
        with session_for(chunk) as session:
            scale.load(1e-30, session)
            # d sqrt(s x)/ds at x = 0 is 0 * inf.
            found = diagnose(chunk, session, (x,), *fed[1:])
            assert found.names == ("gradient of scale",) and found.stage == "gradients"
            assert found.streams == (0, 1, 2, 3, 4)
            assert found.step is None and found.fine[-1] == "state gradient"

    def test_a_norm_that_overflows(self):
        chunk = plain_rnn(lambda outputs, final, x: 1e30 * tf.reduce_sum(outputs))
        with session_for(chunk) as session:
            found = diagnose(chunk, session, *finite(chunk))
        assert found.stage == "gradient norm" and found.fine[-1] == "gathered gradients"
        assert "gradient's global norm" in str(found)

    def test_what_earlier_chunks_left_in_the_accumulators(self):
        chunk = plain_rnn(sum_of_outputs)
        with session_for(chunk) as session:
            chunk.updates.accumulators[1].load(np.full(2, np.nan), session)
            found = diagnose(chunk, session, *finite(chunk))
        name = chunk.variables[1].op.name
        assert found.names == (f"gradient of {name} gathered before",) and found.streams == ()

    def test_sparse_gradients_too(self):
        table = tf.Variable(np.zeros([4, 2], np.float32), name="table")
        ids = tf.placeholder(tf.int32, [None, None], "ids")
        cell = tgc.BasicRNNCell(2)
        ports = tgc.carry_ports(cell)
        outputs, final = tgc.dynamic_rnn(
            cell,
            tf.nn.embedding_lookup(table, ids),
            initial_state=ports.initial_state,
            engine="loop",
        )
        loss = tf.reduce_sum(outputs) + tf.reduce_sum(tf.sqrt(tf.nn.embedding_lookup(table, ids)))
        chunk = tgc.build_chunk(
            loss, ports, final, {"ids": ids}, tf.train.GradientDescentOptimizer(0.1)
        )
        with session_for(chunk) as session:
            table.load(np.array([[1, 1], [1, 1], [0, 0], [1, 1]], np.float32), session)
            fed = finite(chunk)
            ids = spoilt(fed.arrays[0], (3, 0), value=2)
            assert not diagnose(chunk, session, *fed).found
            found = diagnose(chunk, session, (ids,), *fed[1:])
        assert found.names == ("gradient of table",) and found.streams == (3,)


class TestGraphs:
    def test_partitions_are_told_apart(self):
        cell = tgc.MultiRNNCell([tgc.BasicLSTMCell(2), tgc.BasicLSTMCell(2)])
        x = tf.placeholder(tf.float32, [None, None, 2], "x")
        ports = tgc.carry_ports(cell, losses=2)
        outputs, final = tgc.dynamic_rnn(cell, x, initial_state=ports.initial_state, engine="loop")
        weight = tf.Variable(np.ones(2, np.float32), name="weight")
        other = tf.Variable(np.ones(2, np.float32), name="other")
        first = tf.reduce_sum(outputs * weight)
        second = tf.reduce_sum(outputs * other * tf.log(x), name="second")
        chunk = tgc.build_chunk(
            [(first, [weight]), (second, [other])],
            ports,
            final,
            {"x": x},
            tf.train.GradientDescentOptimizer(0.1),
        )
        fed = finite(chunk)
        with session_for(chunk) as session:
            assert not diagnose(chunk, session, *fed).found
            bad = spoilt(fed.arrays[0], (1, 2), value=-1.0)
            found = diagnose(chunk, session, (bad,), *fed[1:])
            assert found.names == ("loss 1 ('second:0')",)
            assert (found.streams, found.step) == ((1,), 2)
            leaves = tf.nest.flatten(fed.upstream)
            leaves[6] = spoilt(leaves[6], (4, 0))
            upstream = tf.nest.pack_sequence_as(fed.upstream, leaves)
            found = diagnose(chunk, session, fed.arrays, fed.state, upstream)
            assert (found.names, found.streams) == (("upstream[1][1].c",), (4,))

    def test_compiled_engines_are_looked_into_alike(self, rng):
        model = build("gru", [3], False, tf.float32, rng, engine="fused")
        chunk = chunk_of(model)
        fed = finite(chunk, length=3)
        with session_for(chunk) as session:
            assert not diagnose(chunk, session, *fed).found
            # The head alone overflows, so that the state is fine and the loss is not.
            chunk.variables[-1].load([3e38, -3e38, 0.0, 0.0], session)
            x, y = np.array(fed.arrays[0]), np.zeros_like(fed.arrays[1])
            y[3, 1], y[4, 2] = 1, 1
            shapes = []
            session.run, run = (
                lambda f, d: shapes.append(d[model.feeds["x"]].shape) or run(f, d),
                (session.run),
            )
            found = diagnose(chunk, session, (x, y, *fed.arrays[2:]), *fed[1:])
        assert found.stage == "loss" and found.fine[-1] == "final state"
        assert (found.streams, found.step) == ((3, 4), 1)
        # Other shapes would be compiled anew.
        assert set(shapes) == {x.shape}

    def test_a_closed_session_is_no_error(self, gru):
        class Gone:
            def run(self, fetches, feeds):
                raise tf.errors.AbortedError(None, None, "gone\nfor ever")

        found = diagnose(gru, Gone(), *finite(gru))
        assert not found.found and found.remark == "as far as it could be: gone"

    def test_random_numbers_are_remarked_upon(self):
        chunk = plain_rnn(
            lambda outputs, final, x: tf.reduce_sum(tf.nn.dropout(outputs, rate=0.5))
        )
        with session_for(chunk) as session:
            found = diagnose(chunk, session, *finite(chunk))
        assert "drew other numbers" in found.remark and "drew other numbers" in str(found)

    def test_hooks_are_passed_by(self, gru):
        ran = []

        class Hook(tf.train.SessionRunHook):
            def before_run(self, run_context):
                ran.append(run_context)

        gru.graph.add_to_collection(tf.GraphKeys.READY_OP, tf.constant([], tf.string))
        with gru.graph.as_default(), tf.train.MonitoredSession(hooks=[Hook()]) as session:
            found = diagnose(gru, session, *finite(gru))
        assert not found.found and not ran

    def test_nothing_is_changed_and_no_operation_added(self, lstm):
        fed = finite(lstm)
        with session_for(lstm) as session:
            every = [*tf.global_variables(), *tf.local_variables()]
            lstm.graph.finalize()
            before = session.run(every)
            diagnose(lstm, session, *fed)
            diagnose(lstm, session, *fed._replace(upstream=None))
            bad = (*fed.arrays[:3], np.full_like(fed.arrays[3], 3e38))
            assert diagnose(lstm, session, bad, *fed[1:]).stage == "loss"
            for old, new in zip(before, session.run(every), strict=True):
                np.testing.assert_array_equal(old, new)

    def test_finds_what_a_run_failed_of(self):
        chunk = plain_rnn(
            lambda outputs, final, x: tf.reduce_sum(tf.log(x)) + tf.reduce_sum(outputs)
        )
        x = finite(chunk, length=4 * L).arrays[0]
        x[2, 2 * L + 3] = -1.0
        with tgc.Runner(chunk, tgc.Truncated()) as runner:
            chunks = tgc.split_chunks({"x": x}, length=L)
            state = None
            with pytest.raises(NumericsError, match="chunk 2"):
                for report in runner.run(chunks):
                    assert report.chunks.stop <= 2
                    state = runner.state
            found = diagnose(chunk, runner.session, (x[:, 2 * L : 3 * L],), state, number=2)
        assert (found.stage, found.streams, found.step) == ("loss", (2,), 3)


class TestSearches:
    @given(st.integers(1, 40), st.data())
    def test_streams_are_those_that_are_bad_alone(self, batch, data):
        bad = set(data.draw(st.sets(st.integers(0, batch - 1), min_size=1)))
        asked = []

        def is_bad(streams):
            asked.append(streams)
            return bool(bad & set(streams))

        assert bad_streams(is_bad, batch, 1000) == (tuple(sorted(bad)), True)
        assert len(asked) <= 2 * len(bad) * batch.bit_length() + 2

    def test_streams_are_looked_for_so_often_only(self):
        asked = []
        found, complete = bad_streams(lambda part: not asked.append(part), 1000, 64)
        assert 64 <= len(asked) <= 66 and not complete
        assert found and list(found) == list(range(len(found)))

    @given(st.integers(1, 200), st.data())
    def test_the_first_step_is_found_in_few_visits(self, length, data):
        first = data.draw(st.integers(0, length - 1))
        asked = []

        def is_bad(steps):
            asked.append(steps)
            return steps > first

        assert first_bad_step(is_bad, length) == first
        assert len(asked) <= length.bit_length() and all(0 < steps < length for steps in asked)


def test_the_documentation_shows_what_happens(tmp_path, monkeypatch, capsys):
    page = Path(__file__).parent.parent / "docs" / "bad_numbers.md"
    code, shown = re.findall(r"```(?:python)?\n(.*?)```", page.read_text(encoding="utf-8"), re.S)[
        :2
    ]
    monkeypatch.chdir(tmp_path)
    exec(code, {})
    assert capsys.readouterr().out == shown


class TestEvidence:
    def test_comes_back_as_it_was(self, lstm, tmp_path):
        fed = finite(lstm)
        fed = fed._replace(arrays=(spoilt(fed.arrays[0], (1, 2, 0)), *fed.arrays[1:]))
        with session_for(lstm) as session:
            found = diagnose(lstm, session, *fed, number=12)
            saved = save_evidence(tmp_path, 12, found, *fed)
            assert str(saved) == str(saved.path)
            assert saved.problem == ""
            assert saved.path == tmp_path / "bad_numbers" / "chunk-0000012.npz"
            evidence = load_evidence(saved.path)
            again = diagnose(lstm, session, *evidence.fed(lstm), number=12)
        assert again == found and evidence.text == str(found) and evidence.number == 12
        assert evidence.diagnosis["streams"] == [1] and evidence.diagnosis["stage"] == "data"
        tf.nest.assert_same_structure(evidence.state(lstm), fed.state)
        pairs = zip(tf.nest.flatten(evidence.fed(lstm)), tf.nest.flatten(tuple(fed)), strict=True)
        for one, other in pairs:
            assert one.dtype == other.dtype
            np.testing.assert_array_equal(one, other)
        assert sorted(path.name for path in saved.path.parent.iterdir()) == [
            "chunk-0000012.json",
            "chunk-0000012.npz",
        ]
        with np.load(saved.path, allow_pickle=False) as file:
            assert {"feed/x", "feed/lengths", "state/0", "state/3", "upstream/3"} < set(file.files)

    def test_with_weights_fails_again_in_another_session(self, tmp_path):
        chunk = exploding()
        fed = finite(chunk)
        with session_for(chunk) as session:
            strong(chunk, session)
            chunk.variables[0].load(np.full(chunk.variables[0].shape, 50.0), session)
            found = diagnose(chunk, session, *fed, number=3)
            assert found.stage == "final state"
            weights = read_weights(chunk, session)
            assert list(weights) == [variable.op.name for variable in chunk.variables]
            path = save_evidence(tmp_path, 3, found, *fed, weights=weights).path
        evidence = load_evidence(path)
        chunk.graph.finalize()
        with tf.Session(graph=chunk.graph) as session:
            session.run(tf.get_collection(tf.GraphKeys.LOCAL_VARIABLES)[0].initializer)
            evidence.load_weights(chunk, session)
            assert diagnose(chunk, session, *evidence.fed(chunk), 3) == found

    def test_weights_that_were_not_kept_are_missed(self, gru, found, tmp_path):
        evidence = load_evidence(save_evidence(tmp_path, 1, found, *finite(gru)).path)
        assert evidence.weights == {}
        with session_for(gru) as session, pytest.raises(LogError, match="save it with weights="):
            evidence.load_weights(gru, session)

    def test_is_replayed_by_a_runner(self, gru, tmp_path):
        fed = finite(gru)
        with tgc.Runner(gru) as runner:
            found = diagnose(gru, runner.session, *fed)
            evidence = load_evidence(save_evidence(tmp_path, 3, found, *fed).path)
            state = evidence.state(gru)
            got = runner.gradients([evidence.chunk()], initial_state=state)
            loss = runner.session.run(
                gru.loss,
                {
                    **dict(zip(gru.feeds.values(), fed.arrays, strict=True)),
                    gru.ports.initial_state: fed.state,
                },
            )
        assert got.loss == pytest.approx(float(loss), rel=1e-6)

    def test_of_a_forward_visit_has_no_upstream(self, gru, tmp_path):
        fed = finite(gru)._replace(upstream=None)
        with session_for(gru) as session:
            found = diagnose(gru, session, *fed)
        evidence = load_evidence(save_evidence(tmp_path, 0, found, *fed).path)
        assert evidence.upstream(gru) is None and evidence.upstream_leaves is None

    @pytest.mark.parametrize(
        "array",
        [
            np.array([[b"a", b"bcd"]], object),
            np.array([[1.5, np.nan]], tf.bfloat16.as_numpy_dtype),
            np.array([[1, 2]], np.int64),
            np.array(2.5, np.float16),
        ],
        ids=["strings", "bfloat16", "integers", "scalar"],
    )
    def test_holds_any_kind_of_array_without_pickles(self, gru, tmp_path, array):
        with session_for(gru) as session:
            found = diagnose(gru, session, *finite(gru))
        arrays = (array,) * len(found.feeds)
        evidence = load_evidence(save_evidence(tmp_path, 0, found, arrays, np.zeros(2)).path)
        assert evidence.arrays["x"].dtype == array.dtype
        assert evidence.arrays["x"].tobytes() == array.tobytes() or array.dtype == object
        assert repr(evidence.arrays["x"].tolist()) == repr(array.tolist())

    @pytest.fixture
    def found(self, gru):
        with session_for(gru) as session:
            return diagnose(gru, session, *finite(gru))

    def test_a_disk_that_is_full_is_no_error(self, gru, found, tmp_path, monkeypatch):
        def full(*_):
            raise OSError(28, os.strerror(28))

        monkeypatch.setattr(os, "fsync", full)
        saved = save_evidence(tmp_path, 1, found, *finite(gru))
        assert saved.path is None and "No space left on device" in saved.problem
        assert "chunk-0000001.npz" in saved.problem and "\n" not in saved.problem
        assert list((tmp_path / "bad_numbers").iterdir()) == []
        assert str(saved) == f"nothing: {saved.problem}"

    def test_a_folder_that_is_none_is_no_error(self, gru, found, tmp_path):
        (tmp_path / "bad_numbers").write_text("")
        assert save_evidence(tmp_path, 1, found, *finite(gru)).path is None

    def test_only_so_many_chunks_are_kept(self, gru, found, tmp_path):
        for number in range(4):
            saved = save_evidence(tmp_path, number, found, *finite(gru), most=3)
        assert saved.path is None and "3 chunks" in saved.problem
        assert save_evidence(tmp_path, 1, found, *finite(gru), most=3).path is not None

    def test_what_cannot_be_read_is_one_line(self, gru, found, tmp_path):
        with pytest.raises(LogError, match="nowhere"):
            load_evidence(tmp_path / "nowhere.npz")
        path = save_evidence(tmp_path, 1, found, *finite(gru)).path
        path.write_bytes(path.read_bytes()[:100])
        with pytest.raises(LogError, match=re.escape(path.name)) as error:
            load_evidence(path)
        assert "\n" not in str(error.value)

    def test_damage_is_never_taken_for_arrays(self, gru, found, tmp_path, rng):
        fed = finite(gru)
        path = save_evidence(tmp_path, 1, found, *fed).path
        whole, refused = path.read_bytes(), 0
        for _ in range(60):
            damaged = bytearray(whole)
            damaged[rng.integers(len(whole))] ^= 1 << rng.integers(8)
            path.write_bytes(damaged)
            try:
                x = load_evidence(path).arrays["x"]
            except LogError as error:
                assert "\n" not in str(error)
                refused += 1
            else:
                np.testing.assert_array_equal(x, fed.arrays[0])
        assert refused > 10

    def test_of_another_model_is_refused(self, gru, found, rng, tmp_path):
        fed = finite(gru)
        with tf.Graph().as_default():
            lstm = chunk_of(build("lstm", [3, 2], True, tf.float32, rng))
        path = save_evidence(tmp_path, 1, found, *fed).path
        with pytest.raises(LogError, match="the chunk of the model"):
            load_evidence(path).state(lstm)
        assert json.loads(path.with_suffix(".json").read_text())["feeds"] == list(gru.feeds)
        assert fed.arrays[0].shape[2] == FEATURES
