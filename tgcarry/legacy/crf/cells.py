"""The chain's recurrences, as cells."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.cells import RNNCell


class CrfForwardRnnCell(RNNCell):
    """Adds up the weight of all sequences up to a time.

        a'_j = x_j + log sum_i exp(a_i + t_ij)

    Source: `tf.contrib.crf.CrfForwardRnnCell` of TensorFlow 1.15.
    """

    def __init__(self, transition_params: Any) -> None:
        super().__init__()
        self._transitions = tf.expand_dims(transition_params, 0)
        self._tags = tf.compat.dimension_value(self._transitions.shape[1])

    @property
    def state_size(self) -> Any:
        """N."""
        return self._tags

    @property
    def output_size(self) -> Any:
        """N."""
        return self._tags

    def __call__(self, inputs: Any, state: Any, scope: Any = None) -> tuple[Any, Any]:
        """Computes `(a', a')` from x `[B, N]` and a `[B, N]`."""
        alphas = inputs + tf.reduce_logsumexp(tf.expand_dims(state, 2) + self._transitions, [1])
        return alphas, alphas


class CrfDecodeForwardRnnCell(RNNCell):
    """Keeps the best sequence up to a time for each last tag.

        s'_j = x_j + max_i (s_i + t_ij),    output = the i it is

    Source: `tf.contrib.crf.CrfDecodeForwardRnnCell` of TensorFlow 1.15.
    """

    def __init__(self, transition_params: Any) -> None:
        super().__init__()
        self._transitions = tf.expand_dims(transition_params, 0)
        self._tags = tf.compat.dimension_value(self._transitions.shape[1])

    @property
    def state_size(self) -> Any:
        """N."""
        return self._tags

    @property
    def output_size(self) -> Any:
        """N."""
        return self._tags

    def __call__(self, inputs: Any, state: Any, scope: Any = None) -> tuple[Any, Any]:
        """Computes (best previous tags, s'), both `[B, N]`, from x and s `[B, N]`."""
        scores = tf.expand_dims(state, 2) + self._transitions
        return tf.cast(tf.argmax(scores, 1), tf.int32), inputs + tf.reduce_max(scores, [1])


class CrfDecodeBackwardRnnCell(RNNCell):
    """Walks back from a tag to the one before it.

    Source: `tf.contrib.crf.CrfDecodeBackwardRnnCell` of TensorFlow 1.15.
    """

    def __init__(self, num_tags: int) -> None:
        super().__init__()
        self._tags = num_tags

    @property
    def state_size(self) -> Any:
        """One tag."""
        return 1

    @property
    def output_size(self) -> Any:
        """One tag."""
        return 1

    def __call__(self, inputs: Any, state: Any, scope: Any = None) -> tuple[Any, Any]:
        """Looks the tag `[B, 1]` up among the previous tags `[B, N]`."""
        tag = tf.gather(inputs, tf.squeeze(state, [1]), axis=1, batch_dims=1)
        tag = tf.expand_dims(tag, -1)
        return tag, tag
