"""`optimize_loss`: one call from a loss to a training operation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.errors import DataError
from tgcarry.legacy.contrib_layers import gradient_changes

OPTIMIZER_CLS_NAMES = {
    "Adagrad": tf.train.AdagradOptimizer,
    "Adam": tf.train.AdamOptimizer,
    "Ftrl": tf.train.FtrlOptimizer,
    "Momentum": lambda learning_rate: tf.train.MomentumOptimizer(learning_rate, momentum=0.9),
    "RMSProp": tf.train.RMSPropOptimizer,
    "SGD": tf.train.GradientDescentOptimizer,
}

OPTIMIZER_SUMMARIES = [
    "learning_rate",
    "loss",
    "gradients",
    "gradient_norm",
    "global_gradient_norm",
]

_USUAL_SUMMARIES = ("loss", "learning_rate", "global_gradient_norm")


def optimize_loss(
    loss: Any,
    global_step: Any,
    learning_rate: Any,
    optimizer: Any,
    gradient_noise_scale: float | None = None,
    gradient_multipliers: Mapping[Any, Any] | None = None,
    clip_gradients: Any = None,
    learning_rate_decay_fn: Callable[..., Any] | None = None,
    update_ops: Any = None,
    variables: Any = None,
    name: str | None = None,
    summaries: Sequence[str] | None = None,
    colocate_gradients_with_ops: bool = False,
    increment_global_step: bool = True,
) -> Any:
    """Makes the operation that lowers a loss by one step of an optimizer.

    Args:
      loss: scalar tensor.
      global_step: variable, or None for the graph's own if it has one.
      learning_rate: float, which becomes the variable `learning_rate`, or a scalar tensor, or
        None if the optimizer has one.
      optimizer: name in `OPTIMIZER_CLS_NAMES`, class, instance, or function of the rate.
      gradient_noise_scale: of normal noise added to the gradients.
      gradient_multipliers: factors by variable or name.
      clip_gradients: largest global norm, a float, or a function of the list of
        (gradient, variable).
      learning_rate_decay_fn: function of the rate and the step.
      update_ops: what to run before; those in `tf.GraphKeys.UPDATE_OPS` by default.
      variables: what to train; everything trainable by default.
      name: of the scope, instead of `OptimizeLoss`.
      summaries: some of `OPTIMIZER_SUMMARIES`.
      colocate_gradients_with_ops: puts gradients on their operations' devices.
      increment_global_step: whether the step is counted.

    Returns:
      The loss, as a tensor which is there when the step is done.

    Source: `tf.contrib.layers.optimize_loss` of TensorFlow 1.15.
    """
    loss = tf.convert_to_tensor(loss)
    if loss.shape.ndims not in (0, None):
        raise DataError(f"the loss {loss.name!r} has the shape {loss.shape}: it has to be scalar")
    step = tf.train.get_global_step() if global_step is None else global_step
    if step is not None:
        tf.train.assert_global_step(step)
    wanted = _checked(_USUAL_SUMMARIES if summaries is None else summaries)
    with tf.variable_scope(name, "OptimizeLoss", [loss, step]):
        updates = tf.get_collection(tf.GraphKeys.UPDATE_OPS) if update_ops is None else update_ops
        if updates:
            loss = _behind(dict.fromkeys(updates), loss)
        rate = _rate(learning_rate)
        if rate is not None and learning_rate_decay_fn is not None:
            if step is None:
                raise DataError("global_step is required for learning_rate_decay_fn: pass one")
            rate = learning_rate_decay_fn(rate, step)
            if "learning_rate" in wanted:
                tf.summary.scalar("learning_rate", rate)
        chosen = _optimizer(optimizer, rate)
        gradients = chosen.compute_gradients(
            loss,
            tf.trainable_variables() if variables is None else variables,
            colocate_gradients_with_ops=colocate_gradients_with_ops,
        )
        if gradient_noise_scale is not None:
            gradients = gradient_changes.noisy(gradients, gradient_noise_scale)
        if gradient_multipliers is not None:
            gradients = gradient_changes.multiplied(gradients, gradient_multipliers)
        gradients = _clipped(gradients, clip_gradients, loss, wanted)
        update = chosen.apply_gradients(
            gradients, global_step=step if increment_global_step else None, name="train"
        )
        return _behind([update], loss)


def _checked(summaries: Sequence[str]) -> Sequence[str]:
    for each in summaries:
        if each not in OPTIMIZER_SUMMARIES:
            raise DataError(f"summary {each!r} is none of {OPTIMIZER_SUMMARIES}")
    return summaries


def _behind(operations: Any, tensor: Any) -> Any:
    with (
        tf.name_scope(None, "control_dependency", [tensor]) as inside,
        tf.control_dependencies(list(operations)),
    ):
        return tf.identity(tensor, name=inside)


def _rate(learning_rate: Any) -> Any:
    if learning_rate is None:
        return None
    if isinstance(learning_rate, tf.Tensor) and learning_rate.shape.ndims == 0:
        return learning_rate
    if isinstance(learning_rate, float) and learning_rate >= 0.0:
        initializer = tf.constant_initializer(learning_rate)
        return tf.get_variable("learning_rate", [], trainable=False, initializer=initializer)
    raise DataError(
        f"learning_rate={learning_rate!r}: pass a float of 0 or more, or a scalar tensor"
    )


def _optimizer(optimizer: Any, rate: Any) -> Any:
    if isinstance(optimizer, tf.train.Optimizer):
        return optimizer
    make = optimizer
    if isinstance(optimizer, str):
        if optimizer not in OPTIMIZER_CLS_NAMES:
            raise DataError(f"optimizer={optimizer!r} is none of {sorted(OPTIMIZER_CLS_NAMES)}")
        make = OPTIMIZER_CLS_NAMES[optimizer]
    if not callable(make):
        raise DataError(f"optimizer={optimizer!r}: pass a name, a class or an optimizer")
    if isinstance(make, type) and issubclass(make, tf.train.Optimizer):
        if rate is None:
            raise DataError(f"optimizer={optimizer!r} needs a learning_rate: pass one")
        made = make(learning_rate=rate)
    else:
        made = make() if rate is None else make(rate)
    if not isinstance(made, tf.train.Optimizer):
        raise DataError(f"optimizer={optimizer!r} made {made!r}, which is no tf.train.Optimizer")
    return made


def _clipped(gradients: Any, clip: Any, loss: Any, wanted: Sequence[str]) -> Any:
    norms = "global_gradient_norm" in wanted or "gradient_norm" in wanted
    if norms:
        _summarize_norm("global_norm/gradient_norm", gradients)
    if isinstance(clip, float):
        values, variables = zip(*gradients, strict=True)
        gradients = list(zip(tf.clip_by_global_norm(values, clip)[0], variables, strict=True))
    elif callable(clip):
        gradients = clip(gradients)
    elif clip is not None:
        raise DataError(f"clip_gradients={clip!r}: pass a float or a function")
    if "loss" in wanted:
        tf.summary.scalar("loss", loss)
    for gradient, variable in gradients:
        if gradient is not None:
            _summarize(gradient, variable.name.replace(":", "_"), wanted)
    if clip is not None and norms:
        _summarize_norm("global_norm/clipped_gradient_norm", gradients)
    return gradients


def _summarize_norm(tag: str, gradients: Any) -> None:
    tf.summary.scalar(tag, tf.global_norm([gradient for gradient, _ in gradients]))


def _summarize(gradient: Any, name: str, wanted: Sequence[str]) -> None:
    values = gradient.values if isinstance(gradient, tf.IndexedSlices) else gradient
    if "gradients" in wanted:
        tf.summary.histogram(f"gradients/{name}", values)
    if "gradient_norm" in wanted:
        tf.summary.scalar(f"gradient_norm/{name}", tf.global_norm([values]))
