"""Signals that ask a job to end: the first one when it is ready to, the second one at once."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from types import FrameType, TracebackType
from typing import Any

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class StopSignals:
    """Notes SIGTERM and SIGINT while a `with` block runs, instead of dying of them.

        with StopSignals() as signals:
            while not signals.requested:
                ...

    A second signal ends the process at once, with the exit code that shells give to it
    (128 + its number), whatever the process is doing: the signals are read by a thread, since
    Python's own handlers wait for a call into TensorFlow to return. For a script's `main`, in
    the main thread only.

    Args:
      on_first: called once, in that thread, when the first signal has come.
    """

    def __init__(self, on_first: Callable[[], None] | None = None) -> None:
        self._on_first = on_first
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
            if self._event.is_set():
                os._exit(128 + received[0])
            self._event.set()
            if self._on_first is not None:
                self._on_first()


def _noted(number: int, frame: FrameType | None) -> None:
    """Does nothing: that there is a handler of Python's is what has the signal passed on."""
