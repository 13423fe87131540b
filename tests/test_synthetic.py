"""Synthetic gradients: what they feed, what they learn, and when they are asked."""

import math

import models
import numpy as np
import oracle
import pytest
import tensorflow.compat.v1 as tf
from keepable import chunk as keepable
from keepable import data as keepable_data
from test_exactness import flat

import tgcarry as tgc
from tgcarry import schedule

pytestmark = pytest.mark.slow


def global_values(runner):
    with runner.chunk.graph.as_default():
        return runner.session.run({v.op.name: v for v in tf.global_variables()})


def load(runner, values):
    with runner.chunk.graph.as_default():
        for variable in tf.global_variables():
            if variable.op.name in values:
                variable.load(values[variable.op.name], runner.session)


def built(policy_is_synthetic=True, optimizer=None, **options):
    with tf.Graph().as_default():
        tf.set_random_seed(3)
        synthetic = tgc.SyntheticGradient(6) if policy_is_synthetic else None
        optimizer = optimizer or tf.train.MomentumOptimizer(0.05, 0.9)
        return keepable(options.pop("cell", None), optimizer, synthetic=synthetic, **options)


class TestSchedule:
    def test_says_where_nothing_follows(self):
        steps = tgc.Synthetic().schedule([True, False, True, False])
        assert schedule.to_text(steps).splitlines() == [
            "backward 0 upstream predicted advance",
            "apply",
            "backward 1 upstream predicted x0 advance",
            "apply",
            "backward 2 upstream predicted advance",
            "apply",
            "backward 3 upstream predicted x0 advance",
            "apply",
        ]

    def test_it_is_a_policy(self):
        assert isinstance(tgc.Synthetic(), tgc.Policy) and not tgc.Synthetic().revisits
        assert tgc.Synthetic() == tgc.Synthetic()


class TestOtherPolicies:
    def test_pass_the_predictor_by(self, rng):
        chunks = keepable_data(rng, 4, ragged=True, resets=True)
        policies = [tgc.Truncated(), tgc.Stale(), tgc.ExactSweep(memory_budget="1GiB")]
        found = []
        for predicting in (False, True):
            with tgc.Runner(built(predicting)) as runner:
                found.append([runner.gradients(chunks, policy=p).variables for p in policies])
        for without, with_one in zip(*found, strict=True):
            assert without.keys() == with_one.keys()
            assert all(np.array_equal(without[name], with_one[name]) for name in without)

    def test_even_one_that_has_gone_wrong(self, rng):
        chunks = keepable_data(rng, 2)
        with tgc.Runner(built(), tgc.ExactSweep()) as runner:
            values = global_values(runner)
            load(runner, {n: v * np.nan for n, v in values.items() if n.startswith("synthetic")})
            assert np.isfinite(runner.gradients(chunks).loss)


@pytest.mark.parametrize("cell", ["gru", "lstm", "stack"])
def test_at_first_it_is_truncation_to_the_bit(cell, rng):
    chunks = keepable_data(rng, 6, ragged=True)
    ends = []
    for policy in (tgc.Truncated(), tgc.Synthetic()):
        # Both graphs have a predictor: what is compared is the policy.
        made = {
            "gru": lambda: tgc.GRUCell(5),
            "lstm": lambda: tgc.LSTMCell(4),
            "stack": lambda: tgc.MultiRNNCell([tgc.LSTMCell(3), tgc.GRUCell(4)]),
        }[cell]()
        with tgc.Runner(built(cell=made), policy) as runner:
            reports = runner.run(chunks)
            first = next(reports)
            values = global_values(runner)
            rest = list(reports)
            ends.append((first, values, rest, global_values(runner)))
    (first, values, rest, end), (first_, values_, rest_, end_) = ends
    assert first._replace(seconds=0) == first_._replace(seconds=0)
    for name in values:
        mine = name.startswith("synthetic") or name.endswith("_power")
        assert mine or np.array_equal(values[name], values_[name]), name
    # The second chunk teaches what the first one's end was worth, the third one asks for it.
    assert rest_[0].upstream_norms == (0.0,) and rest_[0].synthetic_error > 0
    goes_on = [bool((chunk.lengths > 0).any()) for chunk in chunks[1:]] + [False]
    assert [report.upstream_norms[0] > 0 for report in rest_[1:]] == goes_on[2:]
    assert any(goes_on[2:])
    assert all(report.synthetic_error is None for report in rest)
    moved = [n for n in end if not n.startswith("synthetic")]
    assert any(not np.array_equal(end[n], end_[n]) for n in moved)


