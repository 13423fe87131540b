"""logs: what a run's folder holds, and how it is read back."""

import json
import math
import os
import subprocess
import sys

import pytest
import tensorflow.compat.v1 as tf
from log_folders import CONFIG, LINES, SUMMARY, write_run
from scripts_run import ROOT, environment, metric_lines, snapshot

from tgcarry import logs
from tgcarry.errors import LogError


def line_of(error):
    message = str(error.value)
    assert "\n" not in message
    return message


class TestLogWriter:
    def test_writes_lines_as_they_come(self, tmp_path, graph):
        with logs.LogWriter(tmp_path / "run", {"a": 1}) as log:
            log.write("train", 1, {"loss": 0.5})
            assert metric_lines(tmp_path / "run") == [{"kind": "train", "step": 1, "loss": 0.5}]
            log.write("validation", 1, {"loss": 0.25})
            assert len(metric_lines(tmp_path / "run")) == 2
        assert logs.read_config(tmp_path / "run") == {"a": 1}

    def test_marks_a_run_as_finished_by_its_summary(self, tmp_path, graph):
        with logs.LogWriter(tmp_path, {}) as log:
            with pytest.raises(LogError, match="no such file"):
                logs.read_summary(tmp_path)
            log.finish({"steps": 3})
        assert logs.read_summary(tmp_path) == {"steps": 3}

    @pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
    def test_numbers_that_are_not_finite_become_null(self, tmp_path, graph, value):
        with logs.LogWriter(tmp_path, {}) as log:
            log.write("train", 1, {"loss": value, "norm": 2.0})
        assert metric_lines(tmp_path) == [{"kind": "train", "step": 1, "loss": None, "norm": 2.0}]

    def test_writes_the_same_scalars_as_events(self, tmp_path, graph):
        with logs.LogWriter(tmp_path, {}) as log:
            log.write("train", 7, {"loss": 0.5, "norm": 2.0})
        (path,) = (tmp_path / "events").iterdir()
        values = {
            value.tag: (event.step, value.simple_value)
            for event in tf.train.summary_iterator(str(path))
            for value in event.summary.value
        }
        assert values == {"train/loss": (7, 0.5), "train/norm": (7, 2.0)}

    def test_adds_nothing_to_the_graph(self, tmp_path, graph):
        with logs.LogWriter(tmp_path, {}) as log:
            log.write("train", 1, {"loss": 0.5})
        assert graph.get_operations() == []

    def test_refuses_a_run_that_is_there(self, tmp_path, graph):
        with logs.LogWriter(tmp_path / "run", {"a": 1}):
            pass
        before = snapshot(tmp_path)
        with pytest.raises(LogError) as error:
            logs.LogWriter(tmp_path / "run", {"a": 2})
        assert "--overwrite" in line_of(error) and str(tmp_path / "run") in line_of(error)
        assert snapshot(tmp_path) == before

    def test_overwriting_removes_the_run_and_nothing_else(self, tmp_path, graph):
        with logs.LogWriter(tmp_path, {"a": 1}) as log:
            log.write("train", 1, {"loss": 0.5})
            log.finish({"steps": 1})
        mine = {"notes.txt": b"mine", "photo.png": b"mine too", "loss.txt": b"and mine"}
        for name, content in mine.items():
            (tmp_path / name).write_bytes(content)
        for name in ("loss.png", "carry.png"):
            (tmp_path / name).write_bytes(b"the run's")
        with logs.LogWriter(tmp_path, {"a": 2}, overwrite=True):
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
                logs.LogWriter(folder, {}, overwrite)
            assert str(folder) in line_of(error)
        assert path.read_text() == "mine"

    def test_a_write_that_fails_is_one_error_even_as_the_folder_is_closed(self, graph, tmp_path):
        full = pytest.importorskip("pathlib").Path("/dev/full")
        if not full.exists():
            pytest.skip("no /dev/full here")
        (tmp_path / logs.METRICS).symlink_to(full)
        with pytest.raises(LogError) as error:
            with logs.LogWriter(tmp_path, {}) as log:
                log.write("train", 1, {"loss": 0.5})
        assert "metrics.jsonl" in line_of(error) and "No space left" in line_of(error)

    def test_a_disk_that_fills_up_leaves_whole_lines_and_later_ones_join(self, tmp_path):
        pytest.importorskip("resource")
        code = """
import json, resource, sys
from pathlib import Path
import tensorflow.compat.v1 as tf
from tgcarry import logs
from tgcarry.errors import LogError
folder = Path(sys.argv[1])
with logs.LogWriter(folder, {}) as log:
    log.write("train", 1, {"loss": 0.5})
    size = (folder / logs.METRICS).stat().st_size
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 20, hard))
    try:
        log.write("train", 2, {"loss": 0.25})
    except LogError as error:
        print(error)
    print(size == (folder / logs.METRICS).stat().st_size)
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    log.write("train", 3, {"loss": 0.125})
"""
        done = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path)],
            cwd=ROOT,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        said, same = done.stdout.splitlines()
        assert "metrics.jsonl" in said and "File too large" in said
        assert same == "True"
        assert [line["step"] for line in metric_lines(tmp_path)] == [1, 3]


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
        (tmp_path / "metrics.jsonl").write_bytes(b"\xff\xfe\n{}\n")
        with pytest.raises(LogError, match=r"metrics\.jsonl.*line 1|cannot be read"):
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


