"""Checkpoints: saved under step numbers, restored from the newest that is whole."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tgcarry.checkpoints import Checkpoints
from tgcarry.errors import LogError


@pytest.fixture
def session(graph):
    """Opens a session on a variable `w` of the default graph."""
    tf.get_variable("w", [3], tf.float32, tf.zeros_initializer())
    with tf.Session(graph=graph) as session:
        session.run(tf.global_variables_initializer())
        yield session


def put(session, value):
    (variable,) = session.graph.get_collection("variables")
    variable.load(np.full(3, value, np.float32), session)


def got(session):
    return session.run(session.graph.get_collection("variables")[0]).tolist()


@pytest.fixture
def saved(tmp_path, session):
    """Saves steps 9, 10 and 11, each as its own number."""
    checkpoints = Checkpoints(tmp_path / "checkpoints", session.graph)
    for step in (9, 10, 11):
        put(session, step)
        checkpoints.save(session, step)
    put(session, -1)
    return checkpoints


def data_file(tmp_path, step):
    (path,) = (tmp_path / "checkpoints").glob(f"model.ckpt-{step}.data*")
    return path


def test_restores_the_newest(saved, session):
    assert saved.restore(session) == 11
    assert got(session) == [11] * 3


def test_newest_is_by_number_and_not_by_letter(saved, session, tmp_path):
    data_file(tmp_path, 11).unlink()
    assert saved.restore(session) == 10
    assert got(session) == [10] * 3
    data_file(tmp_path, 10).unlink()
    assert saved.restore(session) == 9


@pytest.mark.parametrize("keep", [0, 5])
def test_a_truncated_one_gives_way_to_the_one_before(saved, session, tmp_path, keep):
    path = data_file(tmp_path, 11)
    path.write_bytes(path.read_bytes()[:keep])
    assert saved.restore(session) == 10
    assert got(session) == [10] * 3


def test_when_none_is_whole_each_is_named_with_its_reason(saved, session, tmp_path):
    for step in (9, 10, 11):
        data_file(tmp_path, step).write_bytes(b"")
    with pytest.raises(LogError) as error:
        saved.restore(session)
    message = str(error.value)
    assert "\n" not in message
    assert all(f"model.ckpt-{step}" in message for step in (9, 10, 11))
    assert "Graph execution error" not in message


def test_an_empty_folder_says_that_there_is_none(session, tmp_path):
    with pytest.raises(LogError, match="there is no checkpoint"):
        Checkpoints(tmp_path / "nowhere", session.graph).restore(session)


def test_keeps_the_last_few(session, tmp_path):
    checkpoints = Checkpoints(tmp_path, session.graph, keep=2)
    for step in range(1, 6):
        checkpoints.save(session, step)
    assert {p.name for p in tmp_path.glob("*.index")} == {
        "model.ckpt-4.index",
        "model.ckpt-5.index",
    }


def test_saves_in_tensorflows_own_format(saved, tmp_path):
    reader = tf.train.load_checkpoint(str(tmp_path / "checkpoints" / "model.ckpt-10"))
    assert reader.get_tensor("w").tolist() == [10] * 3


def test_says_where_it_cannot_save(session, tmp_path):
    (tmp_path / "file").write_text("in the way")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(LogError) as error:
            Checkpoints(folder, session.graph).save(session, 1)
        assert str(folder) in str(error.value) and "\n" not in str(error.value)


def test_another_models_weights_are_not_taken(saved, tmp_path):
    with tf.Graph().as_default() as other:
        tf.get_variable("w", [4], tf.float32, tf.zeros_initializer())
        with tf.Session(graph=other) as session:
            session.run(tf.global_variables_initializer())
            with pytest.raises(LogError, match=r"model\.ckpt-11"):
                Checkpoints(tmp_path / "checkpoints", other).restore(session)


def test_a_failed_restore_leaves_no_half(saved, session, tmp_path):
    put(session, 5)
    for step in (9, 10, 11):
        data_file(tmp_path, step).write_bytes(b"")
    with pytest.raises(LogError):
        saved.restore(session)
    assert got(session) == [5] * 3
