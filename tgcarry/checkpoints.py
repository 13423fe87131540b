"""Weights and optimiser slots on disk, in TensorFlow's own format and under its own names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.data.wording import because
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
            raise LogError(
                f"{self._folder}: cannot save a checkpoint: {because(error)}"
            ) from error
        return Path(prefix)

    def restore(self, session: Any) -> int:
        """Restores the newest checkpoint that can be read and returns its step.

        Raises:
          LogError: there is none.
        """
        found = sorted(self._folder.glob(f"{_NAME}-*.index"), key=_step_of, reverse=True)
        if not found:
            raise LogError(f"{self._folder}: there is no checkpoint: train first")
        problems = []
        for index in found:
            prefix = str(index.with_suffix(""))
            try:
                self._check_fits(prefix)
                with self._graph.as_default():
                    self._saver.restore(session, prefix)
            except (tf.errors.OpError, ValueError) as error:
                problems.append(f"{index.stem}: {because(error)}")
            else:
                return _step_of(index)
        raise LogError(
            f"{self._folder}: no checkpoint can be restored ({'; '.join(problems)}): copy one "
            f"back, or train again"
        )

    def _check_fits(self, prefix: str) -> None:
        """Refuses a checkpoint of other variables; the Saver would take a wrong shape silently.

        Raises:
          LogError: a variable of the graph is missing there, or has another shape.
        """
        saved = tf.train.load_checkpoint(prefix).get_variable_to_shape_map()
        with self._graph.as_default():
            wanted = {v.op.name: v.shape.as_list() for v in tf.global_variables()}
        for name, shape in wanted.items():
            if saved.get(name) != shape:
                there = f"is {saved[name]} there" if name in saved else "is missing there"
                raise LogError(
                    f"{prefix}: not a checkpoint of this model: {name} {there}, and {shape} in "
                    f"the model"
                )


def _step_of(index: Path) -> int:
    digits = index.stem.rpartition("-")[2]
    return int(digits) if digits.isdigit() else -1
