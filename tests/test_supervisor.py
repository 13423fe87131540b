"""supervisor: ranks that are ended together, and started again together."""

import os
import signal
import sys
import threading
import time

import pytest

from tgcarry import supervisor
from tgcarry.signals import PAUSE
from tgcarry.supervisor import Rank, Supervisor

pytestmark = pytest.mark.slow

PROGRAM = """
import os, pathlib, signal, sys, time
place, what, number = pathlib.Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
starts = len(list(place.glob(f"start-{number}-*")))
(place / f"start-{number}-{starts}").write_text(str(os.getpid()))
print("rank", os.environ["RANK"], "start", starts, flush=True)

def stop(signal_number, frame):
    sys.exit(75)

def save(signal_number, frame):
    time.sleep(0.2)
    (place / f"saved-{number}").write_text("")
    sys.exit(75)

takes = {"deaf": signal.SIG_IGN, "saves": save}
signal.signal(signal.SIGTERM, takes.get(what, stop))
if what == "late" and number == 1 and not starts:
    os.kill(os.getpid(), signal.SIGSTOP)
if what == "far" and starts >= 4:
    sys.exit(0)
if what in ("finish", "late") or what.startswith("once") and starts:
    sys.exit(0)
if what == "once-killed" and number == 1:
    os.kill(os.getpid(), signal.SIGKILL)
if what == "once-stopped" and number == 1:
    os.kill(os.getpid(), signal.SIGSTOP)
if what.startswith("once") or what in ("lost", "far"):
    time.sleep(0.1)
    sys.exit(76)
if what == "fail" and number == 1:
    sys.exit("why it failed")
if what == "stops-itself" and number == 1:
    sys.exit(75)
if what == "stops-itself":
    time.sleep(0.1)
    sys.exit(75)
time.sleep(60)
"""


class Seen:
    def __init__(self, place, what, ranks=2, **options):
        path = place / "program.py"
        path.write_text(PROGRAM)
        command = [sys.executable, "-S", str(path), str(place), what]
        self.place, self.lines, self.texts = place, [], []
        self.supervisor = Supervisor(
            [Rank(n, [*command, str(n)], {"RANK": str(n)}) for n in range(ranks)],
            on_line=lambda rank, line: self.lines.append((rank, line)),
            on_text=self.texts.append,
            **{"farewell": 0.5, "grace": 20.0, **options},
        )

    def pids(self):
        return [int(path.read_text() or 0) for path in self.place.glob("start-*")]

    def wait_for(self, starts):
        deadline = time.monotonic() + 30
        while len(self.pids()) < starts or not all(self.pids()):
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def check_gone(self):
        for pid in self.pids():
            with pytest.raises(ProcessLookupError):
                os.kill(pid, 0)


def test_ranks_that_finish_make_a_job_that_has(tmp_path):
    seen = Seen(tmp_path, "finish", ranks=3)
    assert seen.supervisor.run() == 0
    deadline = time.monotonic() + 10
    while len(seen.lines) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert sorted(seen.lines) == [(n, f"rank {n} start 0") for n in range(3)]
    assert seen.texts == []


@pytest.mark.parametrize(
    ("what", "why"),
    [
        ("once-killed", "rank 1 was killed by SIGKILL: all ranks start again (1 of 3)"),
        ("once-stopped", "rank 0 lost another one: all ranks start again (1 of 3)"),
    ],
)
def test_when_one_is_lost_all_start_again(tmp_path, what, why):
    seen = Seen(tmp_path, what)
    assert seen.supervisor.run() == 0
    assert seen.texts in (
        [why],
        [why.replace("rank 0 lost another one", "rank 1 was killed by SIGKILL")],
    )
    assert len(seen.pids()) == 4
    seen.check_gone()


def test_a_rank_that_is_stopped_when_the_others_have_finished_is_no_hang(tmp_path):
    seen = Seen(tmp_path, "late", ranks=3, lag=0.5)
    began = time.monotonic()
    assert seen.supervisor.run() == 0
    assert time.monotonic() - began < 15
    assert seen.texts == ["rank 1 was killed by SIGKILL: all ranks start again (1 of 3)"]
    seen.check_gone()


def test_a_job_that_is_lost_again_and_again_fails(tmp_path):
    seen = Seen(tmp_path, "lost", retries=1)
    assert seen.supervisor.run() == 1
    assert len(seen.texts) == 2 and "(1 of 1)" in seen.texts[0]
    assert seen.texts[1].endswith("lost another one, 2 times: see its lines above")


