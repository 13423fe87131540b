"""Uniform random numbers, scaled whatever the bounds, as TensorFlow 1.15 makes them."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf


def uniform(random_uniform: Any) -> Any:
    """Returns today's `tf.random_uniform` with 1.15's operations.

    Today's leaves the bounds 0 and 1 out, which takes the number of operations before it, and
    with it the seed, out of step.
    """

    def legacy_random_uniform(
        shape: Any,
        minval: Any = 0,
        maxval: Any = None,
        dtype: Any = tf.float32,
        seed: int | None = None,
        name: str | None = None,
    ) -> Any:
        if isinstance(minval, int) and not tf.as_dtype(dtype).is_integer:
            # Only the integer 0 is left out.
            minval = float(minval)
        return random_uniform(shape, minval, maxval, dtype, seed, name)

    return legacy_random_uniform
