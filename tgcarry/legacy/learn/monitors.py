"""Monitors: hooks of before there were hooks, called every N steps."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import tensorflow.compat.v1 as tf


class BaseMonitor:
    """Is called around steps of training.

    Source: TensorFlow 1.15 `tf.contrib.learn.monitors.BaseMonitor`.
    """

    def __init__(self) -> None:
        self._estimator: Any = None
        self._max_steps: int | None = None

    def set_estimator(self, estimator: Any) -> None:
        """Is told the estimator."""
        self._estimator = estimator

    def begin(self, max_steps: int | None = None) -> None:
        """Is called before the session is made."""
        self._max_steps = max_steps

    def end(self, session: Any = None) -> None:
        """Is called when the training ends."""

    def epoch_begin(self, epoch: int) -> None:
        """Is not called: there are no epochs."""

    def epoch_end(self, epoch: int) -> None:
        """Is not called: there are no epochs."""

    def step_begin(self, step: int) -> list[Any]:
        """Returns names of tensors, or tensors, to be told about behind the step."""
        return []

    def step_end(self, step: int, output: dict[str, Any]) -> bool:
        """Is told the values by name, and returns whether to stop."""
        return False

    def post_step(self, step: int, session: Any) -> None:
        """Is called behind the step, with the session."""


class EveryN(BaseMonitor):
    """Does something at every `every_n_steps`-th step, at the first ones and at the last.

    Source: TensorFlow 1.15 `tf.contrib.learn.monitors.EveryN`.
    """

    def __init__(self, every_n_steps: int = 100, first_n_steps: int = 1) -> None:
        super().__init__()
        self._every_n_steps = every_n_steps
        self._first_n_steps = first_n_steps
        self._last_done = 0
        self._active = False

    def every_n_step_begin(self, step: int) -> list[Any]:
        """Returns names of tensors, or tensors, to be told about."""
        return []

    def every_n_step_end(self, step: int, outputs: dict[str, Any]) -> bool:
        """Is told the values by name, and returns whether to stop."""
        return False

    def every_n_post_step(self, step: int, session: Any) -> None:
        """Is called behind the step, with the session."""

    def step_begin(self, step: int) -> list[Any]:
        """Returns what `every_n_step_begin` does if this is such a step."""
        self._active = (
            step <= self._first_n_steps
            or step >= self._every_n_steps + self._last_done
            or step == self._max_steps
        )
        return self.every_n_step_begin(step) if self._active else []

    def step_end(self, step: int, output: dict[str, Any]) -> bool:
        """Returns what `every_n_step_end` does if this is such a step."""
        return bool(self.every_n_step_end(step, output)) if self._active else False

    def post_step(self, step: int, session: Any) -> None:
        """Calls `every_n_post_step` if this is such a step."""
        if self._active:
            self.every_n_post_step(step, session)
            self._last_done = step


class PrintTensor(EveryN):
    """Logs tensors.

    Args:
      tensor_names: names, or shown name to name.
      every_n: int.
      first_n: int.

    Source: TensorFlow 1.15 `tf.contrib.learn.monitors.PrintTensor`.
    """

    def __init__(self, tensor_names: Any, every_n: int = 100, first_n: int = 1) -> None:
        super().__init__(every_n, first_n)
        shown = tensor_names if isinstance(tensor_names, dict) else {n: n for n in tensor_names}
        self._shown = {name: _output(tensor) for name, tensor in shown.items()}

    def every_n_step_begin(self, step: int) -> list[Any]:
        """Returns the tensors' names."""
        return list(self._shown.values())

    def every_n_step_end(self, step: int, outputs: dict[str, Any]) -> bool:
        """Logs the values."""
        values = [f"{name} = {outputs[tensor]}" for name, tensor in self._shown.items()]
        tf.logging.info("Step %d: %s", step, ", ".join(values))
        return False


