"""Training and evaluation in turn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tgcarry.errors import DataError


class TrainSpec(NamedTuple):
    """Says what to train on, and how long.

    Source: TensorFlow 1.15 `tf.estimator.TrainSpec`.
    """

    input_fn: Callable[..., Any]
    max_steps: int | None = None
    hooks: Sequence[Any] = ()
    saving_listeners: Sequence[Any] = ()


class EvalSpec(NamedTuple):
    """Says what to evaluate on, how long and how often.

    Source: TensorFlow 1.15 `tf.estimator.EvalSpec`.
    """

    input_fn: Callable[..., Any]
    steps: int | None = 100
    name: str | None = None
    hooks: Sequence[Any] = ()
    exporters: Any = None
    start_delay_secs: float = 120
    throttle_secs: float = 600


class Exporter:
    """Is the base of what exports a model behind an evaluation."""

    @property
    def name(self) -> str:
        """The folder's name below `export`."""
        raise NotImplementedError

    def export(
        self,
        estimator: Any,
        export_path: str,
        checkpoint_path: str,
        eval_result: Any,
        is_the_final_export: bool,
    ) -> Any:
        """Exports the model, or does not, and returns the path."""
        raise NotImplementedError


class LatestExporter(Exporter):
    """Exports behind every evaluation.

    Source: TensorFlow 1.15 `tf.estimator.LatestExporter`. Not included: throwing away old
      ones.
    """

    def __init__(
        self,
        name: str,
        serving_input_receiver_fn: Callable[[], Any],
        assets_extra: Any = None,
        as_text: bool = False,
        exports_to_keep: int | None = 5,
    ) -> None:
        self._name = name
        self._receive = serving_input_receiver_fn
        self._extra = assets_extra
        self._as_text = as_text

    @property
    def name(self) -> str:
        """The folder's name below `export`."""
        return self._name

    def export(
        self,
        estimator: Any,
        export_path: str,
        checkpoint_path: str,
        eval_result: Any,
        is_the_final_export: bool,
    ) -> Any:
        """Exports the model and returns the path."""
        return estimator.export_saved_model(
            export_path, self._receive, self._extra, self._as_text, checkpoint_path
        )


class FinalExporter(LatestExporter):
    """Exports once, at the end.

    Source: TensorFlow 1.15 `tf.estimator.FinalExporter`.
    """

    def export(
        self,
        estimator: Any,
        export_path: str,
        checkpoint_path: str,
        eval_result: Any,
        is_the_final_export: bool,
    ) -> Any:
        """Exports the model at the end and returns the path."""
        if not is_the_final_export:
            return None
        return super().export(estimator, export_path, checkpoint_path, eval_result, True)


class _EvaluateOnSave(tf.train.CheckpointSaverListener):
    """Evaluates checkpoints of the training, at most one in `throttle_secs`."""

    def __init__(self, estimator: Any, train: TrainSpec, evaluate: EvalSpec) -> None:
        self.result: tuple[Any, Any] | None = None
        self._estimator = estimator
        self._train = train
        self._evaluate = evaluate
        self._timer = tf.train.SecondOrStepTimer(every_secs=evaluate.throttle_secs)
        self._done: int | None = None

    def begin(self) -> None:
        """Starts the clock."""
        self._timer.reset()

    def after_save(self, session: Any, global_step_value: int) -> None:
        """Evaluates, if it is time for it and this is not the first checkpoint."""
        if self._timer.last_triggered_step() is None:
            self._timer.update_last_triggered_step(global_step_value)
        elif self._timer.should_trigger_for_step(global_step_value):
            self._run(global_step_value)
        else:
            tf.logging.info(
                "Skip the current checkpoint eval due to throttle secs (%s secs).",
                self._evaluate.throttle_secs,
            )

    def end(self, session: Any, global_step_value: int) -> None:
        """Evaluates the last checkpoint, if that is not done."""
        if self._done != global_step_value:
            self._run(global_step_value)

    def _run(self, step: int) -> None:
        self._done = step
        self._timer.update_last_triggered_step(step)
        last = self._train.max_steps is not None and step >= self._train.max_steps
        wanted = self._evaluate
        checkpoint = self._estimator.latest_checkpoint()
        metrics = self._estimator.evaluate(
            wanted.input_fn, wanted.steps, list(wanted.hooks), checkpoint, wanted.name
        )
        exported = [
            exporter.export(
                self._estimator,
                f"{self._estimator.model_dir}/export/{exporter.name}",
                checkpoint,
                metrics,
                last,
            )
            for exporter in _listed(wanted.exporters)
        ]
        self.result = metrics, exported


def _listed(exporters: Any) -> list[Any]:
    if exporters is None:
        return []
    return [exporters] if isinstance(exporters, Exporter) else list(exporters)


def train_and_evaluate(
    estimator: Any, train_spec: TrainSpec, eval_spec: EvalSpec
) -> tuple[Any, Any]:
    """Trains, and evaluates checkpoints of it in between and at the end.

    Returns:
      The last metrics, and what the exporters returned.

    Raises:
      DataError: `max_steps` is not positive.

    Source: TensorFlow 1.15 `tf.estimator.train_and_evaluate`, on one machine.
    """
    if train_spec.max_steps is not None and train_spec.max_steps <= 0:
        raise DataError(f"max_steps {train_spec.max_steps}: give a positive number")
    tf.logging.info("Running training and evaluation locally (non-distributed).")
    tf.logging.info(
        "Start train and evaluate loop. The evaluate will happen after every checkpoint. "
        "Checkpoint frequency is determined based on RunConfig arguments: "
        "save_checkpoints_steps %s or save_checkpoints_secs %s.",
        estimator.config.save_checkpoints_steps,
        estimator.config.save_checkpoints_secs,
    )
    evaluating = _EvaluateOnSave(estimator, train_spec, eval_spec)
    estimator.train(
        train_spec.input_fn,
        hooks=list(train_spec.hooks),
        max_steps=train_spec.max_steps,
        saving_listeners=[*train_spec.saving_listeners, evaluating],
    )
    return evaluating.result or ({}, [])
