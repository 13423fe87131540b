"""Turns the layer classes of `tf.layers` into its functions."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any


def with_variables(layer: Callable[..., Any], name: str, source: str) -> Callable[..., Any]:
    """Makes the function that builds a layer and applies it once.

    Its arguments are `inputs`, then the layer's own up to `name`, then `reuse`.

    Args:
      layer: class from `tf_keras.src.legacy_tf_layers`.
      name: of the function.
      source: what TensorFlow 1.15 calls it.
    """
    layer_arguments = _arguments(layer)
    signature = _signature([*layer_arguments, _keyword("reuse")])

    def function(*args: Any, **kwargs: Any) -> Any:
        given = signature.bind(*args, **kwargs).arguments
        inputs, reuse = given.pop("inputs"), given.pop("reuse", None)
        return layer(**given, _scope=given.get("name"), _reuse=reuse)(inputs)

    return _dressed(function, signature, name, source)


def plain(layer: Callable[..., Any], name: str, source: str) -> Callable[..., Any]:
    """Makes the function of a layer that has no variables, as above but without `reuse`."""
    signature = _signature(_arguments(layer))

    def function(*args: Any, **kwargs: Any) -> Any:
        given = signature.bind(*args, **kwargs).arguments
        return layer(**{key: value for key, value in given.items() if key != "inputs"})(
            given["inputs"]
        )

    return _dressed(function, signature, name, source)


def _arguments(layer: Callable[..., Any]) -> list[inspect.Parameter]:
    return [
        parameter
        for parameter in inspect.signature(layer).parameters.values()
        if parameter.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
    ]


def _keyword(name: str) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=None)


def _signature(parameters: list[inspect.Parameter]) -> inspect.Signature:
    inputs = inspect.Parameter("inputs", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return inspect.Signature([inputs, *parameters])


def _dressed(
    function: Callable[..., Any], signature: inspect.Signature, name: str, source: str
) -> Callable[..., Any]:
    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"Builds a layer and applies it.\n\nSource: `{source}` of TensorFlow 1.15."
    function.__signature__ = signature  # type: ignore[attr-defined]
    return function
