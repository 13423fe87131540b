"""An input function's answer as tensors, with the hooks that it needs."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.errors import DataError


class IteratorStart(tf.train.SessionRunHook):
    """Starts an iterator when a session is there."""

    def __init__(self, iterator: Any) -> None:
        self._iterator = iterator
        self._start: Any = None

    def begin(self) -> None:
        """Takes the operation while the graph may be extended."""
        self._start = self._iterator.initializer

    def after_create_session(self, session: Any, coord: Any) -> None:
        """Starts the iterator."""
        session.run(self._start)


def arguments(function: Callable[..., Any]) -> set[str]:
    """Names the arguments that a function, method, partial or object can be called with."""
    return set(inspect.signature(function).parameters)


def called(input_fn: Callable[..., Any], **offered: Any) -> tuple[Any, Any, list[Any]]:
    """Calls an input function on the CPU with those of `offered` that it takes.

    Returns:
      Features, labels (None if there are none), and hooks.

    Raises:
      DataError: it gives neither features nor a pair.
    """
    taken = arguments(input_fn)
    with tf.device("/cpu:0"):
        result = input_fn(**{name: value for name, value in offered.items() if name in taken})
        hooks: list[Any] = []
        if isinstance(result, tf.data.Dataset) or hasattr(result, "_variant_tensor"):
            iterator = tf.data.make_initializable_iterator(result)
            hooks.append(IteratorStart(iterator))
            result = iterator.get_next()
    if isinstance(result, (list, tuple)):
        if len(result) != 2:
            raise DataError(f"input_fn gives {len(result)} values: give (features, labels)")
        return result[0], result[1], hooks
    return result, None, hooks


def ends_by_itself(features: Any) -> bool:
    """Says whether the graph reads a data set or a queue, so that the input has an end."""
    graph = tf.get_default_graph()
    if graph.get_collection(tf.GraphKeys.QUEUE_RUNNERS):
        return True
    return any(op.type.startswith("IteratorGetNext") for op in graph.get_operations())
