"""Processes run side by side, so many at a time; stopped together, and started again when killed.

Needs no TensorFlow, and no knowledge of what the processes do.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import NamedTuple

from tgcarry.signals import PAUSE

STOPPED_ON_REQUEST = 75
"""Exit code of a process that did as SIGTERM asked and wants to be run again."""

FINISHED, STOPPED, FAILED, KILLED, WAITING = "finished", "stopped", "failed", "killed", "waiting"
READY, BUSY, DONE = "ready", "busy", "done"

# An exit code above this stands for a signal.
_SIGNALLED = 128
# Seconds between two looks at jobs that somebody else's processes work on.
_LOOK_AGAIN = 1.0
# What is read of a log's end, and shown of its last line.
_TAIL, _LINE = 1 << 14, 300


class Job(NamedTuple):
    """Describes a process to run."""

    name: str
    command: Sequence[str]
    log: Path
    """Where standard output and error are added."""
    environment: Mapping[str, str] = {}
    """Added to this process's own."""


class End(NamedTuple):
    """Tells how a job ended."""

    state: str
    """FINISHED (exit code 0), STOPPED (asked to), FAILED, KILLED (by a signal), or WAITING: not
    started."""
    message: str = ""
    """What it said last, or which signal killed it; empty if it finished."""
    attempts: int = 0
    """Times that it was started."""
    seconds: float = 0.0
    """From the last start to the end."""
    again: bool = False
    """Whether it will be started once more, in `on_end`."""


class _Running(NamedTuple):
    process: subprocess.Popen[bytes]
    began: float
    log_size: int


