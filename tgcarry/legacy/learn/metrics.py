"""Which metric of which prediction and label to compute in an evaluation."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from tgcarry.errors import DataError

_LABELS = ("labels", "label", "targets", "target")
_PREDICTIONS = ("predictions", "prediction", "logits", "logit")
_WEIGHTS = ("weights", "weight")


class MetricSpec:
    """Says how to compute a metric.

    Args:
      metric_fn: function of labels, predictions and weights, whatever it calls them; returns
        (value, update operation).
      prediction_key: name of the prediction, if there are several.
      label_key: name of the label, if there are several.
      weight_key: name of the feature that weighs examples.

    Source: TensorFlow 1.15 `tf.contrib.learn.MetricSpec`.
    """

    def __init__(
        self,
        metric_fn: Callable[..., Any],
        prediction_key: str | None = None,
        label_key: str | None = None,
        weight_key: str | None = None,
    ) -> None:
        self.metric_fn = metric_fn
        self.prediction_key = prediction_key
        self.label_key = label_key
        self.weight_key = weight_key

    def create_metric_ops(self, inputs: Any, labels: Any, predictions: Any) -> Any:
        """Calls the metric.

        Args:
          inputs: features.
          labels: tensor or dict of tensors.
          predictions: tensor or dict of tensors.

        Raises:
          DataError: a name is missing where there are several, or unknown.
        """
        weights = None if self.weight_key is None else inputs[self.weight_key]
        prediction = _one(predictions, self.prediction_key, "prediction")
        label = _one(labels, self.label_key, "label")
        return _called(self.metric_fn, label, prediction, weights)


def metric_ops(metrics: Any, features: Any, labels: Any, predictions: Any) -> dict[str, Any]:
    """Returns metrics by name.

    Args:
      metrics: name to `MetricSpec`, or to a function, or (name, name of the prediction) to a
        function.
      features: of the model function.
      labels: of the model function.
      predictions: of the model function.
    """
    found = {}
    for name, metric in (metrics or {}).items():
        shown, key = name if isinstance(name, tuple) else (name, None)
        spec = metric if isinstance(metric, MetricSpec) else MetricSpec(metric, key)
        found[shown] = spec.create_metric_ops(features, labels, predictions)
    return found


def _one(values: Any, key: str | None, kind: str) -> Any:
    if not isinstance(values, Mapping):
        if key is not None:
            raise DataError(f"{kind}_key {key!r} and one {kind} only: leave {kind}_key out")
        return values
    if key is None and len(values) == 1:
        return next(iter(values.values()))
    if key not in values:
        raise DataError(f"{kind}_key {key!r}: take one of {sorted(values)}")
    return values[key]


def _called(metric: Callable[..., Any], label: Any, prediction: Any, weights: Any) -> Any:
    taken = list(inspect.signature(metric).parameters)
    named: dict[Any, Any] = {
        _first(taken, _LABELS): label,
        _first(taken, _PREDICTIONS): prediction,
        _first(taken, _WEIGHTS): weights,
    }
    named = {name: value for name, value in named.items() if name and value is not None}
    if _first(taken, _PREDICTIONS):
        return metric(**named)
    # A metric with names of its own takes predictions first, then labels.
    labelled = _first(taken, _LABELS)
    if labelled and taken[0] != labelled:
        return metric(prediction, **named)
    named.pop(labelled or "", None)
    return metric(label, prediction, **named) if labelled else metric(prediction, label, **named)


def _first(taken: list[str], names: tuple[str, ...]) -> str | None:
    return next((name for name in names if name in taken), None)
