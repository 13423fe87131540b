"""Credit travel measured through the ports: against NumPy, and under every policy."""

import json
import re
from pathlib import Path

import models
import numpy as np
import oracle
import pytest
import tensorflow.compat.v1 as tf
from loading import load_all

import tgcarry as tgc
from tgcarry import schedule
from tgcarry.credit import RunCredit, crossings, draw_credit, measure_credit
from tgcarry.credit.curve import LARGEST
from tgcarry.data import Chunk
from tgcarry.errors import RunError

H = 4


def linear_runner(matrix, dtype=tf.float64, policy=None, steps=None, weighted=False):
    """Gives an open runner of s' = s W, x and b being nothing, with loss_t = sum of s_t + 1."""
    x = tf.placeholder(dtype, [None, steps, 1], "x")
    cell = tgc.BasicRNNCell(H, activation=tf.identity)
    ports = tgc.carry_ports(cell, dtype=dtype)
    outputs, final = tgc.dynamic_rnn(cell, x, initial_state=ports.initial_state, engine="loop")
    feeds = {"x": x}
    values = tf.reduce_sum(outputs, 2)
    if weighted:
        feeds["weight"] = tf.placeholder(dtype, [None, None], "weight")
        values *= feeds["weight"]
    chunk = tgc.build_chunk(tf.reduce_sum(values), ports, final, feeds)
    runner = tgc.Runner(chunk, policy)
    runner.open()
    kernel, bias = tf.trainable_variables()
    kernel.load(np.concatenate([np.zeros((1, H)), matrix]), runner.session)
    bias.load(np.zeros(H), runner.session)
    return runner


def turned(rng, radius):
    """Draws a rotation times a radius: it changes all norms alike."""
    return radius * np.linalg.qr(rng.normal(size=(H, H)))[0]


def nothing(batch, steps, length, resets=None):
    return tgc.split_chunks({"x": np.zeros((batch, steps, 1))}, length, resets=resets)


@pytest.mark.parametrize(("dtype", "bar"), [(tf.float64, 1e-10), (tf.float32, 1e-5)])
def test_a_linear_network_s_credit_is_a_power_of_its_matrix(dtype, bar, rng):
    matrix = rng.normal(size=(H, H)) / 2
    with linear_runner(matrix, dtype) as runner:
        got = measure_credit(runner, nothing(2, 30, 7), 12, losses=3)
    carried = np.ones(H)
    wanted = []
    for _ in range(12):
        carried = matrix @ carried
        wanted.append(np.linalg.norm(carried))
    assert len(got.steps) == 3
    assert min(got.steps) >= 12
    assert got.norms.shape == (3, 12, 2)
    np.testing.assert_allclose(
        got.norms, np.broadcast_to(np.array(wanted)[:, None], (3, 12, 2)), rtol=bar
    )
    np.testing.assert_allclose(got.curve, wanted, rtol=bar)


@pytest.mark.parametrize(
    "kind",
    [
        "lstm",
        pytest.param("gru", marks=pytest.mark.slow),
        pytest.param("rnn", marks=pytest.mark.slow),
    ],
)
def test_a_network_s_credit_is_the_oracle_s(kind, rng):
    model = models.build(kind, [3, 2], True, tf.float64, rng)
    batch, steps, depth = 2, 9, 6
    x = rng.normal(size=(batch, steps, models.FEATURES))
    y = rng.integers(0, models.CLASSES, (batch, steps))
    zero = oracle.zero_states(model.layers, batch)
    chunk = tgc.build_chunk(model.loss, model.ports, model.final_state, model.feeds)
    with tgc.Runner(chunk) as runner:
        models.load(model, runner.session)
        chunks = tgc.split_chunks({"x": x, "y": y.astype(np.int32)}, 4)
        got = measure_credit(runner, chunks, depth, losses=100)
    assert got.steps == (6, 7, 8)
    for row, t in enumerate(got.steps):
        for back in range(1, depth + 1):
            start = t - back + 1
            state = oracle.unroll(model.layers, x[:, :start], zero)[1]
            weights = np.zeros((batch, back))
            weights[:, -1] = 1
            span = slice(start, t + 1)
            result = oracle.gradients(
                model.layers, model.head, x[:, span], y[:, span], state, weights=weights
            )
            leaves = tf.nest.flatten(result.initial)
            wanted = np.sqrt(sum((leaf**2).sum(1) for leaf in leaves))
            np.testing.assert_allclose(got.norms[row, back - 1], wanted, rtol=1e-10)


def test_credit_ends_where_a_stream_starts_anew(rng):
    resets = np.zeros((2, 12), bool)
    resets[1, 6] = True
    with linear_runner(turned(rng, 0.9)) as runner:
        got = measure_credit(runner, nothing(2, 12, 3, resets), 8, losses=1)
    t = got.steps[0]
    known = ~np.isnan(got.norms[0])
    assert known[:, 0].tolist() == [k <= t for k in range(1, 9)]
    assert known[:, 1].tolist() == [k <= t - 6 for k in range(1, 9)]


