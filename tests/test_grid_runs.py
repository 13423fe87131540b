"""grid_runs: what a grid's folder says about its runs."""

import subprocess
import sys

import pytest
from grid_jobs import run_of
from log_folders import SUMMARY, held_line, train_line, write_run

from tgcarry.errors import LogError
from tgcarry.fleet import BUSY, DONE, FAILED, FINISHED, KILLED, READY, STOPPED, WAITING
from tgcarry.grid_runs import (
    RUNNING,
    Record,
    best_first,
    check_same,
    log_file,
    log_folder,
    look,
    read_record,
    row,
    write_record,
    write_whole,
)
from tgcarry.locks.owner import Owner, _started, encode, this_process

RUN = run_of(loss=2)


@pytest.fixture
def begun(tmp_path):
    """Gives what writes a run's record and log folder."""

    def begun(run=RUN, state=RUNNING, message="", **more):
        write_record(tmp_path, run, Record(run.settings, 2, state, message, 4))
        return write_run(log_folder(tmp_path, run), **more)

    return begun


@pytest.fixture
def alive():
    """Is a process that lives, as a lock would name it."""
    process = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(60)"])
    yield (
        Owner(**{**vars(this_process()), "pid": process.pid, "started": _started(process.pid)}),
        process,
    )
    process.kill()
    process.wait()


class TestRecord:
    def test_is_read_as_it_was_written(self, tmp_path):
        record = Record({"units": "64,32", "data": "é"}, 3, FAILED, "no such file", 2)
        write_record(tmp_path, RUN, Record({}, 1))
        write_record(tmp_path, RUN, record)
        assert read_record(tmp_path, RUN) == record
        assert [path.name for path in tmp_path.iterdir()] == [f"{RUN.name}.json"]

    def test_of_a_run_that_never_began_is_none(self, tmp_path):
        assert read_record(tmp_path, RUN) is None

    @pytest.mark.parametrize(
        "text", ["", "{", "[]", "3", '{"settings": 3, "threads": 1}', '{"a": 1}', '{"threads": 1}']
    )
    def test_that_is_damaged_is_refused(self, tmp_path, text):
        (tmp_path / f"{RUN.name}.json").write_text(text)
        with pytest.raises(LogError) as error:
            read_record(tmp_path, RUN)
        assert f"{RUN.name}.json: cannot be read" in str(error.value)
        assert "\n" not in str(error.value)

    def test_what_was_left_of_a_killed_writer_is_no_hindrance(self, tmp_path):
        (tmp_path / ".table.csv.new").write_text("half a li")
        write_whole(tmp_path / "table.csv", "whole\n")
        assert (tmp_path / "table.csv").read_text() == "whole\n"
        assert len(list(tmp_path.iterdir())) == 1

    def test_that_cannot_be_written_leaves_the_earlier_one(self, tmp_path):
        with pytest.raises(LogError, match="cannot be written"):
            write_whole(tmp_path / "none" / "table.csv", "text")


class TestSame:
    def test_what_was_begun_with_other_settings_is_refused(self, tmp_path, begun):
        begun()
        other = RUN._replace(settings={**RUN.settings, "steps": "9"})
        with pytest.raises(LogError) as error:
            check_same(tmp_path, [run_of(loss=5), other])
        message = str(error.value)
        assert message.startswith(
            f"{tmp_path / RUN.name}: was begun with --steps=3, not --steps=9"
        )
        assert "another --logdir" in message and "\n" not in message

    def test_a_setting_more_or_less_is_told(self, tmp_path, begun):
        begun()
        more = RUN._replace(settings={**RUN.settings, "epochs": "9"})
        with pytest.raises(LogError, match="with no --epochs, not --epochs=9"):
            check_same(tmp_path, [more])
        fewer = RUN._replace(settings={"loss": "2"})
        with pytest.raises(LogError, match="with --steps=3, not no --steps"):
            check_same(tmp_path, [fewer])

    def test_how_a_run_is_looked_after_may_change(self, tmp_path, begun):
        begun(summary=SUMMARY)
        kept = RUN._replace(settings={**RUN.settings, "keep": "9"})
        check_same(tmp_path, [kept])
        assert look(tmp_path, kept) == DONE and row(tmp_path, kept).state == FINISHED

    def test_what_was_refused_before_it_began_may_be_mended(self, tmp_path):
        write_record(tmp_path, RUN, Record({"steps": "none"}, 1, FAILED, "no"))
        check_same(tmp_path, [RUN])
        log_folder(tmp_path, RUN).mkdir()
        check_same(tmp_path, [RUN])

    def test_a_file_in_the_place_of_a_folder_is_refused(self, tmp_path):
        log_folder(tmp_path, RUN).write_text("")
        with pytest.raises(LogError, match="not a folder"):
            check_same(tmp_path, [RUN])


