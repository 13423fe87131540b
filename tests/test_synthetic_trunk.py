"""What a prediction missed goes back through the chunk that it was made for, and no further."""

from dataclasses import replace

import models
import numpy as np
import oracle
import pytest
import tensorflow.compat.v1 as tf
from keepable import chunk as keepable
from keepable import data as keepable_data
from plain import PLAIN
from test_exactness import flat
from test_synthetic import ended, linear_case, predictor

import tgcarry as tgc
from tgcarry import schedule
from tgcarry.positions import packed_position, unpacked_position

TRUNK = 0.3


def built(seed=3, **options):
    with tf.Graph().as_default():
        tf.set_random_seed(seed)
        optimizer = tf.train.AdamOptimizer(0.05)
        return keepable(None, optimizer, synthetic=tgc.SyntheticGradient(4), **options)


def values(runner):
    with runner.chunk.graph.as_default():
        return runner.session.run({v.op.name: v for v in tf.global_variables()})


def test_the_schedule_goes_back_where_something_was_predicted():
    steps = tgc.Synthetic(trunk=0.25).schedule([True, False, False, True, False])
    assert schedule.to_text(steps).splitlines() == [
        "backward 0 upstream predicted advance again",
        "apply",
        "backward 1 upstream predicted advance again",
        "correct 0 x0.25",
        "apply",
        "backward 2 upstream predicted x0 advance",
        "correct 1 x0.25",
        "apply",
        "backward 3 upstream predicted advance again",
        "apply",
        "backward 4 upstream predicted x0 advance",
        "correct 3 x0.25",
        "apply",
    ]


def test_it_is_named_as_before_without_a_trunk():
    assert str(tgc.Synthetic()) == "Synthetic()"
    assert str(tgc.Synthetic(trunk=0.25)) == "Synthetic(trunk=0.25)"


def test_each_chunk_of_a_sequence_is_made_ready_once(rng):
    made = []

    class Counted(list):
        def __getitem__(self, index):
            made.append(index)
            return super().__getitem__(index)

    chunks = Counted(keepable_data(rng, 8))
    with tgc.Runner(built(), tgc.Synthetic(trunk=0.5), config=PLAIN) as runner:
        list(runner.run(chunks))
    assert sorted(made) == list(range(8))


def test_a_position_of_before_there_were_lessons_is_gone_on_with(rng):
    graph, policy, places = built(), tgc.ExactSweep(3), []
    chunks = keepable_data(rng, 6)

    def rest():
        places.append((runner.position, values(runner)))

    with tgc.Runner(graph, policy, on_rest=rest, config=PLAIN) as runner:
        list(runner.run(chunks))
        wanted = values(runner)
    position, held = next(place for place in places if place[0].visits)
    without = position.accumulated[: len(graph.slots)]
    assert len(without) < len(position.accumulated)
    got = gone_on_with(graph, policy, chunks, replace(position, accumulated=without), held)
    assert all(np.array_equal(got[name], value) for name, value in wanted.items())


def test_it_revisits_and_is_refused_where_that_cannot_be():
    assert tgc.Synthetic(trunk=0.25).revisits and not tgc.Synthetic().revisits
    with tf.Graph().as_default():
        drawn = keepable(twist=lambda outputs: outputs * tf.random.uniform([], dtype=tf.float64))
    with pytest.raises(tgc.RunError, match="random"):
        tgc.Runner(drawn, tgc.Synthetic(trunk=0.25))


@pytest.mark.parametrize("trunk", [-0.1, float("nan"), float("inf"), True, "1", None])
def test_weights_that_are_none(trunk):
    with pytest.raises(tgc.PolicyError, match=r"Synthetic\(trunk="):
        tgc.Synthetic(trunk=trunk)


