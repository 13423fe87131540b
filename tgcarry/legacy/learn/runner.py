"""Experiments: an estimator with its data, and what to do with both."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tgcarry.errors import DataError

_SCHEDULES = ("train", "evaluate", "test", "train_and_evaluate", "continuous_train_and_eval")


class Experiment:
    """Holds an estimator and the data to train and evaluate it on.

    Args:
      estimator: of `tf.contrib.learn` or `tf.estimator`.
      train_input_fn, eval_input_fn: input functions.
      eval_metrics: name to metric.
      train_steps: which step to train to; None for ever.
      eval_steps: minibatches of an evaluation; None for all.
      train_monitors: monitors or hooks.
      eval_hooks: session hooks.
      min_eval_frequency: steps between evaluations; None for one at the end.
      **ignored: what is for several machines, and for exports.

    Source: TensorFlow 1.15 `tf.contrib.learn.Experiment`.
    """

    def __init__(
        self,
        estimator: Any,
        train_input_fn: Callable[..., Any],
        eval_input_fn: Callable[..., Any],
        eval_metrics: Any = None,
        train_steps: int | None = None,
        eval_steps: int | None = 100,
        train_monitors: Sequence[Any] | None = None,
        eval_hooks: Sequence[Any] | None = None,
        local_eval_frequency: int | None = None,
        eval_delay_secs: float = 120,
        continuous_eval_throttle_secs: float = 60,
        min_eval_frequency: int | None = None,
        **ignored: Any,
    ) -> None:
        self._estimator = estimator
        self._train_input = train_input_fn
        self._eval_input = eval_input_fn
        self._metrics = eval_metrics
        self._train_steps = train_steps
        self._eval_steps = eval_steps
        self._monitors = list(train_monitors or [])
        self._hooks = list(eval_hooks or [])
        self._every = min_eval_frequency or local_eval_frequency

    @property
    def estimator(self) -> Any:
        """The estimator."""
        return self._estimator

    def extend_train_hooks(self, additional_hooks: Sequence[Any]) -> None:
        """Adds hooks of the training."""
        self._monitors.extend(additional_hooks)

    def train(self, delay_secs: Any = None) -> Any:
        """Trains to the last step."""
        return self._train(self._train_steps)

    def evaluate(self, delay_secs: Any = None, name: str | None = None) -> dict[str, Any]:
        """Returns the metrics by name."""
        arguments = {"steps": self._eval_steps, "hooks": self._hooks, "name": name}
        if self._metrics is not None:
            arguments["metrics"] = self._metrics
        return dict(self._estimator.evaluate(input_fn=self._eval_input, **arguments))

    def test(self) -> tuple[Any, Any]:
        """Trains one step and evaluates."""
        self._train(1)
        return self.evaluate(name="one_pass"), []

    def train_and_evaluate(self) -> tuple[Any, Any]:
        """Trains, with an evaluation every so many steps and at the end."""
        done = 0
        while self._every and self._train_steps and done + self._every < self._train_steps:
            done += self._every
            self._train(done)
            self.evaluate()
        self._train(self._train_steps)
        return self.evaluate(), []

    continuous_train_and_eval = train_and_evaluate

    def _train(self, last: int | None) -> Any:
        # `fit` of tf.contrib.learn has monitors, `train` of tf.estimator hooks.
        if hasattr(self._estimator, "fit"):
            return self._estimator.fit(
                input_fn=self._train_input, max_steps=last, monitors=self._monitors
            )
        return self._estimator.train(
            input_fn=self._train_input, max_steps=last, hooks=self._monitors
        )


def run(
    experiment_fn: Callable[..., Any],
    output_dir: str | None = None,
    schedule: str | None = None,
    run_config: Any = None,
    hparams: Any = None,
) -> Any:
    """Makes an experiment and does with it what `schedule` says.

    Args:
      experiment_fn: function of `output_dir`, or of `run_config` and `hparams`.
      output_dir: folder, instead of `run_config`.
      schedule: name of a method; "train_and_evaluate" by default.
      run_config: `RunConfig`.
      hparams: for `experiment_fn`.

    Raises:
      DataError: neither or both of folder and settings, or an unknown method.

    Source: TensorFlow 1.15 `tf.contrib.learn.learn_runner.run`, on one machine.
    """
    if (output_dir is None) == (run_config is None):
        raise DataError("give learn_runner.run either output_dir or run_config")
    schedule = schedule or "train_and_evaluate"
    if schedule not in _SCHEDULES:
        raise DataError(f"schedule {schedule!r}: take one of {', '.join(_SCHEDULES)}")
    if run_config is None:
        experiment = experiment_fn(output_dir=output_dir)
    else:
        experiment = experiment_fn(run_config=run_config, hparams=hparams)
    return getattr(experiment, schedule)()
