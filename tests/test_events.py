"""events: what TensorBoard reads, whole, and in step with the run."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tgcarry import events
from tgcarry.events import EventFile


def read(folder):
    """Reads all events of a folder's files, in the order of their names."""
    found = []
    for path in sorted(folder.iterdir()):
        found += list(tf.train.summary_iterator(str(path)))
    return found


def test_numbers_come_back_with_their_steps(tmp_path):
    file = EventFile(tmp_path / "events")
    file.scalars(3, {"train/loss": 0.5, "train/norm": 2.0})
    file.scalars(4, {"train/loss": 0.25})
    file.close()
    version, *rest = read(tmp_path / "events")
    assert version.file_version == "brain.Event:2" and version.wall_time > 1e9
    assert [(e.step, {v.tag: v.simple_value for v in e.summary.value}) for e in rest] == [
        (3, {"train/loss": 0.5, "train/norm": 2.0}),
        (4, {"train/loss": 0.25}),
    ]


def test_histograms_count_every_value(tmp_path):
    file = EventFile(tmp_path)
    file.histograms(7, {"state": np.array([[1.0, -2.0], [0.5, 0.5]])})
    file.close()
    (value,) = read(tmp_path)[-1].summary.value
    assert (value.tag, value.histo.num, sum(value.histo.bucket)) == ("state", 4, 4)


def test_what_was_flushed_is_there_before_the_end(tmp_path):
    file = EventFile(tmp_path)
    file.scalars(1, {"loss": 1.0})
    file.flush()
    assert len(read(tmp_path)) == 2
    file.close()
    file.close()


def test_nothing_is_written_before_there_is_something(tmp_path):
    EventFile(tmp_path / "events").close()
    assert list((tmp_path / "events").iterdir()) == []


def test_going_on_says_from_where(tmp_path):
    file = EventFile(tmp_path, resumed_at=12)
    file.close()
    start = read(tmp_path)[1]
    assert (start.step, start.session_log.status) == (13, tf.SessionLog.START)


def test_a_failure_is_raised_and_later_events_go_elsewhere(tmp_path, monkeypatch):
    file = EventFile(tmp_path)
    file.scalars(1, {"loss": 1.0})
    full = tf.errors.ResourceExhaustedError(None, None, "no space")

    def failing(data):
        raise full

    monkeypatch.setattr(events.time, "time", lambda: 1e9)
    with monkeypatch.context() as patch:
        patch.setattr(file, "_file", type("Full", (), {"write": failing, "close": failing})())
        type(file._file).write = staticmethod(failing)
        type(file._file).close = staticmethod(lambda: None)
        with pytest.raises(tf.errors.ResourceExhaustedError):
            file.scalars(2, {"loss": 2.0})
        assert file._file is None
        file.scalars(3, {"loss": 3.0})
        file.close()
    steps = [e.step for e in read(tmp_path) if e.summary.value]
    assert steps == [3]
    assert len(list(tmp_path.iterdir())) == 2
