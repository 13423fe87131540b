"""The ranks of one job as processes: ended together, and started again together.

Needs no TensorFlow, and no knowledge of what the processes do but their exit codes.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import IO, NamedTuple

from tgcarry.signals import PAUSE

FINISHED, FAILED = 0, 1
STOPPED_ON_REQUEST = 75
"""Exit code of a rank that has saved, and wants to be run again."""
LOST_A_RANK = 76
"""Exit code of a rank that has lost another one: all are to be started again."""

# An exit code above this stands for a signal.
_SIGNALLED = 128
# Seconds in which a line is read that a rank has written.
_LAST_WORDS = 1.0
# The longest pause in seconds before ranks start again that have others elsewhere.
_LONGEST_PAUSE = 15.0
_PR_SET_PDEATHSIG = 1


class Rank(NamedTuple):
    """Describes a process."""

    number: int
    command: Sequence[str]
    environment: Mapping[str, str] = {}
    """Added to this process's own."""


class Supervisor:
    """Runs the ranks of a job until all of them have finished.

    When one is killed, or loses another, all end and are started again; what they go on from is
    theirs to know. When one fails by its own account, all end, and so does the job. A rank that
    does not end when another has is killed, be it stopped or hung: soon if the other was lost,
    later if it has finished. The ranks are asked to stop when this process is killed.

    Args:
      ranks: those that run on this machine.
      retries: further starts of all, one after another; not counting those of jobs that had
        worked.
      worked: seconds of running after which a job has; more than ranks may spend on nothing but
        waiting for one another.
      persistence: seconds from the first of several losses on in which further starts are not
        counted, and come after pauses: for ranks that have others elsewhere, who may take as long
        to notice what was lost. Without retries nothing starts again all the same.
      grace: seconds between SIGTERM and SIGKILL when stopping.
      farewell: seconds that ranks have to end when one of them was lost.
      lag: seconds that ranks have to end when one of them has finished.
      on_line: called with a rank's number and a line that it wrote, from several threads.
      on_text: called with a line on what happened.
    """

    def __init__(
        self,
        ranks: Sequence[Rank],
        *,
        retries: int = 3,
        worked: float = 600.0,
        persistence: float = 0.0,
        grace: float = 60.0,
        farewell: float = 15.0,
        lag: float = 360.0,
        on_line: Callable[[int, str], None],
        on_text: Callable[[str], None],
    ) -> None:
        self._ranks = list(ranks)
        self._retries, self._worked = retries, worked
        self._persistence, self._grace = persistence, grace
        self._farewell, self._lag = farewell, lag
        self._on_line, self._on_text = on_line, on_text
        self._running: dict[int, subprocess.Popen[bytes]] = {}
        self._codes: dict[int, int] = {}
        self._deadline: float | None = None
        self._stopping, self._asked = False, 0.0
        # A rank's number and exit code, or None: stop. Of the queues the one that a signal's
        # handler may put into.
        self._events: SimpleQueue[tuple[int, int] | None] = SimpleQueue()

    def stop(self) -> None:
        """Has all ranks stop, and none start again; called again, kills at once.

        A call within `signals.PAUSE` seconds of the first is taken for the same, since whoever
        asks may send more than one signal. May be called by a signal's handler and from any
        thread.
        """
        self._events.put(None)

    def run(self) -> int:
        """Runs the ranks; returns the job's exit code."""
        try:
            starts, since = 0, 0.0
            while True:
                began = time.monotonic()
                self._start()
                while self._running:
                    self._hear()
                again, code, why = self._verdict()
                ended = time.monotonic()
                starts = 1 if ended - began > self._worked else starts + 1
                since = ended if starts == 1 else since
                if not again or self._is_enough(starts, ended - since):
                    break
                more = f" or more within {self._persistence:g} s" if self._persistence else ""
                self._on_text(f"{why}: all ranks start again ({starts} of {self._retries}{more})")
                self._pause(starts)
                if self._stopping:
                    code = STOPPED_ON_REQUEST
                    break
        finally:
            self._end_all()
        if code not in (FINISHED, STOPPED_ON_REQUEST):
            tried = f", {starts} times" if starts > 1 and again else ""
            self._on_text(f"{why}{tried}: see its lines above")
        return code

    def _is_enough(self, starts: int, seconds: float) -> bool:
        """Says whether to give up after so many losses, the first so many seconds ago."""
        return starts > self._retries and (seconds >= self._persistence or not self._retries)

    def _pause(self, starts: int) -> None:
        """Leaves ranks elsewhere some time; a wish to stop ends it."""
        if not self._persistence:
            return
        with suppress(Empty):
            self._events.get(timeout=min(2.0 ** (starts - 1), _LONGEST_PAUSE))
            # There is no rank left that could have ended.
            self._begin_to_stop()

    def _start(self) -> None:
        self._codes, self._deadline = {}, None
        for rank in self._ranks:
            process = subprocess.Popen(
                rank.command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env={**os.environ, **rank.environment},
                start_new_session=True,
                # One system call, which takes no lock that a thread may hold.
                preexec_fn=_ends_with_parent(),  # noqa: PLW1509
            )
            self._running[rank.number] = process
            known = rank.number, process
            reader = threading.Thread(target=self._read, args=known, daemon=True)
            reader.start()
            threading.Thread(target=self._watch, args=(*known, reader), daemon=True).start()

    def _watch(
        self, number: int, process: subprocess.Popen[bytes], reader: threading.Thread
    ) -> None:
        code = process.wait()
        # Its last line says why it ended. A child of its own may hold the pipe open for ever.
        reader.join(_LAST_WORDS)
        self._events.put((number, code))

    def _read(self, number: int, process: subprocess.Popen[bytes]) -> None:
        stream: IO[bytes] | None = process.stdout
        assert stream is not None
        with stream:
            for line in stream:
                self._on_line(number, line.decode("utf-8", "replace").rstrip("\r\n"))

    def _hear(self) -> None:
        """Waits for something to happen, and deals with it."""
        left = None if self._deadline is None else max(0.0, self._deadline - time.monotonic())
        try:
            event = self._events.get(timeout=left)
        except Empty:
            self._kill()
            return
        if event is None:
            self._begin_to_stop()
            return
        number, code = event
        del self._running[number]
        self._codes[number] = _SIGNALLED - code if code > _SIGNALLED else code
        if not self._stopping:
            ended_well = code in (FINISHED, STOPPED_ON_REQUEST)
            until = time.monotonic() + (self._lag if ended_well else self._farewell)
            # Nobody but this process waits for a rank that was stopped when its work was done.
            self._deadline = until if self._deadline is None else min(self._deadline, until)

    def _begin_to_stop(self) -> None:
        now = time.monotonic()
        if self._stopping:
            if now - self._asked > PAUSE:
                self._deadline = now
            return
        self._stopping, self._asked, self._deadline = True, now, now + self._grace
        for process in self._running.values():
            with suppress(ProcessLookupError):
                process.terminate()
                # One that was stopped could not hear it.
                process.send_signal(signal.SIGCONT)

    def _kill(self) -> None:
        for process in self._running.values():
            # With what it may have started; the session's number is that of its first process.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
        # They end now; until all have been heard of there is nothing else to do.
        self._deadline = time.monotonic() + self._farewell

    def _end_all(self) -> None:
        while self._running:
            self._kill()
            self._hear()

    def _verdict(self) -> tuple[bool, int, str]:
        """Says whether to start again, with which code to end otherwise, and why."""
        failed = {n: c for n, c in self._codes.items() if 0 < c <= _SIGNALLED}
        for number, code in sorted(failed.items()):
            if code not in (STOPPED_ON_REQUEST, LOST_A_RANK):
                return False, code, f"rank {number} failed with exit code {code}"
        if self._stopping:
            done = all(code == FINISHED for code in self._codes.values())
            return False, FINISHED if done else STOPPED_ON_REQUEST, "stopped"
        # The first to end is the cause; the others only followed.
        for number, code in self._codes.items():
            if code < 0:
                return True, FAILED, f"rank {number} was killed by {_signal_name(-code)}"
        for number, code in self._codes.items():
            if code == LOST_A_RANK:
                return True, FAILED, f"rank {number} lost another one"
        stopped = STOPPED_ON_REQUEST in self._codes.values()
        return False, STOPPED_ON_REQUEST if stopped else FINISHED, ""


def _ends_with_parent() -> Callable[[], None] | None:
    """Makes what has the kernel ask a new process to stop when this one is gone."""
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None).prctl

    def ask() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)

    return ask


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
