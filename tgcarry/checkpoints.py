"""Checkpoints: the variables, and where the run stands, whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tgcarry.chunk import ChunkGraph
from tgcarry.data.wording import PathArg, because
from tgcarry.errors import LogError, RunError
from tgcarry.position import Position
from tgcarry.positions import read_position, write_position
from tgcarry.store import Damage, Snapshot, Store

VARIABLES, POSITION = "model.ckpt", "position.npz"
# The note of those that a run may be told to roll back to.
MILESTONE = "milestone"


class Restored(NamedTuple):
    """Tells of a checkpoint that was restored."""

    step: int
    """Optimiser steps."""
    position: Position
    """To go on from with `Runner.run(chunks, resume=)`."""
    notes: dict[str, Any]
    """What it was saved with."""
    path: Path


class Checkpoints:
    """Saves and restores a run: all global variables, the carry, the position in the data.

        LOGDIR/checkpoints/step-0000000012/model.ckpt.index, model.ckpt.data-..., position.npz

    The variables are written by TensorFlow's own Saver under TensorFlow 1's names, and TensorFlow
    1.15 reads them. A checkpoint gets its name only when all of it is on the disk; whether one is
    as it was written is decided by checksums, and one that is not is passed by. Nothing is ever
    unpickled. Not included: local variables other than the chunk's accumulators, tables, and the
    generators behind TensorFlow's stateful random operations, which start again from their seeds.

    Args:
      folder: where to save; made when first needed.
      chunk: whose graph's variables; build the graph whole before.
      keep: how many to keep; the one with the best score and the last milestone are kept besides.
      saver: a `tf.train.Saver` of your own, of all that is to be saved.
    """

    def __init__(
        self, folder: PathArg, chunk: ChunkGraph, keep: int = 3, saver: Any = None
    ) -> None:
        self._store = Store(folder, keep, mark=MILESTONE)
        self._chunk = chunk
        self._saver = saver
        if saver is None:
            if chunk.graph.finalized:
                raise RunError(
                    "Checkpoints: the graph is finalized, so that nothing can be added to save "
                    "its variables: make them before, or give the saver= of its Scaffold"
                )
            with chunk.graph.as_default():
                self._saver = tf.train.Saver(max_to_keep=None)

    @property
    def damaged(self) -> list[Damage]:
        """What the last restore passed by, with reasons."""
        return self._store.damaged

    def save(
        self,
        session: Any,
        position: Position,
        *,
        score: float | None = None,
        notes: Mapping[str, Any] | None = None,
        milestone: bool = False,
    ) -> Path:
        """Saves the variables of a session and a position; returns the checkpoint's folder.

        Args:
          session: `Runner.session`.
          position: `Runner.position` of the same moment.
          score: lower is better, such as a validation loss.
          notes: what JSON can hold.
          milestone: whether it is one to roll back to.

        Raises:
          LogError: it cannot be written; those before it are as they were.
        """

        def write(folder: Path) -> None:
            self._save_variables(session, folder)
            write_position(folder / POSITION, position)

        every = {**(notes or {}), MILESTONE: milestone}
        return self._store.save(position.steps, write, score, every)

    def restore(self, session: Any, *, milestone: bool = False) -> Restored:
        """Restores the newest checkpoint that is whole, or the last milestone.

        Raises:
          LogError: there is none, or it is another model's.
        """
        snapshot = self._store.marked() if milestone else self._store.newest()
        if snapshot is None:
            raise LogError(f"{self._store.folder}: {self._nothing(milestone)}")
        self.restore_variables(session, snapshot)
        return Restored(
            snapshot.step,
            read_position(snapshot.path / POSITION, self._chunk),
            snapshot.notes,
            snapshot.path,
        )

    def restore_variables(self, session: Any, snapshot: Snapshot) -> None:
        """Restores the variables of a checkpoint that was found to be whole.

        Raises:
          LogError: it is another model's, or cannot be read.
        """
        prefix = str(snapshot.path / VARIABLES)
        try:
            self._check_fits(prefix)
            with self._chunk.graph.as_default():
                self._saver.restore(session, prefix)
        except (tf.errors.OpError, ValueError) as error:
            if isinstance(error, LogError):
                raise
            raise LogError(f"{prefix}: cannot be restored: {because(error)}") from error

    def exist(self) -> bool:
        """Says whether there are any, be they whole or not."""
        return bool(self._store.list() or self._store.damaged)

    def _save_variables(self, session: Any, folder: Path) -> None:
        try:
            # Outside a default graph the Saver takes the caller for an eager one.
            with self._chunk.graph.as_default():
                self._saver.save(
                    session,
                    str(folder / VARIABLES),
                    write_meta_graph=False,
                    write_state=False,
                )
        except (tf.errors.OpError, ValueError) as error:
            # A limit on a file's size comes as OutOfRange, which others take for the data's end.
            raise LogError(
                f"{self._store.folder}: cannot save a checkpoint: {because(error)}: check the "
                f"disk's room and the limits on files (ulimit -f)"
            ) from error

    def _nothing(self, milestone: bool) -> str:
        if self.damaged:
            found = "; ".join(f"{name}: {reason}" for name, reason in self.damaged[:3])
            return f"no checkpoint can be restored ({found}): copy one back, or train again"
        kind = "milestone" if milestone else "checkpoint"
        return f"there is no {kind}: train first"

    def _check_fits(self, prefix: str) -> None:
        """Refuses a checkpoint of other variables; the Saver would take a wrong shape silently.

        Raises:
          LogError: a variable of the graph is missing there, or has another shape.
        """
        saved = tf.train.load_checkpoint(prefix).get_variable_to_shape_map()
        with self._chunk.graph.as_default():
            wanted = {v.op.name: v.shape.as_list() for v in tf.global_variables()}
        for name, shape in wanted.items():
            if saved.get(name) != shape:
                there = f"is {saved[name]} there" if name in saved else "is missing there"
                raise LogError(
                    f"{prefix}: not a checkpoint of this model: {name} {there}, and {shape} in "
                    f"the model"
                )
