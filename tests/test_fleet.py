"""fleet: processes side by side, stopped together, started again when they are killed."""

import os
import signal
import sys
import threading
import time

import pytest

from tgcarry import fleet
from tgcarry.fleet import BUSY, DONE, FAILED, FINISHED, KILLED, READY, STOPPED, WAITING, Fleet, Job
from tgcarry.signals import PAUSE

PROGRAM = """
import os, pathlib, signal, subprocess, sys, time
place, what, name, *rest = sys.argv[1:]
place = pathlib.Path(place)

def wait_for(path):
    for _ in range(2000):
        if path.exists():
            return
        time.sleep(0.01)
    sys.exit(f"{path} never came")

def stop(number, frame):
    print("saved")
    sys.exit(75)

if what == "exit":
    print("first line")
    print(rest[1] if len(rest) > 1 else "", file=sys.stderr)
    sys.exit(int(rest[0]))
if what == "meet":
    (place / name).touch()
    wait_for(place / rest[0])
if what == "alone":
    os.close(os.open(place / "alone", os.O_CREAT | os.O_EXCL))
    time.sleep(0.05)
    os.unlink(place / "alone")
if what == "die":
    with (place / name).open("a") as file:
        file.write("x")
    if (place / name).stat().st_size <= int(rest[1]):
        os.kill(os.getpid(), int(rest[0]))
if what == "show":
    print(os.environ.get("SETTING"), sys.stdin.read() == "", os.getpgrp() == os.getpid())
if what == "wait":
    signal.signal(signal.SIGTERM, stop)
    (place / name).touch()
    time.sleep(60)
if what == "slow":
    save = lambda *_: (time.sleep(0.5), (place / "saved").touch(), sys.exit(75))
    signal.signal(signal.SIGTERM, save)
    (place / name).touch()
    time.sleep(60)
if what == "deaf":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    below = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    (place / "below").write_text(str(below.pid))
    (place / name).touch()
    time.sleep(60)
"""


@pytest.fixture
def job(tmp_path):
    """Gives what makes a job that does as it is told."""
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)

    def job(name, what, *rest, **more):
        words = [sys.executable, "-S", program, tmp_path, what, name, *rest]
        return Job(name, [str(word) for word in words], tmp_path / "logs" / f"{name}.log", **more)

    return job


class Told:
    """Notes what a fleet tells."""

    def __init__(self):
        self.started, self.ended = [], []

    def callbacks(self):
        return {
            "on_start": lambda job: self.started.append(job.name),
            "on_end": lambda job, end: self.ended.append((job.name, end.state, end.again)),
        }


def when(path, action, *more):
    """Does something in a thread as soon as all files are there."""

    def wait():
        for _ in range(2000):
            if all(one.exists() for one in (path, *more)):
                return action()
            time.sleep(0.01)

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


def is_gone(pid):
    for _ in range(500):
        try:
            with open(f"/proc/{pid}/stat") as file:
                if file.read().rpartition(")")[2].split()[0] in "ZX":
                    return True
        except OSError:
            return True
        time.sleep(0.01)
    return False


class TestRunning:
    def test_so_many_at_once(self, job):
        ends = Fleet([job("a", "meet", "b"), job("b", "meet", "a")], at_once=2).run()
        assert {name: end.state for name, end in ends.items()} == {"a": FINISHED, "b": FINISHED}

    def test_and_no_more(self, job):
        ends = Fleet([job(name, "alone") for name in "abcd"]).run()
        assert {end.state for end in ends.values()} == {FINISHED}

    def test_nothing_is_soon_done(self):
        assert Fleet([]).run() == {}

    def test_in_order_and_told(self, job):
        told = Told()
        jobs = [job("a", "exit", 0), job("b", "exit", 1, "no"), job("c", "exit", 75)]
        ends = Fleet(jobs, **told.callbacks()).run()
        assert told.started == ["a", "b", "c"]
        assert told.ended == [("a", FINISHED, False), ("b", FAILED, False), ("c", STOPPED, False)]
        assert [ends[name].attempts for name in "abc"] == [1, 1, 1]
        assert all(0 < end.seconds < 60 for end in ends.values())

    def test_output_goes_to_the_log_and_is_kept(self, job, tmp_path):
        for _ in range(2):
            Fleet([job("a", "exit", 0, "second line")]).run()
        lines = (tmp_path / "logs/a.log").read_text().splitlines()
        assert len(lines) == 6
        assert lines[0].startswith("--- 2") and lines[0].endswith(" exit a 0 'second line'")
        assert sorted(lines[1:3]) == sorted(lines[4:6]) == ["first line", "second line"]

    def test_a_job_has_its_environment_no_input_and_a_session_of_its_own(self, job, tmp_path):
        Fleet([job("a", "show", environment={"SETTING": "7"})]).run()
        assert (tmp_path / "logs/a.log").read_text().splitlines()[1] == "7 True True"


