"""Evaluation of a model's checkpoints while another process trains it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry import tf1
from tgcarry.errors import DataError


class SummaryAtEndHook(tf.train.SessionRunHook):
    """Writes summaries once, when the session ends.

    Args:
      log_dir: folder, if there is no writer.
      summary_writer: `tf.summary.FileWriter`.
      summary_op: by default all summaries of the graph.
      feed_dict: what to feed to it.

    Raises:
      DataError: neither folder nor writer.

    Source: TensorFlow 1.15 `tf.contrib.training.SummaryAtEndHook`.
    """

    def __init__(
        self,
        log_dir: str | None = None,
        summary_writer: Any = None,
        summary_op: Any = None,
        feed_dict: Any = None,
    ) -> None:
        if log_dir is None and summary_writer is None:
            raise DataError("give SummaryAtEndHook a log_dir or a summary_writer")
        self._log_dir = log_dir
        self._writer = summary_writer
        self._given = summary_op
        self._summary: Any = None
        self._feeds = feed_dict
        self._step: Any = None

    def begin(self) -> None:
        """Adds what it needs to the graph."""
        self._summary = tf.summary.merge_all() if self._given is None else self._given
        self._step = tf.train.get_or_create_global_step()

    def after_create_session(self, session: Any, coord: Any) -> None:
        """Opens the writer."""
        if self._writer is None:
            self._writer = tf.summary.FileWriterCache.get(self._log_dir)

    def end(self, session: Any) -> None:
        """Writes."""
        if self._summary is not None:
            step = tf.train.global_step(session, self._step)
            self._writer.add_summary(session.run(self._summary, self._feeds), step)
        self._writer.flush()


def evaluate_repeatedly(
    checkpoint_dir: str,
    master: str = "",
    scaffold: Any = None,
    eval_ops: Any = None,
    feed_dict: Any = None,
    final_ops: Any = None,
    final_ops_feed_dict: Any = None,
    eval_interval_secs: float = 60,
    hooks: list[Any] | None = None,
    config: Any = None,
    max_number_of_evaluations: int | None = None,
    timeout: float | None = None,
    timeout_fn: Callable[[], bool] | None = None,
) -> Any:
    """Evaluates every new checkpoint of a folder.

    Args:
      checkpoint_dir: the folder.
      master: of the session.
      scaffold: `tf.train.Scaffold`.
      eval_ops: what to run until a hook ends it.
      feed_dict: what to feed to that.
      final_ops: what to run once behind it.
      final_ops_feed_dict: what to feed to that.
      eval_interval_secs: from the start of one evaluation to the next.
      hooks: session hooks.
      config: `tf.ConfigProto`.
      max_number_of_evaluations: stop after as many.
      timeout: seconds to wait for a new checkpoint.
      timeout_fn: returns whether to stop where they are over.

    Returns:
      The values of `final_ops`.

    Source: TensorFlow 1.15 `tf.contrib.training.evaluate_repeatedly`.
    """
    hooks = [] if hooks is None else hooks
    if eval_ops is not None:
        eval_ops = tf1.counted_evaluation(eval_ops, hooks)
    last = tf.train.FinalOpsHook(final_ops, final_ops_feed_dict)
    hooks.append(last)
    checkpoints = tf.train.checkpoints_iterator(
        checkpoint_dir, eval_interval_secs, timeout, timeout_fn
    )
    for count, path in enumerate(checkpoints, 1):
        creator = tf.train.ChiefSessionCreator(
            scaffold=scaffold, checkpoint_filename_with_path=path, master=master, config=config
        )
        with tf.train.MonitoredSession(session_creator=creator, hooks=hooks) as session:
            tf.logging.info("Starting evaluation at %s", _now())
            while eval_ops is not None and not session.should_stop():
                session.run(eval_ops, feed_dict)
            tf.logging.info("Finished evaluation at %s", _now())
        if max_number_of_evaluations is not None and count >= max_number_of_evaluations:
            break
    return last.final_ops_values


def _now() -> str:
    return time.strftime("%Y-%m-%d-%H:%M:%S", time.gmtime())
