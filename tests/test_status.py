"""status: how a run stands, from what its folder holds."""

import json
import os
import socket
import subprocess
import sys
from dataclasses import asdict

import pytest
from log_folders import CONFIG, LINES, SUMMARY, train_line, write_run

from tgcarry.folder import Worker, checkpoint_steps, read_contents
from tgcarry.locks import FolderLock
from tgcarry.locks.owner import this_process
from tgcarry.status import duration, judge, process_is_alive, to_text, worker_is_alive
from tgcarry.store import Store


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
        assert known == {"state", "step", "seconds_since_line", "checkpoints", "bad_numbers"}

    def test_a_run_without_a_line_is_at_step_0(self, place):
        status = judged(write_run(place, []))
        assert (status.state, status.step, status.chunks) == ("running", 0, None)

    def test_bad_numbers_are_counted(self, place):
        bad = {"kind": "bad", "step": 3, "chunk": 7, "what": "the loss is nan", "action": "skip"}
        write_run(place, [*LINES, bad, {**bad, "chunk": 9, "action": "rollback"}, train_line(6)])
        status = judged(place)
        assert (status.bad_numbers, status.newest_bad) == (2, "chunk 9: rollback")
        assert (status.step, status.training_loss) == (6, 0.5)
        assert "  bad numbers      2, the last in chunk 9: rollback" in to_text("a", status)
        assert "bad numbers" not in to_text("a", status._replace(bad_numbers=0))

    def test_a_bad_number_may_say_less(self, place):
        write_run(place, [{"kind": "bad", "step": 3, "chunk": -1}])
        assert judged(place).newest_bad == "step 3"


class TestCheckpoints:
    def test_are_snapshots_each_step_once(self, place):
        store = Store(place)
        for step in (3, 12, 12345678901):
            store.save(step, lambda folder: (folder / "model.ckpt.index").write_bytes(b""))
        # As a kill while a step was saved again leaves it.
        (place / "step-0000000012").rename(place / "step-0000000012-4")
        store.save(3, lambda folder: None)
        assert checkpoint_steps(place) == [3, 12, 12345678901]

    def test_of_earlier_versions_are_counted_too(self, place):
        Store(place).save(7, lambda folder: None)
        (place / "model.ckpt-9.index").write_bytes(b"")
        assert checkpoint_steps(place) == [7, 9]

    @pytest.mark.parametrize(
        "name",
        [".saving-step-0000000012-0123456789abcdef", "step-12", "step-0000000012-x", "step-"],
    )
    def test_what_is_none_is_left_out(self, place, name):
        (place / name).mkdir(parents=True)
        (place / name / "manifest.json").write_bytes(b"")
        (place / "step-0000000013").mkdir()
        assert checkpoint_steps(place) == []

    def test_there_are_none_where_there_is_no_folder(self, place):
        assert checkpoint_steps(place) == []


class TestWorker:
    def test_is_who_holds_the_lock(self, place):
        write_run(place)
        with FolderLock(place):
            worker = read_contents(place).worker
            owner = this_process()
            assert worker == (owner.pid, owner.host, owner.boot, owner.started)
            assert judge(read_contents(place), 1e12).state == "running"
        assert read_contents(place).worker is None

    def test_is_the_process_not_a_later_one_of_its_number(self):
        owner = this_process()
        worker = Worker(owner.pid, owner.host, owner.boot, owner.started)
        assert worker_is_alive(worker)
        assert not worker_is_alive(worker._replace(started=(owner.started or 0) + 1))
        assert not worker_is_alive(worker._replace(boot="another"))
        assert worker_is_alive(Worker(owner.pid, owner.host))

    def test_a_process_that_is_gone_or_not_yet_waited_for_is_dead(self):
        process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
        fields = (f"/proc/{process.pid}/stat",)
        with open(*fields, encoding="utf-8") as file:
            started = int(file.read().rpartition(")")[2].split()[19])
        worker = Worker(process.pid, "here", this_process().boot, started)
        assert worker_is_alive(worker)
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert not worker_is_alive(worker)
        process.communicate()
        assert not worker_is_alive(worker)

    @pytest.mark.parametrize("text", ["", "{", "[]", "3", '{"pid": 3}', '{"pid": 0, "host": "a"}'])
    def test_a_lock_that_says_nothing_names_nobody(self, place, text):
        write_run(place)
        (place / ".lock").write_text(text)
        assert read_contents(place).worker is None

    def test_of_a_killed_job_is_not_running(self, place):
        write_run(place)
        gone = {**asdict(this_process()), "host": socket.gethostname(), "started": 1}
        (place / ".lock").write_text(json.dumps(gone))
        contents = read_contents(place)
        assert judge(contents, contents.written).state == "stopped"


class TestAttempts:
    def write(self, place, *entries):
        (place / "attempts.jsonl").write_text("".join(json.dumps(e) + "\n" for e in entries))

    def test_are_read(self, place):
        write_run(place)
        assert read_contents(place).attempts == []
        self.write(place, {"event": "start", "pid": 3})
        with (place / "attempts.jsonl").open("a") as file:
            file.write('{"ev')
        assert read_contents(place).attempts == [{"event": "start", "pid": 3}]

    def test_one_that_has_ended_is_not_running(self, place):
        write_run(place)
        assert judged(place, age=0.0).state == "running"
        self.write(place, {"event": "start"}, {"event": "end", "reason": "stopped"})
        assert judged(place, age=0.0).state == "stopped"
        self.write(place, {"event": "start"}, {"event": "end"}, {"event": "start"})
        assert judged(place, age=0.0).state == "running"

    def test_a_start_is_a_sign_of_life(self, place):
        write_run(place)
        os.utime(place / "metrics.jsonl", (1e9, 1e9))
        self.write(place, {"event": "start"})
        assert read_contents(place).written > 1.7e9

    def test_are_shown_below(self, place):
        write_run(place)
        text = to_text("a", judged(place), [("attempts", "3 (1 killed)")])
        assert text.splitlines()[-1] == "  attempts         3 (1 killed)"


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
            place, age=1e6, worker=Worker(77, "here"), is_alive=lambda who: not asked.append(who)
        )
        assert status.state == "running" and asked == [Worker(77, "here")]

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


@pytest.mark.parametrize(
    "figures",
    [
        {"seconds": 1e308},
        {"seconds": 10**308, "chunks": 10**308},
        {"seconds": 1e19, "chunks": 1e-9},
    ],
)
def test_figures_that_overflow(place, figures):
    lines = [train_line(1, **figures), train_line(1, **figures)]
    status = judged(write_run(place, lines, config={**CONFIG, "chunks": 10**300}))
    assert status.seconds_left is None or status.seconds_left < float("inf")
    assert to_text("run", status)
