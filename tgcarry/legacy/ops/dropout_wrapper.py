"""The dropout wrapper of old programs: tgcarry's, with the operations of TensorFlow 1.15."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry import cells, states


class DropoutWrapper(cells.DropoutWrapper):
    """Is `tgcarry.cells.DropoutWrapper`, which see, with 1.15's operations.

    Their number decides the seeds of the masks: 1.15 turns the three probabilities into
    tensors and puts the shapes of lasting masks together in the graph.
    """

    def __init__(
        self,
        cell: Any,
        input_keep_prob: Any = 1.0,
        output_keep_prob: Any = 1.0,
        state_keep_prob: Any = 1.0,
        *args: Any,
        **kwargs: Any,
    ) -> None:
        with tf.name_scope("DropoutWrapperInit"):
            for keep in (input_keep_prob, state_keep_prob, output_keep_prob):
                tf.convert_to_tensor(keep)
        super().__init__(cell, input_keep_prob, output_keep_prob, state_keep_prob, *args, **kwargs)

    def _noise_of(self, size: Any, dtype: Any, seed: int | None) -> Any:
        shape = tf.concat(([1], states.trailing_dims(size)), 0)
        return tf.random_uniform(shape, dtype=dtype, seed=seed)
