"""Summaries under the names and arguments of before version 1.0: the tag is the tag.

`tf.summary.scalar` puts name scopes in front of its name; these write what they are given.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow.compat.v1 as tf

Collections = Sequence[str] | None


def scalar_summary(
    tags: Any, values: Any, collections: Collections = None, name: str | None = None
) -> Any:
    """Summarises numbers.

    Args:
      tags: str, or strings of the shape of `values`.
      values: float tensor.
      collections: where to add the summary; by default to those merged.
      name: of the operation.

    Returns:
      String tensor `[]`, a serialised `Summary`.

    Source: TensorFlow 0.12 `tf.scalar_summary`.
    """
    return _collected(tf.raw_ops.ScalarSummary(tags=tags, values=values, name=name), collections)


def histogram_summary(
    tag: Any, values: Any, collections: Collections = None, name: str | None = None
) -> Any:
    """Summarises how a tensor's entries are spread.

    Args:
      tag: str.
      values: tensor of numbers.
      collections: see `scalar_summary`.
      name: of the operation.

    Returns:
      String tensor `[]`.

    Source: TensorFlow 0.12 `tf.histogram_summary`.
    """
    return _collected(tf.raw_ops.HistogramSummary(tag=tag, values=values, name=name), collections)


def image_summary(
    tag: Any,
    tensor: Any,
    max_images: int = 3,
    collections: Collections = None,
    name: str | None = None,
) -> Any:
    """Summarises pictures.

    Args:
      tag: str.
      tensor: `[B, height, width, 1, 3 or 4]`.
      max_images: how many of the batch.
      collections: see `scalar_summary`.
      name: of the operation.

    Returns:
      String tensor `[]`.

    Source: TensorFlow 0.12 `tf.image_summary`.
    """
    made = tf.raw_ops.ImageSummary(tag=tag, tensor=tensor, max_images=max_images, name=name)
    return _collected(made, collections)


def audio_summary(
    tag: Any,
    tensor: Any,
    sample_rate: Any,
    max_outputs: int = 3,
    collections: Collections = None,
    name: str | None = None,
) -> Any:
    """Summarises sounds.

    Args:
      tag: str.
      tensor: `[B, frames]` or `[B, frames, channels]`, in [-1, 1].
      sample_rate: float, in hertz.
      max_outputs: how many of the batch.
      collections: see `scalar_summary`.
      name: of the operation.

    Returns:
      String tensor `[]`.

    Source: TensorFlow 0.12 `tf.audio_summary`.
    """
    made = tf.raw_ops.AudioSummaryV2(
        tag=tag, tensor=tensor, sample_rate=sample_rate, max_outputs=max_outputs, name=name
    )
    return _collected(made, collections)


def merge_summary(
    inputs: Sequence[Any], collections: Collections = None, name: str | None = None
) -> Any:
    """Merges summaries into one. Source: TensorFlow 0.12 `tf.merge_summary`."""
    return tf.summary.merge(list(inputs), collections=collections, name=name)


def merge_all_summaries(key: str = tf.GraphKeys.SUMMARIES) -> Any:
    """Merges the collected summaries, or returns None. Source: 0.12 `tf.merge_all_summaries`."""
    return tf.summary.merge_all(key)


class SummaryWriter(tf.summary.FileWriter):
    """Writes summaries into a folder; takes a `GraphDef` in the graph's place, as before 0.7.

    Args:
      logdir: the folder.
      graph: a graph, or its definition.
      max_queue: how many events wait.
      flush_secs: for how long.
      graph_def: the definition of a graph.

    Source: TensorFlow 0.12 `tf.train.SummaryWriter`.
    """

    def __init__(
        self,
        logdir: Any,
        graph: Any = None,
        max_queue: int = 10,
        flush_secs: int = 120,
        graph_def: Any = None,
        **kwargs: Any,
    ) -> None:
        if isinstance(graph, tf.GraphDef):
            graph, graph_def = None, graph
        super().__init__(logdir, graph, max_queue, flush_secs, graph_def, **kwargs)


def _collected(made: Any, collections: Collections) -> Any:
    for collection in [tf.GraphKeys.SUMMARIES] if collections is None else collections:
        tf.add_to_collection(collection, made)
    return made
