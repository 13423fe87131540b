"""Examples drawn again, or refused, so that a minibatch has other proportions than the data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.errors import DataError


def resample_at_rate(
    inputs: Sequence[Any],
    rates: Any,
    scope: str | None = None,
    seed: int | None = None,
    back_prop: bool = False,
) -> list[Any]:
    """Repeats each example at random, on average as often as its rate says.

    Args:
      inputs: tensors `[B, ...]`.
      rates: `[B]`.
      scope: str, of the operations.
      seed: int.
      back_prop: ignored: indices have no gradient.

    Returns:
      The tensors with the repeated examples.

    Source: TensorFlow 1.15 `tf.contrib.training.resample_at_rate`.
    """
    with tf.name_scope(scope, "resample_at_rate", [*inputs, rates]):
        rates = tf.convert_to_tensor(rates, name="rates")
        counts = tf.cast(tf.random_poisson(rates, (), rates.dtype, seed=seed), tf.int32)
        indices = tf.repeat(tf.range(tf.shape(counts)[0]), counts)
        return [tf.gather(each, indices) for each in inputs]


def weighted_resample(
    inputs: Sequence[Any],
    weights: Any,
    overall_rate: float,
    scope: str | None = None,
    mean_decay: float = 0.999,
    seed: int | None = None,
) -> tuple[list[Any], Any]:
    """Repeats examples in proportion to their weights; see `resample_at_rate`.

    Args:
      inputs: tensors `[B, ...]`.
      weights: `[B]`.
      overall_rate: the rate on average.
      scope: str, of the operations.
      mean_decay: of the running mean of the weights.
      seed: int.

    Returns:
      The tensors, and the rate of each example in them.

    Source: TensorFlow 1.15 `tf.contrib.training.weighted_resample`.
    """
    with tf.name_scope(scope, "weighted_resample", list(inputs)) as name:
        with tf.variable_scope(scope, "estimate_mean"):
            estimate = tf.get_local_variable(
                "estimated_mean", initializer=tf.cast(0, weights.dtype), dtype=weights.dtype
            )
        change = (estimate - tf.reduce_mean(weights)) * (1 - mean_decay)
        rates = weights * overall_rate / tf.assign_sub(estimate, change)
        sampled, *others = resample_at_rate([rates, *inputs], rates, name, seed)
        return others, sampled


def rejection_sample(
    tensors: Sequence[Any],
    accept_prob_fn: Callable[[list[Any]], Any],
    batch_size: int,
    queue_threads: int = 1,
    enqueue_many: bool = False,
    prebatch_capacity: int = 16,
    prebatch_threads: int = 1,
    runtime_checks: bool = False,
    name: str | None = None,
) -> list[Any]:
    """Makes minibatches of the examples that chance accepts.

    Args:
      tensors: one example each, or minibatches `[N, ...]` if `enqueue_many`.
      accept_prob_fn: function from an example's tensors to a probability.
      batch_size: int, B.
      queue_threads: of the queue of minibatches.
      enqueue_many: see above.
      prebatch_capacity: of the queue of examples.
      prebatch_threads: of the queue of examples.
      runtime_checks: whether a probability outside [0, 1] is an error.
      name: str, of the scope.

    Returns:
      Tensors `[B, ...]`.

    Source: TensorFlow 1.15 `tf.contrib.training.rejection_sample`.
    """
    with tf.variable_scope(name, "rejection_sample", list(tensors)):
        example = [tf.convert_to_tensor(tensor) for tensor in tensors]
        if enqueue_many:
            example = _singly(example, prebatch_threads, prebatch_capacity)
        accept = accept_prob_fn(example)
        if runtime_checks:
            checks = [tf.assert_less_equal(0.0, accept), tf.assert_less_equal(accept, 1.0)]
            with tf.control_dependencies(checks):
                accept = tf.identity(accept, name="prob_with_checks")
        return _accepted(example, accept, batch_size, queue_threads)


def stratified_sample(
    tensors: Sequence[Any],
    labels: Any,
    target_probs: Any,
    batch_size: int,
    init_probs: Any = None,
    enqueue_many: bool = False,
    queue_capacity: int = 16,
    threads_per_queue: int = 1,
    name: str | None = None,
) -> tuple[list[Any], Any]:
    """Makes minibatches whose classes have given proportions, by refusing examples.

    Args:
      tensors: one example each, or minibatches `[N, ...]` if `enqueue_many`.
      labels: int scalar, or `[N]`, below C.
      target_probs: `[C]`, the proportions wanted.
      batch_size: int, B.
      init_probs: `[C]`, the proportions in the data; estimated by default.
      enqueue_many: see above.
      queue_capacity: of the queue of examples.
      threads_per_queue: of both queues.
      name: str, of the operations.

    Returns:
      Tensors `[B, ...]` and labels `[B]`.

    Raises:
      DataError: `target_probs` and `init_probs` are not of one, known, length.

    Source: TensorFlow 1.15 `tf.contrib.training.stratified_sample`.
    """
    with tf.name_scope(name, "stratified_sample", [*tensors, labels]):
        examples = [tf.convert_to_tensor(tensor) for tensor in tensors]
        labels = tf.convert_to_tensor(labels)
        wanted = tf.convert_to_tensor(target_probs, tf.float32)
        if not enqueue_many:
            examples = [tensor[tf.newaxis] for tensor in examples]
            labels = labels[tf.newaxis]
        classes = wanted.shape.num_elements()
        there = _proportions(labels, classes) if init_probs is None else init_probs
        there = tf.convert_to_tensor(there, tf.float32)
        if classes is None or there.shape.num_elements() != classes:
            raise DataError(
                f"target_probs {wanted.shape}, init_probs {there.shape}: give one each a class"
            )
        ratio = tf.div_no_nan(wanted, there)
        accept = ratio / tf.reduce_max(ratio)
        *example, label = _singly([*examples, labels], threads_per_queue, queue_capacity)
        chance = tf.gather(accept, label)
        *batch, of_batch = _accepted([*example, label], chance, batch_size, threads_per_queue)
        return batch, of_batch


def _singly(tensors: list[Any], threads: int, capacity: int) -> list[Any]:
    """Returns examples one at a time from minibatches of them."""
    one = tf.train.batch(
        tensors, batch_size=1, num_threads=threads, capacity=capacity, enqueue_many=True
    )
    return [tf.squeeze(each, [0]) for each in (one if isinstance(one, list) else [one])]


def _accepted(example: list[Any], chance: Any, batch_size: int, threads: int) -> list[Any]:
    keep = tf.random_uniform([]) < chance
    batch = tf.train.maybe_batch(
        example, keep_input=keep, batch_size=batch_size, num_threads=threads
    )
    return list(batch) if isinstance(batch, (list, tuple)) else [batch]


def _proportions(labels: Any, classes: int) -> Any:
    """Estimates the classes' proportions from all labels so far, ten of each at first."""
    counts = tf.Variable([10] * classes, trainable=False, name="class_count", dtype=tf.int64)
    counts = tf.assign_add(counts, tf.reduce_sum(tf.one_hot(labels, classes, dtype=tf.int64), 0))
    return tf.cast(tf.truediv(counts, tf.reduce_sum(counts)), tf.float32)
