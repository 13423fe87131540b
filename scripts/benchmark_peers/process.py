"""The driver's side of the conversation with a worker."""

from __future__ import annotations

import json
import select
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from benchmark_peers.peers import SCRIPTS, Row
from benchmark_peers.work import ERROR, MISSING, Work
from tgcarry.errors import TgcarryError


class BenchmarkError(TgcarryError):
    """Arises when the measurement as a whole makes no sense."""


class PeerMissing(TgcarryError):  # noqa: N818 - nothing went wrong
    """Arises when a worker cannot import what it measures."""


class PeerError(TgcarryError):
    """Arises when a worker fails, dies or does not answer in time."""


class Worker:
    """Starts a row's worker, asks it for things, and ends it.

    Args:
      row: whose worker.
      timeout: most seconds to wait for an answer.

    Raises:
      PeerMissing: the worker cannot import its framework.
      PeerError: it does not start.
    """

    def __init__(self, row: Row, timeout: float) -> None:
        self.row, self._timeout = row, timeout
        self.started = time.perf_counter()
        # Not a pipe, which would fill up and stop a worker that complains a lot.
        self._errors = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115
        try:
            self._process = subprocess.Popen(
                row.command(),
                # `-m` looks for modules here first.
                cwd=SCRIPTS,
                env=row.environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                text=True,
                encoding="utf-8",
            )
        except OSError as error:
            self._errors.close()
            raise PeerMissing(f"{row.label}: {error.strerror}") from error
        try:
            self.versions: dict[str, str] = self._hear()["versions"]
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the process."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.close()
            self._process.wait(5)
        except (subprocess.TimeoutExpired, BrokenPipeError):
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._errors.close()

    def prepare(self, work: Work, data: Path, options: dict[str, Any]) -> None:
        """Has the work made ready; `data` holds its arrays."""
        self._ask(do="prepare", work=work._asdict(), data=str(data), options=options)

    def run(self, times: int = 1) -> list[float]:
        """Has the work done and returns the seconds of each time."""
        seconds: list[float] = self._ask(do="run", times=times)["seconds"]
        return seconds

    def memory(self) -> int | None:
        """Returns the worker's peak memory in bytes, where it is known."""
        peak: int | None = self._ask(do="memory")["bytes"]
        return peak

    def gradients(self, path: Path) -> dict[str, np.ndarray]:
        """Has the work done once more and returns the gradients."""
        self._ask(do="gradients", path=str(path))
        with np.load(path) as data:
            found = {name: data[name] for name in data.files}
        path.unlink()
        return found

    def _ask(self, **request: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise PeerError(f"{self.row.label}: {self._last_words()}") from None
        return self._hear()

    def _hear(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        if not select.select([self._process.stdout], [], [], self._timeout)[0]:
            self._process.kill()
            raise PeerError(f"{self.row.label}: no answer within {self._timeout:g} s")
        line = self._process.stdout.readline()
        if not line:
            raise PeerError(f"{self.row.label}: {self._last_words()}")
        answer: dict[str, Any] = json.loads(line)
        if MISSING in answer:
            raise PeerMissing(f"{self.row.label}: {answer[MISSING]}")
        if ERROR in answer:
            raise PeerError(f"{self.row.label}: {answer[ERROR]}")
        return answer

    def _last_words(self) -> str:
        code = self._process.wait()
        self._errors.seek(0)
        said = [line.strip() for line in self._errors if line.strip()]
        ended = f"the worker was ended by signal {-code}" if code < 0 else f"exit code {code}"
        return f"{ended}: {said[-1][:300]}" if said else ended