class Fleet:
    """Runs jobs to their ends.

    Each job is a session of its own, so that a terminal's Ctrl-C reaches this process alone,
    which passes it on as SIGTERM. A job that a signal killed goes to the end of the queue, and
    is started at most `retries` times more; one that failed by its own account is not.

    Args:
      jobs: in the order in which to start them; their names differ.
      at_once: processes at a time.
      retries: further starts of a job that is killed.
      grace: seconds between SIGTERM and SIGKILL when stopping.
      on_start: called with the job before each start of a process.
      on_end: called with the job and how it ended, after each of its processes.
      look: called before a job is started: READY, DONE (it counts as finished, nothing is
        started), or BUSY (some other process works on it; it takes a place, and is looked at
        again until it is not).
    """

    def __init__(
        self,
        jobs: Sequence[Job],
        *,
        at_once: int = 1,
        retries: int = 3,
        grace: float = 60.0,
        on_start: Callable[[Job], None] = lambda job: None,
        on_end: Callable[[Job, End], None] = lambda job, end: None,
        look: Callable[[Job], str] = lambda job: READY,
    ) -> None:
        self._waiting = list(jobs)
        self._jobs = {job.name: job for job in jobs}
        self._at_once = at_once
        self._retries = retries
        self._grace = grace
        self._on_start = on_start
        self._on_end = on_end
        self._look = look
        self._running: dict[str, _Running] = {}
        self._starts = dict.fromkeys(self._jobs, 0)
        self._ends = {name: End(WAITING) for name in self._jobs}
        self._deadline: float | None = None
        self._asked = 0.0
        # A name and an exit code, or None: stop. Of the queues the one that a signal's handler
        # may put into.
        self._events: SimpleQueue[tuple[str, int] | None] = SimpleQueue()

    @property
    def stopping(self) -> bool:
        """Whether `stop` was called, and heard."""
        return self._deadline is not None

    def stop(self) -> None:
        """Has all jobs stop and none start; called again, kills at once.

        A call within `signals.PAUSE` seconds of the first is taken for the same. May be called by
        a signal's handler and from any thread.
        """
        self._events.put(None)

    def run(self) -> dict[str, End]:
        """Runs all jobs and returns how each ended, by name.

        Whatever a callback raises is raised here, after all processes were stopped.
        """
        try:
            self._run()
        except BaseException:
            if not self.stopping:
                self._begin_to_stop()
            while self._running:
                self._hear(quiet=True)
            raise
        return dict(self._ends)

    def _run(self) -> None:
        while True:
            # What has happened counts before anything is started.
            while not self._events.empty():
                self._hear()
            busy = 0 if self.stopping else self._fill()
            if not self._running and (self.stopping or not self._waiting):
                return
            self._hear(_LOOK_AGAIN if busy else None)

    def _fill(self) -> int:
        """Starts what there is room for; returns how many places others' processes take."""
        waiting, self._waiting = self._waiting, []
        busy: list[Job] = []
        while waiting and len(self._running) + len(busy) < self._at_once:
            job = waiting.pop(0)
            found = self._look(job)
            if found == BUSY:
                busy.append(job)
            elif found == DONE:
                self._ends[job.name] = End(FINISHED, attempts=self._starts[job.name])
            else:
                self._start(job)
        # In front, so that they are counted the next time, too.
        self._waiting = [*busy, *waiting]
        return len(busy)

    def _start(self, job: Job) -> None:
        self._starts[job.name] += 1
        self._on_start(job)
        began = time.monotonic()
        try:
            job.log.parent.mkdir(parents=True, exist_ok=True)
            with job.log.open("ab") as log:
                stamp = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
                log.write(f"--- {stamp}: {shlex.join(job.command)}\n".encode())
                log.flush()
                size = log.tell()
                process = subprocess.Popen(
                    job.command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env={**os.environ, **job.environment},
                    start_new_session=True,
                )
        except OSError as error:
            self._end(job, End(FAILED, f"cannot be started: {error}", self._starts[job.name]))
            return
        self._running[job.name] = _Running(process, began, size)
        threading.Thread(target=self._watch, args=(job.name, process), daemon=True).start()

    def _watch(self, name: str, process: subprocess.Popen[bytes]) -> None:
        self._events.put((name, process.wait()))

    def _hear(self, timeout: float | None = None, quiet: bool = False) -> None:
        """Waits for something to happen, and deals with it."""
        if self._deadline is not None:
            timeout = max(0.0, self._deadline - time.monotonic())
        try:
            event = self._events.get(timeout=timeout)
        except Empty:
            if self.stopping:
                self._kill()
            return
        if event is None:
            self._begin_to_stop()
            return
        name, code = event
        end = self._judge(name, code)
        if end.again:
            self._waiting.append(self._jobs[name])
        if quiet:
            self._ends[name] = end
        else:
            self._end(self._jobs[name], end)

    def _end(self, job: Job, end: End) -> None:
        self._ends[job.name] = end._replace(again=False)
        self._on_end(job, end)

    def _judge(self, name: str, code: int) -> End:
        ended = self._running.pop(name)
        seconds, starts = time.monotonic() - ended.began, self._starts[name]
        if code > _SIGNALLED:
            # How shells, and a process that is asked twice, put it.
            code = _SIGNALLED - code
        if code == 0:
            return End(FINISHED, "", starts, seconds)
        if code > 0:
            state = STOPPED if code == STOPPED_ON_REQUEST else FAILED
            said = _last_line(self._jobs[name].log, ended.log_size) or f"exit code {code}"
            return End(state, said, starts, seconds)
        what = f"killed by {_signal_name(-code)}"
        if self.stopping:
            if -code == signal.SIGKILL:
                what += ", as it had not stopped in time"
            return End(STOPPED, what, starts, seconds)
        again = starts <= self._retries
        if not again and starts > 1:
            what += f", started {starts} times"
        return End(KILLED, what, starts, seconds, again)

    def _begin_to_stop(self) -> None:
        now = time.monotonic()
        if self._deadline is not None:
            if now - self._asked > PAUSE:
                self._deadline = now
            return
        self._asked, self._deadline = now, now + self._grace
        for running in self._running.values():
            with suppress(ProcessLookupError):
                running.process.terminate()

    def _kill(self) -> None:
        for running in self._running.values():
            # With what it may have started; the session's number is that of its first process.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(running.process.pid, signal.SIGKILL)
        # They end now; until all have been heard of there is nothing else to do.
        self._deadline = time.monotonic() + _LOOK_AGAIN


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _last_line(log: Path, after: int) -> str:
    """Reads the last line of a log that is not blank, behind a place in it."""
    try:
        with log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(after, size - _TAIL))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:_LINE] if lines else ""