class TestFailures:
    @pytest.mark.parametrize("code", [1, 2, 3, 128])
    def test_are_not_tried_again_and_say_why(self, job, code):
        end = Fleet([job("a", "exit", code, "train.py: --units=x: give numbers\n\n")]).run()["a"]
        assert end[:3] == (FAILED, "train.py: --units=x: give numbers", 1)

    def test_an_earlier_output_is_no_reason(self, job, tmp_path):
        (tmp_path / "logs").mkdir()
        (tmp_path / "logs/a.log").write_text("an old error\n")
        silent = job("a", "exit", 3)._replace(command=[sys.executable, "-c", "exit(3)"])
        assert Fleet([silent]).run()["a"].message == "exit code 3"

    def test_a_long_output_is_not_read_whole_or_shown_whole(self, job):
        end = Fleet([job("a", "exit", 1, "x" * 100_000)]).run()["a"]
        assert end.message == "x" * len(end.message) and 100 < len(end.message) < 500

    def test_a_program_that_is_not_there(self, job, tmp_path):
        told = Told()
        jobs = [job("a", "exit", 0)._replace(command=[str(tmp_path / "none")]), job("b", "alone")]
        ends = Fleet(jobs, **told.callbacks()).run()
        assert ends["a"].state == FAILED and "No such file" in ends["a"].message
        assert ends["b"].state == FINISHED
        assert told.ended[0] == ("a", FAILED, False)

    def test_a_log_that_cannot_be_written(self, job, tmp_path):
        (tmp_path / "logs").write_text("a file")
        assert Fleet([job("a", "exit", 0)]).run()["a"].state == FAILED

    def test_the_killed_are_started_again_behind_the_others(self, job, tmp_path):
        told = Told()
        jobs = [job("a", "die", 9, 2), job("b", "exit", 0)]
        ends = Fleet(jobs, retries=2, **told.callbacks()).run()
        assert (ends["a"].state, ends["a"].attempts, ends["a"].again) == (FINISHED, 3, False)
        assert told.started == ["a", "b", "a", "a"]
        assert told.ended[0] == ("a", KILLED, True) and told.ended[-1] == ("a", FINISHED, False)

    @pytest.mark.parametrize(("number", "name"), [(9, "SIGKILL"), (15, "SIGTERM"), (35, "35")])
    def test_but_not_for_ever(self, job, tmp_path, number, name):
        end = Fleet([job("a", "die", number, 99)], retries=1).run()["a"]
        assert (end.state, end.attempts) == (KILLED, 2)
        assert name in end.message and end.message.endswith("started 2 times")
        assert (tmp_path / "a").stat().st_size == 2

    @pytest.mark.parametrize(("code", "name"), [(137, "SIGKILL"), (143, "SIGTERM")])
    def test_an_exit_code_may_stand_for_a_signal(self, job, code, name):
        end = Fleet([job("a", "exit", code)], retries=1).run()["a"]
        assert end[:3] == (KILLED, f"killed by {name}, started 2 times", 2)

    def test_or_not_at_all(self, job):
        end = Fleet([job("a", "die", 9, 99)], retries=0).run()["a"]
        assert end[:3] == (KILLED, "killed by SIGKILL", 1)


