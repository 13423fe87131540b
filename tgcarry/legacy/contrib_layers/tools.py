"""What every function of `tf.contrib.layers` does besides computing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.errors import DataError
from tgcarry.legacy.contrib_layers import variables


def getter(renamed: Mapping[str, str] | None = None) -> Callable[..., Any]:
    """Makes a `custom_getter` that makes variables of the model.

    Args:
      renamed: the last part of a variable's name to what it is called here, e.g.
        "kernel" to "weights".
    """
    names = renamed or {}

    # TensorFlow passes the next getter under this very name.
    def made(getter: Callable[..., Any], name: str, **kwargs: Any) -> Any:
        scope, slash, last = name.rpartition("/")
        given = {key: kwargs[key] for key in _PASSED_ON if key in kwargs}
        return variables.model_variable(
            scope + slash + names.get(last, last), custom_getter=getter, **given
        )

    return made


_PASSED_ON = (
    "aggregation",
    "caching_device",
    "collections",
    "dtype",
    "initializer",
    "partitioner",
    "regularizer",
    "shape",
    "synchronization",
    "trainable",
    "use_resource",
)


def collections_of(collections: Any, name: str) -> Any:
    """Returns the collections of one variable: those given for its name, or given for all."""
    return collections.get(name) if isinstance(collections, Mapping) else collections


def add_variable(var: Any, collections: Any, name: str) -> None:
    """Adds a layer's variable to the collections given for it."""
    for collection in collections_of(collections, name) or ():
        if not any(var is there for there in tf.get_collection(collection)):
            tf.add_to_collection(collection, var)


def collect_named_outputs(collections: Any, alias: str, outputs: Any) -> Any:
    """Adds a tensor to collections, to be found under `alias` by `convert_collection_to_dict`.

    Returns:
      The tensor.
    """
    if collections:
        outputs.aliases = [*getattr(outputs, "aliases", ()), alias.removesuffix("/")]
        names = [collections] if isinstance(collections, str) else list(collections)
        tf.add_to_collections(names, outputs)
    return outputs


def convert_collection_to_dict(collection: str, clear_collection: bool = False) -> dict[str, Any]:
    """Returns a collection's tensors by alias, or by name where they have none."""
    found: dict[str, Any] = {}
    for tensor in tf.get_collection(collection):
        found.update(dict.fromkeys(get_tensor_aliases(tensor), tensor))
    if clear_collection:
        tf.get_default_graph().clear_collection(collection)
    return found


def get_tensor_aliases(tensor: Any) -> list[str]:
    """Returns a tensor's aliases, or its operation's name without `:0`."""
    return list(getattr(tensor, "aliases", None) or [tensor.op.name])


def finished(
    outputs: Any,
    normalizer_fn: Callable[..., Any] | None,
    normalizer_params: Mapping[str, Any] | None,
    activation_fn: Callable[[Any], Any] | None,
) -> Any:
    """Normalises and activates a layer's outputs."""
    if normalizer_fn is not None:
        outputs = normalizer_fn(outputs, **(normalizer_params or {}))
    return outputs if activation_fn is None else activation_fn(outputs)


def channels(data_format: str | None) -> str:
    """Returns Keras' word for where the channels are.

    Args:
      data_format: "NHWC" and its like, "NCHW" and its like, or None for the former.
    """
    return "channels_first" if data_format and data_format.startswith("NC") else "channels_last"


def check_format(data_format: str | None, axes: str = "HW") -> None:
    """Checks where the channels are said to be.

    Args:
      data_format: None, or "N" and "C" with the axes behind or between, e.g. "NCHW".
      axes: letters of the other axes.

    Raises:
      DataError: another word.
    """
    if data_format not in (None, f"NC{axes}", f"N{axes}C"):
        raise DataError(
            f"data_format has to be either NC{axes} or N{axes}C. It is {data_format!r}"
        )
