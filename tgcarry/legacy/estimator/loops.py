"""The sessions of an estimator: training, evaluation, prediction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tgcarry import tf1
from tgcarry.errors import DataError


def train(spec: Any, config: Any, hooks: Sequence[Any], listeners: Sequence[Any] = ()) -> Any:
    """Takes training steps until a hook, or the input's end, stops.

    Args:
      spec: what the model function made, in the default graph.
      config: `RunConfig` with a folder.
      hooks: of the caller, the input's too.
      listeners: told about checkpoints.

    Returns:
      The last loss, or None.

    Raises:
      DataError: listeners, and nothing that saves.
    """
    every = [*hooks, tf.train.NanTensorHook(spec.loss)]
    if config.log_step_count_steps is not None:
        logged = {"loss": spec.loss, "step": tf.train.get_global_step()}
        every.append(tf.train.LoggingTensorHook(logged, config.log_step_count_steps))
    every.extend(spec.training_hooks)
    _make_saver(spec, config)
    saving = _saving_hooks(spec, config, [*every, *spec.training_chief_hooks], listeners)
    with tf.train.MonitoredTrainingSession(
        checkpoint_dir=config.model_dir,
        scaffold=spec.scaffold,
        hooks=every,
        chief_only_hooks=(*saving, *spec.training_chief_hooks),
        save_checkpoint_secs=0,
        save_summaries_steps=config.save_summary_steps,
        config=config.session_config,
        log_step_count_steps=config.log_step_count_steps,
    ) as session:
        loss = None
        while not session.should_stop():
            _, loss = session.run([spec.train_op, spec.loss])
    if loss is None:
        tf.logging.warning(
            "Training with estimator made no steps. Perhaps input is empty or misspecified."
        )
    return loss


def _make_saver(spec: Any, config: Any) -> None:
    if spec.scaffold.saver or tf.get_collection(tf.GraphKeys.SAVERS):
        return
    saver = tf.train.Saver(
        sharded=True,
        max_to_keep=config.keep_checkpoint_max,
        keep_checkpoint_every_n_hours=config.keep_checkpoint_every_n_hours,
        defer_build=True,
        save_relative_paths=True,
    )
    tf.add_to_collection(tf.GraphKeys.SAVERS, saver)


def _saving_hooks(
    spec: Any, config: Any, others: Sequence[Any], listeners: Sequence[Any]
) -> list[Any]:
    there = [hook for hook in others if isinstance(hook, tf.train.CheckpointSaverHook)]
    made = []
    if not there and (config.save_checkpoints_secs or config.save_checkpoints_steps):
        made = [
            tf.train.CheckpointSaverHook(
                config.model_dir,
                save_secs=config.save_checkpoints_secs,
                save_steps=config.save_checkpoints_steps,
                scaffold=spec.scaffold,
                listeners=list(listeners),
            )
        ]
    elif listeners and there:
        tf1.add_listeners(there[0], listeners)
    elif listeners:
        raise DataError("saving_listeners without checkpoints: set save_checkpoints_steps")
    return made


def evaluate(
    spec: Any,
    config: Any,
    hooks: Sequence[Any],
    checkpoint: str | None,
    folder: str,
) -> dict[str, Any]:
    """Evaluates a checkpoint until a hook, or the input's end, stops.

    Args:
      spec: what the model function made, in the default graph.
      config: `RunConfig`.
      hooks: of the caller, the input's too.
      checkpoint: path, or None for variables as they are initialised.
      folder: where to write the results as summaries.

    Returns:
      Name to value, "global_step" too.
    """
    metrics = dict(sorted(spec.eval_metric_ops.items()))
    values = {name: value for name, (value, _) in metrics.items()}
    values[tf.GraphKeys.GLOBAL_STEP] = tf.train.get_global_step()
    updates = tf.group(*(update for _, update in metrics.values())) if metrics else None
    results = tf1.evaluate_once(
        checkpoint_path=checkpoint,
        scaffold=spec.scaffold,
        eval_ops=updates,
        final_ops=values,
        hooks=[*hooks, *spec.evaluation_hooks],
        config=config.session_config,
    )
    write(folder, results)
    return dict(results)


def write(folder: str, results: dict[str, Any]) -> None:
    """Writes an evaluation's numbers as summaries, and logs them."""
    step = int(results[tf.GraphKeys.GLOBAL_STEP])
    shown = ", ".join(f"{k} = {v!s}" for k, v in sorted(results.items()) if np.ndim(v) == 0)
    tf.logging.info("Saving dict for global step %d: %s", step, shown)
    numbers = {
        name: float(value)
        for name, value in results.items()
        if name != tf.GraphKeys.GLOBAL_STEP and np.ndim(value) == 0 and _is_number(value)
    }
    summary = tf.Summary(
        value=[tf.Summary.Value(tag=k, simple_value=v) for k, v in numbers.items()]
    )
    writer = tf.summary.FileWriterCache.get(folder)
    writer.add_summary(summary, step)
    writer.flush()


def _is_number(value: Any) -> bool:
    return np.issubdtype(np.asarray(value).dtype, np.number)


def predict(
    predictions: Any,
    scaffold: Any,
    config: Any,
    hooks: Sequence[Any],
    checkpoint: str | None,
    singly: bool,
) -> Iterator[Any]:
    """Yields predictions, of one example each or of whole minibatches, to the input's end."""
    creator = tf.train.ChiefSessionCreator(
        scaffold=scaffold,
        config=config.session_config,
        checkpoint_filename_with_path=checkpoint,
    )
    with tf.train.MonitoredSession(session_creator=creator, hooks=hooks) as session:
        while not session.should_stop():
            batch = session.run(predictions)
            if not singly:
                yield batch
            elif isinstance(batch, dict):
                yield from _rows(batch)
            else:
                yield from batch


def _rows(batch: dict[str, Any]) -> Iterator[dict[str, Any]]:
    lengths = {name: value.shape[0] for name, value in batch.items()}
    if len(set(lengths.values())) > 1:
        raise DataError(
            f"predictions of different lengths {lengths}: give all one row an example, or call "
            "predict with yield_single_examples=False"
        )
    for row in range(min(lengths.values(), default=0)):
        yield {name: value[row] for name, value in batch.items()}


def folder_of(model_dir: str, name: str | None) -> str:
    """Returns the folder of an evaluation's summaries."""
    return f"{model_dir}/eval_{name}" if name else f"{model_dir}/eval"


def chosen(predictions: Any, keys: Any) -> Any:
    """Returns those predictions whose names are in `keys`; all without any.

    Raises:
      DataError: none is left, or predictions have no names.
    """
    if not keys:
        return predictions
    if not isinstance(predictions, dict):
        raise DataError(f"{keys} of predictions without names: return a dict of predictions")
    found = {name: value for name, value in predictions.items() if name in keys}
    if not found:
        raise DataError(f"{keys}: predictions are {sorted(predictions)}")
    return found
