"""`linear` with the arguments that it had before version 1.2: a scope, and the bias' start."""

from __future__ import annotations

import contextlib
from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.legacy.rnn import linear as today


def linear(
    args: Any,
    output_size: Any,
    bias: bool,
    bias_initializer: Any = None,
    kernel_initializer: Any = None,
    *,
    bias_start: float | None = None,
    scope: Any = None,
) -> Any:
    """Computes `[a_1, a_2, ...] W + b`.

    Args:
      args: `[B, I]` tensor, or a list of `[B, I_k]` tensors.
      output_size: int or Dimension, O.
      bias: whether to add b.
      bias_initializer: of b; in its place also the number that b holds at first.
      kernel_initializer: of W; in its place also a scope.
      bias_start: what b holds at first, by keyword.
      scope: str or variable scope around the variables; by default none, as in 1.15.

    Returns:
      `[B, O]`; W is `kernel` `[sum of I_k, O]`, b is `bias` `[O]`.

    Raises:
      CellError: nothing to multiply, or an argument that is no `[B, known]` tensor.

    Source: TensorFlow 0.12 `rnn_cell._linear`.
    """
    if isinstance(kernel_initializer, str | tf.VariableScope):
        kernel_initializer, scope = None, kernel_initializer
    start = bias_initializer if bias_start is None else bias_start
    with tf.variable_scope(scope) if scope is not None else contextlib.nullcontext():
        return today.linear(args, output_size, bias, start, kernel_initializer)
