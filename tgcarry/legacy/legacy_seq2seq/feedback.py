"""A decoder's own output as its next input: the most likely symbol, embedded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow.compat.v1 as tf

Feedback = Callable[[Any, int], Any]
"""From a step's output `[B, O]` and the next step's number to its input `[B, I]`."""


def extract_argmax_and_embed(
    embedding: Any, output_projection: Any = None, update_embedding: bool = True
) -> Feedback:
    """Makes the function that turns a step's output into the next step's input.

        next = embedding[argmax(prev W + b)]

    Args:
      embedding: `[V, E]`, one row a symbol.
      output_projection: `(W, b)`, `[O, V]` and `[V]`; None where outputs are logits already.
      update_embedding: False stops gradients from reaching the embedding this way.

    Returns:
      Function of the previous output `[B, O]` and a step number, which it ignores.

    Source: TensorFlow 1.15 `legacy_seq2seq._extract_argmax_and_embed`.
    """

    def feedback(prev: Any, _: int) -> Any:
        if output_projection is not None:
            prev = tf.nn.xw_plus_b(prev, output_projection[0], output_projection[1])
        # No gradient goes through the choice of a symbol.
        embedded = tf.nn.embedding_lookup(embedding, tf.argmax(prev, 1))
        return embedded if update_embedding else tf.stop_gradient(embedded)

    return feedback


def check_projection(output_projection: Any, num_symbols: int, dtype: Any) -> None:
    """Refuses an output projection that does not give `num_symbols` logits.

    Raises:
      ValueError: W is not `[O, num_symbols]` or b not `[num_symbols]`.
    """
    if output_projection is None:
        return
    weights = tf.convert_to_tensor(output_projection[0], dtype=dtype)
    weights.get_shape().assert_is_compatible_with([None, num_symbols])
    check_projection_bias(output_projection, num_symbols, dtype)


def check_projection_bias(output_projection: Any, num_symbols: int, dtype: Any) -> None:
    """Refuses an output projection whose bias is not `[num_symbols]`.

    Raises:
      ValueError: it has another shape.
    """
    if output_projection is not None:
        bias = tf.convert_to_tensor(output_projection[1], dtype=dtype)
        bias.get_shape().assert_is_compatible_with([num_symbols])
