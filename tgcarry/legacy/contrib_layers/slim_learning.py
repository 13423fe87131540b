"""`tf.contrib.slim.learning`: a loop that trains, saves and writes summaries by itself."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.errors import DataError, LegacyError
from tgcarry.legacy.training import steps

# Stands for an argument that is not given, where None means "none".
_USE_DEFAULT = 0


def create_train_op(
    total_loss: Any,
    optimizer: Any,
    global_step: Any = 0,
    update_ops: Any = None,
    variables_to_train: Sequence[Any] | None = None,
    clip_gradient_norm: float = 0,
    summarize_gradients: bool = False,
    gate_gradients: int = tf.train.Optimizer.GATE_OP,
    aggregation_method: Any = None,
    colocate_gradients_with_ops: bool = False,
    gradient_multipliers: Mapping[Any, Any] | None = None,
    check_numerics: bool = True,
) -> Any:
    """Makes a tensor that, when it is computed, takes one step of training.

    The arguments are those of `tf.contrib.training.create_train_op`, but for
    `gradient_multipliers`, factors by variable or name, and `clip_gradient_norm`, the largest
    norm of each gradient after that; 0 leaves them.

    Source: `tf.contrib.slim.learning.create_train_op` of TensorFlow 1.15.
    """

    def changed(gradients: Any) -> Any:
        if gradient_multipliers:
            with tf.name_scope("multiply_grads"):
                gradients = steps.multiply_gradients(gradients, dict(gradient_multipliers))
        if clip_gradient_norm > 0:
            with tf.name_scope("clip_grads"):
                gradients = steps.clip_gradient_norms(gradients, clip_gradient_norm)
        return gradients

    return steps.create_train_op(
        total_loss,
        optimizer,
        global_step=global_step,
        update_ops=update_ops,
        variables_to_train=variables_to_train,
        transform_grads_fn=changed,
        summarize_gradients=summarize_gradients,
        gate_gradients=gate_gradients,
        aggregation_method=aggregation_method,
        colocate_gradients_with_ops=colocate_gradients_with_ops,
        check_numerics=check_numerics,
    )


def train_step(
    sess: Any, train_op: Any, global_step: Any, train_step_kwargs: Mapping[str, Any]
) -> tuple[Any, Any]:
    """Takes one step.

    Args:
      sess: session.
      train_op: tensor of the loss that trains.
      global_step: variable.
      train_step_kwargs: the tensors "should_log" and "should_stop".

    Returns:
      The loss, and whether to stop.
    """
    start = time.time()
    loss, step = sess.run([train_op, global_step])
    seconds = time.time() - start
    if "should_log" in train_step_kwargs and sess.run(train_step_kwargs["should_log"]):
        tf.logging.info("global step %d: loss = %.4f (%.3f sec/step)", step, loss, seconds)
    stop = train_step_kwargs.get("should_stop")
    return loss, False if stop is None else sess.run(stop)


def train(
    train_op: Any,
    logdir: str | None,
    train_step_fn: Callable[..., tuple[Any, Any]] = train_step,
    train_step_kwargs: Any = _USE_DEFAULT,
    log_every_n_steps: int = 1,
    graph: Any = None,
    master: str = "",
    is_chief: bool = True,
    global_step: Any = None,
    number_of_steps: int | None = None,
    init_op: Any = _USE_DEFAULT,
    init_feed_dict: Any = None,
    local_init_op: Any = _USE_DEFAULT,
    init_fn: Any = None,
    ready_op: Any = _USE_DEFAULT,
    summary_op: Any = _USE_DEFAULT,
    save_summaries_secs: int = 600,
    summary_writer: Any = _USE_DEFAULT,
    startup_delay_steps: int = 0,
    saver: Any = None,
    save_interval_secs: int = 600,
    sync_optimizer: Any = None,
    session_config: Any = None,
    session_wrapper: Callable[[Any], Any] | None = None,
    trace_every_n_steps: int | None = None,
    ignore_live_threads: bool = False,
) -> Any:
    """Trains until `number_of_steps`, the data's end or for ever, and goes on from `logdir`.

    `ignore_live_threads` makes no difference: threads are waited for.

    Returns:
      The last loss.

    Raises:
      LegacyError: `sync_optimizer`.
      DataError: a number of steps below 1.

    Source: `tf.contrib.slim.learning.train` of TensorFlow 1.15. Not included: several
      machines, and traces.
    """
    if sync_optimizer is not None:
        raise LegacyError("slim.learning.train has no sync_optimizer: train on one machine")
    if number_of_steps is not None and number_of_steps <= 0:
        raise DataError(f"number_of_steps={number_of_steps} is below 1: pass None or more")
    graph = graph or tf.get_default_graph()
    with graph.as_default():
        step = tf.train.get_or_create_global_step() if global_step is None else global_step
        keeper = saver or tf.train.Saver()
        with tf.name_scope("init_ops"):
            initial = _given(init_op, tf.global_variables_initializer)
            ready = _given(ready_op, tf.report_uninitialized_variables)
            local = _given(local_init_op, _local_init)
        summaries = _given(summary_op, tf.summary.merge_all)
        writer = _given(summary_writer, lambda: tf.train.Supervisor.USE_DEFAULT)
        if _is_default(train_step_kwargs):
            train_step_kwargs = _conditions(step, number_of_steps, log_every_n_steps)
    supervisor = tf.train.Supervisor(
        graph=graph,
        is_chief=is_chief,
        logdir=logdir,
        init_op=initial,
        init_feed_dict=init_feed_dict,
        local_init_op=local,
        ready_op=ready,
        summary_op=summaries,
        summary_writer=writer,
        global_step=step,
        saver=keeper,
        save_summaries_secs=save_summaries_secs,
        save_model_secs=save_interval_secs,
        init_fn=init_fn,
    )
    if writer is not None:
        train_step_kwargs["summary_writer"] = supervisor.summary_writer
    with supervisor.managed_session(
        master, start_standard_services=False, config=session_config
    ) as opened:
        session = opened if session_wrapper is None else session_wrapper(opened)
        services = (supervisor.start_standard_services(session) if logdir else None) or []
        supervisor.start_queue_runners(session)
        loss = _steps(
            supervisor, lambda: train_step_fn(session, train_op, step, train_step_kwargs)
        )
        # A checkpoint of an earlier step that is just being written must not become the latest.
        supervisor.request_stop()
        for service in services:
            service.join()
        if logdir:
            supervisor.saver.save(session, supervisor.save_path, global_step=step)
    return loss


def _steps(supervisor: Any, take: Callable[[], tuple[Any, Any]]) -> Any:
    loss = None
    try:
        while not supervisor.should_stop():
            loss, stop = take()
            if stop:
                supervisor.request_stop()
    except tf.errors.OutOfRangeError as error:
        tf.logging.info("The data has ended: %s", error)
    return loss


def _is_default(value: Any) -> bool:
    return isinstance(value, int) and value == _USE_DEFAULT


def _given(value: Any, default: Callable[[], Any]) -> Any:
    return default() if _is_default(value) else value


def _local_init() -> Any:
    return tf.group(tf.local_variables_initializer(), tf.tables_initializer())


def _conditions(step: Any, number_of_steps: int | None, log_every: int) -> dict[str, Any]:
    with tf.name_scope("train_step"):
        last = sys.maxsize if number_of_steps is None else number_of_steps
        found = {"should_stop": tf.greater_equal(step, tf.cast(last, step.dtype.base_dtype))}
        if log_every > 0:
            found["should_log"] = tf.equal(tf.mod(step, log_every), 0)
        return found
