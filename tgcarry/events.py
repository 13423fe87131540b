"""TensorBoard's event files, written in step with the run."""

from __future__ import annotations

import itertools
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tgcarry.histograms import histogram

_VERSION = "brain.Event:2"


class EventFile:
    """Appends events to a new file in a folder.

    TensorFlow's own writer works in a thread, whose errors end up on standard error and reach
    the caller late or never; this one raises them where they arise. What could not be written
    ends its file: later events go into another one, so that no reader stumbles over half an
    event.

    Args:
      folder: made if missing.
      resumed_at: the step that a run goes on from: has TensorBoard leave out what was written
        beyond it before. None for a run that begins.

    Raises:
      OSError, tf.errors.OpError: it cannot be written.
    """

    def __init__(self, folder: Path, resumed_at: int | None = None) -> None:
        self._folder = folder
        self._numbers = itertools.count()
        self._file: Any = None
        folder.mkdir(parents=True, exist_ok=True)
        if resumed_at is not None:
            start = tf.SessionLog(status=tf.SessionLog.START)
            self._write(tf.Event(step=resumed_at + 1, session_log=start))

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Adds a number per tag.

        Raises:
          OSError, tf.errors.OpError: they could not be written.
        """
        self._add(step, [tf.Summary.Value(tag=t, simple_value=v) for t, v in values.items()])

    def histograms(self, step: int, values: Mapping[str, np.ndarray]) -> None:
        """Adds a histogram per tag, of arrays of any shape; raises likewise."""
        shown = [tf.Summary.Value(tag=t, histo=histogram(v)) for t, v in values.items()]
        self._add(step, shown)

    def flush(self) -> None:
        """Has everything written where TensorBoard finds it; raises likewise."""
        if self._file is not None:
            self._guarded(self._file.flush)

    def close(self) -> None:
        """Ends the file; raises likewise."""
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def _add(self, step: int, values: list[tf.Summary.Value]) -> None:
        self._write(tf.Event(step=step, summary=tf.Summary(value=values)))

    def _write(self, event: tf.Event) -> None:
        event.wall_time = time.time()
        if self._file is None:
            self._file = tf.io.TFRecordWriter(str(self._folder / self._name()))
            first = tf.Event(wall_time=event.wall_time, file_version=_VERSION)
            self._guarded(self._file.write, first.SerializeToString())
        self._guarded(self._file.write, event.SerializeToString())

    def _guarded(self, call: Any, *arguments: Any) -> None:
        try:
            call(*arguments)
        except BaseException:
            with suppress(OSError, tf.errors.OpError):
                self.close()
            raise

    def _name(self) -> str:
        # As TensorBoard finds them, and in the order of their names.
        return (
            f"events.out.tfevents.{time.time():.0f}.{socket.gethostname()}.{next(self._numbers)}"
        )
