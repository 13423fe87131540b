"""Weights and optimiser slots on disk, in TensorFlow's own format and under its own names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.errors import LogError

_NAME = "model.ckpt"


class Checkpoints:
    """Saves and restores all global variables of a graph in a folder.

    Step-numbered names, so that a save that is killed leaves the one before it whole. Not
    included: the carry and the position in the data; a run that goes on starts at a
    sequence's start.

    Args:
      folder: where to save; made when first needed.
      graph: whose variables; build it whole before.
      keep: how many to keep.
    """

    def __init__(self, folder: Path, graph: tf.Graph, keep: int = 3) -> None:
        self._folder = folder
        self._graph = graph
        with graph.as_default():
            self._saver = tf.train.Saver(max_to_keep=keep)

    def save(self, session: Any, step: int) -> Path:
        """Writes a checkpoint of `step` and returns its prefix.

        Raises:
          LogError: the folder cannot be written, or the disk is full.
        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            # Outside a default graph the Saver takes the caller for an eager one.
            with self._graph.as_default():
                prefix = self._saver.save(
                    session, str(self._folder / _NAME), global_step=step, write_meta_graph=False
                )
        except (OSError, tf.errors.OpError, ValueError) as error:
            raise LogError(f"{self._folder}: cannot save a checkpoint: {_first(error)}") from error
        return Path(prefix)

    def restore(self, session: Any) -> int:
        """Restores the newest checkpoint that can be read and returns its step.

        Raises:
          LogError: there is none.
        """
        found = sorted(self._folder.glob(f"{_NAME}-*.index"), key=_step_of, reverse=True)
        problems = []
        for index in found:
            try:
                with self._graph.as_default():
                    self._saver.restore(session, str(index.with_suffix("")))
            except (tf.errors.OpError, ValueError) as error:
                problems.append(f"{index.stem}: {_first(error)}")
            else:
                return _step_of(index)
        why = "; ".join(problems) if problems else "there is none"
        raise LogError(f"{self._folder}: no checkpoint can be restored ({why}): train first")


def _step_of(index: Path) -> int:
    digits = index.stem.rpartition("-")[2]
    return int(digits) if digits.isdigit() else -1


def _first(error: Exception) -> str:
    text = getattr(error, "message", None) or str(error)
    return text.strip().splitlines()[0] if text.strip() else type(error).__name__
