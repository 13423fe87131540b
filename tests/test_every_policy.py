"""Every policy in every situation: on each engine, against NumPy, gone on with, gone bad.

One table of policies, one model and one sequence of chunks with everything in it that can happen
to a stream: resets in one, a break in all, ragged ends, a chunk without a step. Engines share the
weights; each has one graph and one session, since compiling takes longest.
"""

import functools
import itertools

import models
import numpy as np
import oracle
import pytest
import tensorflow.compat.v1 as tf
from loading import load_all

import tgcarry as tgc
from tgcarry import schedule
from tgcarry.positions import packed_position, unpacked_position

# The rate is a float32 to TensorFlow, and has to be the same number there.
RATE, SEED, STREAMS, LENGTH, COUNT, BREAK, BAD = 0.0625, 11, 3, 4, 9, 3, 5
POLICIES = {
    "truncated": tgc.Truncated(),
    "stale": tgc.Stale(0.7),
    "exact": tgc.ExactSweep(3),
    "whole": tgc.ExactSweep(),
    "keeping": tgc.ExactSweep(3, memory_budget="1GiB"),
    "decaying": tgc.ExactSweep(2, end_decay=0.5),
    "random": tgc.RandomTruncation(0.4, seed=2),
    "pieces": tgc.RandomTruncation([0.7, 0.3], 4, step_at_cuts=True),
    "synthetic": tgc.Synthetic(),
    "trunk": tgc.Synthetic(trunk=0.5),
}
PREDICTED = ("synthetic", "trunk")
PLANNED = [name for name in POLICIES if name not in PREDICTED]
# Most of the time of so short a run is TensorFlow's, looking for a faster graph.
PLAIN = tf.ConfigProto()
PLAIN.graph_options.rewrite_options.disable_meta_optimizer = True


def chunks(bad=None):
    """Makes COUNT chunks; in `bad` steps count so much that their loss is no number."""
    rng = np.random.default_rng(SEED)
    made = []
    for index in range(COUNT):
        arrays = {
            "x": rng.normal(size=(STREAMS, LENGTH, models.FEATURES)),
            "y": rng.integers(0, models.CLASSES, (STREAMS, LENGTH)),
        }
        if index == bad:
            arrays["mask"] = np.full((STREAMS, LENGTH), 1e308)
        resets = np.array([False, index in (2, 5), index == 6]) | (index == BREAK)
        lengths = np.array([LENGTH, LENGTH - index % 2, LENGTH * (index != BREAK - 1)])
        made.append(tgc.Chunk(arrays, resets, lengths))
    return made


def quick(*names, among=POLICIES):
    """Marks the other policies as slow ones: they are tried with all the rest."""
    return [n if n in names else pytest.param(n, marks=pytest.mark.slow) for n in among]


ENGINES = ["fused", *(pytest.param(e, marks=pytest.mark.slow) for e in ("loop", "stock"))]
OTHERS = ENGINES[:2]


class Place:
    """Is an engine's graph in a session, with the same first values on every engine."""

    def __init__(self, engine):
        rng = np.random.default_rng(SEED)
        with tf.Graph().as_default() as self.graph:
            tf.set_random_seed(1)
            model = models.build("gru", (5,), True, tf.float64, rng, engine=engine)
            self.chunk = tgc.build_chunk(
                model.loss,
                model.ports,
                model.final_state,
                model.feeds,
                tf.train.GradientDescentOptimizer(RATE),
                synthetic=tgc.SyntheticGradient(4, tf.train.AdamOptimizer(0.01)),
            )
            self.layers, self.head = model.layers, model.head
            self.variables = {v.op.name: v for v in tf.global_variables()}
            self.session = tf.Session(config=PLAIN)
            self.session.run(tf.global_variables_initializer())
        self.first = self.values()
        trained = [v.op.name for v in self.chunk.variables]
        self.first |= dict(zip(trained, models.oracle_order(model), strict=True))
        # Predictors that say something from the start on.
        *weights, square, weight = [v.op.name for v in self.chunk.synthetic.variables]
        self.first |= {n: 0.3 * rng.normal(size=self.first[n].shape) for n in weights}
        self.first |= {square: np.float64(2.0), weight: np.float64(0.5)}

    def values(self):
        return self.session.run(self.variables)

    def load(self, values):
        load_all({self.variables[name]: value for name, value in values.items()}, self.session)

    def runner(self, name, **options):
        return tgc.Runner(
            self.chunk, POLICIES[name], session=self.session, reduce="mean", **options
        )

    def train(self, name, given, **options):
        """Trains from the first values; returns the last ones and what is to be the same."""
        self.load(self.first)
        with self.runner(name, **options) as runner:
            reports = [told(report) for report in runner.run(given)]
        return self.values(), reports


