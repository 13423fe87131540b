"""A training step as one tensor: gradients, their changes, updates, and the loss."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.errors import DataError

# Stands for the graph's own global step; None is "no step" in TensorFlow 1.
_USE_GLOBAL_STEP = 0


def create_train_op(
    total_loss: Any,
    optimizer: Any,
    global_step: Any = _USE_GLOBAL_STEP,
    update_ops: Any = None,
    variables_to_train: Sequence[Any] | None = None,
    transform_grads_fn: Callable[[Any], Any] | None = None,
    summarize_gradients: bool = False,
    gate_gradients: int = tf.train.Optimizer.GATE_OP,
    aggregation_method: Any = None,
    colocate_gradients_with_ops: bool = False,
    check_numerics: bool = True,
) -> Any:
    """Makes a tensor that, when it is computed, takes one step of training.

    Args:
      total_loss: scalar.
      optimizer: `tf.train.Optimizer`.
      global_step: variable to count in; the graph's own by default, None for none.
      update_ops: operations to run before; by default the collection `UPDATE_OPS`.
      variables_to_train: all trainable ones by default.
      transform_grads_fn: function of pairs (gradient, variable), returns such pairs.
      summarize_gradients: whether to add summaries of gradients.
      gate_gradients: see `Optimizer.compute_gradients`.
      aggregation_method: see `Optimizer.compute_gradients`.
      colocate_gradients_with_ops: see `Optimizer.compute_gradients`.
      check_numerics: whether a loss that is not finite is an error.

    Returns:
      The loss, scalar.

    Raises:
      DataError: nothing to train.

    Source: TensorFlow 1.15 `tf.contrib.training.create_train_op`.
    """
    if global_step is _USE_GLOBAL_STEP:
        global_step = tf.train.get_or_create_global_step()
    total_loss = _after_updates(total_loss, update_ops)
    trained = tf.trainable_variables() if variables_to_train is None else variables_to_train
    if not trained:
        raise DataError("nothing to train: make trainable variables before create_train_op")
    pairs = optimizer.compute_gradients(
        total_loss,
        trained,
        gate_gradients=gate_gradients,
        aggregation_method=aggregation_method,
        colocate_gradients_with_ops=colocate_gradients_with_ops,
    )
    if transform_grads_fn:
        pairs = transform_grads_fn(pairs)
    if summarize_gradients:
        with tf.name_scope("summarize_grads"):
            add_gradients_summaries(pairs)
    applied = optimizer.apply_gradients(pairs, global_step=global_step)
    with tf.name_scope("train_op"):
        if check_numerics:
            total_loss = tf.check_numerics(total_loss, "the loss is not finite")
        with tf.control_dependencies([applied]):
            step = tf.identity(total_loss, name="control_dependency")
    tf.add_to_collection(tf.GraphKeys.TRAIN_OP, step)
    return step


def _after_updates(total_loss: Any, update_ops: Any) -> Any:
    collected = tf.get_collection(tf.GraphKeys.UPDATE_OPS)
    updates = list(dict.fromkeys(collected if update_ops is None else update_ops))
    if set(collected) - set(updates):
        tf.logging.warning("update_ops leaves out some of the collection UPDATE_OPS")
    if not updates:
        return total_loss
    with tf.control_dependencies(updates):
        barrier = tf.no_op(name="update_barrier")
    with tf.control_dependencies([barrier]):
        return tf.identity(total_loss)


def add_gradients_summaries(grads_and_vars: Sequence[tuple[Any, Any]]) -> list[Any]:
    """Adds a histogram and the norm of each gradient to the summaries, and returns them."""
    summaries = []
    for gradient, variable in grads_and_vars:
        if gradient is None:
            tf.logging.info("%s has no gradient", variable.op.name)
            continue
        values = gradient.values if isinstance(gradient, tf.IndexedSlices) else gradient
        summaries.append(tf.summary.histogram(variable.op.name + "_gradient", values))
        norm = tf.global_norm([values])
        summaries.append(tf.summary.scalar(variable.op.name + "_gradient_norm", norm))
    return summaries


def clip_gradient_norms(gradients_to_variables: Any, max_norm: Any) -> list[tuple[Any, Any]]:
    """Clips each gradient to the norm `max_norm`; returns pairs (gradient, variable)."""
    return [
        (_changed(gradient, lambda values: tf.clip_by_norm(values, max_norm)), variable)
        for gradient, variable in gradients_to_variables
    ]


def clip_gradient_norms_fn(max_norm: Any) -> Callable[[Any], Any]:
    """Returns `clip_gradient_norms` for one norm, as `create_train_op` takes it."""

    def clip(gradients_to_variables: Any) -> Any:
        return clip_gradient_norms(gradients_to_variables, max_norm)

    return clip


def multiply_gradients(
    grads_and_vars: list[tuple[Any, Any]], gradient_multipliers: dict[Any, Any]
) -> list[tuple[Any, Any]]:
    """Multiplies gradients.

    Args:
      grads_and_vars: pairs (gradient, variable).
      gradient_multipliers: variable, or name of one, to factor; others are left.

    Raises:
      DataError: no pairs or factors, or a factor for a gradient that is None.
    """
    if not isinstance(grads_and_vars, list) or not isinstance(gradient_multipliers, dict):
        raise DataError("give grads_and_vars as a list and gradient_multipliers as a dict")
    if not gradient_multipliers:
        raise DataError("gradient_multipliers is empty: give a factor for some variable")
    factors = {getattr(key, "op", key): value for key, value in gradient_multipliers.items()}
    named = {getattr(key, "name", key): value for key, value in factors.items()}
    return [_multiplied(gradient, variable, named) for gradient, variable in grads_and_vars]


def _multiplied(gradient: Any, variable: Any, factors: dict[str, Any]) -> tuple[Any, Any]:
    if variable.op.name not in factors:
        return gradient, variable
    if gradient is None:
        raise DataError(f"{variable.op.name} has a factor and no gradient: leave it out")
    factor = tf.convert_to_tensor(factors[variable.op.name], gradient.dtype)
    return _changed(gradient, lambda values: values * factor), variable


def _changed(gradient: Any, change: Callable[[Any], Any]) -> Any:
    """Returns a gradient with its values changed, be it dense, of some rows, or None."""
    if isinstance(gradient, tf.IndexedSlices):
        return tf.IndexedSlices(change(gradient.values), gradient.indices, gradient.dense_shape)
    return None if gradient is None else change(gradient)


def train(
    train_op: Any,
    logdir: str | None,
    master: str = "",
    is_chief: bool = True,
    scaffold: Any = None,
    hooks: Sequence[Any] | None = None,
    chief_only_hooks: Sequence[Any] | None = None,
    save_checkpoint_secs: int | None = 600,
    save_summaries_steps: int | None = 100,
    config: Any = None,
    max_wait_secs: int = 7200,
    run_metadata: Any = None,
) -> Any:
    """Takes steps of training until a hook ends it; see `tf.train.MonitoredTrainingSession`.

    Args:
      train_op: what to run, see `create_train_op`.
      logdir: folder of checkpoints and summaries, or None.
      master: of the session.
      is_chief: whether this process initialises and saves.
      scaffold: `tf.train.Scaffold`.
      hooks: session hooks.
      chief_only_hooks: session hooks of the chief.
      save_checkpoint_secs: between checkpoints; None saves none.
      save_summaries_steps: between summaries; None writes none.
      config: `tf.ConfigProto`.
      max_wait_secs: for a chief.
      run_metadata: `tf.RunMetadata`, filled by every step.

    Returns:
      The last value of `train_op`, or None.

    Raises:
      DataError: no folder, and something to save.

    Source: TensorFlow 1.15 `tf.contrib.training.train`.
    """
    if logdir is None and is_chief and (save_summaries_steps or save_checkpoint_secs):
        raise DataError(
            "logdir is None: name a folder, or set save_summaries_steps and "
            "save_checkpoint_secs to None"
        )
    with tf.train.MonitoredTrainingSession(
        master=master,
        is_chief=is_chief,
        checkpoint_dir=logdir,
        scaffold=scaffold,
        hooks=hooks,
        chief_only_hooks=chief_only_hooks,
        save_checkpoint_secs=save_checkpoint_secs,
        save_summaries_steps=save_summaries_steps,
        config=config,
        max_wait_secs=max_wait_secs,
    ) as session:
        loss = None
        while not session.should_stop():
            loss = session.run(train_op, run_metadata=run_metadata)
    return loss
