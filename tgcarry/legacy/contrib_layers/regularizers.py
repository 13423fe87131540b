"""Penalties on weights of `tf.contrib.layers`."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Iterable
from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.errors import DataError

Regularizer = Callable[..., Any]


def _checked(scale: Any) -> None:
    if isinstance(scale, numbers.Integral):
        raise DataError(f"the regulariser's scale {scale!r} is an integer: pass a float")
    if isinstance(scale, numbers.Real) and scale < 0:
        raise DataError(f"the regulariser's scale {scale!r} is below 0: penalties are not")


def _is_zero(scale: Any) -> bool:
    return isinstance(scale, numbers.Real) and scale == 0


def _no_penalty(_: Any, name: str | None = None) -> None:
    return None


def _regularizer(
    scale: Any, scope: str | None, default: str, norm: Callable[[Any], Any]
) -> Regularizer:
    _checked(scale)
    if _is_zero(scale):
        return _no_penalty

    def penalty(weights: Any, name: str | None = None) -> Any:
        with tf.name_scope(scope, default, [weights]) as inside:
            factor = tf.convert_to_tensor(scale, dtype=weights.dtype.base_dtype, name="scale")
            return tf.multiply(factor, norm(weights), name=inside)

    return penalty


def l1_regularizer(scale: Any, scope: str | None = None) -> Regularizer:
    """Makes the penalty scale * sum |w|.

    Source: `tf.contrib.layers.l1_regularizer` of TensorFlow 1.15.
    """
    return _regularizer(scale, scope, "l1_regularizer", lambda w: tf.reduce_sum(tf.abs(w)))


def l2_regularizer(scale: Any, scope: str | None = None) -> Regularizer:
    """Makes the penalty scale * sum w^2 / 2.

    Source: `tf.contrib.layers.l2_regularizer` of TensorFlow 1.15.
    """
    return _regularizer(scale, scope, "l2_regularizer", tf.nn.l2_loss)


def l1_l2_regularizer(
    scale_l1: Any = 1.0, scale_l2: Any = 1.0, scope: str | None = None
) -> Regularizer:
    """Makes the sum of both penalties.

    Source: `tf.contrib.layers.l1_l2_regularizer` of TensorFlow 1.15.
    """
    scope = scope or "l1_l2_regularizer"
    if _is_zero(scale_l1):
        return l2_regularizer(scale_l2, scope)
    if _is_zero(scale_l2):
        return l1_regularizer(scale_l1, scope)
    both = [l1_regularizer(scale_l1), l2_regularizer(scale_l2)]
    return sum_regularizer(both, scope) or _no_penalty


def sum_regularizer(
    regularizer_list: Iterable[Regularizer | None], scope: str | None = None
) -> Regularizer | None:
    """Makes the sum of penalties; None of none.

    Source: `tf.contrib.layers.sum_regularizer` of TensorFlow 1.15.
    """
    regularizers = [each for each in regularizer_list if each is not None]
    if not regularizers:
        return None

    def penalty(weights: Any) -> Any:
        with tf.name_scope(scope, "sum_regularizer", [weights]) as inside:
            found = [each(weights) for each in regularizers]
            terms = [term for term in found if term is not None]
            return tf.add_n(terms, name=inside) if terms else None

    return penalty


def apply_regularization(regularizer: Regularizer, weights_list: Any = None) -> Any:
    """Adds up a penalty over variables, into `tf.GraphKeys.REGULARIZATION_LOSSES`.

    Args:
      regularizer: function from a tensor to a scalar or None.
      weights_list: those in `tf.GraphKeys.WEIGHTS` by default.

    Returns:
      Scalar tensor.

    Source: `tf.contrib.layers.apply_regularization` of TensorFlow 1.15.
    """
    weights = weights_list or tf.get_collection(tf.GraphKeys.WEIGHTS)
    if not weights:
        raise DataError("no weights to regularise: pass weights_list")
    with tf.name_scope("get_regularization_penalty", values=weights) as inside:
        found = [regularizer(each) for each in weights]
        terms = [tf.constant(0.0) if term is None else term for term in found]
        if any(term.shape.ndims for term in terms):
            raise DataError(
                f"the regulariser {regularizer!r} gave {terms}: it has to give scalars"
            )
        total = tf.add_n(terms, name=inside)
    tf.add_to_collection(tf.GraphKeys.REGULARIZATION_LOSSES, total)
    return total