def told(report):
    return report._replace(seconds=0.0)


@pytest.fixture(scope="module")
def at():
    """Gives the places by engine; they are closed with the last test."""
    print("seed", SEED)
    places = {}

    def get(engine):
        if engine not in places:
            places[engine] = Place(engine)
        return places[engine]

    yield get
    for place in places.values():
        place.session.close()


def check(got, wanted, bar=1e-10):
    assert got.keys() == wanted.keys()
    for name, value in wanted.items():
        away = np.max(np.abs(got[name] - value), initial=0.0)
        assert away <= bar * max(1.0, np.max(np.abs(value), initial=0.0)), (name, away)


def check_bits(got, wanted):
    assert got.keys() == wanted.keys()
    for name, value in wanted.items():
        assert np.array_equal(got[name], value), name


# --- in NumPy -----------------------------------------------------------------------------


class ByHand:
    """Obeys a policy's schedule in NumPy, a chunk at a time, with plain gradient descent."""

    def __init__(self, layers, head, made):
        self.layers = [oracle.Layer(y.kind, dict(y.params)) for y in layers]
        self.head, self.made = head, made
        self.state, self.saved, self.loaded = None, {}, None
        self.carry, self.carry_of = None, -1

    def train(self, policy, bad=None):
        """Returns the weights behind each step that was taken, in the variables' order."""
        breaks = [index == BREAK for index in range(COUNT)]
        left = iter(list(policy.schedule(iter(breaks))))
        found = []
        while sweep := list(itertools.takewhile(lambda s: s != schedule.Apply(), left)):
            if any(getattr(step, "chunk", None) == bad for step in sweep):
                last = max(step.chunk for step in sweep)
                self.state, self.saved, self.carry, self.carry_of = None, {}, None, last
                continue
            results = [r for r in map(self.obey, sweep) if r is not None]
            self.descend(oracle.add_up(results), RATE / len(results))
            found.append([v for y in self.layers for v in y.params.values()] + [*self.head])
        return found

    def obey(self, step):
        if isinstance(step, schedule.Save):
            self.saved[step.chunk] = self.enter(step.chunk)
        elif isinstance(step, schedule.Forward):
            self.state = self.visit(step.chunk, self.enter(step.chunk), None).finals
        elif isinstance(step, schedule.Load):
            self.loaded = self.saved.pop(step.chunk)
        else:
            state = self.enter(step.chunk) if self.loaded is None else self.loaded
            self.loaded = None
            result = self.visit(step.chunk, state, self.upstream(step))
            self.carry, self.carry_of = result.initial, step.chunk
            self.state = result.finals if step.advance else self.state
            return result
        return None

    def enter(self, k):
        state = oracle.zero_states(self.layers, STREAMS) if self.state is None else self.state
        return oracle.cut_rows(state, self.made[k].resets)

    def visit(self, k, state, upstream):
        piece = {"x": self.made[k].arrays["x"], "y": self.made[k].arrays["y"]}
        return oracle.gradients(
            self.layers,
            self.head,
            initial=state,
            upstream=upstream,
            lengths=self.made[k].lengths,
            **piece,
        )

    def upstream(self, step):
        """Cuts streams that started anew anywhere between where a carry is from and goes to."""
        if step.upstream == "zero" or self.carry is None:
            return None
        ahead = step.upstream == "following"
        assert not ahead or self.carry_of == step.chunk + 1
        between = [step.chunk + 1] if ahead else range(self.carry_of + 1, step.chunk + 1)
        anew = np.any([self.made[k].resets for k in between], axis=0)
        return oracle.scaled(oracle.cut_rows(self.carry, anew), step.scale)

    def descend(self, gradient, rate):
        for layer, slopes in zip(self.layers, gradient.layers, strict=True):
            for name, slope in slopes.items():
                layer.params[name] = layer.params[name] - rate * slope
        self.head = tuple(w - rate * g for w, g in zip(self.head, gradient.head, strict=True))


