"""Dropout with the operations of TensorFlow 1.15, which decide the seed of its mask."""

from __future__ import annotations

import numbers
from collections.abc import Callable
from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry import tf1


def dropout(
    x: Any,
    rate: Any,
    noise_shape: Any,
    uniform_sampler: Callable[..., Any],
    dummy_rng_step: Callable[[], None],
    name: str | None,
    default_name: str,
) -> Any:
    """Drops entries at random and scales the others up.

        y = x * (1 / (1 - rate)) * [u >= rate],    u ~ U[0, 1)

    Args:
      x: float tensor.
      rate: share dropped, a number or a scalar tensor, in [0, 1).
      noise_shape: shape of u; that of `x` if None.
      uniform_sampler: function of `shape`, `minval` and `dtype` to u.
      dummy_rng_step: not needed: in 1.15 nothing is drawn if `rate` is 0.
      name: of the operations.
      default_name: without a name.

    Raises:
      ValueError: a rate out of range, or `x` not of floats.

    Source: `tf.nn.dropout` of TensorFlow 1.15.
    """
    with tf.name_scope(name, default_name, [x]):
        x = tf.convert_to_tensor(x, name="x")
        if not x.dtype.is_floating:
            raise ValueError(
                f"dropout scales what it keeps, but {x.name!r} is {x.dtype.name}: cast it to float"
            )
        if isinstance(rate, numbers.Real):
            share = float(rate)
            if not 0 <= share < 1:
                raise ValueError(f"dropout's rate={share:g} is not in [0, 1)")
            if share == 0:
                return x
        rate = tf.convert_to_tensor(rate, dtype=x.dtype, name="rate")
        rate.shape.assert_has_rank(0)
        if tf.get_static_value(rate) == 0:
            return x
        noise_shape = tf1.noise_shape(x, noise_shape)
        # With the float 0 the sampler spells its bounds out, as 1.15 does.
        drawn = uniform_sampler(shape=noise_shape, minval=0.0, dtype=x.dtype)
        scale = 1 / (1 - rate)
        dropped = x * scale * tf.cast(drawn >= rate, x.dtype)
        dropped.set_shape(x.shape)
        return dropped
