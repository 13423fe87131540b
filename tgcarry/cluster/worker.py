"""A thread that makes calls which may hang, and can be left to itself then."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

_Result = TypeVar("_Result")


class Begun(Generic[_Result]):
    """Is a call that a worker makes, or will make."""

    def __init__(self, call: Callable[[], _Result]) -> None:
        self._call: Callable[[], _Result] | None = call
        self._ended = threading.Event()
        self._result: Any = None
        self._error: BaseException | None = None

    @property
    def ended(self) -> bool:
        """Says whether it was made."""
        return self._ended.is_set()

    def wait(self, seconds: float) -> bool:
        """Waits until it was made, for some time; says whether it was."""
        return self._ended.wait(seconds)

    def make(self) -> None:
        """Makes the call; its error is raised where the result is asked for."""
        call, self._call = self._call, None
        assert call is not None
        try:
            self._result = call()
        except BaseException as error:
            self._error = error
        self._ended.set()

    def result(self, seconds: float) -> _Result:
        """Waits for the call's result.

        Raises:
          TimeoutError: it has not returned in time.
        """
        if not self._ended.wait(seconds):
            raise TimeoutError(f"no answer for {seconds:g} s")
        if self._error is not None:
            raise self._error
        result: _Result = self._result
        return result


class Worker:
    """Makes calls in a thread of their own, one after another.

    Args:
      name: of the thread.
    """

    def __init__(self, name: str = "tgcarry ranks") -> None:
        self._calls: queue.SimpleQueue[Begun[Any] | None] = queue.SimpleQueue()
        threading.Thread(target=self._serve, name=name, daemon=True).start()

    def begin(self, call: Callable[[], _Result]) -> Begun[_Result]:
        """Has a call made when those before it are, and does not wait for it."""
        begun = Begun(call)
        self._calls.put(begun)
        return begun

    def within(self, seconds: float, call: Callable[[], _Result]) -> _Result:
        """Makes a call and returns its result.

        Raises:
          TimeoutError: it has not returned in time; the thread is lost.
        """
        return self.begin(call).result(seconds)

    def close(self) -> None:
        """Has the thread end, if it can."""
        self._calls.put(None)

    def _serve(self) -> None:
        while (begun := self._calls.get()) is not None:
            begun.make()
            # Nothing of the last call is held while waiting for the next one.
            del begun
