"""Checkpoints: variables and position together, restored from the newest that is whole."""

import json

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from keepable import chunk as build
from test_position import chunks, put, undisturbed, weights

import tgcarry as tgc
from tgcarry.checkpoints import POSITION, VARIABLES, Checkpoints
from tgcarry.errors import LogError, RunError
from tgcarry.position import Position
from tgcarry.positions import read_position, write_position


@pytest.fixture
def runner(graph):
    """Opens a runner on a small chunk of the default graph."""
    tf.set_random_seed(1)
    chunk = build(tgc.LSTMCell(4), tf.train.AdamOptimizer(0.05), engine="loop")
    return tgc.Runner(chunk, tgc.ExactSweep(3), reduce="mean")


@pytest.fixture
def saved(tmp_path, runner):
    """Saves steps 9, 10 and 11, each with its own number as a bias."""
    checkpoints = Checkpoints(tmp_path / "checkpoints", runner.chunk)
    with runner:
        for step in (9, 10, 11):
            fill(runner, step)
            checkpoints.save(runner.session, Position(steps=step))
        fill(runner, -1)
        yield checkpoints


def fill(runner, value):
    biased(runner).load(np.full(4 * 4, value), runner.session)


def biased(runner):
    return next(v for v in runner.chunk.variables if v.op.name.endswith("bias"))


def held(runner):
    return runner.session.run(biased(runner)).tolist()


def data_file(tmp_path, step):
    (path,) = (tmp_path / "checkpoints").glob(f"step-{step:010d}/{VARIABLES}.data*")
    return path


def test_restores_the_newest(saved, runner):
    restored = saved.restore(runner.session)
    assert (restored.step, restored.position.steps) == (11, 11)
    assert held(runner) == [11] * 16


def test_a_damaged_one_gives_way_to_the_one_before_and_is_named(saved, runner, tmp_path):
    for step, keep in ((11, 5), (10, 0)):
        path = data_file(tmp_path, step)
        path.write_bytes(path.read_bytes()[:keep])
    assert saved.restore(runner.session).step == 9
    assert held(runner) == [9] * 16
    assert [damage.name for damage in saved.damaged] == ["step-0000000011", "step-0000000010"]
    assert all("bytes instead of" in damage.reason for damage in saved.damaged)


@pytest.mark.parametrize("name", [f"{VARIABLES}.index", POSITION, "manifest.json"])
def test_every_file_is_missed(saved, runner, tmp_path, name):
    (tmp_path / "checkpoints" / "step-0000000011" / name).unlink()
    assert saved.restore(runner.session).step == 10


