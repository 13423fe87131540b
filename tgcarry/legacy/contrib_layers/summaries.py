"""Summaries of tensors and collections."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable
from typing import Any

import tensorflow.compat.v1 as tf


def summarize_tensor(tensor: Any, tag: str | None = None) -> Any:
    """Makes a scalar's or a histogram's summary; None of strings and booleans.

    Source: `tf.contrib.layers.summarize_tensor` of TensorFlow 1.15.
    """
    if tensor.dtype.base_dtype in (tf.string, tf.bool):
        return None
    make = tf.summary.scalar if tensor.shape.ndims == 0 else tf.summary.histogram
    return make(tag or f"{tensor.op.name}_summary", tensor)


def summarize_activation(op: Any) -> Any:
    """Makes a histogram of an activation, and counts where a rectifier is flat.

    Source: `tf.contrib.layers.summarize_activation` of TensorFlow 1.15.
    """
    kind, name = op.op.type, op.op.name

    def share(places: Any, what: str) -> None:
        tf.summary.scalar(f"{name}/{what}", tf.reduce_mean(tf.to_float(places)))

    if kind in ("Relu", "Relu6", "Softplus"):
        before = op.op.inputs[0]
        share(tf.less(before, tf.cast(0.0, before.dtype)), "zeros")
    if kind == "Relu6":
        before = op.op.inputs[0]
        share(tf.greater(before, tf.cast(6.0, before.dtype)), "sixes")
    return tf.summary.histogram(f"{name}/activation", op)


def summarize_tensors(
    tensors: Iterable[Any], summarizer: Callable[[Any], Any] = summarize_tensor
) -> list[Any]:
    """Makes a summary of each tensor."""
    return [summarizer(tensor) for tensor in tensors]


def summarize_collection(
    collection: str,
    name_filter: str | None = None,
    summarizer: Callable[[Any], Any] = summarize_tensor,
) -> list[Any]:
    """Makes a summary of each of a collection's tensors whose name begins as asked for.

    Source: `tf.contrib.layers.summarize_collection` of TensorFlow 1.15.
    """
    tensors = tf.get_collection(collection)
    return summarize_tensors(
        [each for each in tensors if not name_filter or re.match(name_filter, each.op.name)],
        summarizer,
    )


def summarize_activations(
    name_filter: str | None = None, summarizer: Callable[[Any], Any] = summarize_activation
) -> list[Any]:
    """Makes a summary of each tensor in `tf.GraphKeys.ACTIVATIONS`."""
    return summarize_collection(tf.GraphKeys.ACTIVATIONS, name_filter, summarizer)


summarize_variables = functools.partial(summarize_collection, tf.GraphKeys.GLOBAL_VARIABLES)
summarize_weights = functools.partial(summarize_collection, tf.GraphKeys.WEIGHTS)
summarize_biases = functools.partial(summarize_collection, tf.GraphKeys.BIASES)
