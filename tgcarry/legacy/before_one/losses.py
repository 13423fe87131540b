"""Losses whose arguments have changed places: by position as before 1.0, by name as in 1.15."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.errors import LegacyError
from tgcarry.legacy.before_one.arguments import is_float, is_integer


def softmax_cross_entropy_with_logits(*args: Any, **kwargs: Any) -> Any:
    """Computes the softmax cross entropy; by position `(logits, labels, dim, name)`.

    Args:
      *args: as before 1.0; 1.15 refuses any.
      **kwargs: `labels` and `logits` `[B, V]`, `dim` or `axis`, and `name`.

    Returns:
      `[B]`; no gradient reaches the labels.

    Raises:
      LegacyError: an argument is given twice.

    Source: TensorFlow 1.15 and 0.12 `tf.nn.softmax_cross_entropy_with_logits`.
    """
    found = _named("softmax_cross_entropy_with_logits", ("logits", "labels", "dim"), args, kwargs)
    return tf.nn.softmax_cross_entropy_with_logits(**found)


def sparse_softmax_cross_entropy_with_logits(*args: Any, **kwargs: Any) -> Any:
    """Computes the softmax cross entropy of class numbers; by position `(logits, labels, name)`.

    Args:
      *args: as before 1.0; 1.15 refuses any.
      **kwargs: `labels` int `[B]`, `logits` `[B, V]`, and `name`.

    Returns:
      `[B]`.

    Raises:
      LegacyError: an argument is given twice.

    Source: TensorFlow 1.15 and 0.12 `tf.nn.sparse_softmax_cross_entropy_with_logits`.
    """
    what = "sparse_softmax_cross_entropy_with_logits"
    found = _named(what, ("logits", "labels"), args, kwargs)
    return tf.nn.sparse_softmax_cross_entropy_with_logits(**found)


def sigmoid_cross_entropy_with_logits(*args: Any, **kwargs: Any) -> Any:
    """Computes the sigmoid cross entropy; by position `(logits, targets, name)`.

    Args:
      *args: as before 1.0; 1.15 refuses any.
      **kwargs: `labels` (or `targets`) and `logits` of one shape, and `name`.

    Returns:
      Tensor of that shape.

    Raises:
      LegacyError: an argument is given twice.

    Source: TensorFlow 1.15 and 0.12 `tf.nn.sigmoid_cross_entropy_with_logits`.
    """
    if "targets" in kwargs:
        kwargs["labels"] = kwargs.pop("targets")
    found = _named("sigmoid_cross_entropy_with_logits", ("logits", "labels"), args, kwargs)
    return tf.nn.sigmoid_cross_entropy_with_logits(**found)


def _named(
    what: str, names: tuple[str, ...], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> dict[str, Any]:
    """Returns all arguments by name, those by position in the order of before 1.0."""
    if kwargs.pop("_sentinel", None) is not None:
        raise LegacyError(f"tf.nn.{what} has no _sentinel: pass labels= and logits=")
    if args and args[0] is None:
        # 1.15's own order, whose first argument is there to catch positions.
        names = ("", "labels", "logits", *names[2:])
    names = (*names, "name")
    if len(args) > len(names):
        raise LegacyError(f"tf.nn.{what} takes {len(names)} arguments, not {len(args)}")
    given = {name: value for name, value in zip(names, args, strict=False) if name}
    twice = given.keys() & kwargs.keys()
    if twice:
        raise LegacyError(
            f"tf.nn.{what} takes logits first by position, as before 1.0, so that "
            f"{', '.join(sorted(twice))} is given twice: pass labels= and logits="
        )
    return {**given, **kwargs}


def sampled_softmax_loss(*args: Any, **kwargs: Any) -> Any:
    """Computes the softmax cross entropy over some classes; see `_labels_first`.

    Source: TensorFlow 1.15 and 0.12 `tf.nn.sampled_softmax_loss`.
    """
    return _labels_first(tf.nn.sampled_softmax_loss, args, kwargs)


def nce_loss(*args: Any, **kwargs: Any) -> Any:
    """Computes the noise-contrastive loss; see `_labels_first`.

    Source: TensorFlow 1.15 and 0.12 `tf.nn.nce_loss`.
    """
    return _labels_first(tf.nn.nce_loss, args, kwargs)


def _labels_first(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """Calls `(weights, biases, labels, inputs, ...)`; labels and inputs may be in old order.

    Inputs are floats: a float in the place of labels and whole numbers behind it are (inputs,
    labels), the order of before 1.0.
    """
    if len(args) > 3 and is_float(args[2]) and is_integer(args[3]):
        args = (*args[:2], args[3], args[2], *args[4:])
    return function(*args, **kwargs)


def ctc_loss(*args: Any, **kwargs: Any) -> Any:
    """Computes the loss of a labelling without alignment: `(labels, inputs, lengths)`.

    Before 1.0 inputs came first; labels are a sparse tensor, which tells.

    Args:
      *args: labels, inputs (in either order), sequence_length and so on.
      **kwargs: as in 1.15.

    Returns:
      `[B]`.

    Source: TensorFlow 1.15 and 0.12 `tf.nn.ctc_loss`.
    """
    if len(args) > 1 and isinstance(args[1], tf.SparseTensor):
        args = (args[1], args[0], *args[2:])
    return tf.nn.ctc_loss(*args, **kwargs)
