"""Tensors run in a session of their own."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.errors import DataError


def run_n(
    output_dict: Mapping[str, Any],
    feed_dict: Any = None,
    restore_checkpoint_path: str | None = None,
    n: int = 1,
) -> list[dict[str, Any]]:
    """Runs tensors `n` times; see `run_feeds_iter`."""
    feeds = itertools.repeat(feed_dict, n)
    return run_feeds(output_dict, feeds, restore_checkpoint_path)


def run_feeds(
    output_dict: Mapping[str, Any],
    feed_dicts: Iterable[Any],
    restore_checkpoint_path: str | None = None,
) -> list[dict[str, Any]]:
    """Runs tensors once a feed; see `run_feeds_iter`."""
    return list(run_feeds_iter(output_dict, feed_dicts, restore_checkpoint_path))


def run_feeds_iter(
    output_dict: Mapping[str, Any],
    feed_dicts: Iterable[Any],
    restore_checkpoint_path: str | None = None,
) -> Iterator[dict[str, Any]]:
    """Yields tensors' values, with queue runners at work.

    Args:
      output_dict: name to tensor, all of one graph.
      feed_dicts: feeds, one a run.
      restore_checkpoint_path: checkpoint to start from; else variables are initialised.

    Raises:
      DataError: no tensors or no feeds.

    Source: TensorFlow 1.15 `tf.contrib.learn.run_feeds`.
    """
    if not output_dict or not feed_dicts:
        raise DataError("give output_dict and feed_dicts at least one element each")
    graph = next(iter(output_dict.values())).graph
    with graph.as_default(), tf.Session() as session:
        if restore_checkpoint_path:
            tf.train.Saver().restore(session, restore_checkpoint_path)
        else:
            session.run(tf.global_variables_initializer())
        session.run([tf.local_variables_initializer(), tf.tables_initializer()])
        coordinator = tf.train.Coordinator()
        threads = tf.train.start_queue_runners(session, coord=coordinator)
        try:
            for feeds in feed_dicts:
                yield session.run(dict(output_dict), feeds)
        finally:
            coordinator.request_stop()
            coordinator.join(threads)