def predictor(rng, model, chunk, runner):
    """Puts random numbers into a linear predictor; returns it as a function of oracle states."""
    kernel, bias, square, weight = chunk.synthetic.variables
    k, b = rng.normal(size=kernel.shape), rng.normal(size=bias.shape)
    for variable, value in ((kernel, k), (bias, b), (square, 2.0), (weight, 0.5)):
        variable.load(value, runner.session)

    def predict(states):
        leaves = tf.nest.flatten(states)
        out = 2.0 * (np.concatenate(leaves, 1) @ k + b)
        parts = np.split(out, np.cumsum([leaf.shape[1] for leaf in leaves])[:-1], 1)
        return tf.nest.pack_sequence_as(states, parts)

    return predict


def linear_case(kind, rng):
    """Builds a model with a linear predictor, and draws data in which streams start anew."""
    model = models.build(kind, (5, 4), True, tf.float64, rng)
    case = models.draw_case(model, rng, batch=4, steps=64)
    # One sequence is over before the last chunk, and no other follows; in another stream one does.
    case.lengths[1:3] = case.cuts[-1], 64
    case.resets[1, case.cuts[-1] :] = False
    case.resets[2, case.cuts[0]] = True
    design = tgc.SyntheticGradient(())
    chunk = tgc.build_chunk(
        model.loss, model.ports, model.final_state, model.feeds, synthetic=design
    )
    return model, case, chunk


def ended(case, stop):
    """Says which streams' sequences do not go on behind a step, in NumPy."""
    return np.ones(4, bool) if stop == 64 else case.resets[:, stop] | (case.lengths <= stop)


@pytest.mark.parametrize("kind", ["gru", "lstm"])
def test_the_upstream_is_the_prediction_where_streams_go_on(kind, rng):
    model, case, chunk = linear_case(kind, rng)
    with tgc.Runner(chunk, tgc.Synthetic()) as runner:
        models.load(model, runner.session)
        predict = predictor(rng, model, chunk, runner)
        initial = models.to_nest(model, case.initial)
        got = runner.gradients(models.chunks_of(model, case), initial)
    state, results = case.initial, []
    for start, stop in oracle.chunk_bounds(64, case.cuts):
        piece = oracle.chunk_of(start, stop, case.x, case.y, None, case.lengths)
        entering = oracle.cut_rows(state, case.resets[:, start])
        plain = oracle.gradients(model.layers, model.head, initial=entering, **piece)
        upstream = oracle.cut_rows(predict(plain.finals), ended(case, stop))
        result = oracle.gradients(
            model.layers, model.head, initial=entering, upstream=upstream, **piece
        )
        results.append(result)
        state = result.finals
    added = oracle.add_up(results)
    wanted = [
        *models.gradient_order(added),
        *tf.nest.flatten(models.to_nest(model, added.initial)),
    ]
    assert models.relative(flat(got), wanted) < 1e-10


