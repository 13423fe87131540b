"""A decoder that a tensor, and not the program, tells whether to read its own outputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow.compat.v1 as tf

# From whether to feed outputs back to `(outputs, state)`.
Decoder = Callable[[bool], tuple[list[Any], Any]]


def decode(feed_previous: Any, steps: int, decoder: Decoder) -> tuple[list[Any], list[Any]]:
    """Builds a decoder twice, with the same variables, and runs the one a tensor asks for.

    Args:
      feed_previous: bool tensor `[]`.
      steps: int, L.
      decoder: function from a bool to `(outputs, state)`, which makes variables.

    Returns:
      `(outputs, leaves)`: L tensors, and those of the state, flat.
    """

    def branch(feeds: bool) -> list[Any]:
        # The first branch makes the variables, the other one finds them.
        with tf.variable_scope(tf.get_variable_scope(), reuse=None if feeds else True):
            outputs, state = decoder(feeds)
        return outputs + (tf.nest.flatten(state) if tf.nest.is_nested(state) else [state])

    flat = tf.cond(feed_previous, lambda: branch(True), lambda: branch(False))
    return flat[:steps], flat[steps:]


def packed_like(structure: Any, leaves: list[Any]) -> Any:
    """Returns the leaves as a nest, or the first one where there is no structure."""
    if not tf.nest.is_nested(structure):
        return leaves[0]
    return tf.nest.pack_sequence_as(structure, leaves)
