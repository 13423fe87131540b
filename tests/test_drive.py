"""Where a run stands when an optimiser's step comes to nothing."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from keepable import chunk, data
from plain import PLAIN

import tgcarry as tgc
from tgcarry.calls import Calls


def test_a_window_whose_step_fails_is_left_out_whole(rng, monkeypatch):
    """Its sum may be infinite where no chunk's gradient is."""
    apply, failed = Calls.apply, []

    def failing(self, scale):
        if not failed:
            failed.append(scale)
            raise tgc.NumericsError("the gradient's global norm is not finite")
        return apply(self, scale)

    monkeypatch.setattr(Calls, "apply", failing)
    with tf.Graph().as_default():
        graph = chunk(optimizer=tf.train.GradientDescentOptimizer(0.1))
    places = []
    policy = tgc.ExactSweep(3)
    with tgc.Runner(graph, policy, on_nan="skip", on_rest=lambda: places.append(applied())) as run:

        def applied():
            return run.position.applied

        reports = list(run.run(data(rng, 7)))
        assert run.position.applied == 7
    assert failed == [1.0]
    assert [(r.chunks.start, r.chunks.stop) for r in reports] == [(3, 6), (6, 7)]
    assert [r.step for r in reports] == [1, 2]
    assert set(places) == {0, 3} and places == sorted(places)


def grown(outputs):
    """Has a loss that is infinite where a number says so."""
    return outputs * tf.get_variable(
        "factor", [], tf.float64, tf.ones_initializer(), trainable=False
    )


def losses(policy, chunks, bad_beginning):
    """Trains and returns the chunks' losses by their number, and how many were left out."""
    with tf.Graph().as_default():
        tf.set_random_seed(4)
        graph = chunk(optimizer=tf.train.GradientDescentOptimizer(0.1), twist=grown)
        factor = next(v for v in tf.global_variables() if v.op.name == "factor")
    left_out = []

    def skip(bad):
        left_out.append(bad)
        factor.load(1.0, runner.session)
        return "skip"

    with tgc.Runner(graph, policy, on_nan=skip, config=PLAIN) as runner:
        factor.load(np.inf if bad_beginning else 1.0, runner.session)
        found = {}
        for report in runner.run(chunks):
            found |= dict(zip(report.chunks, report.chunk_losses, strict=True))
    return found, len(left_out)


@pytest.mark.parametrize(
    ("policy", "first"),
    [
        pytest.param(tgc.Truncated(), 1, marks=pytest.mark.slow),
        pytest.param(tgc.Stale(), 1, marks=pytest.mark.slow),
        (tgc.Stale(0.5, clip_norm=1e-3), 1),
        pytest.param(tgc.ExactSweep(2), 2, marks=pytest.mark.slow),
        (tgc.ExactSweep(2, end_decay=0.5), 2),
        (tgc.ExactSweep(2, memory_budget="1MiB"), 2),
    ],
    ids=str,
)
def test_behind_a_bad_beginning_all_begins_anew(policy, first, rng):
    chunks = data(rng, 6)
    after, left_out = losses(policy, chunks, bad_beginning=True)
    alone, none = losses(policy, chunks[first:], bad_beginning=False)
    assert (left_out, none) == (1, 0)
    assert after == {k + first: loss for k, loss in alone.items()}
