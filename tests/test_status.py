"""status: how a run stands, from what its folder holds."""

import os
import subprocess
import sys

import pytest
from log_folders import CONFIG, LINES, SUMMARY, train_line, write_run

from tgcarry.folder import Worker, read_contents
from tgcarry.status import duration, judge, process_is_alive, to_text


@pytest.fixture
def place(tmp_path):
    return tmp_path / "run"


def judged(folder, age=1.0, worker=None, **options):
    """Judges a run whose last line is `age` seconds old."""
    contents = read_contents(folder)._replace(worker=worker)
    return judge(contents, contents.written + age, host="here", **options)


class TestFigures:
    def test_are_those_of_the_last_lines(self, place):
        status = judged(write_run(place), age=7.0)
        assert (status.step, status.chunks, status.of_chunks) == (5, 10, 20)
        assert status.training_loss == 3.0 / 5
        assert (status.validation_loss, status.best_validation_loss) == (1.5, 1.5)
        assert status.chunks_per_second == pytest.approx(20.0)
        assert status.seconds_since_line == pytest.approx(7.0)
        assert status.seconds_left == pytest.approx(10 / 20)
        assert (status.checkpoints, status.newest_checkpoint) == (2, 10)

    def test_the_speed_is_that_of_the_last_lines(self, place):
        slow = [train_line(k, seconds=10.0) for k in range(1, 21)]
        status = judged(write_run(place, [*slow, *(train_line(k) for k in range(21, 41))]))
        assert status.chunks_per_second == pytest.approx(20.0)

    def test_steps_may_end_a_run_before_its_chunks(self, place):
        config = {**CONFIG, "options": {"steps": 8}}
        assert judged(write_run(place, config=config)).seconds_left == pytest.approx(0.3)

    def test_a_torn_last_line_is_left_out(self, place):
        assert judged(write_run(place, torn='{"kind": "train", "step": 6, "lo')).step == 5

    def test_what_is_not_said_is_none(self, place):
        lines = [{"kind": "train", "step": 3, "loss": None}, {"kind": "validation", "loss": None}]
        status = judged(write_run(place, lines, config={}, checkpoints=()))
        assert status.step == 3
        known = {name for name, value in status._asdict().items() if value is not None}
        assert known == {"state", "step", "seconds_since_line", "checkpoints"}

    def test_a_run_without_a_line_is_at_step_0(self, place):
        status = judged(write_run(place, []))
        assert (status.state, status.step, status.chunks) == ("running", 0, None)


class TestState:
    def test_with_a_summary_has_finished(self, place):
        status = judged(write_run(place, summary=SUMMARY), age=1e6)
        assert status.state == "finished" and status.seconds_left is None

    @pytest.mark.parametrize(("age", "state"), [(100, "running"), (140, "stopped")])
    def test_without_one_goes_by_the_age_of_the_last_line(self, place, age, state):
        status = judged(write_run(place), age=age)
        assert status.state == state
        assert (status.seconds_left is None) == (state == "stopped")
        assert judged(place, age=age, patience=age + 1).state == "running"

    def test_long_steps_are_waited_for(self, place):
        write_run(place, [train_line(k, seconds=60.0) for k in (1, 2)])
        assert judged(place, age=1000).state == "running"
        assert judged(place, age=1300).state == "stopped"

    @pytest.mark.parametrize("summary", [None, SUMMARY])
    def test_a_process_that_is_there_is_running(self, place, summary):
        write_run(place, summary=summary)
        asked = []
        status = judged(
            place, age=1e6, worker=Worker(77, "here"), is_alive=lambda pid: not asked.append(pid)
        )
        assert status.state == "running" and asked == [77]

    @pytest.mark.parametrize(("summary", "state"), [(None, "stopped"), (SUMMARY, "finished")])
    def test_a_process_that_is_gone_is_not(self, place, summary, state):
        write_run(place, summary=summary)
        gone = judged(place, age=0.0, worker=Worker(77, "here"), is_alive=lambda _: False)
        assert gone.state == state

    @pytest.mark.parametrize(("age", "state"), [(1, "running"), (1e6, "stopped")])
    def test_nothing_is_asked_about_another_computers_process(self, place, age, state):
        write_run(place)
        status = judged(place, age=age, worker=Worker(77, "there"), is_alive=pytest.fail)
        assert status.state == state

    def test_a_clock_behind_the_files_is_no_negative_age(self, place):
        assert judged(write_run(place), age=-50.0).seconds_since_line == 0.0


def test_processes_are_found():
    assert process_is_alive(os.getpid())
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    assert not process_is_alive(done.pid)
    assert not process_is_alive(10**30)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.2, "0 s"),
        (59.6, "1 min 0 s"),
        (320, "5 min 20 s"),
        (7500, "2 h 5 min"),
        (200000, "2 d 7 h"),
    ],
)
def test_durations_are_read_at_a_glance(seconds, text):
    assert duration(seconds) == text


class TestText:
    def test_is_a_block(self, place):
        assert to_text("runs/one", judged(write_run(place), age=65)).splitlines() == [
            "runs/one: running",
            "  step             5",
            "  chunks           10 of 20",
            "  training loss    0.6",
            "  validation loss  1.5 (best 1.5)",
            "  speed            20 chunks/s",
            "  last line        1 min 5 s ago",
            "  time to the end  about 0 s",
            "  checkpoints      2, the newest of step 10",
        ]

    def test_leaves_out_what_is_not_known(self, place):
        write_run(place, LINES[:1], config={}, checkpoints=())
        assert to_text("one", judged(place, age=1000)).splitlines() == [
            "one: stopped",
            "  step             0",
            "  validation loss  2.5 (best 2.5)",
            "  last line        16 min 40 s ago",
            "  checkpoints      none",
        ]