class TestStopping:
    def test_all_save_and_none_starts(self, job, tmp_path):
        jobs = [job(name, "wait") for name in "abc"]
        herd = Fleet(jobs, at_once=2)
        thread = when(tmp_path / "a", herd.stop, tmp_path / "b")
        ends = herd.run()
        thread.join()
        assert herd.stopping
        assert [ends[name].state for name in "abc"] == [STOPPED, STOPPED, WAITING]
        assert [ends[name].message for name in "abc"] == ["saved", "saved", ""]
        assert not (tmp_path / "c").exists() and ends["c"].attempts == 0

    def test_before_the_start(self, job):
        told = Told()
        herd = Fleet([job("a", "exit", 0)], **told.callbacks())
        herd.stop()
        assert herd.run()["a"].state == WAITING and told.started == []

    def test_who_does_not_hear_is_killed_with_all_it_started(self, job, tmp_path):
        herd = Fleet([job("a", "deaf"), job("b", "wait")], at_once=2, grace=0.3)
        thread = when(tmp_path / "a", herd.stop, tmp_path / "b")
        ends = herd.run()
        thread.join()
        assert ends["a"].state == ends["b"].state == STOPPED
        assert "SIGKILL" in ends["a"].message and ends["b"].message == "saved"
        assert is_gone((tmp_path / "below").read_text())

    def test_asked_twice_it_kills_at_once(self, job, tmp_path):
        herd = Fleet([job("a", "deaf")], grace=1e6)

        def impatient():
            herd.stop()
            time.sleep(PAUSE + 0.1)
            herd.stop()

        thread = when(tmp_path / "a", impatient)
        assert "SIGKILL" in herd.run()["a"].message
        thread.join()

    def test_two_signals_at_once_are_one(self, job, tmp_path):
        herd = Fleet([job("a", "slow")], grace=1e6)

        def hang_up():
            herd.stop()
            herd.stop()

        thread = when(tmp_path / "a", hang_up)
        assert herd.run()["a"].state == STOPPED and (tmp_path / "saved").exists()
        thread.join()

    def test_dying_of_sigterm_is_stopping(self, job):
        sleeper = job("a", "exit")._replace(
            command=[sys.executable, "-S", "-c", "import time; time.sleep(60)"]
        )
        herd = Fleet([sleeper], on_start=lambda job: herd.stop())
        assert herd.run()["a"][:2] == (STOPPED, "killed by SIGTERM")

    def test_by_a_signal_that_its_handler_passes_on(self, job, tmp_path):
        herd = Fleet([job("a", "wait")])
        before = signal.signal(signal.SIGUSR1, lambda *_: herd.stop())
        try:
            thread = when(tmp_path / "a", lambda: os.kill(os.getpid(), signal.SIGUSR1))
            assert herd.run()["a"].state == STOPPED
            thread.join()
        finally:
            signal.signal(signal.SIGUSR1, before)

    def test_an_error_of_a_callback_leaves_no_process(self, job, tmp_path):
        def spoil(job, end):
            raise RuntimeError("no room for a line")

        jobs = [job("a", "deaf"), job("b", "meet", "a")]
        with pytest.raises(RuntimeError, match="no room"):
            Fleet(jobs, at_once=2, grace=0.2, on_end=spoil).run()
        assert is_gone((tmp_path / "below").read_text())

    def test_nor_does_it_take_time_from_those_that_save(self, job, tmp_path):
        def spoil(job, end):
            raise RuntimeError("no room for a line")

        herd = Fleet([job("a", "slow"), job("b", "wait")], at_once=2, on_end=spoil)
        thread = when(tmp_path / "a", herd.stop, tmp_path / "b")
        with pytest.raises(RuntimeError, match="no room"):
            herd.run()
        thread.join()
        assert (tmp_path / "saved").exists()


class TestLooking:
    def test_what_is_done_is_not_started(self, job):
        told = Told()
        jobs = [job("a", "exit", 1), job("b", "exit", 0)]
        look = {"a": DONE, "b": READY}
        ends = Fleet(jobs, look=lambda job: look[job.name], **told.callbacks()).run()
        assert (ends["a"].state, ends["a"].attempts) == (FINISHED, 0)
        assert told.started == ["b"]

    def test_what_others_work_on_takes_a_place_until_they_are_gone(self, job, monkeypatch):
        monkeypatch.setattr(fleet, "_LOOK_AGAIN", 0.05)
        told, looks = Told(), []

        def look(job):
            looks.append(job.name)
            return BUSY if job.name == "a" and looks.count("a") < 3 else READY

        jobs = [job("a", "exit", 0), job("b", "exit", 0)]
        ends = Fleet(jobs, look=look, **told.callbacks()).run()
        assert {end.state for end in ends.values()} == {FINISHED}
        assert told.started == ["a", "b"]
        assert looks == ["a", "a", "a", "b"]

    def test_and_no_other_place(self, job, monkeypatch):
        monkeypatch.setattr(fleet, "_LOOK_AGAIN", 0.05)
        told = Told()

        def look(job):
            return BUSY if job.name == "a" and "b" not in told.started else READY

        jobs = [job("a", "exit", 0), job("b", "exit", 0)]
        Fleet(jobs, at_once=2, look=look, **told.callbacks()).run()
        assert told.started == ["b", "a"]

    def test_stopping_does_not_wait_for_others(self, job):
        herd = Fleet([job("a", "exit", 0)], look=lambda job: BUSY)
        timer = threading.Timer(0.1, herd.stop)
        timer.start()
        assert herd.run()["a"].state == WAITING
        timer.join()
