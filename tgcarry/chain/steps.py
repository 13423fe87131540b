"""How many steps the inner model makes at each outer step: read, checked, laid out time first."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tgcarry.data.wording import shown
from tgcarry.errors import CarryError


def read_steps(inner_steps: Any, most: Any, x: Any, time_major: bool) -> tf.Tensor:
    """Returns the number of inner steps of each outer step and stream, `[T, B]` int32.

    What is known now is checked now; the rest when the graph runs.

    Args:
      inner_steps: int `[T]`, or `[B, T]` (`[T, B]` if `time_major`).
      most: the largest number allowed, an int or int `[]`; None for any.
      x: the outer inputs, `[T, B, ...]`.
      time_major: the order of the axes of `inner_steps`.

    Raises:
      CarryError: not integers, of another rank or static shape, negative, or above `most`.
    """
    steps = _as_integers(inner_steps)
    order = "[time, batch]" if time_major else "[batch, time]"
    if steps.shape.rank not in (1, 2):
        raise CarryError(
            f"chained_rnn(inner_steps=): {shown(inner_steps)} has shape {steps.shape}; give one "
            f"number per outer step, [time], or per stream too, {order}"
        )
    known = x.shape.as_list()[:2]
    if steps.shape.rank == 1:
        wanted, steps_shape = known[:1], tf.shape(x)[:1]
    elif time_major:
        wanted, steps_shape = known, tf.shape(x)[:2]
    else:
        wanted, steps_shape = known[::-1], tf.stack([tf.shape(x)[1], tf.shape(x)[0]])
    if not steps.shape.is_compatible_with(wanted):
        raise CarryError(
            f"chained_rnn(inner_steps=): {shown(inner_steps)} has shape {steps.shape}, the inputs "
            f"have {known[0]} outer steps of {known[1]} streams: give one number each, [time] or "
            f"{order}"
        )
    _check_known(inner_steps, steps, most)
    checks = [
        tf.debugging.assert_equal(
            tf.shape(steps),
            steps_shape,
            message="inner_steps does not fit the shape of the inputs",
        ),
        tf.debugging.assert_non_negative(steps, message="inner_steps has a negative number"),
    ]
    if most is not None:
        checks.append(
            tf.debugging.assert_less_equal(
                steps, tf.cast(most, tf.int32), message="inner_steps is above max_inner_steps"
            )
        )
    with tf.control_dependencies([check for check in checks if check is not None]):
        steps = tf.identity(steps)
    if steps.shape.rank == 1:
        steps = tf.broadcast_to(steps[:, tf.newaxis], tf.shape(x)[:2])
    elif not time_major:
        steps = tf.transpose(steps)
    steps.set_shape(known)
    return steps


def read_most(max_inner_steps: Any, needed: bool) -> Any:
    """Returns `max_inner_steps` as an int or an int32 scalar; None for none.

    Raises:
      CarryError: it is missing and `needed`, or not one number of 1 or more.
    """
    if max_inner_steps is None:
        if needed:
            raise CarryError(
                "chained_rnn(stop_fn=): it might never stop: give max_inner_steps, the most inner "
                "steps of an outer step"
            )
        return None
    fixed = tf.get_static_value(max_inner_steps) if tf.is_tensor(max_inner_steps) else None
    given = max_inner_steps if fixed is None else fixed.item()
    if tf.is_tensor(given):
        if not given.dtype.is_integer or given.shape.rank not in (0, None):
            raise CarryError(
                f"chained_rnn(max_inner_steps=): {given.name!r} is {given.dtype.name} of shape "
                f"{given.shape}; give one integer"
            )
        return tf.cast(given, tf.int32)
    if isinstance(given, bool) or not isinstance(given, int | np.integer) or given < 1:
        raise CarryError(
            f"chained_rnn(max_inner_steps={shown(max_inner_steps)}): give an integer of 1 or more"
        )
    return int(given)


def _as_integers(inner_steps: Any) -> tf.Tensor:
    try:
        steps = tf.convert_to_tensor(inner_steps)
    except (TypeError, ValueError) as error:
        raise CarryError(
            f"chained_rnn(inner_steps={shown(inner_steps)}): it is no array of integers"
        ) from error
    if not steps.dtype.is_integer:
        raise CarryError(
            f"chained_rnn(inner_steps=): {shown(inner_steps)} is {steps.dtype.name}; give integers"
        )
    return tf.cast(steps, tf.int32)


def _check_known(inner_steps: Any, steps: tf.Tensor, most: Any) -> None:
    known = tf.get_static_value(steps)
    if known is None or not known.size:
        return
    if known.min() < 0:
        raise CarryError(
            f"chained_rnn(inner_steps=): {shown(inner_steps)} has {known.min()}; give 0 for an "
            f"outer step without inner ones"
        )
    if isinstance(most, int) and known.max() > most:
        raise CarryError(
            f"chained_rnn(inner_steps=): {shown(inner_steps)} has {known.max()}, and "
            f"max_inner_steps={most}: raise it, or leave it out"
        )
