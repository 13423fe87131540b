"""The base of attention mechanisms: a memory, its keys, and scores made into weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tgcarry.legacy.seq2seq.arrays import static_or_dynamic, zeros_like_sizes
from tgcarry.legacy.seq2seq.masking import masked_memory, masked_score
from tgcarry.legacy.seq2seq.projection import check_layer


class AttentionMechanism:
    """Is the base of everything that `AttentionWrapper` can attend with.

    Source: TensorFlow 1.15 `tf.contrib.seq2seq.AttentionMechanism`.
    """

    @property
    def alignments_size(self) -> Any:
        """Int or tensor `[]`: the memory's length."""
        raise NotImplementedError(f"{type(self).__name__} must define alignments_size")

    @property
    def state_size(self) -> Any:
        """Nest of sizes of what is carried from step to step."""
        raise NotImplementedError(f"{type(self).__name__} must define state_size")


class MemoryAttention(AttentionMechanism):
    """Is the base of mechanisms that score a memory's keys.

        keys = memory_layer(memory),  alignments = probability_fn(score(query, keys), state)

    The memory is zero, and the score is `score_mask_value`, behind the end of a sequence.
    B is the batch, L the memory's length. A subclass defines
    `__call__(query, state)`, which returns `(alignments, next_state)`.

    Args:
      query_layer: layer over the query, or None.
      memory: nest of `[B, L, ...]`, an encoder's outputs as a rule.
      probability_fn: function of (score, state) to alignments, both `[B, L]`.
      memory_sequence_length: int `[B]`, or None for all L.
      memory_layer: layer over the memory, or None.
      check_inner_dims_defined: whether all but batch and time have to be known.
      score_mask_value: float; -inf by default.
      custom_key_value_fn: function of (keys, values) to both, or None.
      name: of the operations' scope.

    Raises:
      TypeError: a layer or function is something else.
      CellError: an unknown dimension.

    Source: TensorFlow 1.15 `attention_wrapper._BaseAttentionMechanism`.
    """

    def __init__(
        self,
        query_layer: Any,
        memory: Any,
        probability_fn: Callable[[Any, Any], Any],
        memory_sequence_length: Any = None,
        memory_layer: Any = None,
        check_inner_dims_defined: bool = True,
        score_mask_value: Any = None,
        custom_key_value_fn: Callable[[Any, Any], Any] | None = None,
        name: str | None = None,
    ) -> None:
        check_layer("query_layer", query_layer)
        check_layer("memory_layer", memory_layer)
        if not callable(probability_fn):
            raise TypeError(
                f"probability_fn={probability_fn!r} is not a function: pass e.g. tf.nn.softmax"
            )
        self._query_layer = query_layer
        self._memory_layer = memory_layer
        first = tf.nest.flatten(memory)[0]
        self.dtype = tf.as_dtype(memory_layer.dtype if memory_layer else first.dtype)
        if score_mask_value is None:
            score_mask_value = self.dtype.as_numpy_dtype(-np.inf)
        self._probability_fn: Callable[[Any, Any], Any] = lambda score, state: probability_fn(
            masked_score(score, memory_sequence_length, score_mask_value), state
        )
        with tf.name_scope(name, "BaseAttentionMechanismInit", tf.nest.flatten(memory)):
            self._values = masked_memory(memory, memory_sequence_length, check_inner_dims_defined)
            self._keys = self._values if memory_layer is None else memory_layer(self._values)
            if custom_key_value_fn is not None:
                self._keys, self._values = custom_key_value_fn(self._keys, self._values)
            self._batch_size = static_or_dynamic(self._keys, 0)
            self._alignments_size = static_or_dynamic(self._keys, 1)

    @property
    def memory_layer(self) -> Any:
        """The layer over the memory, or None."""
        return self._memory_layer

    @property
    def query_layer(self) -> Any:
        """The layer over the query, or None."""
        return self._query_layer

    @property
    def values(self) -> Any:
        """`[B, L, ...]`: the masked memory, which is averaged by the alignments."""
        return self._values

    @property
    def keys(self) -> Any:
        """`[B, L, U]`: the memory after the layer, which is scored."""
        return self._keys

    @property
    def batch_size(self) -> Any:
        """Int or tensor `[]`: the memory's rows B."""
        return self._batch_size

    @property
    def alignments_size(self) -> Any:
        """Int or tensor `[]`: the memory's length L."""
        return self._alignments_size

    @property
    def state_size(self) -> Any:
        """The same: the state is the last alignments."""
        return self._alignments_size

    def initial_alignments(self, batch_size: Any, dtype: Any) -> Any:
        """Makes the alignments `[B, L]` before the first step: zeros."""
        return zeros_like_sizes(self._alignments_size, batch_size, dtype)

    def initial_state(self, batch_size: Any, dtype: Any) -> Any:
        """Makes the state before the first step: the initial alignments."""
        return self.initial_alignments(batch_size, dtype)


def without_state(
    probability_fn: Callable[[Any], Any] | None,
) -> Callable[[Any, Any], Any]:
    """Makes a function of (score, state) from one of the score alone; softmax from None."""
    chosen = probability_fn or tf.nn.softmax
    return lambda score, _: chosen(score)


def hardmax(logits: Any, name: str | None = None) -> Any:
    """Puts 1 at the greatest of each row `[..., V]` and 0 elsewhere.

    Source: TensorFlow 1.15 `tf.contrib.seq2seq.hardmax`.
    """
    with tf.name_scope(name, "Hardmax", [logits]):
        logits = tf.convert_to_tensor(logits, name="logits")
        depth = tf.dimension_value(logits.get_shape()[-1])
        if depth is None:
            depth = tf.shape(logits)[-1]
        return tf.one_hot(tf.argmax(logits, -1), depth, dtype=logits.dtype)
