"""What a model function of `tf.contrib.learn` is asked for, and what it answers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tgcarry.errors import DataError
from tgcarry.legacy.estimator.spec import EstimatorSpec


class ModeKeys:
    """Names what a model function is called for.

    Source: TensorFlow 1.15 `tf.contrib.learn.ModeKeys`.
    """

    TRAIN = "train"
    EVAL = "eval"
    INFER = "infer"


class _Fields(NamedTuple):
    predictions: Any
    loss: Any
    train_op: Any
    eval_metric_ops: Any
    output_alternatives: Any
    training_chief_hooks: Any
    training_hooks: Any
    scaffold: Any
    mode: Any


class ModelFnOps(_Fields):
    """Holds the operations that a model function made.

    Args:
      mode: a `ModeKeys`.
      predictions: tensor, or dict of tensors.
      loss: scalar.
      train_op: operation of a step.
      eval_metric_ops: name to (value, update operation).
      output_alternatives: name to (kind of problem, dict of tensors), for serving.
      training_chief_hooks, training_hooks: session hooks.
      scaffold: `tf.train.Scaffold`.

    Raises:
      DataError: something is missing for the mode.

    Source: TensorFlow 1.15 `tf.contrib.learn.ModelFnOps`.
    """

    def __new__(
        cls,
        mode: str,
        predictions: Any = None,
        loss: Any = None,
        train_op: Any = None,
        eval_metric_ops: Any = None,
        output_alternatives: Any = None,
        training_chief_hooks: Iterable[Any] | None = None,
        training_hooks: Iterable[Any] | None = None,
        scaffold: Any = None,
    ) -> ModelFnOps:
        """Checks, and fills in what is left out."""
        if train_op is None and mode == ModeKeys.TRAIN:
            raise DataError("ModelFnOps of mode 'train' without train_op: give one")
        if loss is None and mode in (ModeKeys.TRAIN, ModeKeys.EVAL):
            raise DataError(f"ModelFnOps of mode {mode!r} without loss: give one")
        if predictions is None and mode != ModeKeys.TRAIN:
            raise DataError(f"ModelFnOps of mode {mode!r} without predictions: give some")
        return super().__new__(
            cls,
            predictions,
            None if loss is None else _scalar(loss),
            train_op,
            eval_metric_ops or {},
            output_alternatives,
            list(training_chief_hooks or []),
            list(training_hooks or []),
            scaffold or tf.train.Scaffold(),
            mode,
        )


def _scalar(loss: Any) -> Any:
    loss = tf.convert_to_tensor(loss)
    return tf.squeeze(loss) if loss.shape.ndims not in (None, 0) else loss


def spec_of(ops: ModelFnOps) -> EstimatorSpec:
    """Returns the same as `tf.estimator`'s class."""
    return EstimatorSpec(
        ops.mode,
        predictions=ops.predictions,
        loss=ops.loss,
        train_op=ops.train_op,
        eval_metric_ops=ops.eval_metric_ops,
        training_chief_hooks=ops.training_chief_hooks,
        training_hooks=ops.training_hooks,
        scaffold=ops.scaffold,
    )