def test_losses_that_are_not_scored_are_not_followed(rng):
    weight = np.zeros((2, 10))
    weight[:, 7] = 1
    weight[0, 9] = 1
    arrays = {"x": np.zeros((2, 10, 1)), "weight": weight}
    with linear_runner(turned(rng, 1.0), weighted=True) as runner:
        got = measure_credit(runner, tgc.split_chunks(arrays, 5), 6)
        nowhere = {**arrays, "weight": 0 * weight}
        none = measure_credit(runner, tgc.split_chunks(nowhere, 5), 6)
    assert got.steps == (7, 9)
    assert np.isnan(got.norms[1, :, 1]).all()
    np.testing.assert_allclose(got.curve, 2.0)
    assert none.steps == ()
    assert none.diagnosis.kind == "none"


def test_short_sequences_are_followed_as_far_as_they_go(rng):
    resets = np.zeros((2, 12), bool)
    resets[:, ::4] = True
    with linear_runner(turned(rng, 0.9)) as runner:
        got = measure_credit(runner, nothing(2, 12, 2, resets), 50)
    assert len(got.curve) == 3
    np.testing.assert_allclose(got.curve[1:] / got.curve[:-1], 0.9)


@pytest.mark.parametrize(
    ("policy", "factors"),
    [
        (tgc.Truncated(), [0, 0, 0, 0, 0, 0]),
        (tgc.Stale(0.5), [0, 0, 0, 0, 0, 0]),
        (tgc.Synthetic(), [0, 0, 0, 0, 0, 0]),
        (tgc.ExactSweep(), [1, 1, 1, 1, 1, 0]),
        (tgc.ExactSweep(2), [1, 0, 1, 0, 1, 0]),
        (tgc.ExactSweep(4, end_decay=0.5), [1, 1, 1, 0, 1, 0]),
        (tgc.RandomTruncation([0.0, 0.5], seed=1), None),
    ],
    ids=str,
)
def test_what_crosses_the_ends_of_chunks(policy, factors):
    got = crossings(policy, [False] * 6)
    if factors is None:
        assert set(got[::2]) == {1.0}
        assert set(got[1::2]) == {0.0, 2.0}
    else:
        assert got.tolist() == factors


def test_breaks_end_a_window():
    breaks = [False, False, True, False]
    assert crossings(tgc.ExactSweep(), breaks).tolist() == [1, 0, 1, 0]


@pytest.mark.parametrize(
    "policy",
    [tgc.Truncated(), tgc.ExactSweep(), tgc.ExactSweep(2), tgc.RandomTruncation(0.4, seed=4)],
    ids=str,
)
def test_what_arrives_is_what_a_policy_s_own_visits_say(policy, rng):
    """A single scored step: the state gradients of training are then its credit alone."""
    steps, length = 24, 4
    weight = np.zeros((1, steps))
    weight[0, 22] = 1
    chunks = tgc.split_chunks({"x": np.zeros((1, steps, 1)), "weight": weight}, length)
    seen = {}
    with linear_runner(rng.normal(size=(H, H)) / 2, policy=policy, weighted=True) as runner:
        runner._on_visit = lambda k, visit: seen.update({k: visit.state_gradient})
        runner.gradients(chunks)
        (t,), norms, shares = measure_credit(runner, chunks, 22)
    assert sorted(seen) == list(range(6))
    for chunk, gradient in seen.items():
        # The state that enters a chunk is the one before the chunk's first step, which is the
        # last to be trained by what arrives there.
        back = t - chunk * length
        if back < 22:
            wanted = norms[0, back, 0] * (shares[0, back - 1] if back else 1.0)
            assert np.linalg.norm(gradient) == pytest.approx(wanted, rel=1e-10)


def gru_runner(scale, rng):
    """Gives an open runner of a GRU whose weights are drawn with a deviation."""
    x = tf.placeholder(tf.float64, [None, None, 2], "x")
    cell = tgc.GRUCell(8)
    ports = tgc.carry_ports(cell, dtype=tf.float64)
    outputs, final = tgc.dynamic_rnn(cell, x, initial_state=ports.initial_state, engine="loop")
    runner = tgc.Runner(tgc.build_chunk(tf.reduce_sum(outputs), ports, final, {"x": x}))
    runner.open()
    drawn = {v: scale * rng.normal(size=v.shape.as_list()) for v in tf.trainable_variables()}
    load_all(drawn, runner.session)
    return runner