def test_it_learns_from_streams_that_were_going_on(rng):
    """Holds the error of each chunk against one in NumPy, and with it who is learnt from."""
    chunks = keepable_data(rng, 5, resets=True, ragged=True)
    assert any((chunk.lengths == 0).any() for chunk in chunks)
    with tf.Graph().as_default():
        still = tf.train.GradientDescentOptimizer(0.0)
        graph = keepable(None, still, synthetic=tgc.SyntheticGradient((), still))
    seen = []
    with tgc.Runner(graph, tgc.Synthetic(), on_visit=lambda k, v: seen.append(v)) as runner:
        reports = list(runner.run(chunks))
    square = weight = 0.0
    assert reports[0].synthetic_error is None
    for index in range(1, 5):
        rows = ~chunks[index].resets & (chunks[index].lengths > 0)
        target = seen[index].state_gradient[rows]
        if rows.any():
            square, weight = 0.99 * square + 0.01 * np.mean(target**2), 0.99 * weight + 0.01
            wanted = np.mean(target**2) / (square / weight)
            assert reports[index].synthetic_error == pytest.approx(wanted, rel=1e-9)


GAIN = 0.7


def linear_chunk(optimizer):
    """Builds `s' = gain R s + x` with `loss = |s'|^2 / 2`: the true upstream is `P s'`."""
    angle = 0.7
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    turn = GAIN * turn @ np.diag([1.0, 0.8])
    x = tf.placeholder(tf.float64, [None, 1, 2], "x")
    matrix = tf.get_variable("matrix", initializer=turn)
    ports = tgc.carry_ports(tgc.BasicRNNCell(2), dtype=tf.float64)
    final = tf.matmul(ports.initial_state, matrix, transpose_b=True) + x[:, 0]
    chunk = tgc.build_chunk(
        tf.reduce_sum(final**2) / 2,
        ports,
        final,
        {"x": x},
        tf.train.GradientDescentOptimizer(0.0),
        synthetic=tgc.SyntheticGradient((), optimizer),
    )
    # d_k = A^T (s' + u'), u' = P s' of the chunk behind: P = A^T (I + P) A.
    value = np.zeros((2, 2))
    for _ in range(200):
        value = turn.T @ (np.eye(2) + value) @ turn
    return chunk, value


def test_a_linear_upstream_is_learnt(rng):
    """Each stream starts anew from a random state every 12 chunks, at a time of its own."""
    streams, length, count = 12, 12, 1500
    chunk, value = linear_chunk(tf.train.AdamOptimizer(0.02))
    chunks = []
    for index in range(count):
        resets = (np.arange(streams) + index) % length == 0
        x = np.where(resets[:, None], rng.normal(size=(streams, 2)), 0.0)[:, None]
        chunks.append(tgc.Chunk({"x": x}, resets, np.ones(streams, np.int32)))
    states = rng.normal(size=(500, 2))
    wanted = states @ value
    with tgc.Runner(chunk, tgc.Synthetic()) as runner:
        reports = list(runner.run(chunks))
        kernel, bias, square, weight = runner.session.run(chunk.synthetic.variables)
    got = math.sqrt(square / weight) * (states @ kernel + bias)
    missed = np.mean((got - wanted) ** 2) / np.mean((wanted - wanted.mean(0)) ** 2)
    print("missed", missed)
    assert missed < 0.01
    assert np.mean([r.synthetic_error for r in reports[-100:]]) < 0.02
    assert np.mean([r.synthetic_error for r in reports[1:20]]) > 0.3


def test_each_loss_has_a_predictor_of_its_own(rng):
    chunks = keepable_data(rng, 6)
    graph = built(losses=2)
    names = {v.op.name.split("/")[0] for v in graph.synthetic.variables}
    assert names == {"synthetic", "synthetic_1"}
    with tgc.Runner(graph, tgc.Synthetic()) as runner:
        before = global_values(runner)
        reports = list(runner.run(chunks))
        after = global_values(runner)
    for name in names:
        assert not np.array_equal(before[f"{name}/kernel_1"], after[f"{name}/kernel_1"])
    assert not np.array_equal(after["synthetic/square"], after["synthetic_1/square"])
    assert reports[3].upstream_norms[0] > 0