class ValidationMonitor(EveryN):
    """Evaluates new checkpoints, and stops the training when that gets no better.

    Args:
      x, y, input_fn, batch_size, eval_steps, metrics, hooks, name: as of `evaluate`.
      every_n_steps: int.
      early_stopping_rounds: steps without a better value to stop behind.
      early_stopping_metric: name of the metric.
      early_stopping_metric_minimize: whether less is better.
      check_interval_secs: ignored.

    Source: TensorFlow 1.15 `tf.contrib.learn.monitors.ValidationMonitor`.
    """

    def __init__(
        self,
        x: Any = None,
        y: Any = None,
        input_fn: Callable[..., Any] | None = None,
        batch_size: int | None = None,
        eval_steps: int | None = None,
        every_n_steps: int = 100,
        metrics: Any = None,
        hooks: Any = None,
        early_stopping_rounds: int | None = None,
        early_stopping_metric: str = "loss",
        early_stopping_metric_minimize: bool = True,
        name: str | None = None,
        check_interval_secs: float = 5,
    ) -> None:
        super().__init__(every_n_steps, first_n_steps=-1)
        self._arguments = {
            "x": x,
            "y": y,
            "input_fn": input_fn,
            "batch_size": batch_size,
            "steps": eval_steps,
            "metrics": metrics,
            "hooks": hooks,
            "name": name,
        }
        self._rounds = early_stopping_rounds
        self._metric = early_stopping_metric
        self._sign = 1 if early_stopping_metric_minimize else -1
        self._checkpoint: str | None = None
        self._early_stopped = False
        self._best_value: Any = None
        self._best_value_step: int | None = None
        self._best_metrics: dict[str, Any] | None = None

    @property
    def early_stopped(self) -> bool:
        """Whether this stopped the training."""
        return self._early_stopped

    @property
    def best_step(self) -> int | None:
        """The step of the best value."""
        return self._best_value_step

    @property
    def best_value(self) -> Any:
        """The best value."""
        return self._best_value

    @property
    def best_metrics(self) -> dict[str, Any] | None:
        """All metrics of that step."""
        return self._best_metrics

    def every_n_step_end(self, step: int, outputs: dict[str, Any]) -> bool:
        """Evaluates a checkpoint that is new, and returns whether to stop."""
        latest = tf.train.latest_checkpoint(self._estimator.model_dir)
        if latest is None or latest == self._checkpoint:
            tf.logging.debug("Skipping evaluation since there is no new checkpoint.")
            return False
        self._checkpoint = latest
        found = self._estimator.evaluate(checkpoint_path=latest, **self._arguments)
        shown = ", ".join(f"{name} = {value}" for name, value in found.items())
        tf.logging.info("Validation (step %d): %s", step, shown)
        return False if self._rounds is None else self._stops(step, found)

    def _stops(self, step: int, found: dict[str, Any]) -> bool:
        value = found[self._metric]
        if self._best_value is None or self._sign * value < self._sign * self._best_value:
            self._best_value, self._best_value_step = value, step
            self._best_metrics = dict(found)
        self._early_stopped = step - (self._best_value_step or 0) >= (self._rounds or 0)
        if self._early_stopped:
            tf.logging.info(
                "Stopping. Best step: %s with %s = %s.",
                self._best_value_step,
                self._metric,
                self._best_value,
            )
        return self._early_stopped


class _Hook(tf.train.SessionRunHook):
    """Calls monitors around a session's steps."""

    def __init__(self, monitors: list[BaseMonitor]) -> None:
        self._monitors = monitors
        self._last = 0
        self._step: Any = None
        self._asked: list[list[Any]] = []

    def begin(self) -> None:
        self._last = 0
        self._step = tf.train.get_global_step()
        for monitor in self._monitors:
            monitor.begin(max_steps=None)

    def before_run(self, run_context: Any) -> Any:
        if not self._last:
            self._last = int(run_context.session.run(self._step)) + 1
        graph = tf.get_default_graph()
        self._asked = [list(monitor.step_begin(self._last)) for monitor in self._monitors]
        names = {_output(name) for names in self._asked for name in names}
        return tf.train.SessionRunArgs({n: graph.as_graph_element(n) for n in names})

    def after_run(self, run_context: Any, run_values: Any) -> None:
        values = run_values.results or {}
        values = {**values, **{name.removesuffix(":0"): v for name, v in values.items()}}
        if any([monitor.step_end(self._last, values) for monitor in self._monitors]):
            run_context.request_stop()
        for monitor in self._monitors:
            monitor.post_step(self._last, run_context.session)
        self._last += 1

    def end(self, session: Any) -> None:
        self._last = 0
        for monitor in self._monitors:
            monitor.end(session=session)


def _output(tensor: Any) -> str:
    name = str(getattr(tensor, "name", tensor))
    return name if ":" in name else f"{name}:0"


def as_hooks(monitors: Iterable[Any] | None, estimator: Any) -> list[Any]:
    """Returns hooks as they are, and one for all the monitors."""
    given = [monitors] if isinstance(monitors, BaseMonitor) else list(monitors or [])
    hooks = [each for each in given if isinstance(each, tf.train.SessionRunHook)]
    others = [each for each in given if not isinstance(each, tf.train.SessionRunHook)]
    for monitor in others:
        monitor.set_estimator(estimator)
    return [*hooks, _Hook(others)] if others else hooks


def replace_monitors_with_hooks(monitors_or_hooks: Any, estimator: Any) -> list[Any]:
    """Is TensorFlow 1's name of `as_hooks`."""
    return as_hooks(monitors_or_hooks, estimator)