class TestLook:
    def test_done_takes_a_summary_and_the_same_settings(self, tmp_path, begun):
        assert look(tmp_path, RUN) == READY
        folder = begun(state=FINISHED, summary=SUMMARY)
        assert look(tmp_path, RUN) == DONE
        write_record(tmp_path, RUN, Record({"steps": "9"}, 1, FINISHED))
        assert look(tmp_path, RUN) == READY
        write_record(tmp_path, RUN, Record(RUN.settings, 1, FINISHED))
        (folder / "summary.json").unlink()
        assert look(tmp_path, RUN) == READY

    def test_without_a_record_train_has_the_word(self, tmp_path):
        write_run(log_folder(tmp_path, RUN), summary=SUMMARY)
        assert look(tmp_path, RUN) == READY

    def test_busy_as_long_as_a_process_works_on_it(self, tmp_path, begun, alive):
        owner, process = alive
        lock = begun(state=FINISHED, summary=SUMMARY) / ".lock"
        lock.write_bytes(encode(owner))
        assert look(tmp_path, RUN) == BUSY
        assert row(tmp_path, RUN).state == RUNNING
        process.kill()
        process.wait()
        assert look(tmp_path, RUN) == DONE

    @pytest.mark.parametrize("content", [b"", b"{", b"\xff"])
    def test_a_lock_that_names_nobody_keeps_nobody_off(self, tmp_path, begun, content):
        (begun() / ".lock").write_bytes(content)
        assert look(tmp_path, RUN) == READY


class TestRow:
    def test_has_the_last_figures(self, tmp_path, begun):
        lines = [
            *(
                held_line(0, 2.0, accuracy=0.1, memory_mib=99.5, seconds=3.0),
                train_line(1),
                held_line(1, 1.0, accuracy=0.3),
            ),
            *(train_line(2), held_line(2, 1.5, accuracy=0.2)),
        ]
        begun(lines=lines, summary=SUMMARY)
        found = row(tmp_path, RUN)
        assert (found.name, found.settings, found.state) == (RUN.name, RUN.settings, FINISHED)
        assert found.validation == {"loss": 1.5, "accuracy": 0.2}
        assert found.best_validation_loss == 1.0
        assert (found.step, found.attempts) == (2, 4)
        assert found.seconds == pytest.approx(0.2)
        assert found.peak_memory_mib == 512.25
        assert row(tmp_path, RUN._replace(name="other")).peak_memory_mib is None

    def test_has_the_memory_of_the_largest_process(self, tmp_path, begun):
        begun(lines=[held_line(1, 1.0, memory_mib=800.5), held_line(2, 1.0, memory_mib=600.0)])
        assert row(tmp_path, RUN).peak_memory_mib == 800.5

    def test_of_a_run_that_never_began(self, tmp_path):
        assert row(tmp_path, RUN)[:4] == (RUN.name, RUN.settings, WAITING, None)

    @pytest.mark.parametrize("state", [STOPPED, FAILED, KILLED])
    def test_has_the_last_word_of_what_did_not_finish(self, tmp_path, begun, state):
        begun(state=state, message="why")
        found = row(tmp_path, RUN)
        assert (found.state, found.message, found.step) == (state, "why", 5)
        assert found.peak_memory_mib is None

    def test_what_was_running_when_its_sweep_was_killed_has_stopped(self, tmp_path, begun):
        begun(state=RUNNING)
        assert row(tmp_path, RUN).state == STOPPED

    def test_a_finished_run_has_no_complaint(self, tmp_path, begun):
        begun(state=FAILED, message="an old one", summary=SUMMARY)
        assert row(tmp_path, RUN)[2] == FINISHED and row(tmp_path, RUN).message == ""

    def test_damage_is_said(self, tmp_path, begun):
        folder = begun(state=STOPPED)
        (folder / "metrics.jsonl").write_text('{"kind": "train"}\n{\n{"kind": "train"}\n')
        assert "line 2 is damaged" in row(tmp_path, RUN).message

    def test_numbers_that_are_none_are_left_out(self, tmp_path, begun):
        begun(lines=[held_line(1, None, accuracy=0.5)])
        found = row(tmp_path, RUN)
        assert found.validation == {"accuracy": 0.5} and found.best_validation_loss is None


def test_the_best_come_first_and_the_unfinished_last(tmp_path, begun):
    losses = {"a": (FINISHED, 2.0), "b": (STOPPED, 0.5), "c": (FINISHED, 1.0), "d": (FINISHED, 0)}
    runs = [run_of(data=name) for name in losses]
    for run, (state, loss) in zip(runs, losses.values(), strict=True):
        lines = [held_line(1, loss)] if loss else []
        begun(run, state, lines=lines, summary=SUMMARY if state == FINISHED else None)
    runs.append(run_of(data="e"))
    rows = best_first([row(tmp_path, run) for run in runs])
    assert [found.settings["data"] for found in rows] == ["c", "a", "d", "b", "e"]


def test_the_files_of_a_run_are_beside_one_another(tmp_path):
    assert log_folder(tmp_path, RUN) == tmp_path / "loss=2"
    assert log_file(tmp_path, RUN) == tmp_path / "loss=2.log"