@functools.cache
def by_hand(name, bad=None):
    place_rng = np.random.default_rng(SEED)
    layers, head = models.weights_for("gru", (5,), place_rng)
    return ByHand(layers, head, chunks()).train(POLICIES[name], bad)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", PLANNED)
def test_every_step_of_a_training_is_numpys(name, engine, at):
    """Resets, a break and ragged ends; cuts weighed up, pieces that step, carries that decay."""
    place = at(engine)
    place.load(place.first)
    trained = [v.op.name for v in place.chunk.variables]
    wanted = by_hand(name)
    with place.runner(name) as runner:
        for count, _ in enumerate(runner.run(chunks())):
            values = place.values()
            check({n: values[n] for n in trained}, dict(zip(trained, wanted[count], strict=True)))
    assert count + 1 == len(wanted)


def test_the_situation_tells_policies_apart():
    """Shows that what is compared differs: none of them could stand in for another."""
    ends = {name: by_hand(name)[-1] for name in PLANNED if name != "keeping"}
    ends["cut off"] = ByHand(
        *models.weights_for("gru", (5,), np.random.default_rng(SEED)), chunks()
    ).train(tgc.ExactSweep(2))[-1]
    for one, other in itertools.combinations(ends, 2):
        away = max(np.abs(a - b).max() for a, b in zip(ends[one], ends[other], strict=True))
        assert away > 1e-6, (one, other)


# --- engine beside engine -----------------------------------------------------------------


@pytest.mark.parametrize("engine", OTHERS)
@pytest.mark.parametrize("name", quick("stale", *PREDICTED))
def test_gradients_are_those_of_tensorflows_own_loop(name, engine, at):
    found = []
    for place in (at(engine), at("stock")):
        place.load(place.first)
        with place.runner(name) as runner:
            got = runner.gradients(chunks())
        leaves = {
            str(k): leaf
            for k, leaf in enumerate(tf.nest.flatten((got.initial_state, got.final_state)))
        }
        found.append({**got.variables, **leaves, "loss": np.float64(got.loss)})
    check(*found)


@pytest.mark.parametrize("engine", OTHERS)
@pytest.mark.parametrize("name", PREDICTED)
def test_predictors_learn_the_same_on_every_engine(name, engine, at):
    values, reports = at(engine).train(name, chunks())
    wanted, expected = at("stock").train(name, chunks())
    check(values, wanted)
    for got, other in zip(reports, expected, strict=True):
        assert got.upstream_norms == pytest.approx(other.upstream_norms, rel=1e-9)
        errors = [got.synthetic_error, other.synthetic_error]
        assert errors[0] == errors[1] or errors[0] == pytest.approx(errors[1], rel=1e-9)
    assert any(report.upstream_norms[0] > 0 for report in reports)
    assert any(report.synthetic_error for report in reports)


# --- gone on with -------------------------------------------------------------------------


class StoppedError(Exception):
    """Is raised where the process would have been killed."""


