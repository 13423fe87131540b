"""Counts a graph's operations as TensorFlow 1.15 would have made them."""

from __future__ import annotations

import contextlib
import contextvars
import weakref
from collections.abc import Iterator
from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry import tf1
from tgcarry.legacy.numbering.rules import surplus


class _Count:
    """Follows one graph: how many operations it has, and how many more 1.15 would have."""

    def __init__(self) -> None:
        self.seen = 0
        self.more = 0
        self.shapes: set[Any] = set()

    def settle(self, graph: tf.Graph) -> None:
        """Takes the operations made since the last time into account."""
        new = graph.get_operations()[self.seen :]
        self.seen += len(new)
        self.more += sum(surplus(op, self.shapes) for op in new)

    def skip(self, graph: tf.Graph) -> None:
        """Leaves out the operations made since the last time."""
        made = len(graph.get_operations())
        self.more -= made - self.seen
        self.seen = made


class _Numbers:
    """Stands where today's TensorFlow keeps how many random operations each graph has."""

    def __init__(self) -> None:
        self._counts: weakref.WeakKeyDictionary[tf.Graph, _Count] = weakref.WeakKeyDictionary()

    def of(self, graph: tf.Graph) -> _Count:
        return self._counts.setdefault(graph, _Count())

    def setdefault(self, graph: tf.Graph, _: int) -> int:
        count = self.of(graph)
        count.settle(graph)
        return count.seen + count.more

    def __getitem__(self, graph: tf.Graph) -> int:
        return self.setdefault(graph, 0)

    def __setitem__(self, graph: tf.Graph, _: int) -> None:
        """Forgets that one more was asked for: the operation itself will be counted."""


_current: contextvars.ContextVar[_Numbers | None] = contextvars.ContextVar(
    "tgcarry_legacy_numbers", default=None
)


@contextlib.contextmanager
def counting() -> Iterator[None]:
    """Has random operations numbered as in 1.15, inside the block."""
    numbers = _Numbers()
    token = _current.set(numbers)
    try:
        with tf1.random_numbers(numbers):
            yield
    finally:
        _current.reset(token)


def number() -> int | None:
    """Returns what the default graph's next random operation gets; None outside `counting`."""
    numbers = _current.get()
    return None if numbers is None else numbers[tf.get_default_graph()]


@contextlib.contextmanager
def uncounted() -> Iterator[None]:
    """Leaves the operations made inside the block out of the count of the default graph.

    They are tgcarry's own additions, which 1.15 would not make.
    """
    with as_many(0):
        yield


@contextlib.contextmanager
def as_many(operations: int) -> Iterator[None]:
    """Counts what is made inside the block as so many operations, whatever it is."""
    count = _current_count()
    graph = tf.get_default_graph()
    if count is not None:
        count.settle(graph)
        before = count.seen + count.more
    try:
        yield
    finally:
        if count is not None:
            count.skip(graph)
            count.more = before + operations - count.seen


def _current_count() -> Any:
    numbers = _current.get()
    return None if numbers is None else numbers.of(tf.get_default_graph())
