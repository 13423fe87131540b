"""What a model function is asked for, and what it answers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.errors import DataError


class ModeKeys:
    """Names what a model function is called for.

    Source: TensorFlow 1.15 `tf.estimator.ModeKeys`.
    """

    TRAIN = "train"
    EVAL = "eval"
    PREDICT = "infer"


class EstimatorSpec:
    """Holds the operations that a model function made.

    Args:
      mode: a `ModeKeys`.
      predictions: tensor, or dict of tensors.
      loss: scalar, or of one element.
      train_op: operation of a step.
      eval_metric_ops: name to (value, update operation), or Keras' metric.
      export_outputs: name to `ExportOutput`.
      training_chief_hooks, training_hooks, evaluation_hooks, prediction_hooks: session hooks.
      scaffold: `tf.train.Scaffold`.

    Raises:
      DataError: something is missing for the mode.
      TypeError: something is of the wrong kind.

    Source: TensorFlow 1.15 `tf.estimator.EstimatorSpec`.
    """

    def __init__(
        self,
        mode: str,
        predictions: Any = None,
        loss: Any = None,
        train_op: Any = None,
        eval_metric_ops: Any = None,
        export_outputs: Any = None,
        training_chief_hooks: Iterable[Any] | None = None,
        training_hooks: Iterable[Any] | None = None,
        scaffold: Any = None,
        evaluation_hooks: Iterable[Any] | None = None,
        prediction_hooks: Iterable[Any] | None = None,
    ) -> None:
        _check_present(mode, predictions, loss, train_op)
        self.mode = mode
        self.predictions = {} if predictions is None else predictions
        self.loss = _scalar(loss)
        self.train_op = train_op
        self.eval_metric_ops = _metrics(eval_metric_ops)
        self.export_outputs = export_outputs
        self.training_chief_hooks = _hooks(training_chief_hooks)
        self.training_hooks = _hooks(training_hooks)
        self.scaffold = scaffold or tf.train.Scaffold()
        self.evaluation_hooks = _hooks(evaluation_hooks)
        self.prediction_hooks = _hooks(prediction_hooks)

    def _replace(self, **kwargs: Any) -> EstimatorSpec:
        """Returns one like this with some attributes changed."""
        return type(self)(**{**vars(self), **kwargs})


def _check_present(mode: str, predictions: Any, loss: Any, train_op: Any) -> None:
    if mode == ModeKeys.TRAIN and train_op is None:
        raise DataError("EstimatorSpec of mode 'train' without train_op: give one")
    if mode in (ModeKeys.TRAIN, ModeKeys.EVAL) and loss is None:
        raise DataError(f"EstimatorSpec of mode {mode!r} without loss: give one")
    if mode == ModeKeys.PREDICT and predictions is None:
        raise DataError("EstimatorSpec of mode 'infer' without predictions: give some")


def _scalar(loss: Any) -> Any:
    if loss is None:
        return None
    loss = tf.convert_to_tensor(loss)
    count = loss.shape.num_elements()
    if count not in (None, 1):
        raise DataError(f"loss of shape {loss.shape}: give a scalar")
    return loss if loss.shape.ndims in (None, 0) else tf.reshape(loss, [])


def _metrics(given: Any) -> dict[str, tuple[Any, Any]]:
    metrics = {}
    for name, metric in (given or {}).items():
        if isinstance(metric, (tuple, list)):
            if len(metric) != 2:
                raise TypeError(f"metric {name!r} = {metric}: give (value, update operation)")
            metrics[name] = (metric[0], metric[1])
        else:
            updates = tf.group(*metric.updates)
            metrics[name] = (metric.result(), updates)
    return metrics


def _hooks(given: Iterable[Any] | None) -> tuple[Any, ...]:
    hooks = tuple(given or ())
    for hook in hooks:
        if not isinstance(hook, tf.train.SessionRunHook):
            raise TypeError(f"hook {hook!r}: give a tf.train.SessionRunHook")
    return hooks