class TestReadRun:
    def test_reads_all_of_a_folder(self, tmp_path):
        contents = logs.read_run(write_run(tmp_path / "run", summary=SUMMARY))
        assert contents.config == CONFIG and contents.summary == SUMMARY
        assert contents.entries == LINES
        assert contents.checkpoints == [2, 10]
        assert contents.worker is None
        assert contents.written == (tmp_path / "run" / "metrics.jsonl").stat().st_mtime

    def test_a_run_that_has_just_begun_has_no_lines(self, tmp_path):
        (tmp_path / "config.json").write_text("{}")
        contents = logs.read_run(tmp_path)
        assert contents.entries == contents.checkpoints == []
        assert contents.summary is None

    def test_figures_that_are_no_numbers_are_none(self, tmp_path):
        values = ["x", None, True, [], math.inf, math.nan, 10**400, 2, 2.5]
        lines = [{"kind": "train", "loss": value} for value in values]
        contents = logs.read_run(write_run(tmp_path / "run", [*lines, {"kind": "train"}]))
        assert contents.figures("train", "loss") == [*[None] * 7, 2, 2.5, None]

    @pytest.mark.parametrize("name", [".lock", "job.lock"])
    def test_a_lock_says_who_works_on_it(self, tmp_path, name):
        folder = write_run(tmp_path / "run")
        (folder / ".lock").write_text("")
        (folder / name).write_text('{"pid": 77, "host": "here", "since": "noon"}')
        assert logs.read_run(folder).worker[:2] == (77, "here")

    @pytest.mark.parametrize(
        "text",
        ["", "[]", '{"pid": 0, "host": "y"}', "{", '{"pid": 1}', '{"pid": "x", "host": "y"}'],
    )
    def test_a_lock_that_does_not_say_who_says_nothing(self, tmp_path, text):
        folder = write_run(tmp_path / "run")
        (folder / "job.lock").write_text(text)
        assert logs.read_run(folder).worker is None

    @pytest.mark.parametrize("name", ["config.json", "summary.json"])
    def test_damage_is_named(self, tmp_path, name):
        folder = write_run(tmp_path / "run", summary=SUMMARY)
        (folder / name).write_text("{")
        with pytest.raises(LogError) as error:
            logs.read_run(folder)
        assert str(folder / name) in line_of(error)

    def test_what_is_no_folder_of_a_run_is_named(self, tmp_path):
        (tmp_path / "file").write_text("")
        for path in (tmp_path, tmp_path / "file", tmp_path / "nowhere"):
            with pytest.raises(LogError) as error:
                logs.read_run(path)
            assert str(path) in line_of(error)


@pytest.mark.parametrize("name", ["config.json", "metrics.jsonl", "summary.json"])
def test_files_that_would_never_end(tmp_path, name):
    run = write_run(tmp_path / "run", summary=SUMMARY)
    (run / name).unlink()
    os.mkfifo(run / name)
    with pytest.raises(LogError, match="not a regular file") as error:
        logs.read_run(run)
    assert str(run / name) in line_of(error)
    (run / name).unlink()
    (run / name).write_bytes(b"[" * 100_000 + b"\n{}\n")
    with pytest.raises(LogError, match="nested too deep") as error:
        logs.read_run(run)
    assert str(run / name) in line_of(error)


def test_a_lock_that_would_never_end_says_nothing(tmp_path):
    run = write_run(tmp_path / "run")
    os.mkfifo(run / ".lock")
    (run / "job.lock").write_bytes(b"[" * 100_000)
    assert logs.read_run(run).worker is None


def test_a_name_that_would_break_the_line(tmp_path):
    with pytest.raises(LogError, match=r"a\\nb'") as error:
        logs.read_run(tmp_path / "a\nb")
    line_of(error)