class TestRealModels:
    """Each kind comes out of a model that has it."""

    def test_a_gru_of_small_weights_vanishes(self, rng):
        data = {"x": rng.normal(size=(2, 80, 2))}
        with gru_runner(0.1, rng) as runner:
            got = measure_credit(runner, tgc.split_chunks(data, 20), 40).diagnosis
        assert got.kind == "vanishing"
        # Both gates at one half, a step of it keeps about half of the state.
        assert 0.4 < got.factor < 0.7

    def test_a_network_beyond_one_explodes(self, rng):
        with linear_runner(turned(rng, 1.15)) as runner:
            got = measure_credit(runner, nothing(1, 60, 20), 30).diagnosis
        assert (got.kind, got.factor) == ("exploding", pytest.approx(1.15))

    def test_a_network_at_one_is_steady(self, rng):
        with linear_runner(turned(rng, 1.0)) as runner:
            got = measure_credit(runner, nothing(1, 60, 20), 30).diagnosis
        assert (got.kind, got.reach) == ("steady", 30)

    @pytest.mark.parametrize("radius", [0.97, 1.0, 1.15])
    def test_truncation_cuts_at_the_chunk_s_length(self, radius, rng):
        with linear_runner(turned(rng, radius), policy=tgc.Truncated()) as runner:
            got = measure_credit(runner, nothing(1, 60, 10), 30, losses=60)
            whole = measure_credit(runner, nothing(1, 60, 10), 30, policy=tgc.ExactSweep())
        assert len(got.steps) == 30
        assert (got.diagnosis.kind, got.diagnosis.cut) == ("truncated", 10)
        share = got.arriving / got.curve
        np.testing.assert_allclose(share, np.maximum(0, 1 - np.arange(1, 31) / 10), atol=1e-12)
        assert whole.diagnosis.kind in ("steady", "exploding")
        np.testing.assert_array_equal(whole.arriving, whole.curve)


class TestOverflow:
    """Two streams; the sequence of one began later, which is no overflow."""

    def measured(self, rng, policy, matrix=None):
        resets = np.zeros((2, 40), bool)
        resets[1, 30] = True
        matrix = turned(rng, 1e6) if matrix is None else matrix
        with linear_runner(matrix, tf.float32, policy) as runner:
            return measure_credit(runner, nothing(2, 40, 5, resets), 20, losses=4)

    def test_a_model_that_explodes_is_said_to(self, rng):
        got = self.measured(rng, tgc.ExactSweep())
        assert got.diagnosis.kind == "exploding"
        assert got.diagnosis.factor == pytest.approx(1e6, rel=0.01)
        assert "beyond all numbers from" in got.diagnosis.sentence
        # float32 ends at 3.4e38; an infinite one stays so, whatever it is multiplied by.
        assert np.isfinite(got.curve).all() and np.isfinite(got.arriving).all()
        for end, norms in zip(got.steps, got.norms, strict=True):
            lived = np.arange(1, 21) <= end - 30 * (end >= 30)
            assert (~np.isnan(norms[:, 1])).tolist() == lived.tolist()
            assert not np.isnan(norms[:, 0]).any()
            assert (np.diff(norms[:, 0]) >= 0).all()

    def test_a_policy_that_cuts_it_truncates(self, rng):
        got = self.measured(rng, tgc.Truncated())
        assert got.diagnosis.kind == "truncated" and got.diagnosis.cut <= 5
        assert not got.arriving[5:].any()

    def test_weighing_up_is_bounded_too(self, rng):
        got = self.measured(rng, tgc.RandomTruncation(0.2, seed=1))
        assert np.isfinite(got.arriving).all()

    def test_infinite_times_nothing_is_beyond_all_numbers(self, rng):
        """Along one direction credit explodes, and all others are multiplied by 0."""
        got = self.measured(rng, tgc.ExactSweep(), np.diag([1e6, 0.0, 1.0, 0.5]))
        assert got.diagnosis.kind == "exploding"
        assert not np.isnan(got.norms[:, :, 0]).any()

    def test_what_is_written_is_json(self, rng):
        run = RunCredit(3, tgc.ExactSweep(), 5, self.measured(rng, tgc.ExactSweep()))
        text = json.dumps(run.to_json(), allow_nan=False)
        assert json.loads(text)["diagnosis"]["kind"] == "exploding"
        at_once = run.credit._replace(norms=np.full_like(run.credit.norms, LARGEST))
        assert run._replace(credit=at_once).to_json()["diagnosis"]["factor"] is None

    def test_it_is_drawn_as_far_as_it_goes(self, rng, tmp_path):
        pytest.importorskip("matplotlib")
        path = draw_credit(tmp_path / "c.png", {"one": self.measured(rng, tgc.Truncated())}, 5)
        assert path.read_bytes().startswith(b"\x89PNG")


