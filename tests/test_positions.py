"""positions: written and read back, and whatever else a file may hold is refused in a line."""

import dataclasses

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from fuzzing import edited, edits, examples, folder, outcome
from hypothesis import given
from test_position import chunks

import tgcarry as tgc
from tgcarry.position import Position, Visited
from tgcarry.positions import read_position, write_position


def built(cell=None, losses=1):
    with tf.Graph().as_default():
        cell = cell or tgc.LSTMCell(4)
        x = tf.placeholder(tf.float64, [None, None, 3])
        y = tf.placeholder(tf.int32, [None, None])
        ports = tgc.carry_ports(cell, dtype=tf.float64, losses=losses if losses > 1 else None)
        outputs, final = tgc.dynamic_rnn(cell, x, initial_state=ports.initial_state, engine="loop")
        loss, _ = tgc.losses.softmax_loss(tgc.losses.linear(outputs, 4), y)
        return tgc.build_chunk(loss, ports, final, {"x": x, "y": y})


@pytest.fixture(scope="module")
def chunk():
    return built()


@pytest.fixture(scope="module")
def full():
    """Is a position with something of everything."""
    state = tuple(np.arange(8.0).reshape(2, 4) + part for part in (0.0, 0.5))
    state = tgc.LSTMStateTuple(*state)
    return Position(
        first=2,
        obeyed=17,
        steps=5,
        applied=7,
        breaks=np.array([True, False, False]),
        resets={8: np.array([True, False]), 9: np.array([False, False])},
        idle={9: np.array([False, True])},
        head=state,
        carry=tgc.LSTMStateTuple(state.h, state.c),
        carry_of=8,
        saved={7: state, 8: state},
        kept={7: state, 8: None},
        visits=(Visited(9, 0.1, {"total": 1 / 3, "scored": 7.0}, 40, 2.5, True),),
        accumulated=(np.ones([2, 3]), np.zeros([])),
    )


def check_same(one, other):
    for field in dataclasses.fields(Position):
        mine, theirs = getattr(one, field.name), getattr(other, field.name)
        tf.nest.assert_same_structure(mine, theirs)
        for a, b in zip(tf.nest.flatten(mine), tf.nest.flatten(theirs), strict=True):
            if isinstance(a, np.ndarray):
                assert a.dtype == b.dtype and np.array_equal(a, b), field.name
            else:
                assert a == b, field.name


def test_everything_comes_back(tmp_path, chunk, full):
    write_position(tmp_path / "p.npz", full)
    check_same(read_position(tmp_path / "p.npz", chunk), full)


def test_so_does_nothing(tmp_path, chunk):
    write_position(tmp_path / "p.npz", Position())
    check_same(read_position(tmp_path / "p.npz", chunk), Position())


def test_a_long_runs_breaks_take_a_byte_each(tmp_path):
    write_position(tmp_path / "p.npz", Position(breaks=np.zeros(100_000, bool)))
    assert (tmp_path / "p.npz").stat().st_size < 102_000


def test_a_chunk_of_other_units_or_cells_is_refused(tmp_path, full):
    write_position(tmp_path / "p.npz", full)
    stack = tgc.MultiRNNCell([tgc.LSTMCell(4), tgc.LSTMCell(4)])
    for cell in (tgc.LSTMCell(5), tgc.GRUCell(4), stack):
        with pytest.raises(tgc.LogError, match="no position of a run of this model"):
            read_position(tmp_path / "p.npz", built(cell))


@examples(150)
@given(edits)
def test_damaged_files(chunk, full, changes):
    """What still reads has the types that a run needs; its values are the checksums' matter."""
    with folder() as here:
        path = here / "p.npz"
        write_position(path, full)
        path.write_bytes(edited(path.read_bytes(), changes))
        got = outcome(lambda: read_position(path, chunk), "p.npz")
        if got is not None:
            assert isinstance(got.steps, int) and isinstance(got.breaks, np.ndarray)
            assert all(leaf.shape[1] == 4 for leaf in tf.nest.flatten([got.head, got.carry]))


class TestClipping:
    """A limit on the carried gradient scales it, and nothing else."""

    def gradients(self, policy):
        with tf.Graph().as_default():
            tf.set_random_seed(2)
            graph = built_to_train()
        with tgc.Runner(graph, policy) as runner:
            (report,) = runner.run(chunks()[:2])
            found = runner.session.run(list(graph.variables))
        return report, found

    def test_one_that_is_never_reached_changes_nothing(self):
        free, weights = self.gradients(tgc.ExactSweep())
        wide, same = self.gradients(tgc.ExactSweep(clip_norm=1e6))
        assert all(map(np.array_equal, weights, same))
        assert wide.clipped == free.clipped == 0 and wide.upstream_norms == free.upstream_norms

    def test_a_tight_one_leaves_a_share(self):
        """The gradient is linear in the upstream: half of it is half way to none."""
        free, whole = self.gradients(tgc.ExactSweep())
        norm = free.upstream_norms[0]
        assert norm > 0
        _, none = self.gradients(tgc.ExactSweep(clip_norm=norm * 1e-13))
        report, half = self.gradients(tgc.ExactSweep(clip_norm=norm / 2))
        assert report.clipped == 1 and report.upstream_norms[0] == pytest.approx(norm, rel=1e-12)
        for w, n, h in zip(whole, none, half, strict=True):
            np.testing.assert_allclose(h, (w + n) / 2, rtol=0, atol=1e-10)
        assert any(np.abs(w - n).max() > 1e-4 for w, n in zip(whole, none, strict=True))


def built_to_train():
    cell = tgc.GRUCell(4)
    x = tf.placeholder(tf.float64, [None, None, 3])
    y = tf.placeholder(tf.int32, [None, None])
    lengths = tf.placeholder(tf.int32, [None])
    ports = tgc.carry_ports(cell, dtype=tf.float64)
    outputs, final = tgc.dynamic_rnn(
        cell, x, lengths, initial_state=ports.initial_state, engine="loop"
    )
    loss, _ = tgc.losses.softmax_loss(tgc.losses.linear(outputs, 4), y)
    return tgc.build_chunk(
        loss,
        ports,
        final,
        {"x": x, "y": y, "lengths": lengths},
        tf.train.GradientDescentOptimizer(1.0),
    )
