"""grid_job: a grid's processes run, stopped, killed and taken up again."""

import csv
import json
import os
import signal
import subprocess
import time

import plain_python
import pytest
from grid_jobs import figures, program, run_of

from tgcarry.errors import LogError, RunError
from tgcarry.fleet import FAILED, FINISHED, KILLED, STOPPED, WAITING
from tgcarry.grid import Run, name_of
from tgcarry.grid_job import GridJob, exit_code, usual_threads
from tgcarry.grid_runs import Row, read_record

pytestmark = pytest.mark.slow

# A sweep in a process of its own, that can be killed.
SWEEP = """
    import json, signal, sys
    from pathlib import Path
    from tgcarry.grid import Run, name_of
    from tgcarry.grid_job import GridJob, exit_code
    folder, program, runs = Path(sys.argv[1]), *map(json.loads, sys.argv[2:])
    job = GridJob(
        folder,
        [Run(name_of(settings), settings, settings) for settings in runs],
        program,
        at_once=2,
        on_text=lambda line: print(line, flush=True),
    )
    signal.signal(signal.SIGTERM, lambda *_: job.stop())
    sys.exit(exit_code(job.run()))
"""


@pytest.fixture
def grid(tmp_path):
    """Gives what runs a grid in this process."""

    def grid(*runs, **options):
        lines = []
        options = {"at_once": 2, "threads": None, **options}
        job = GridJob(tmp_path / "grid", runs, program(tmp_path), on_text=lines.append, **options)
        return job.run(), lines

    (tmp_path / "grid").mkdir()
    return grid


@pytest.fixture
def sweep(tmp_path):
    """Gives what starts a grid in a process of its own; all of them are ended afterwards."""
    started = []

    def sweep(*runs):
        (tmp_path / "grid").mkdir(exist_ok=True)
        words = [json.dumps(program(tmp_path)), json.dumps([run.settings for run in runs])]
        process = subprocess.Popen(
            plain_python.command(SWEEP, tmp_path / "grid", *words),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        return process

    yield sweep
    for process in started:
        if process.poll() is None:
            process.kill()
            process.communicate()


def whole(steps, **changed):
    """Makes a run whose every setting is in its name, as SWEEP does."""
    settings = run_of(steps, **changed).settings
    return Run(name_of(settings), settings, settings)


def wait_for_steps(folder, count):
    for _ in range(2000):
        path = folder / "metrics.jsonl"
        if path.exists() and len(path.read_text().splitlines()) >= 2 * count:
            return
        time.sleep(0.01)
    raise AssertionError(f"{folder}: no {count} steps")


class TestRunning:
    def test_the_table_is_returned_and_written_best_first(self, grid, tmp_path):
        rows, lines = grid(run_of(loss=9), run_of(loss=3), run_of(loss=6, steps=4))
        assert [row.name for row in rows] == ["loss=3", "loss=6", "loss=9"]
        assert [row.validation["loss"] for row in rows] == [1.0, 1.5, 3.0]
        assert {row.state for row in rows} == {FINISHED} and exit_code(rows) == 0
        written = json.loads((tmp_path / "grid/sweep.json").read_text())
        assert [row["name"] for row in written] == ["loss=3", "loss=6", "loss=9"]
        with open(tmp_path / "grid/sweep.csv") as file:
            read = list(csv.DictReader(file))
        assert [row["loss"] for row in read] == ["3", "6", "9"]
        assert [row["validation_accuracy"] for row in read] == ["0.5"] * 3
        assert len(lines) == 6 and lines[0] == "starts    loss=9"

    def test_what_has_finished_is_skipped(self, grid, tmp_path):
        grid(run_of(loss=9))
        log = (tmp_path / "grid/loss=9.log").read_text()
        rows, lines = grid(run_of(loss=9), run_of(loss=3))
        assert [line.split()[1] for line in lines] == ["loss=3", "loss=3"]
        assert [row.attempts for row in rows] == [1, 1]
        assert (tmp_path / "grid/loss=9.log").read_text() == log

    def test_a_killed_run_goes_on_where_it_was(self, grid, tmp_path):
        rows, lines = grid(run_of(4, killed_at=2))
        assert (rows[0].state, rows[0].attempts) == (FINISHED, 2)
        assert figures(tmp_path / "grid/killed_at=2")[0] == [1, 2, 3, 4]
        assert lines[1].startswith("killed    killed_at=2 after ")
        assert lines[1].endswith(": killed by SIGKILL; will be started again")

    def test_a_refused_run_shows_why_and_the_others_finish(self, grid):
        rows, _ = grid(run_of(refused="x"), run_of(loss=1))
        assert [row.state for row in rows] == [FINISHED, FAILED]
        assert rows[1].message == "train.py: --refused=x: give something else"
        assert rows[1].attempts == 1 and exit_code(rows) == 1

    def test_a_failed_run_is_tried_again_by_the_next_sweep(self, grid):
        grid(run_of(refused="x"))
        rows, lines = grid(run_of(refused="x"))
        assert rows[0].attempts == 2 and len(lines) == 2

    def test_too_many_kills_are_a_failure(self, grid):
        rows, _ = grid(run_of(4, killed_at=2), retries=0)
        assert rows[0].state == KILLED and exit_code(rows) == 1
        rows, _ = grid(run_of(4, killed_at=2), retries=0)
        assert (rows[0].state, rows[0].attempts) == (FINISHED, 2)

    def test_done_is_told_once_a_run(self, grid):
        done = []
        grid(run_of(killed_at=1), run_of(loss=1), on_done=lambda: done.append(1))
        assert len(done) == 2
        grid(run_of(killed_at=1), run_of(loss=2), on_done=lambda: done.append(1))
        assert len(done) == 4


class TestThreads:
    def test_are_the_cores_over_the_jobs_whatever_runs(self, grid, tmp_path, monkeypatch):
        monkeypatch.delenv("TF_NUM_INTRAOP_THREADS", raising=False)
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(12)))
        grid(run_of(loss=1), at_once=4)
        assert figures(tmp_path / "grid/loss=1")[1] == 3

    def test_stay_those_that_a_run_began_with(self, grid, tmp_path):
        grid(run_of(3, killed_at=2), at_once=1, retries=0, threads=5)
        grid(run_of(3, killed_at=2), run_of(loss=1), at_once=2)
        assert figures(tmp_path / "grid/killed_at=2") == ([1, 2, 3], 5)
        record = read_record(tmp_path / "grid", run_of(3, killed_at=2))
        assert record.threads == 5

    def test_cannot_be_changed_in_the_middle(self, grid):
        run = run_of(3, killed_at=2)
        grid(run, threads=5, retries=0)
        with pytest.raises(RunError) as error:
            grid(run, threads=6)
        assert "threads 6" in str(error.value) and "with 5" in str(error.value)
        grid(run)
        assert grid(run, threads=6)[0][0].state == FINISHED

    def test_of_the_user_come_first(self):
        assert usual_threads(2, "7") == 7

    @pytest.mark.parametrize("environment", [None, "", "0", "many"])
    def test_are_never_none(self, environment, monkeypatch):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
        assert [usual_threads(jobs, environment) for jobs in (1, 2, 3)] == [2, 1, 1]


