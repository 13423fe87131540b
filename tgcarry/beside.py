"""A second thread that works only while the first one waits for a session call."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from queue import SimpleQueue

Work = Iterable[Callable[[], None]]


class Beside:
    """Runs functions in a thread of its own, between `start` and `finish`.

    What they raise is dropped: they are to do in advance what the caller would do for itself
    anyway, who then meets the same error where it belongs. The thread is made at the first
    `start`, and ends at `close`; it never outlives Python.
    """

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None
        self._work: SimpleQueue[Work | None] = SimpleQueue()
        self._done: SimpleQueue[bool] = SimpleQueue()
        self._busy = False

    def start(self, work: Work) -> None:
        """Has some functions called, one after another, beside what the caller does next."""
        self.finish()
        if self._thread is None:
            self._thread = threading.Thread(target=self._serve, name="tgcarry", daemon=True)
            self._thread.start()
        self._busy = True
        self._work.put(work)

    def finish(self) -> bool:
        """Waits until the work that was started is done; False if a part of it failed."""
        if not self._busy:
            return True
        succeeded = self._done.get()
        self._busy = False
        return succeeded

    def close(self) -> None:
        """Ends the thread, after the work that it is at."""
        thread, self._thread, self._busy = self._thread, None, False
        if thread is not None:
            self._work.put(None)
            thread.join()
            self._work, self._done = SimpleQueue(), SimpleQueue()

    def _serve(self) -> None:
        while (work := self._work.get()) is not None:
            try:
                for function in work:
                    function()
            # Whatever it is, the caller waits to be told.
            except BaseException:
                self._done.put(False)
            else:
                self._done.put(True)