def test_what_is_lost_after_work_is_counted_anew(tmp_path):
    seen = Seen(tmp_path, "far", ranks=1, retries=1, worked=0.05)
    assert seen.supervisor.run() == 0
    assert len(seen.pids()) == 5


def test_a_rank_that_fails_ends_the_job_and_the_others(tmp_path):
    seen = Seen(tmp_path, "fail")
    assert seen.supervisor.run() == 1
    assert seen.texts == ["rank 1 failed with exit code 1: see its lines above"]
    assert (1, "why it failed") in seen.lines
    seen.check_gone()


@pytest.mark.parametrize(("what", "asked"), [("wait", 1), ("deaf", 2)])
def test_a_stop_is_passed_on_and_a_second_one_kills(tmp_path, what, asked):
    seen = Seen(tmp_path, what)

    def stop():
        seen.wait_for(2)
        # What is started has to have said how it takes the signal.
        time.sleep(0.3)
        for _ in range(asked):
            seen.supervisor.stop()
            time.sleep(PAUSE + 0.1)

    threading.Thread(target=stop).start()
    began = time.monotonic()
    assert seen.supervisor.run() == 75
    assert time.monotonic() - began < 15 and seen.texts == []
    seen.check_gone()


def test_two_signals_at_once_are_one(tmp_path):
    seen = Seen(tmp_path, "saves")

    def hang_up():
        seen.wait_for(2)
        time.sleep(0.3)
        seen.supervisor.stop()
        seen.supervisor.stop()

    threading.Thread(target=hang_up).start()
    assert seen.supervisor.run() == 75
    assert len(list(tmp_path.glob("saved-*"))) == 2
    seen.check_gone()


def test_ranks_with_others_elsewhere_start_again_for_as_long_as_was_said(tmp_path, monkeypatch):
    monkeypatch.setattr(supervisor, "_LONGEST_PAUSE", 0.1)
    seen = Seen(tmp_path, "far", ranks=1, retries=1, persistence=60.0)
    assert seen.supervisor.run() == 0
    assert len(seen.pids()) == 5
    assert seen.texts[-1] == (
        "rank 0 lost another one: all ranks start again (4 of 1 or more within 60 s)"
    )


@pytest.mark.parametrize(("retries", "starts"), [(0, 1), (2, 3)])
def test_and_no_longer(tmp_path, monkeypatch, retries, starts):
    monkeypatch.setattr(supervisor, "_LONGEST_PAUSE", 0.1)
    seen = Seen(tmp_path, "lost", ranks=1, retries=retries, persistence=0.2)
    assert seen.supervisor.run() == 1
    assert len(seen.pids()) == starts


def test_a_stop_between_two_starts_is_heard(tmp_path):
    seen = Seen(tmp_path, "lost", ranks=1, persistence=1e6)
    seen.supervisor._on_text = lambda text: seen.supervisor.stop()
    assert seen.supervisor.run() == 75
    assert len(seen.pids()) == 1


def test_what_does_not_stop_in_time_is_killed(tmp_path):
    seen = Seen(tmp_path, "deaf", grace=0.2)
    threading.Thread(target=lambda: (seen.wait_for(2), seen.supervisor.stop())).start()
    assert seen.supervisor.run() == 75
    seen.check_gone()


def test_ranks_that_stop_by_themselves_are_to_be_run_again(tmp_path):
    seen = Seen(tmp_path, "stops-itself")
    assert seen.supervisor.run() == 75
    assert seen.texts == []


def test_an_error_in_a_callback_leaves_no_rank_behind(tmp_path):
    seen = Seen(tmp_path, "once-killed")

    def fail(text):
        raise OSError(text)

    seen.supervisor._on_text = fail
    with pytest.raises(OSError, match="start again"):
        seen.supervisor.run()
    seen.check_gone()


def test_ranks_stop_when_their_supervisor_is_killed(tmp_path):
    program = f"""
import sys
sys.path[:0] = {[p for p in sys.path if p]!r}
from pathlib import Path
from _bare import bare_package
bare_package()
from test_supervisor import Seen
Seen(Path({str(tmp_path)!r}), "wait").supervisor.run()
"""
    child = os.spawnv(os.P_NOWAIT, sys.executable, [sys.executable, "-c", program])
    seen = Seen(tmp_path, "wait")
    seen.wait_for(2)
    time.sleep(0.3)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    deadline = time.monotonic() + 10
    for pid in seen.pids():
        while _is_running(pid):
            assert time.monotonic() < deadline
            time.sleep(0.05)


def _is_running(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