def gone_on_with(place, name, where, other=None):
    """Trains up to a place of rest, forgets everything, and goes on from what was kept there.

    With an `other` place it goes on in that one's session. Returns what `Place.train` does; None
    if there are not so many places, in a sweep or behind it.
    """
    seen, reports = [], []

    def rest():
        seen.append(1)
        if len(seen) == where:
            raise StoppedError

    place.load(place.first)
    with place.runner(name, on_rest=rest) as runner:
        try:
            for report in runner.run(chunks()):
                reports.append(told(report))
                rest()
        except StoppedError:
            packed, held = packed_position(runner.position), place.values()
        else:
            return None
    place = place if other is None else other
    place.load({n: np.full_like(v, 7) for n, v in held.items()})
    place.load(held)
    position = unpacked_position(packed, place.chunk)
    with place.runner(name) as runner:
        reports += [told(report) for report in runner.run(chunks(), resume=position)]
    return place.values(), reports


@pytest.mark.parametrize("name", quick("pieces", "trunk"))
def test_going_on_changes_no_bit(name, at):
    wanted, reports = at("fused").train(name, chunks())
    values, again = gone_on_with(at("fused"), name, 7)
    check_bits(values, wanted)
    assert again == reports


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["loop", "fused"])
@pytest.mark.parametrize("name", POLICIES)
def test_going_on_from_every_place_changes_no_bit(name, engine, at):
    wanted, reports = at(engine).train(name, chunks())
    for where in itertools.count(1):
        found = gone_on_with(at(engine), name, where)
        if found is None:
            break
        check_bits(found[0], wanted)
        assert found[1] == reports
    assert where >= COUNT


@pytest.mark.slow
@pytest.mark.parametrize("name", ["stale", "exact", "pieces", "trunk"])
def test_going_on_in_another_session_changes_no_bit(name, at):
    wanted, reports = at("fused").train(name, chunks())
    other = Place("fused")
    values, again = gone_on_with(at("fused"), name, 5, other)
    other.session.close()
    check_bits(values, wanted)
    assert again == reports


# --- chunks that come as they come, and numbers gone bad ----------------------------------


@pytest.mark.parametrize("name", quick("random", "trunk"))
def test_an_iterator_gives_what_a_sequence_gives(name, at):
    place = at("fused")
    wanted, reports = place.train(name, chunks())
    values, same = place.train(name, iter(chunks()))
    check_bits(values, wanted)
    assert same == reports
    with place.runner(name) as runner:
        one, other = runner.gradients(chunks()), runner.gradients(iter(chunks()))
    check_bits(one.variables, other.variables)


@pytest.mark.parametrize("name", quick("random", "pieces", *PREDICTED))
def test_nothing_is_applied_of_what_is_not_finite(name, at):
    place = at("fused")
    place.load(place.first)
    values, steps = place.values(), 0
    with place.runner(name) as runner:
        with pytest.raises(tgc.NumericsError):
            for report in runner.run(chunks(BAD)):
                values, steps = place.values(), report.step
    assert steps >= 1
    check_bits(place.values(), values)


@pytest.mark.parametrize("name", quick("decaying", "random", "pieces", among=PLANNED))
def test_a_sweep_left_out_ends_every_stream(name, at):
    place = at("fused")
    values, reports = place.train(name, chunks(BAD), on_nan=lambda bad: "skip")
    wanted = by_hand(name, BAD)
    assert len(reports) == len(wanted) and all(BAD not in r.chunks for r in reports)
    trained = [v.op.name for v in place.chunk.variables]
    check({n: values[n] for n in trained}, dict(zip(trained, wanted[-1], strict=True)))


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["loop", "fused"])
@pytest.mark.parametrize("name", PREDICTED)
def test_predictors_learn_nothing_of_what_is_left_out(name, engine, at):
    values, reports = at(engine).train(name, chunks(BAD), on_nan=lambda bad: "skip")
    wanted, _ = at("stock").train(name, chunks(BAD), on_nan=lambda bad: "skip")
    check(values, wanted)
    assert [r.chunks.start for r in reports] == [k for k in range(COUNT) if k != BAD]
    # Behind it every stream begins anew, and there is nothing to learn from.
    assert reports[BAD].synthetic_error is None
    assert all(np.isfinite(value).all() for value in values.values())
