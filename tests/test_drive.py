"""Where a run stands when an optimiser's step comes to nothing."""

import tensorflow.compat.v1 as tf
from keepable import chunk, data

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