@pytest.mark.parametrize("kind", ["gru", pytest.param("lstm", marks=pytest.mark.slow)])
def test_gradients_are_those_of_numpy(kind, rng):
    """With a linear predictor, `e = (M(s) - d) K^T`, and both parts of the gradient are linear."""
    model, case, chunk = linear_case(kind, rng)
    initial = models.to_nest(model, case.initial)
    with tgc.Runner(chunk, tgc.Synthetic(trunk=TRUNK)) as runner:
        models.load(model, runner.session)
        predict = predictor(rng, model, chunk, runner)
        kernel = runner.session.run(chunk.synthetic.variables[0])
        got = runner.gradients(models.chunks_of(model, case), initial)
    state, results, before = case.initial, [], None
    for start, stop in oracle.chunk_bounds(64, case.cuts):
        piece = oracle.chunk_of(start, stop, case.x, case.y, None, case.lengths)
        entering = oracle.cut_rows(state, case.resets[:, start])
        plain = oracle.gradients(model.layers, model.head, initial=entering, **piece)
        upstream = oracle.cut_rows(predict(plain.finals), ended(case, stop))
        whole = oracle.gradients(
            model.layers, model.head, initial=entering, upstream=upstream, **piece
        )
        results.append(whole)
        if before is not None:
            told = oracle.cut_rows(whole.initial, np.zeros(4, bool))
            said = predict(entering)
            missed = np.concatenate(
                [a - b for a, b in zip(flatten(said), flatten(told), strict=True)], 1
            )
            error = missed @ kernel.T * ~ended(case, start)[:, None]
            results.append(back(model, before, error))
        before = (entering, piece, plain)
        state = whole.finals
    added = oracle.add_up(results)
    wanted = models.gradient_order(added)
    assert models.relative(flat(got)[: len(wanted)], wanted) < 1e-10
    without = oracle.add_up([r for r in results if r.loss])
    assert models.relative(flat(got)[: len(wanted)], models.gradient_order(without)) > 1e-3


def flatten(states):
    return tf.nest.flatten(states)


def back(model, before, error):
    """Returns what an upstream alone adds to the gradients of a chunk, times TRUNK."""
    entering, piece, plain = before
    leaves = flatten(plain.finals)
    parts = np.split(TRUNK * error, np.cumsum([leaf.shape[1] for leaf in leaves])[:-1], 1)
    upstream = tf.nest.pack_sequence_as(plain.finals, parts)
    both = oracle.gradients(model.layers, model.head, initial=entering, upstream=upstream, **piece)
    return both._replace(
        loss=0.0,
        objective=0.0,
        layers=[
            {name: layer[name] - own[name] for name in layer}
            for layer, own in zip(both.layers, plain.layers, strict=True)
        ],
        head=tuple(a - b for a, b in zip(both.head, plain.head, strict=True)),
    )


def test_a_weight_of_nearly_nothing_changes_nearly_nothing(rng):
    """Steps that are gathered first end where those end that are taken at once."""
    chunks = keepable_data(rng, 6, ragged=True, resets=True)
    ends = []
    for trunk in (0.0, 1e-300, 0.5):
        with tgc.Runner(built(), tgc.Synthetic(trunk=trunk), config=PLAIN) as runner:
            reports = list(runner.run(chunks))
            ends.append((values(runner), reports))
    (plain, reports), (tiny, same), (large, _) = ends
    for name, value in plain.items():
        np.testing.assert_allclose(tiny[name], value, 1e-9, 1e-11, err_msg=name)
    for one, other in zip(reports, same, strict=True):
        assert one.loss == pytest.approx(other.loss, rel=1e-10)
        assert one.time_steps == other.time_steps
        if one.synthetic_error is None:
            assert other.synthetic_error is None
        else:
            assert one.synthetic_error == pytest.approx(other.synthetic_error, rel=1e-8)
    assert any(np.abs(large[name] - value).max() > 1e-4 for name, value in plain.items())


def gone_on_with(graph, policy, chunks, position, held):
    """Returns the end of a run that goes on from a position with variables of that moment."""
    with tgc.Runner(graph, policy, config=PLAIN) as runner:
        with graph.graph.as_default():
            fed = {v.initial_value: held[v.op.name] for v in tf.global_variables()}
            runner.session.run([v.initializer for v in tf.global_variables()], fed)
        list(runner.run(chunks, resume=position))
        return values(runner)


