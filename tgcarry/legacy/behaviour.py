"""TensorFlow 1's behaviour for a while: switched on, and back to what the host had."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from tgcarry import tf1


@contextlib.contextmanager
def tensorflow1() -> Iterator[None]:
    """Makes TensorFlow behave as version 1 does inside the block, and as before behind it.

    Graphs instead of eager execution, reference variables, `Dimension` objects in shapes, and
    while loops that are part of the graph.
    """
    before = tf1.behaviour()
    tf1.switch_behaviour(tf1.VERSION_1)
    try:
        yield
    finally:
        tf1.switch_behaviour(before)
