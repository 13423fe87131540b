"""The estimator of `tf.contrib.learn`: fit, evaluate, predict, on arrays or input functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tgcarry import tf1
from tgcarry.errors import DataError
from tgcarry.legacy.estimator import feeding, loops
from tgcarry.legacy.estimator.config import with_folder
from tgcarry.legacy.estimator.estimator import check_steps
from tgcarry.legacy.learn.config import RunConfig
from tgcarry.legacy.learn.feeder import check_source, input_functions, like_placeholders
from tgcarry.legacy.learn.metrics import metric_ops
from tgcarry.legacy.learn.model_ops import ModeKeys, ModelFnOps, spec_of
from tgcarry.legacy.learn.monitors import as_hooks


class NotFittedError(DataError, AttributeError):
    """Arises when a model is asked that is not trained."""


class Estimator:
    """Trains, evaluates and asks a model.

    Args:
      model_fn: function of features and labels, and of mode, params, config and model_dir
        where it takes them; returns `ModelFnOps` or (predictions, loss, train_op).
      model_dir: folder of checkpoints and summaries.
      config: `RunConfig`.
      params: dict for `model_fn`.
      feature_engineering_fn: function from features and labels to such.

    Raises:
      DataError: params that `model_fn` does not take, or folders that differ.

    Source: TensorFlow 1.15 `tf.contrib.learn.Estimator`.
    """

    def __init__(
        self,
        model_fn: Callable[..., Any] | None = None,
        model_dir: str | None = None,
        config: Any = None,
        params: Any = None,
        feature_engineering_fn: Callable[..., Any] | None = None,
    ) -> None:
        self._config = with_folder(config, model_dir, RunConfig)
        self._model_fn = model_fn
        self.params = params
        self._engineering = feature_engineering_fn
        self._labels: Any = None
        taken = feeding.arguments(model_fn) if model_fn is not None else {"params"}
        if params is not None and "params" not in taken:
            raise DataError(f"params for {model_fn}, which takes none: add params to it")

    @property
    def model_dir(self) -> str:
        """The folder of checkpoints and summaries."""
        return str(self._config.model_dir)

    @property
    def config(self) -> Any:
        """The settings."""
        return self._config

    def get_variable_value(self, name: str) -> Any:
        """Returns a variable's value from the latest checkpoint."""
        return tf.train.load_variable(self.model_dir, name)

    def get_variable_names(self) -> list[str]:
        """Names the variables of the latest checkpoint."""
        return [name for name, _ in tf.train.list_variables(self.model_dir)]

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Returns the parameters, as scikit-learn asks for them."""
        return {"params": self.params}

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        input_fn: Callable[..., Any] | None = None,
        steps: int | None = None,
        batch_size: int | None = None,
        monitors: Iterable[Any] | None = None,
        max_steps: int | None = None,
    ) -> Estimator:
        """Trains from the latest checkpoint on.

        Args:
          x: array of features; see `DataFeeder`.
          y: array of labels.
          input_fn: gives (features, labels), instead of arrays.
          steps: how many steps to take.
          batch_size: of `x` and `y`; all by default.
          monitors: monitors or session hooks.
          max_steps: which step to train to; instead of `steps`.

        Returns:
          Itself.

        Raises:
          DataError: both or none of arrays and `input_fn`, or of `steps` and `max_steps`.
        """
        check_source(x, input_fn, batch_size)
        hooks = as_hooks(monitors, self)
        if x is not None:
            input_fn, feed = input_functions(x, y, batch_size, True, None)
            hooks.insert(0, tf.train.FeedFnHook(feed))
        check_steps(steps, max_steps)
        if max_steps is not None and max_steps <= self._step():
            tf.logging.info("Skipping training since max_steps has already saved.")
            return self
        if steps is not None or max_steps is not None:
            hooks.append(tf.train.StopAtStepHook(steps, max_steps))
        with self._graph():
            features, labels, own = self._input(input_fn)
            self._labels = labels
            spec = spec_of(self._called(features, labels, ModeKeys.TRAIN))
            tf.add_to_collection(tf.GraphKeys.LOSSES, spec.loss)
            loss = loops.train(spec, self._config, [*own, *hooks])
        tf.logging.info("Loss for final step: %s.", loss)
        return self

    def partial_fit(
        self,
        x: Any = None,
        y: Any = None,
        input_fn: Callable[..., Any] | None = None,
        steps: int | None = 1,
        batch_size: int | None = None,
        monitors: Iterable[Any] | None = None,
    ) -> Estimator:
        """Takes some steps; see `fit`."""
        return self.fit(x, y, input_fn, steps, batch_size, monitors)

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        input_fn: Callable[..., Any] | None = None,
        feed_fn: Callable[[], Any] | None = None,
        batch_size: int | None = None,
        steps: int | None = None,
        metrics: Any = None,
        name: str | None = None,
        checkpoint_path: str | None = None,
        hooks: Sequence[Any] | None = None,
        log_progress: bool = True,
    ) -> dict[str, Any]:
        """Returns the metrics by name, with "loss" and "global_step".

        Args:
          x: array of features; see `DataFeeder`.
          y: array of labels.
          input_fn: gives (features, labels), instead of arrays.
          feed_fn: gives feeds for what `input_fn` made.
          batch_size: of `x` and `y`; all by default.
          steps: how many minibatches; all by default.
          metrics: name to `MetricSpec` or to a function.
          name: of the evaluation.
          checkpoint_path: the latest by default.
          hooks: session hooks.
          log_progress: whether to log the minibatches.

        Raises:
          NotFittedError: there is no checkpoint.
          DataError: both or none of arrays and `input_fn`.
        """
        check_source(x, input_fn, batch_size)
        if x is not None:
            input_fn, feed_fn = input_functions(x, y, batch_size)
        checkpoint = checkpoint_path or self._checkpoint()
        every = list(hooks or [])
        if feed_fn is not None:
            every.append(tf.train.FeedFnHook(feed_fn))
        if steps:
            every.append(tf1.stop_after(steps, log_progress))
        with self._graph():
            features, labels, own = self._input(input_fn)
            ops = self._called(features, labels, ModeKeys.EVAL)
            found = {
                **ops.eval_metric_ops,
                **metric_ops(metrics, features, labels, ops.predictions),
            }
            found.setdefault("loss", tf.metrics.mean(ops.loss))
            spec = spec_of(ops._replace(eval_metric_ops=found))
            folder = loops.folder_of(self.model_dir, name)
            return loops.evaluate(spec, self._config, [*own, *every], checkpoint, folder)

    def predict(
        self,
        x: Any = None,
        input_fn: Callable[..., Any] | None = None,
        batch_size: int | None = None,
        outputs: Any = None,
        as_iterable: bool = True,
        iterate_batches: bool = False,
    ) -> Any:
        """Predicts.

        Args:
          x: array; see `DataFeeder`.
          input_fn: gives features, instead of arrays.
          batch_size: of `x`; all by default.
          outputs: names of the predictions to give; all by default.
          as_iterable: whether to return an iterator.
          iterate_batches: whether that yields minibatches, else examples.

        Raises:
          NotFittedError: there is no checkpoint.
          DataError: both or none of arrays and `input_fn`.
        """
        check_source(x, input_fn, batch_size)
        feed = None
        if x is not None:
            input_fn, feed = input_functions(x, None, batch_size)
        checkpoint = self._checkpoint()
        if as_iterable:
            return self._predictions(input_fn, feed, outputs, checkpoint, not iterate_batches)
        batches = list(self._predictions(input_fn, feed, outputs, checkpoint, False))
        return joined(batches)

    def _predictions(
        self, input_fn: Any, feed: Any, outputs: Any, checkpoint: str, singly: bool
    ) -> Iterator[Any]:
        with self._graph():
            features, _, hooks = self._input(input_fn)
            labels = like_placeholders(self._labels)
            ops = self._called(features, labels, ModeKeys.INFER)
            wanted = loops.chosen(ops.predictions, outputs)
            if feed is not None:
                hooks.append(tf.train.FeedFnHook(feed))
            elif not feeding.ends_by_itself(features):
                hooks.append(_Once())
            yield from loops.predict(wanted, ops.scaffold, self._config, hooks, checkpoint, singly)

    def _graph(self) -> Any:
        return tf1.new_graph(self._config.tf_random_seed)

    def _input(self, input_fn: Any) -> tuple[Any, Any, list[Any]]:
        tf.train.create_global_step()
        return feeding.called(input_fn)

    def _called(self, features: Any, labels: Any, mode: str) -> ModelFnOps:
        if self._engineering is not None:
            features, labels = self._engineering(features, labels)
        if self._model_fn is None:
            raise DataError("the estimator has no model_fn: give one")
        offered = {
            "mode": mode,
            "params": self.params,
            "config": self._config,
            "model_dir": self.model_dir,
        }
        taken = feeding.arguments(self._model_fn)
        named = {name: value for name, value in offered.items() if name in taken}
        result = self._model_fn(features, labels, **named)
        if isinstance(result, ModelFnOps):
            return result
        if not isinstance(result, (tuple, list)) or len(result) != 3:
            raise DataError(
                f"model_fn returns {result!r}: return ModelFnOps or (predictions, loss, train_op)"
            )
        return ModelFnOps(mode, *result)

    def _checkpoint(self) -> str:
        found = tf.train.latest_checkpoint(self.model_dir)
        if found is None:
            raise NotFittedError(f"no trained model in {self.model_dir}: call fit before")
        return str(found)

    def _step(self) -> int:
        if tf.train.latest_checkpoint(self.model_dir) is None:
            return 0
        return int(self.get_variable_value(tf.GraphKeys.GLOBAL_STEP))


class _Once(tf.train.SessionRunHook):
    """Stops behind one step: the input is constant."""

    def after_run(self, run_context: Any, run_values: Any) -> None:
        """Stops."""
        run_context.request_stop()


def joined(batches: list[Any]) -> Any:
    """Returns the predictions of all minibatches as one array, or as a dict of arrays."""
    if isinstance(batches[0], dict):
        return {name: np.concatenate([b[name] for b in batches]) for name in batches[0]}
    return np.concatenate(batches)