@pytest.mark.parametrize("lazily", [pytest.param(False, marks=pytest.mark.slow), True])
def test_it_goes_on_from_every_place_to_the_same_bits(lazily, rng):
    chunks = keepable_data(rng, 6, ragged=True, resets=True)
    policy = tgc.Synthetic(trunk=0.5)

    def given():
        return iter(chunks) if lazily else chunks

    with tgc.Runner(built(), policy, config=PLAIN) as runner:
        list(runner.run(given()))
        wanted = values(runner)
    graph = built()
    for stop in (1, 3):
        with tgc.Runner(graph, policy, config=PLAIN) as runner:
            run = runner.run(given())
            for _ in range(stop):
                next(run)
            packed, held = packed_position(runner.position), values(runner)
            run.close()
        position = unpacked_position(packed, graph)
        got = gone_on_with(graph, policy, given(), position, held)
        for name, value in wanted.items():
            assert np.array_equal(got[name], value), (stop, name)


def test_it_rests_when_it_has_gone_back_and_goes_on_from_there(rng):
    chunks, policy, places = keepable_data(rng, 5), tgc.Synthetic(trunk=0.5), []

    def rest():
        places.append((packed_position(runner.position), values(runner)))

    graph = built()
    with tgc.Runner(graph, policy, on_rest=rest, config=PLAIN) as runner:
        for report in runner.run(chunks):
            assert runner.position.steps == report.step
            assert list(runner.position.again) == [report.step - 1] * (report.step < 5)
        wanted = values(runner)
    packed, held = places[2]
    position = unpacked_position(packed, graph)
    assert (position.steps, position.carry_of, list(position.again)) == (3, 3, [3])
    assert position.in_a_sweep and len(position.visits) == 1
    # Another policy begins with the chunk whose step was not taken, from the state before it.
    anew = position.replanned()
    assert anew.applied == 3 and np.array_equal(anew.head, position.again[3])
    got = gone_on_with(graph, policy, chunks, position, held)
    assert all(np.array_equal(got[name], value) for name, value in wanted.items())


def test_a_chunk_left_out_leaves_nothing_to_go_back_through(rng):
    graph, hurt, reports = built(), [], []
    bias = graph.synthetic.variables[3]

    def mended(bad):
        bias.load(np.ones(bias.shape), runner.session)
        hurt.append(bad.step)
        return "skip"

    with tgc.Runner(graph, tgc.Synthetic(trunk=0.5), on_nan=mended, config=PLAIN) as runner:
        for report in runner.run(keepable_data(rng, 7)):
            reports.append(report)
            if report.step == 2:
                bias.load(np.full(bias.shape, np.nan), runner.session)
    assert hurt == [2]
    assert [r.chunks.start for r in reports] == [0, 1, 3, 4, 5, 6]
    assert [r.synthetic_error is None for r in reports] == [True, False, True, *[False] * 3]


def test_hooks_see_each_visit_once(rng):
    class Counting(tf.train.SessionRunHook):
        before = after = 0

        def before_run(self, run_context):
            self.before += 1

        def after_run(self, run_context, run_values):
            self.after += 1

    hook = Counting()
    with tgc.Runner(built(), tgc.Synthetic(trunk=0.5), hooks=[hook], config=PLAIN) as runner:
        assert len(list(runner.run(keepable_data(rng, 4)))) == 4
    assert hook.before == hook.after


def test_a_policy_that_goes_back_at_another_place_is_refused(rng):
    class Mine:
        revisits = True

        def schedule(self, breaks):
            for chunk, _ in enumerate(breaks):
                yield schedule.Backward(chunk, "zero", advance=True, again=True)
                if chunk:
                    yield schedule.Correct(chunk - 1, 1.0)
                yield schedule.Apply()

    with tgc.Runner(built(), Mine()) as runner:
        with pytest.raises(tgc.RunError, match="correct 0 x1, but the visit before it"):
            list(runner.run(keepable_data(rng, 3)))
