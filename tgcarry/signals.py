"""Signals that ask a job to end: the first one when it is ready to, the second one at once."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from contextlib import suppress
from types import FrameType, TracebackType
from typing import Any

SIGNALS = (signal.SIGTERM, signal.SIGINT)
PAUSE = 0.5
"""Seconds from the first signal on in which another one means nothing more."""


class StopSignals:
    """Notes SIGTERM and SIGINT while a `with` block runs, instead of dying of them.

        with StopSignals() as signals:
            while not signals.requested:
                ...

    A second signal ends the process at once, with the exit code that shells give to it
    (128 + its number), whatever the process is doing: the signals are read by a thread, since
    Python's own handlers wait for a call into TensorFlow to return. One that comes within
    `PAUSE` seconds of the first is taken for the same: a scheduler may signal all processes of a
    job, and their parent passes its own on. For a script's `main`, in the main thread only.
    """

    def __init__(self) -> None:
        self._first = 0.0
        self._event = threading.Event()
        self._handlers: dict[int, Any] = {}
        self._wakeup = -1

    @property
    def requested(self) -> bool:
        """Says whether a signal has come."""
        return self._event.is_set()

    def __enter__(self) -> StopSignals:
        self._reading, self._writing = socket.socketpair()
        self._writing.setblocking(False)
        self._wakeup = signal.set_wakeup_fd(self._writing.fileno(), warn_on_full_buffer=False)
        self._handlers = {number: signal.signal(number, _noted) for number in SIGNALS}
        self._thread = threading.Thread(target=self._watch, name="tgcarry signals", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._wakeup)
        with suppress(OSError):
            self._writing.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._reading.close()
        self._writing.close()

    def _watch(self) -> None:
        while received := self._reading.recv(1):
            if received[0] not in SIGNALS:
                continue
            if not self._event.is_set():
                self._first = time.monotonic()
                self._event.set()
            elif time.monotonic() - self._first > PAUSE:
                os._exit(128 + received[0])


def _noted(number: int, frame: FrameType | None) -> None:
    """Does nothing: that there is a handler of Python's is what has the signal passed on."""
