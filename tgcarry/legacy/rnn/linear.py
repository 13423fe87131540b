"""The matrix product that old cells shared, and that programs imported for cells of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.errors import CellError

WEIGHTS_NAME = "kernel"
BIAS_NAME = "bias"


def linear(
    args: Any,
    output_size: int,
    bias: bool,
    bias_initializer: Any = None,
    kernel_initializer: Any = None,
) -> Any:
    """Multiplies tensors, side by side, by a kernel: `[x_1, ..., x_n] W + b`.

    W is `kernel` `[I_1 + ... + I_n, O]` and b is `bias` `[O]`, zero at first, both in the
    current variable scope; the bias is never partitioned.

    Args:
      args: tensor `[B, I]`, or a list of such.
      output_size: int, O.
      bias: whether to add b.
      bias_initializer: of b; a number is taken for a constant one, as before TensorFlow 1.2.
      kernel_initializer: of W; by default the scope's.

    Returns:
      Tensor `[B, O]`.

    Raises:
      CellError: no tensors, or not of rank 2 and known width.

    Source: TensorFlow 1.15 `tensorflow.contrib.rnn.python.ops.core_rnn_cell._linear`.
    """
    tensors = _listed(args)
    weights = _kernel(tensors, output_size, kernel_initializer)
    product = _product(tensors, weights)
    if not bias:
        return product
    return tf.nn.bias_add(product, _bias(tensors, output_size, bias_initializer))


class Linear:
    """Makes the variables of `linear` once and applies them to arguments of the same form.

    Args:
      args: tensor `[B, I]`, or a list of such: for their widths and dtype.
      output_size: int, O.
      build_bias: whether there is a bias.
      bias_initializer: of the bias; zeros by default.
      kernel_initializer: of the kernel; by default the scope's.

    Raises:
      CellError: as `linear`.

    Source: TensorFlow 1.15 `tensorflow.contrib.rnn.python.ops.core_rnn_cell._Linear`.
    """

    def __init__(
        self,
        args: Any,
        output_size: int,
        build_bias: bool,
        bias_initializer: Any = None,
        kernel_initializer: Any = None,
    ) -> None:
        tensors = _listed(args)
        self._weights = _kernel(tensors, output_size, kernel_initializer)
        self._biases = _bias(tensors, output_size, bias_initializer) if build_bias else None

    def __call__(self, args: Any) -> Any:
        """Returns `[B, O]`."""
        product = _product(_listed(args), self._weights)
        return product if self._biases is None else tf.nn.bias_add(product, self._biases)

    def __deepcopy__(self, memo: dict[int, Any]) -> Linear:
        # Its variables are the graph's: a copy of a cell goes on sharing them.
        return self


def _listed(args: Any) -> list[Any]:
    tensors = list(args) if tf.nest.is_nested(args) else [] if args is None else [args]
    if not tensors:
        raise CellError(f"linear got args={args!r}: pass a tensor, or a list of tensors")
    return tensors


def _kernel(tensors: Sequence[Any], output_size: int, initializer: Any) -> Any:
    shapes = [tensor.shape for tensor in tensors]
    if any(shape.rank != 2 or shape.as_list()[1] is None for shape in shapes):
        raise CellError(
            f"linear takes tensors [batch, width] of known width, but got the shapes "
            f"{[str(shape) for shape in shapes]}: use tf.reshape or set_shape"
        )
    rows = sum(int(shape.as_list()[1]) for shape in shapes)
    return tf.get_variable(
        WEIGHTS_NAME, [rows, int(output_size)], dtype=_dtype(tensors), initializer=initializer
    )


def _bias(tensors: Sequence[Any], output_size: int, initializer: Any) -> Any:
    dtype = _dtype(tensors)
    if initializer is None or isinstance(initializer, int | float):
        initializer = tf.constant_initializer(float(initializer or 0.0), dtype=dtype)
    with tf.variable_scope(tf.get_variable_scope()) as whole:
        whole.set_partitioner(None)
        return tf.get_variable(BIAS_NAME, [int(output_size)], dtype=dtype, initializer=initializer)


def _product(tensors: Sequence[Any], weights: Any) -> Any:
    return tf.matmul(tensors[0] if len(tensors) == 1 else tf.concat(tensors, 1), weights)


def _dtype(tensors: Sequence[Any]) -> Any:
    return tensors[0].dtype.base_dtype
