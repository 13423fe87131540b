"""A program's own loss function, whichever order of arguments its TensorFlow called it with.

Up to 0.12 a `softmax_loss_function` was called with (inputs, labels), in 1.0 with (labels,
inputs), and since then by keyword. Its arguments' names tell which one it was written for.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from tgcarry.errors import LegacyError

LossFunction = Callable[..., Any]

_LABELS = ("label", "target", "y_true", "truth")
_INPUTS = ("logit", "input", "output", "pred", "y_pred")


def with_keywords(function: LossFunction) -> LossFunction:
    """Returns a function of `labels=` and `logits=` that calls `function` as it needs it.

    Raises:
      LegacyError: its arguments' names do not tell which one is the labels.
    """
    names = _parameters(function)
    if names is None or {"labels", "logits"} <= set(names):
        return function
    if len(names) >= 2:
        first, second = _kind(names[0]), _kind(names[1])
        if first != second:
            return _by_position(function, first == "labels" or second == "inputs")
    raise LegacyError(
        f"softmax_loss_function takes the arguments ({', '.join(names)}), which do not tell the "
        f"labels from the logits: name them labels and logits"
    )


def _by_position(function: LossFunction, labels_first: bool) -> LossFunction:
    def call(labels: Any, logits: Any) -> Any:
        return function(labels, logits) if labels_first else function(logits, labels)

    return call


def _parameters(function: LossFunction) -> list[str] | None:
    """Returns the names of the arguments; None if any keyword will do, or nobody knows."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return None
    return [p.name for p in parameters if p.kind is not p.VAR_POSITIONAL]


def _kind(name: str) -> str | None:
    lower = name.lower()
    if any(word in lower for word in _LABELS):
        return "labels"
    if any(word in lower for word in _INPUTS):
        return "inputs"
    return None