class TestVariables:
    def test_are_saved_and_not_trained_by_others(self):
        graph = built()
        with graph.graph.as_default():
            saved = {v.op.name for v in tf.global_variables()}
            trainable = {v.op.name for v in tf.trainable_variables()}
        mine = {v.op.name for v in graph.synthetic.variables}
        assert mine == {
            *(f"synthetic/{kind}_{n}" for kind in ("kernel", "bias") for n in (0, 1)),
            "synthetic/square",
            "synthetic/weight",
        }
        assert mine < saved and not mine & trainable
        assert "synthetic/kernel_0/Adam" in saved
        assert "predict synthetic/kernel_0 (5, 6) float64" in graph.describe()

    def test_gradients_leave_them_as_they_are(self, rng):
        with tgc.Runner(built(), tgc.Synthetic()) as runner:
            list(runner.run(keepable_data(rng, 4)))
            before = global_values(runner)
            runner.gradients(keepable_data(rng, 4))
            after = global_values(runner)
        assert all(np.array_equal(before[name], after[name]) for name in before)

    def test_the_graph_may_be_finalized(self, rng):
        graph = built()
        with tf.Session(graph=graph.graph) as session:
            with graph.graph.as_default():
                session.run(tf.global_variables_initializer())
            graph.graph.finalize()
            with tgc.Runner(graph, tgc.Synthetic(), session=session) as runner:
                assert len(list(runner.run(keepable_data(rng, 3)))) == 3


def test_hooks_see_its_visits(rng):
    class Counting(tf.train.SessionRunHook):
        seen = 0

        def after_run(self, run_context, run_values):
            self.seen += 1

    hook = Counting()
    with tgc.Runner(built(), tgc.Synthetic(), hooks=[hook]) as runner:
        assert len(list(runner.run(keepable_data(rng, 4)))) == 4
    assert hook.seen == 4


class TestNumbersThatAreNotFinite:
    def test_nothing_is_applied(self, rng):
        graph = built()
        with tgc.Runner(graph, tgc.Synthetic()) as runner:
            run = runner.run(keepable_data(rng, 6))
            next(run), next(run)
            kernel = graph.synthetic.variables[2]
            kernel.load(np.full(kernel.shape, np.nan), runner.session)
            before = global_values(runner)
            with pytest.raises(tgc.NumericsError):
                next(run)
            after = global_values(runner)
        for name in before:
            assert np.array_equal(before[name], after[name], equal_nan=True), name

    def test_the_upstream_can_be_looked_at(self, rng):
        graph, seen = built(), []

        def decide(bad):
            seen.append(bad)
            return "stop"

        with tgc.Runner(graph, tgc.Synthetic(), on_nan=decide) as runner:
            run = runner.run(keepable_data(rng, 6))
            next(run), next(run)
            bias = graph.synthetic.variables[3]
            bias.load([1.0, 2.0, np.inf, 4.0, 5.0], runner.session)
            with pytest.raises(tgc.NumericsError):
                next(run)
        (bad,) = seen
        assert bad.at.data.number == 2
        assert np.isfinite(bad.at.upstream).all(0).tolist() == [True, True, False, True, True]

    def test_a_chunk_left_out_ends_every_stream(self, rng):
        graph, reports, hurt = built(), [], []
        bias = graph.synthetic.variables[3]

        def mended(bad):
            bias.load(np.ones(5), runner.session)
            hurt.append(bad.step)
            return "skip"

        with tgc.Runner(graph, tgc.Synthetic(), on_nan=mended) as runner:
            for report in runner.run(keepable_data(rng, 7)):
                reports.append(report)
                if report.step == 2:
                    bias.load(np.full(5, np.nan), runner.session)
        assert hurt == [2]
        assert [r.chunks.start for r in reports] == [0, 1, 3, 4, 5, 6]
        assert [r.synthetic_error is None for r in reports] == [True, False, True, *[False] * 3]


