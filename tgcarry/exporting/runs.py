"""Exports of a trained run, from its log folder."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry import logs
from tgcarry.data.wording import named
from tgcarry.errors import LogError
from tgcarry.evaluation import Trained, read_trained, restored
from tgcarry.exporting.checkpoint_files import check_prefix, write_checkpoint
from tgcarry.exporting.saved_model import MARK, Exported, export_saved_model
from tgcarry.exporting.whole import check_folder
from tgcarry.model import build_forward

# What an optimiser has one of, such as beta1_power, stands at the top in TensorFlow 1's graphs.
_OPTIMIZERS_SCOPE = re.compile(r"^carry(_\d+)?/")

Variables = dict[str, tuple[int, ...]]
"""Shapes by name."""


def export_run(
    log_dir: Path, path: Path, *, engine: str = "stock", overwrite: bool = False
) -> Exported:
    """Writes the newest checkpoint of a run as a SavedModel.

    Inputs "x" and "lengths", outputs "predictions" and, of classes and characters,
    "probabilities", beside the state. What a client has to know of the data (vocabulary,
    classes, means and deviations) is in `assets.extra/tgcarry.json`.

    Args:
      log_dir: the run's log folder.
      path: the folder to write, whole or not at all.
      engine: how the cells are unrolled; "stock" runs wherever TensorFlow does.
      overwrite: replace an earlier SavedModel there.

    Raises:
      TgcarryError: the run cannot be read, the engine not be used, or the place not be written.
    """
    _check_outside(log_dir, path)
    check_folder(path, MARK, overwrite)
    trained = read_trained(log_dir)
    with tf.Graph().as_default() as graph:
        # Built without gradients: a loop that gradients were taken of gives out what they need.
        feeds, ports, final_state, predictions = build_forward(
            replace(trained.spec, engine=engine)
        )
        outputs = {"predictions": predictions}
        if trained.spec.kind != "regression":
            shares = tf.nn.sigmoid if trained.spec.kind == "bits" else tf.nn.softmax
            outputs["probabilities"] = shares(predictions)
        values, step = _values(trained, log_dir)
        with tf.Session(graph=graph, config=tf.ConfigProto(device_count={"GPU": 0})) as session:
            made = tf.global_variables()
            fed = {variable.initializer.inputs[1]: values[variable.op.name] for variable in made}
            session.run([variable.initializer for variable in made], fed)
            return export_saved_model(
                session,
                (ports.initial_state, final_state),
                path,
                inputs={name: feeds[name] for name in ("x", "lengths")},
                outputs=outputs,
                notes=_notes(trained, step),
                overwrite=overwrite,
            )


def export_checkpoint(
    log_dir: Path, prefix: Path, *, slots: bool = False, overwrite: bool = False
) -> Variables:
    """Writes the newest checkpoint of a run for TensorFlow 1 to read, under its names.

    The `checkpoint` file beside it lets `tf.train.latest_checkpoint` find it.

    Args:
      log_dir: the run's log folder.
      prefix: of the files, such as "exported/model.ckpt"; whole or not at all.
      slots: the optimiser's slots and `global_step`, too, to train on.
      overwrite: replace an earlier checkpoint of this prefix.

    Returns:
      Shapes of what was written, by name.

    Raises:
      TgcarryError: the run cannot be read, or the place not be written.
    """
    _check_outside(log_dir, prefix)
    check_prefix(prefix, overwrite)
    trained = read_trained(log_dir)
    with restored(trained, log_dir) as (runner, model, _):
        graph = model.chunk.graph
        chosen = graph.get_collection(tf.GraphKeys.GLOBAL_VARIABLES)
        if not slots:
            chosen = list(model.chunk.variables)
        named_so = {_OPTIMIZERS_SCOPE.sub("", variable.op.name): variable for variable in chosen}
        with graph.as_default():
            saver = tf.train.Saver(named_so)

        def write(aside: Path) -> None:
            with graph.as_default():
                saver.save(runner.session, str(aside), write_meta_graph=False, write_state=False)

        write_checkpoint(prefix, write, overwrite)
    return {name: tuple(variable.shape.as_list()) for name, variable in named_so.items()}


def _values(trained: Trained, log_dir: Path) -> tuple[dict[str, Any], int]:
    """Reads the trained weights by name, and the step that they are of."""
    with restored(trained, log_dir) as (runner, model, step):
        weights = {variable.op.name: variable for variable in model.chunk.variables}
        return runner.session.run(weights), step


def _notes(trained: Trained, step: int) -> dict[str, Any]:
    spec = trained.spec
    return {
        "kind": spec.kind,
        "step": step,
        "cell": spec.cell,
        "units": list(spec.units),
        "inputs": spec.inputs,
        "outputs": spec.outputs,
        "vocabulary": trained.vocabulary,
        "classes": trained.classes,
        "scale": None if trained.scale is None else trained.scale.to_json(),
    }


def _check_outside(log_dir: Path, target: Path) -> None:
    """Refuses a place among the run's own checkpoints, which a job counts and removes."""
    own = (log_dir / logs.CHECKPOINTS).resolve()
    if own in (target.resolve(), *target.resolve().parents):
        raise LogError(
            f"{named(target)}: among the run's own checkpoints: name a place outside {named(own)}"
        )