def test_carries_are_the_gradients_themselves(rng):
    matrix = rng.normal(size=(H, H))
    with linear_runner(matrix) as runner:
        chunks = nothing(2, 6, 1)
        ((end, last),) = runner.carries(chunks)
        found = dict(runner.carries(chunks, ends=[4, 2], depth=2))
    assert end == 5
    assert list(found) == [4, 2]
    for back, carry in enumerate(last):
        wanted = np.linalg.matrix_power(matrix, back + 1) @ np.ones(H)
        np.testing.assert_allclose(carry, [wanted, wanted], rtol=1e-10)
    for carries in found.values():
        assert len(carries) == 2
        np.testing.assert_allclose(carries[1], last[1], rtol=1e-10)


def test_nothing_is_changed_by_measuring(rng):
    with linear_runner(turned(rng, 0.9)) as runner:
        before = runner.session.run(tf.trainable_variables())
        kept = runner.session.run(list(runner.chunk.updates.accumulators))
        measure_credit(runner, nothing(1, 8, 4), 3)
        for one, other in zip(
            [*before, *kept],
            runner.session.run([*tf.trainable_variables(), *runner.chunk.updates.accumulators]),
            strict=True,
        ):
            np.testing.assert_array_equal(one, other)


class TestRefusals:
    def test_a_fixed_number_of_steps(self, rng):
        with linear_runner(turned(rng, 1), steps=5) as runner:
            with pytest.raises(RunError, match=r"'x' has shape \(\S+, 5, 1\).*carry_norms"):
                measure_credit(runner, nothing(1, 10, 5))

    @pytest.mark.parametrize("wrong", [{"depth": 0}, {"depth": 2.0}, {"losses": 0}])
    def test_counts_out_of_range(self, wrong, rng):
        with linear_runner(turned(rng, 1)) as runner:
            with pytest.raises(RunError, match=f"measure_credit.{next(iter(wrong))}="):
                measure_credit(runner, nothing(1, 10, 5), **wrong)

    @pytest.mark.parametrize("end", [-1, 6])
    def test_an_end_that_there_is_not(self, end, rng):
        with linear_runner(turned(rng, 1)) as runner:
            with pytest.raises(RunError, match=f"{end} of 6 chunks"):
                list(runner.carries(nothing(1, 6, 1), ends=[end]))

    def test_no_chunk(self, rng):
        with linear_runner(turned(rng, 1)) as runner:
            with pytest.raises(RunError, match="there was no chunk"):
                measure_credit(runner, [])


def test_the_picture(tmp_path, rng):
    pytest.importorskip("matplotlib")
    with linear_runner(turned(rng, 0.9)) as runner:
        got = measure_credit(runner, nothing(1, 30, 10), 12, policy=tgc.Truncated())
    empty = got._replace(steps=(), norms=got.norms[:0], shares=got.shares[:0])
    path = draw_credit(tmp_path / "credit.png", {"one": got, "none": empty}, 10)
    assert path.read_bytes().startswith(b"\x89PNG")


def test_a_schedule_of_a_user_s_own_is_read():
    class Odd:
        revisits = False

        def schedule(self, breaks):
            for chunk, _ in enumerate(breaks):
                yield schedule.Backward(chunk, "zero", advance=True)
                yield schedule.Apply()

    assert crossings(Odd(), [False] * 3).tolist() == [0, 0, 0]


def test_padding_has_no_loss(rng):
    model = models.build("gru", [3], True, tf.float64, rng)
    x = rng.normal(size=(2, 8, models.FEATURES))
    y = np.zeros((2, 8), np.int32)
    chunk = tgc.build_chunk(model.loss, model.ports, model.final_state, model.feeds)
    with tgc.Runner(chunk) as runner:
        models.load(model, runner.session)
        chunks = tgc.split_chunks({"x": x, "y": y}, 4, lengths=[8, 5])
        got = measure_credit(runner, chunks, 3, losses=9)
    assert got.steps == (3, 4, 5, 6, 7)
    assert np.isnan(got.norms[2:, :, 1]).all()
    assert not np.isnan(got.norms[:, :, 0]).any()


def test_chunks_may_come_from_an_iterator(rng):
    with linear_runner(turned(rng, 0.9)) as runner:
        chunks = nothing(1, 12, 4)
        one = measure_credit(runner, iter(chunks), 5)
        other = measure_credit(runner, list(chunks), 5)
    np.testing.assert_array_equal(one.norms, other.norms)
    assert isinstance(chunks[0], Chunk)


@pytest.mark.slow
def test_the_documentation_prints_what_it_shows(capsys):
    page = (Path(__file__).parent.parent / "docs/reproduced.md").read_text(encoding="utf-8")
    ((code, printed),) = re.findall(
        r"```python\n([^`]*measure_credit[^`]*)```\nprints\n```\n([^`]*)```", page
    )
    exec(code, {})
    assert capsys.readouterr().out == printed
