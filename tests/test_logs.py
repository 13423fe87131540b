"""logs: what a run's folder holds, and how it is read back."""

import json
import math

import pytest
import tensorflow.compat.v1 as tf
from scripts_run import metric_lines, snapshot

from tgcarry import logs
from tgcarry.errors import LogError


def line_of(error):
    message = str(error.value)
    assert "\n" not in message
    return message


class TestLogWriter:
    def test_writes_lines_as_they_come(self, tmp_path, graph):
        with logs.LogWriter(tmp_path / "run", {"a": 1}, graph) as log:
            log.write("train", 1, {"loss": 0.5})
            assert metric_lines(tmp_path / "run") == [{"kind": "train", "step": 1, "loss": 0.5}]
            log.write("validation", 1, {"loss": 0.25})
            assert len(metric_lines(tmp_path / "run")) == 2
        assert logs.read_config(tmp_path / "run") == {"a": 1}

    def test_marks_a_run_as_finished_by_its_summary(self, tmp_path, graph):
        with logs.LogWriter(tmp_path, {}, graph) as log:
            with pytest.raises(LogError, match="no such file"):
                logs.read_summary(tmp_path)
            log.finish({"steps": 3})
        assert logs.read_summary(tmp_path) == {"steps": 3}

    @pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
    def test_numbers_that_are_not_finite_become_null(self, tmp_path, graph, value):
        with logs.LogWriter(tmp_path, {}, graph) as log:
            log.write("train", 1, {"loss": value, "norm": 2.0})
        assert metric_lines(tmp_path) == [{"kind": "train", "step": 1, "loss": None, "norm": 2.0}]

    def test_writes_the_same_scalars_as_events(self, tmp_path, graph):
        with logs.LogWriter(tmp_path, {}, graph) as log:
            log.write("train", 7, {"loss": 0.5, "norm": 2.0})
        (path,) = (tmp_path / "events").iterdir()
        values = {
            value.tag: (event.step, value.simple_value)
            for event in tf.train.summary_iterator(str(path))
            for value in event.summary.value
        }
        assert values == {"train/loss": (7, 0.5), "train/norm": (7, 2.0)}

    def test_adds_nothing_to_the_graph(self, tmp_path, graph):
        with logs.LogWriter(tmp_path, {}, graph) as log:
            log.write("train", 1, {"loss": 0.5})
        assert graph.get_operations() == []

    def test_refuses_a_run_that_is_there(self, tmp_path, graph):
        with logs.LogWriter(tmp_path / "run", {"a": 1}, graph):
            pass
        before = snapshot(tmp_path)
        with pytest.raises(LogError) as error:
            logs.LogWriter(tmp_path / "run", {"a": 2}, graph)
        assert "--overwrite" in line_of(error) and str(tmp_path / "run") in line_of(error)
        assert snapshot(tmp_path) == before

    def test_overwriting_removes_the_run_and_nothing_else(self, tmp_path, graph):
        with logs.LogWriter(tmp_path, {"a": 1}, graph) as log:
            log.write("train", 1, {"loss": 0.5})
            log.finish({"steps": 1})
        mine = {"notes.txt": b"mine", "photo.png": b"mine too", "loss.txt": b"and mine"}
        for name, content in mine.items():
            (tmp_path / name).write_bytes(content)
        for name in ("loss.png", "carry.png"):
            (tmp_path / name).write_bytes(b"the run's")
        with logs.LogWriter(tmp_path, {"a": 2}, graph, overwrite=True):
            pass
        left = snapshot(tmp_path)
        assert not {"summary.json", "loss.png", "carry.png"} & set(left)
        assert left["metrics.jsonl"] == b""
        assert logs.read_config(tmp_path) == {"a": 2}
        assert {name: left.get(name) for name in mine} == mine

    @pytest.mark.parametrize("overwrite", [False, True])
    def test_a_file_in_the_way_is_refused_and_kept(self, tmp_path, graph, overwrite):
        path = tmp_path / "file"
        path.write_text("mine")
        for folder in (path, path / "run"):
            with pytest.raises(LogError) as error:
                logs.LogWriter(folder, {}, graph, overwrite)
            assert str(folder) in line_of(error)
        assert path.read_text() == "mine"

    def test_a_write_that_fails_is_one_error_even_as_the_folder_is_closed(self, graph, tmp_path):
        full = pytest.importorskip("pathlib").Path("/dev/full")
        if not full.exists():
            pytest.skip("no /dev/full here")
        (tmp_path / logs.METRICS).symlink_to(full)
        with pytest.raises(LogError) as error:
            with logs.LogWriter(tmp_path, {}, graph) as log:
                log.write("train", 1, {"loss": 0.5})
        assert "metrics.jsonl" in line_of(error) and "No space left" in line_of(error)


class TestReadMetrics:
    def write(self, folder, *lines, end="\n"):
        (folder / "metrics.jsonl").write_text("\n".join(lines) + end)

    one = '{"kind": "train", "step": 1, "loss": 0.5}'
    two = '{"kind": "validation", "step": 1, "loss": 0.25}'
    three = '{"kind": "train", "step": 2, "loss": null}'

    def test_reads_one_kind_in_order(self, tmp_path):
        self.write(tmp_path, self.one, self.two, self.three)
        assert [e["step"] for e in logs.read_metrics(tmp_path, "train")] == [1, 2]
        assert [e["loss"] for e in logs.read_metrics(tmp_path, "validation")] == [0.25]

    @pytest.mark.parametrize("kept", range(1, 42))
    def test_leaves_out_a_torn_last_line(self, tmp_path, kept):
        self.write(tmp_path, self.one, self.three[: min(kept, len(self.three) - 1)], end="")
        assert logs.read_metrics(tmp_path, "train") == [json.loads(self.one)]

    def test_an_empty_file_holds_nothing(self, tmp_path):
        (tmp_path / "metrics.jsonl").write_text("")
        assert logs.read_metrics(tmp_path, "train") == []

    def test_names_a_damaged_line_before_the_last(self, tmp_path):
        self.write(tmp_path, self.one, self.two[:9], self.three)
        with pytest.raises(LogError) as error:
            logs.read_metrics(tmp_path, "train")
        assert "line 2" in line_of(error) and "metrics.jsonl" in line_of(error)

    @pytest.mark.parametrize("line", ["5", "[]", "null", '"text"'])
    def test_a_line_that_is_no_entry_is_damaged_too(self, tmp_path, line):
        self.write(tmp_path, self.one, line, self.three)
        with pytest.raises(LogError) as error:
            logs.read_metrics(tmp_path, "train")
        assert "line 2" in line_of(error)

    def test_a_missing_or_undecodable_file_is_named(self, tmp_path):
        with pytest.raises(LogError) as error:
            logs.read_metrics(tmp_path, "train")
        assert str(tmp_path / "metrics.jsonl") in line_of(error)
        (tmp_path / "metrics.jsonl").write_bytes(b"\xff\xfe")
        with pytest.raises(LogError, match="cannot be read"):
            logs.read_metrics(tmp_path, "train")


@pytest.mark.parametrize("read", [logs.read_config, logs.read_summary])
@pytest.mark.parametrize("content", [None, b"", b"{", b"[]", b"5", b"\xff"])
def test_a_damaged_file_is_named(tmp_path, read, content):
    name = "config.json" if read is logs.read_config else "summary.json"
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(LogError) as error:
        read(tmp_path)
    assert str(tmp_path / name) in line_of(error)