class TestStopping:
    def test_all_save_and_the_next_sweep_goes_on(self, sweep, tmp_path):
        runs = [whole(60, pause=0.02, loss=loss) for loss in (1, 2, 3)]
        process = sweep(*runs)
        for run in runs[:2]:
            wait_for_steps(tmp_path / "grid" / run.name, 2)
        process.send_signal(signal.SIGTERM)
        out = process.communicate(timeout=60)[0]
        assert process.returncode == 75, out
        states = [row["state"] for row in json.loads((tmp_path / "grid/sweep.json").read_text())]
        assert sorted(states) == [STOPPED, STOPPED, WAITING]
        process = sweep(*runs)
        out = process.communicate(timeout=60)[0]
        assert process.returncode == 0, out
        for run in runs:
            assert figures(tmp_path / "grid" / run.name)[0] == list(range(1, 61))
        log = (tmp_path / "grid" / f"{runs[0].name}.log").read_text()
        assert "goes on from 0" in log and log.count("goes on from") == 2

    def test_a_killed_sweep_is_taken_up(self, sweep, grid, tmp_path):
        run = whole(5, killed_at=2, pause=0.05)
        process = sweep(run)
        wait_for_steps(tmp_path / "grid" / run.name, 1)
        process.kill()
        process.communicate()
        # What it had started dies of itself here, having no lock that would tell.
        wait_for_steps(tmp_path / "grid" / run.name, 2)
        rows, _ = grid(run)
        assert (rows[0].state, rows[0].attempts) == (FINISHED, 2)
        assert figures(tmp_path / "grid" / run.name)[0] == [1, 2, 3, 4, 5]


class TestRefusals:
    @pytest.mark.parametrize(
        ("options", "fact"),
        [
            ({"at_once": 0}, "jobs 0: give at least 1"),
            ({"retries": -1}, "retries -1: give at least 0"),
            ({"threads": 0}, "threads 0: give at least 1"),
            ({"grace": -1.0}, "grace -1"),
            ({"grace": float("nan")}, "grace nan"),
        ],
    )
    def test_numbers_out_of_range(self, grid, options, fact):
        with pytest.raises(RunError, match=fact):
            grid(run_of(), **options)

    def test_other_settings_in_the_same_place(self, grid, tmp_path):
        grid(run_of(3, loss=1))
        before = (tmp_path / "grid/sweep.json").read_text()
        with pytest.raises(LogError, match="begun with --steps=3, not --steps=4"):
            grid(run_of(loss=2), run_of(4, loss=1))
        assert not (tmp_path / "grid/loss=2").exists()
        assert (tmp_path / "grid/sweep.json").read_text() == before


@pytest.mark.parametrize(
    ("states", "code"),
    [
        ([], 0),
        ([FINISHED], 0),
        ([FINISHED, FAILED], 1),
        ([KILLED], 1),
        ([FINISHED, STOPPED], 75),
        ([FAILED, STOPPED], 75),
        ([FINISHED, WAITING], 75),
        (["running"], 75),
    ],
)
def test_the_exit_code_says_whether_to_run_it_again(states, code):
    assert exit_code([Row("a", {}, state) for state in states]) == code
