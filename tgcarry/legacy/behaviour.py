"""TensorFlow 1's behaviour for a while: switched on, and back to what the host had."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from tgcarry import tf1
from tgcarry.legacy import numbering
from tgcarry.legacy.ops import dropout, random


@contextlib.contextmanager
def tensorflow1() -> Iterator[None]:
    """Makes TensorFlow behave as version 1 does inside the block, and as before behind it.

    Graphs instead of eager execution, reference variables, `Dimension` objects in shapes,
    while loops that are part of the graph, and random numbers counted as in 1.15.
    """
    before = tf1.behaviour()
    tf1.switch_behaviour(tf1.VERSION_1)
    try:
        with (
            numbering.counting(),
            tf1.random_uniform_replaced(random.uniform),
            tf1.dropout_replaced(dropout.dropout),
            tf1.penalties_made_once(),
        ):
            yield
    finally:
        tf1.switch_behaviour(before)
