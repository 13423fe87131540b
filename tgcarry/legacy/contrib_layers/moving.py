"""Moves batch statistics, at once or in a collection of updates."""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tgcarry import tf1
from tgcarry.legacy.layers import conditions


class Statistics(NamedTuple):
    """Holds the moving mean and variance of a layer, and when and how they move."""

    mean: Any
    variance: Any
    decay: Any
    is_training: Any
    collections: Any
    """Where the updates go; None has them done at once."""
    zero_debias: bool

    def moved_before(self, outputs: Any, mean: Any, variance: Any) -> Any:
        """Moves the statistics towards the batch's, and returns the outputs.

        Without collections the updates come before the outputs.
        """
        known = conditions.constant(self.is_training)
        if known is False:
            return outputs
        if self.collections is None:

            def forced() -> Any:
                with tf.control_dependencies(self._moved(mean, variance)):
                    return tf.identity(outputs)

            return conditions.either(self.is_training, forced, lambda: outputs)
        for update in self._moved_or_not(mean, variance):
            tf.add_to_collections(self.collections, update)
        return outputs

    def chosen(self, mean: Any, variance: Any) -> Any:
        """Moves the statistics, and returns the batch's while training, else its own."""

        def own() -> Any:
            return self.mean, self.variance

        if self.collections is None:

            def forced() -> Any:
                with tf.control_dependencies(self._moved(mean, variance)):
                    return tf.identity(mean), tf.identity(variance)

            return conditions.either(self.is_training, forced, own)
        for update in self._moved_or_not(mean, variance):
            tf.add_to_collections(self.collections, update)
        return conditions.either(self.is_training, lambda: (mean, variance), own)

    def _moved_or_not(self, mean: Any, variance: Any) -> Any:
        return conditions.either(
            self.is_training,
            lambda: self._moved(mean, variance),
            lambda: (self.mean, self.variance),
        )

    def _moved(self, mean: Any, variance: Any) -> tuple[Any, Any]:
        return (
            tf1.moving_average(self.mean, mean, self.decay, self.zero_debias),
            tf1.moving_average(self.variance, variance, self.decay, False),
        )
