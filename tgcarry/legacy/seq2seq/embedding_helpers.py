"""Helpers that feed a decoder with the embeddings of its own samples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.errors import CellError
from tgcarry.legacy.seq2seq.helper import Helper
from tgcarry.legacy.seq2seq.sampling import categorical_sample


def embedding_function(embedding: Any) -> Callable[[Any], Any]:
    """Returns the function from ids to vectors that `embedding`, maybe a matrix, stands for."""
    if callable(embedding):
        return embedding
    return lambda ids: tf.nn.embedding_lookup(embedding, ids)


def end_token_tensor(end_token: Any) -> Any:
    """Turns an end token into an int32 tensor `[]`; CellError if it is not one number."""
    tensor = tf.convert_to_tensor(end_token, dtype=tf.int32, name="end_token")
    if tensor.get_shape().rank != 0:
        raise CellError(f"end_token={end_token!r} is not a single id: pass an int")
    return tensor


def start_tokens_tensor(start_tokens: Any) -> Any:
    """Turns start tokens into an int32 tensor `[B]`; CellError if they are no vector."""
    tensor = tf.convert_to_tensor(start_tokens, dtype=tf.int32, name="start_tokens")
    if tensor.get_shape().rank != 1:
        raise CellError(
            f"start_tokens={start_tokens!r} is not a vector: pass one id per sequence, "
            f"e.g. tf.fill([batch_size], 1)"
        )
    return tensor


class GreedyEmbeddingHelper(Helper):
    """Feeds the embedding of the likeliest class.

        sample_t = argmax(y_t),  x_{t+1} = embedding(sample_t),  finished at end_token

    Args:
      embedding: `[V, E]`, or a function from int32 ids to vectors.
      start_tokens: int32 `[B]`, the ids of the first step's inputs.
      end_token: int, the id that ends a sequence.

    Raises:
      CellError: `start_tokens` is not a vector, or `end_token` not a single id.

    Source: TensorFlow 1.15 `tf.contrib.seq2seq.GreedyEmbeddingHelper`.
    """

    def __init__(self, embedding: Any, start_tokens: Any, end_token: Any) -> None:
        self._embedding_fn = embedding_function(embedding)
        self._start_tokens = start_tokens_tensor(start_tokens)
        self._end_token = end_token_tensor(end_token)
        self._batch_size = tf.size(start_tokens)
        self._start_inputs = self._embedding_fn(self._start_tokens)

    @property
    def batch_size(self) -> Any:
        """Tensor `[]`: how many start tokens there are."""
        return self._batch_size

    @property
    def sample_ids_shape(self) -> Any:
        """A sample is one class."""
        return tf.TensorShape([])

    @property
    def sample_ids_dtype(self) -> Any:
        """Samples are int32."""
        return tf.int32

    def initialize(self, name: str | None = None) -> tuple[Any, Any]:
        """Returns nothing finished, and the start tokens' embeddings."""
        return tf.tile([False], [self._batch_size]), self._start_inputs

    def sample(self, time: Any, outputs: Any, state: Any, name: str | None = None) -> Any:
        """Returns the likeliest classes, int32 `[B]`."""
        return tf.argmax(_logits(outputs), axis=-1, output_type=tf.int32)

    def next_inputs(
        self, time: Any, outputs: Any, state: Any, sample_ids: Any, name: str | None = None
    ) -> tuple[Any, Any, Any]:
        """Returns which sequences end here, and the samples' embeddings."""
        finished = tf.equal(sample_ids, self._end_token)
        inputs = tf.cond(
            tf.reduce_all(finished),
            lambda: self._start_inputs,
            lambda: self._embedding_fn(sample_ids),
        )
        return finished, inputs, state


class SampleEmbeddingHelper(GreedyEmbeddingHelper):
    """Feeds the embedding of a class drawn from the softmax.

        sample_t ~ softmax(y_t / softmax_temperature)

    Args:
      embedding: `[V, E]`, or a function from int32 ids to vectors.
      start_tokens: int32 `[B]`, the ids of the first step's inputs.
      end_token: int, the id that ends a sequence.
      softmax_temperature: float above 0; 1 by default.
      seed: int, of the draws.

    Raises:
      CellError: `start_tokens` is not a vector, or `end_token` not a single id.

    Source: TensorFlow 1.15 `tf.contrib.seq2seq.SampleEmbeddingHelper`.
    """

    def __init__(
        self,
        embedding: Any,
        start_tokens: Any,
        end_token: Any,
        softmax_temperature: Any = None,
        seed: int | None = None,
    ) -> None:
        super().__init__(embedding, start_tokens, end_token)
        self._softmax_temperature = softmax_temperature
        self._seed = seed

    def sample(self, time: Any, outputs: Any, state: Any, name: str | None = None) -> Any:
        """Draws classes, int32 `[B]`."""
        logits = _logits(outputs)
        if self._softmax_temperature is not None:
            logits = logits / self._softmax_temperature
        return categorical_sample(logits, seed=self._seed)


def _logits(outputs: Any) -> Any:
    if not tf.is_tensor(outputs):
        raise TypeError(
            f"the decoder's outputs are {outputs!r}: to sample from, a single tensor is needed"
        )
    return outputs