class TestRefused:
    def test_a_graph_without_a_predictor(self):
        with pytest.raises(tgc.RunError, match=r"build_chunk\(\.\.\., synthetic="):
            tgc.Runner(built(False), tgc.Synthetic())
        with tgc.Runner(built(False), tgc.Truncated()) as runner:
            with pytest.raises(tgc.RunError, match="synthetic="):
                runner.gradients([], policy=tgc.Synthetic())

    def test_a_policy_that_does_not_look_ahead(self, rng):
        class Mine:
            revisits = False

            def schedule(self, breaks):
                for chunk, _ in enumerate(breaks):
                    yield schedule.Backward(chunk, "predicted", advance=True)
                    yield schedule.Apply()

        chunks = keepable_data(rng, 3)
        with tgc.Runner(built(), Mine()) as runner:
            with pytest.raises(tgc.RunError, match="read the next break before"):
                list(runner.run(chunks))
        with tgc.Runner(built(False), Mine()) as runner:
            with pytest.raises(tgc.RunError, match="the graph has no predictor"):
                list(runner.run(chunks))

    @pytest.mark.parametrize("hidden", [0, -1, 1.5, (4, 0), True, "6", None])
    def test_layers_that_are_none(self, hidden):
        with pytest.raises(tgc.ChunkError, match=r"SyntheticGradient\(hidden="):
            tgc.SyntheticGradient(hidden)

    def test_what_is_no_optimizer(self):
        with pytest.raises(tgc.ChunkError, match=r"SyntheticGradient\(optimizer='adam'\)"):
            tgc.SyntheticGradient(4, "adam")

    def test_what_is_no_predictor(self):
        with pytest.raises(tgc.ChunkError, match=r"build_chunk\(synthetic=64\)"):
            keepable(synthetic=64)


STEPS, SYMBOLS, BATCH = 10, 4, 32


def sequences(count, first_seed):
    """Makes sequences of two chunks: a symbol is shown in the first, asked for in the second."""
    return [
        chunk
        for seed in range(first_seed, first_seed + count)
        for chunk in tgc.split_chunks(
            tgc.data.delayed_recall(BATCH, STEPS, STEPS - 1, SYMBOLS, seed), STEPS // 2
        )
    ]


def recalled(policy, count=1500):
    """Trains a GRU on delayed recall; returns the share of symbols that are right."""
    with tf.Graph().as_default():
        tf.set_random_seed(1)
        x = tf.placeholder(tf.float32, [None, None, 2 * SYMBOLS + 1])
        y = tf.placeholder(tf.int32, [None, None])
        weight = tf.placeholder(tf.float32, [None, None])
        cell = tgc.GRUCell(16)
        ports = tgc.carry_ports(cell)
        outputs, final = tgc.dynamic_rnn(cell, x, initial_state=ports.initial_state, engine="loop")
        logits = tgc.losses.linear(outputs, SYMBOLS)
        total, extra = tgc.losses.softmax_loss(logits, y, weight)
        graph = tgc.build_chunk(
            total / BATCH,
            ports,
            final,
            {"x": x, "y": y, "weight": weight},
            tf.train.AdamOptimizer(0.001),
            metrics={"correct": extra.correct, "scored": extra.count},
            synthetic=tgc.SyntheticGradient(64, tf.train.AdamOptimizer(0.01)),
        )
    with tgc.Runner(graph, policy) as runner:
        for _ in runner.run(sequences(count, 0)):
            pass
        found = runner.evaluate(sequences(20, 10**6)).metrics
    return found["correct"] / found["scored"]


@pytest.mark.slow
def test_it_remembers_across_chunks_and_truncation_does_not():
    """A GRU keeps some of what it saw by itself, so that truncation is better than chance, 1/4."""
    assert recalled(tgc.Synthetic()) > 0.9
    assert recalled(tgc.Truncated()) < 0.7
