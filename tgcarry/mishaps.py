"""What a job does where a number is not finite, or where something cannot be written."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

from tgcarry import logs
from tgcarry.checkpoints import Checkpoints
from tgcarry.diagnosis import diagnose, read_weights, save_evidence
from tgcarry.drive import BadNumbers
from tgcarry.errors import DataError, LogError, NumericsError
from tgcarry.joint_checkpoints import JointCheckpoints
from tgcarry.model import Model
from tgcarry.options import JobOptions

# Sweeps in a row that may be left out before a job is taken for lost.
_MOST_BAD = 10
# Seconds before the same complaint is told again.
_PATIENCE = 60.0


class Mishaps:
    """Decides as a job's options say, and tells of what happened.

    Args:
      care: the options.
      model: whose chunks are diagnosed.
      tell: called with a line.
      streams: whether the job shares out streams, or is one process alone; a sequence whose
        chunks lie on different ranks can do less.

    Attributes:
      skipped: sweeps that were left out.
      in_a_row: those since the last optimiser step.
      unsaved: what kept the last checkpoint from being written; with it, a job has not finished.
    """

    def __init__(
        self, care: JobOptions, model: Model, tell: Callable[[str], None], streams: bool = True
    ) -> None:
        self._streams = streams
        self._care = care
        self._model = model
        self._tell = tell
        self.skipped = self.in_a_row = 0
        self.unsaved: LogError | None = None
        self._told: dict[str, float] = {}

    def begin(
        self, session: Any, log: logs.LogWriter, checkpoints: Checkpoints | JointCheckpoints
    ) -> None:
        """Takes what a job has when it begins."""
        self._session, self._log, self._checkpoints = session, log, checkpoints

    def bad_numbers(self, bad: BadNumbers) -> Literal["stop", "skip"]:
        """Reports a number that is not finite, and decides what becomes of its sweep.

        Raises:
          NumericsError: the job is to stop.
        """
        if isinstance(bad.error, DataError):
            return self._bad_data(bad.error, bad.step)
        self.in_a_row += 1
        lost = self.in_a_row > _MOST_BAD
        action = "stop" if lost else self._care.on_nan
        what, kept = self._diagnosed(bad)
        chunk = None if bad.at is None else bad.at.data.number
        with self.tolerated():
            self._log.note("bad", bad.step, {"chunk": chunk, "what": what, "action": action})
        what = f"{what} ({kept})" if kept else what
        if action == "stop":
            raise NumericsError(f"{what}: {self._advice(lost)}")
        if action == "rollback":
            self._checkpoints.restore(self._session, milestone=True)
        self.skipped += 1
        self._tell(f"{what}: {_DONE[action]}")
        return "skip"

    def _bad_data(self, error: DataError, step: int) -> Literal["stop", "skip"]:
        action: Literal["stop", "skip"] = "stop" if self._care.on_nan == "stop" else "skip"
        with self.tolerated():
            self._log.note("bad", step, {"chunk": None, "what": str(error), "action": action})
        return action

    @contextmanager
    def tolerated(self) -> Iterator[None]:
        """Goes on where something could not be written, if the job is to."""
        try:
            yield
        except LogError as error:
            if self._care.on_storage_error == "stop":
                raise
            self.unsaved = error
            now, text = time.monotonic(), str(error)
            if now - self._told.get(text, -_PATIENCE) >= _PATIENCE:
                self._told[text] = now
                self._tell(f"{text}; going on without")

    def raise_unsaved(self) -> None:
        """Raises what kept the last thing that was to be written from being so, if anything."""
        if self.unsaved is not None:
            raise self.unsaved

    def _advice(self, lost: bool) -> str:
        if lost:
            return (
                f"{_MOST_BAD} sweeps in a row were left out before it: the weights are past help; "
                f"begin anew with a lower learning rate, --clip_norm or --clip_carry"
            )
        if not self._streams:
            return "check the data, lower the learning rate, or clip (--clip_norm)"
        return (
            "check the data, lower the learning rate, clip (--clip_norm, --clip_carry), or leave "
            "such sweeps out (--on_nan=skip)"
        )

    def _diagnosed(self, bad: BadNumbers) -> tuple[str, str]:
        """Says in a line what went bad where, and in which file it is kept, or why not."""
        if bad.at is None:
            return str(bad.error), ""
        ready, state, upstream = bad.at
        found = diagnose(
            self._model.chunk,
            self._session,
            ready.arrays,
            state,
            upstream,
            number=ready.number,
        )
        kept = save_evidence(
            self._log.folder,
            ready.number,
            found,
            ready.arrays,
            state,
            upstream,
            weights=read_weights(self._model.chunk, self._session),
        )
        return str(found), kept.problem or str(kept.path)


_DONE = {
    "skip": "this sweep is left out",
    "rollback": "this sweep is left out, and the weights are those of the last validation",
}
