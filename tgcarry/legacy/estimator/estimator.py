"""The estimator: one model function, one folder."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry import tf1
from tgcarry.errors import DataError
from tgcarry.legacy.estimator import exports, feeding, loops
from tgcarry.legacy.estimator.config import with_folder
from tgcarry.legacy.estimator.spec import EstimatorSpec, ModeKeys


class Estimator:
    """Trains, evaluates and asks a model.

    Args:
      model_fn: function of features, and labels, mode, params and config where it takes
        them; returns `EstimatorSpec`.
      model_dir: folder of checkpoints and summaries.
      config: `RunConfig`.
      params: dict for `model_fn`.
      warm_start_from: path of a checkpoint or its folder, or `WarmStartSettings`.

    Raises:
      DataError: params that `model_fn` does not take, or folders that differ.

    Source: TensorFlow 1.15 `tf.estimator.Estimator`.
    """

    def __init__(
        self,
        model_fn: Callable[..., Any],
        model_dir: str | None = None,
        config: Any = None,
        params: Any = None,
        warm_start_from: Any = None,
    ) -> None:
        self._config = with_folder(config, model_dir)
        tf.logging.info("Using config: %s", vars(self._config))
        taken = feeding.arguments(model_fn)
        if params is not None and "params" not in taken:
            raise DataError(f"params for {model_fn}, which takes none: add the argument params")
        self._model_fn = model_fn
        self._params = copy.deepcopy(params or {})
        self._warm_start = warm_start_from

    @property
    def model_dir(self) -> str:
        """The folder of checkpoints and summaries."""
        return str(self._config.model_dir)

    @property
    def config(self) -> Any:
        """A copy of the settings."""
        return copy.copy(self._config)

    @property
    def params(self) -> Any:
        """A copy of the parameters."""
        return copy.deepcopy(self._params)

    @property
    def model_fn(self) -> Callable[..., Any]:
        """The model function, of features, labels, mode and config."""

        def public(features: Any, labels: Any, mode: str, config: Any) -> Any:
            return self._called(features, labels, mode)

        return public

    def get_variable_value(self, name: str) -> Any:
        """Returns a variable's value from the latest checkpoint."""
        return tf.train.load_variable(self.model_dir, name)

    def get_variable_names(self) -> list[str]:
        """Names the variables of the latest checkpoint."""
        return [name for name, _ in tf.train.list_variables(self.model_dir)]

    def latest_checkpoint(self) -> str | None:
        """Returns the latest checkpoint's path, or None."""
        found = tf.train.latest_checkpoint(self.model_dir)
        return None if found is None else str(found)

    def eval_dir(self, name: str | None = None) -> str:
        """Returns the folder of an evaluation's summaries."""
        return loops.folder_of(self.model_dir, name)

    def train(
        self,
        input_fn: Callable[..., Any],
        hooks: Sequence[Any] | None = None,
        steps: int | None = None,
        max_steps: int | None = None,
        saving_listeners: Sequence[Any] | None = None,
    ) -> Estimator:
        """Trains from the latest checkpoint on.

        Args:
          input_fn: gives (features, labels) or a data set of these.
          hooks: session hooks.
          steps: how many steps to take.
          max_steps: which step to train to; instead of `steps`.
          saving_listeners: told about checkpoints.

        Returns:
          Itself.

        Raises:
          DataError: both `steps` and `max_steps`, or not positive ones.
        """
        check_steps(steps, max_steps)
        if max_steps is not None and max_steps <= self._step():
            tf.logging.info("Skipping training since max_steps has already saved.")
            return self
        hooks = list(hooks or [])
        if steps is not None or max_steps is not None:
            hooks.append(tf.train.StopAtStepHook(steps, max_steps))
        with self._graph():
            features, labels, own = self._input(input_fn, ModeKeys.TRAIN)
            spec = self._called(features, labels, ModeKeys.TRAIN)
            tf1.warm_start(self._warm_start)
            if not any(s.op.name == "loss" for s in tf.get_collection(tf.GraphKeys.SUMMARIES)):
                tf.summary.scalar("loss", spec.loss)
            tf.add_to_collection(tf.GraphKeys.LOSSES, spec.loss)
            loss = loops.train(spec, self._config, [*own, *hooks], saving_listeners or ())
        tf.logging.info("Loss for final step: %s.", loss)
        return self

    def evaluate(
        self,
        input_fn: Callable[..., Any],
        steps: int | None = None,
        hooks: Sequence[Any] | None = None,
        checkpoint_path: str | None = None,
        name: str | None = None,
    ) -> dict[str, Any]:
        """Returns the metrics by name, with "loss" and "global_step".

        Args:
          input_fn: gives (features, labels) or a data set of these.
          steps: how many minibatches; all by default.
          hooks: session hooks.
          checkpoint_path: the latest by default; without any, variables are initialised.
          name: of the evaluation.

        Raises:
          DataError: `steps` is not positive, or a metric has a name that is taken.
        """
        check_steps(steps, None)
        checkpoint = checkpoint_path or self.latest_checkpoint()
        if checkpoint is None:
            self._say_untrained("evaluate")
        hooks = [*(hooks or []), *([] if steps is None else [tf1.stop_after(steps)])]
        with self._graph():
            features, labels, own = self._input(input_fn, ModeKeys.EVAL)
            spec = self._called(features, labels, ModeKeys.EVAL)
            if taken := {"loss", tf.GraphKeys.GLOBAL_STEP} & spec.eval_metric_ops.keys():
                raise DataError(f"metric {sorted(taken)}: take another name, this one is used")
            spec.eval_metric_ops["loss"] = tf.metrics.mean(spec.loss)
            folder = self.eval_dir(name)
            return loops.evaluate(spec, self._config, [*own, *hooks], checkpoint, folder)

    def predict(
        self,
        input_fn: Callable[..., Any],
        predict_keys: Any = None,
        hooks: Sequence[Any] | None = None,
        checkpoint_path: str | None = None,
        yield_single_examples: bool = True,
    ) -> Iterator[Any]:
        """Yields predictions.

        Args:
          input_fn: gives features, or a pair of which the first counts, or a data set.
          predict_keys: names of the predictions to yield; all by default.
          hooks: session hooks.
          checkpoint_path: the latest by default; without any, variables are initialised.
          yield_single_examples: whether to yield examples, else minibatches.
        """
        checkpoint = checkpoint_path or self.latest_checkpoint()
        if checkpoint is None:
            self._say_untrained("predict")
        with self._graph():
            features, _, own = self._input(input_fn, ModeKeys.PREDICT)
            if not feeding.ends_by_itself(features):
                tf.logging.warning(
                    "Input graph does not use tf.data.Dataset or contain a QueueRunner. That "
                    "means predict yields forever. This is probably a mistake."
                )
            spec = self._called(features, None, ModeKeys.PREDICT)
            wanted = loops.chosen(spec.predictions, predict_keys)
            every = [*own, *(hooks or []), *spec.prediction_hooks]
            yield from loops.predict(
                wanted, spec.scaffold, self._config, every, checkpoint, yield_single_examples
            )

    def export_saved_model(
        self,
        export_dir_base: str,
        serving_input_receiver_fn: Callable[[], Any],
        assets_extra: Any = None,
        as_text: bool = False,
        checkpoint_path: str | None = None,
        **ignored: Any,
    ) -> bytes:
        """Writes the model for serving into a new folder below `export_dir_base`.

        Args:
          export_dir_base: path of the folder above.
          serving_input_receiver_fn: gives a `ServingInputReceiver`.
          assets_extra: relative name to the path of a file to copy.
          as_text: whether to write text.
          checkpoint_path: the latest by default.
          **ignored: `strip_default_attrs`, `experimental_mode`.

        Returns:
          The folder's path.

        Raises:
          DataError: there is no checkpoint.
        """
        checkpoint = checkpoint_path or self.latest_checkpoint()
        if checkpoint is None:
            raise DataError(f"no trained model in {self.model_dir}: train before export")
        with self._graph():
            receiver = serving_input_receiver_fn()
            spec = self._called(receiver.features, None, ModeKeys.PREDICT)
            config = self._config.session_config
            folder = exports.write(spec, receiver, export_dir_base, checkpoint, config, as_text)
        exports.copy_extra(folder, assets_extra or {})
        return folder.encode()

    export_savedmodel = export_saved_model

    def _graph(self) -> Any:
        return tf1.new_graph(self._config.tf_random_seed)

    def _input(self, input_fn: Callable[..., Any], mode: str) -> tuple[Any, Any, list[Any]]:
        tf.train.create_global_step()
        return feeding.called(input_fn, mode=mode, params=self.params, config=self.config)

    def _called(self, features: Any, labels: Any, mode: str) -> Any:
        offered = {"mode": mode, "params": self.params, "config": self.config}
        taken = feeding.arguments(self._model_fn)
        if "labels" in taken:
            offered["labels"] = labels
        elif labels is not None:
            raise DataError(f"{self._model_fn} takes no labels and input_fn gives some: add them")
        tf.logging.info("Calling model_fn.")
        spec = self._model_fn(
            features=features, **{name: offered[name] for name in offered if name in taken}
        )
        tf.logging.info("Done calling model_fn.")
        if not isinstance(spec, EstimatorSpec):
            raise DataError(f"model_fn returns {spec!r}: return a tf.estimator.EstimatorSpec")
        return spec

    def _step(self) -> int:
        if self.latest_checkpoint() is None:
            return 0
        return int(self.get_variable_value(tf.GraphKeys.GLOBAL_STEP))

    def _say_untrained(self, doing: str) -> None:
        tf.logging.info(
            "Could not find trained model in model_dir: %s, running initialization to %s.",
            self.model_dir,
            doing,
        )


def check_steps(steps: int | None, max_steps: int | None) -> None:
    """Raises `DataError` unless at most one is given, and that is positive."""
    if steps is not None and max_steps is not None:
        raise DataError(f"steps {steps} and max_steps {max_steps}: give one")
    for name, value in (("steps", steps), ("max_steps", max_steps)):
        if value is not None and value <= 0:
            raise DataError(f"{name} {value}: give a positive number")