def test_each_region_of_a_checkpoint_is_looked_at(saved, runner, tmp_path):
    """Flips a byte in every 64th part of each file: never loaded, the one before is."""
    folder = tmp_path / "checkpoints" / "step-0000000011"
    count = 0
    for path in sorted(folder.iterdir()):
        whole = path.read_bytes()
        for place in sorted({len(whole) * part // 64 for part in range(64)} | {len(whole) - 1}):
            damaged = bytearray(whole)
            damaged[place] ^= 1 << place % 8
            path.write_bytes(bytes(damaged))
            assert saved._store.newest().step == 10, (path.name, place)
            count += 1
        path.write_bytes(whole)
    assert count > 150
    assert saved.restore(runner.session).step == 11


def test_when_none_is_whole_each_is_named_with_its_reason(saved, runner, tmp_path):
    fill(runner, 5)
    for step in (9, 10, 11):
        data_file(tmp_path, step).write_bytes(b"")
    with pytest.raises(LogError) as error:
        saved.restore(runner.session)
    message = str(error.value)
    assert "\n" not in message
    assert all(f"step-{step:010d}" in message for step in (9, 10, 11))
    assert held(runner) == [5] * 16


def test_an_empty_folder_says_that_there_is_none(runner, tmp_path):
    checkpoints = Checkpoints(tmp_path / "nowhere", runner.chunk)
    assert not checkpoints.exist()
    with runner, pytest.raises(LogError, match="there is no checkpoint"):
        checkpoints.restore(runner.session)


def test_keeps_the_last_few_the_best_and_the_last_milestone(runner, tmp_path):
    checkpoints = Checkpoints(tmp_path, runner.chunk, keep=2)
    with runner:
        for step in range(1, 8):
            checkpoints.save(
                runner.session,
                Position(steps=step),
                score=abs(step - 2.2),
                milestone=step in (1, 4),
                notes={"number": step},
            )
        names = sorted(path.name for path in tmp_path.iterdir())
        assert names == [f"step-{step:010d}" for step in (2, 4, 6, 7)]
        restored = checkpoints.restore(runner.session, milestone=True)
        assert (restored.step, restored.notes["number"]) == (4, 4)


def test_saves_in_tensorflows_own_format(saved, tmp_path):
    prefix = tmp_path / "checkpoints" / "step-0000000010" / VARIABLES
    reader = tf.train.load_checkpoint(str(prefix))
    (name,) = (n for n in reader.get_variable_to_shape_map() if n.endswith("lstm_cell/bias"))
    assert reader.get_tensor(name).tolist() == [10] * 16


def test_says_where_it_cannot_save(runner, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with runner:
        for folder in (tmp_path / "file", tmp_path / "file" / "below"):
            with pytest.raises(LogError) as error:
                Checkpoints(folder, runner.chunk).save(runner.session, Position(steps=1))
            assert str(folder) in str(error.value) and "\n" not in str(error.value)


def test_another_models_weights_are_not_taken(saved, tmp_path):
    with tf.Graph().as_default():
        other = build(tgc.LSTMCell(5), tf.train.AdamOptimizer(0.05), engine="loop")
        checkpoints = Checkpoints(tmp_path / "checkpoints", other)
        with tgc.Runner(other) as runner, pytest.raises(LogError, match=r"not a checkpoint of"):
            checkpoints.restore(runner.session)


def test_a_finalized_graph_needs_a_saver_of_ones_own(runner, tmp_path):
    with runner.chunk.graph.as_default():
        saver = tf.train.Saver(max_to_keep=None)
    with runner:
        runner.chunk.graph.finalize()
        with pytest.raises(RunError, match="saver="):
            Checkpoints(tmp_path, runner.chunk)
        checkpoints = Checkpoints(tmp_path, runner.chunk, saver=saver)
        checkpoints.save(runner.session, Position(steps=3))
        assert checkpoints.restore(runner.session).step == 3


@pytest.mark.parametrize("policy", [tgc.Stale(0.5), tgc.ExactSweep(3), tgc.ExactSweep()], ids=str)
def test_a_run_goes_on_from_disk_with_the_same_bits(policy, tmp_path):
    """In the middle of a sweep where there is one, in a graph that is built anew."""

    def built():
        with tf.Graph().as_default():
            tf.set_random_seed(1)
            return build(tgc.GRUCell(4), tf.train.AdamOptimizer(0.05), engine="loop")

    wanted, _ = undisturbed(built(), policy, chunks)
    chunk, seen = built(), []
    checkpoints = Checkpoints(tmp_path, chunk)

    def visited(index, visit):
        seen.append(index)
        if len(seen) == 5:
            runner.stop()

    with tgc.Runner(chunk, policy, reduce="mean", on_visit=visited) as runner:
        list(runner.run(chunks()))
        checkpoints.save(runner.session, runner.position)
        assert runner.position.in_a_sweep == (policy != tgc.Stale(0.5))
    chunk = built()
    checkpoints = Checkpoints(tmp_path, chunk)
    with tgc.Runner(chunk, policy, reduce="mean") as runner:
        put(runner, {name: 0 * value for name, value in weights(runner).items()})
        restored = checkpoints.restore(runner.session)
        list(runner.run(chunks(), resume=restored.position))
        got = weights(runner)
    assert got.keys() == wanted.keys()
    assert all(np.array_equal(got[name], wanted[name]) for name in wanted)


class TestPositionsOnDisk:
    def position(self, runner):
        with runner:
            run = runner.run(chunks())
            next(run)
            return runner.position

    def test_come_back_as_they_were(self, runner, tmp_path):
        position = self.position(runner)
        write_position(tmp_path / "p.npz", position)
        again = read_position(tmp_path / "p.npz", runner.chunk)
        for name in ("first", "obeyed", "steps", "applied", "carry_of"):
            assert getattr(again, name) == getattr(position, name)
        assert np.array_equal(again.breaks, position.breaks) and len(again.breaks)
        tf.nest.assert_same_structure(again.head, position.head)
        for one, other in zip(
            tf.nest.flatten([again.head, again.carry]),
            tf.nest.flatten([position.head, position.carry]),
            strict=True,
        ):
            assert one.dtype == other.dtype and np.array_equal(one, other)

    def test_another_models_are_refused(self, runner, tmp_path):
        write_position(tmp_path / "p.npz", self.position(runner))
        with tf.Graph().as_default():
            other = build(tgc.GRUCell(9), engine="loop")
        with pytest.raises(LogError, match=r"p\.npz.*no position of a run of this model"):
            read_position(tmp_path / "p.npz", other)

    def test_nothing_is_unpickled(self, runner, tmp_path):
        arrays = {"breaks": np.array([None, {}], object)}
        text = json.dumps({"format": 1}).encode()
        np.savez(tmp_path / "p.npz", position=np.frombuffer(text, np.uint8), **arrays)
        with pytest.raises(LogError, match="pickle"):
            read_position(tmp_path / "p.npz", runner.chunk)

    @pytest.mark.parametrize(
        "content",
        [b"", b"PK\x03\x04", b"\x93NUMPY", b"x" * 300],
        ids=["empty", "zip", "npy", "text"],
    )
    def test_damaged_files_are_refused_in_a_line(self, runner, tmp_path, content):
        (tmp_path / "p.npz").write_bytes(content)
        with pytest.raises(LogError) as error:
            read_position(tmp_path / "p.npz", runner.chunk)
        assert "\n" not in str(error.value) and "p.npz" in str(error.value)
