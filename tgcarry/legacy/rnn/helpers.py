"""Small functions of TensorFlow 1's recurrent modules that programs took for cells of their own.

Source: TensorFlow 1.15 `tensorflow.python.ops.rnn_cell_impl` and `tensorflow.python.ops.rnn`,
and 1.1 `core_rnn_cell_impl._checked_scope`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry import states
from tgcarry.cells.base import batch_dimension
from tgcarry.cells.multi import check_like_cell
from tgcarry.errors import CellError

assert_like_rnncell = check_like_cell

NOT_A_CELL = "pass a cell"


def concat_shapes(prefix: Any, suffix: Any, static: bool = False) -> Any:
    """Joins two shapes, each an int, a `tf.TensorShape` or an integer tensor.

    Args:
      prefix: e.g. the batch size.
      suffix: e.g. a leaf of `state_size`.
      static: whether to return what is known now.

    Returns:
      An int32 tensor of the whole shape; with `static` a list of ints and None, or None.

    Raises:
      CellError: a dimension is unknown, and `static` is not asked for.
    """
    if static:
        whole = _static_shape(prefix).concatenate(_static_shape(suffix))
        return None if whole.rank is None else whole.as_list()
    return tf.concat([_shape_tensor(prefix), _shape_tensor(suffix)], 0)


def _static_shape(shape: Any) -> tf.TensorShape:
    if tf.is_tensor(shape):
        value = tf.get_static_value(shape)
        if value is None:
            return tf.TensorShape([None] * (shape.shape.as_list() or [1])[0])
        shape = value.reshape([-1]).tolist()
    return tf.TensorShape(states.trailing_dims(shape) if isinstance(shape, int) else shape)


def _shape_tensor(shape: Any) -> Any:
    if tf.is_tensor(shape):
        return tf.reshape(shape, [-1])
    known = _static_shape(shape)
    if not known.is_fully_defined():
        raise CellError(f"the shape {known} is not fully known: pass tf.shape of a tensor")
    return tf.constant(known.as_list(), tf.int32)


def zero_state_tensors(state_size: Any, batch_size: Any, dtype: Any) -> Any:
    """Makes a nest of zeros `[B] + size`, one per leaf of `state_size`."""
    return states.zeros_like_size(state_size, batch_dimension(batch_size), tf.as_dtype(dtype))


def infer_state_dtype(explicit_dtype: Any, state: Any) -> Any:
    """Returns the dtype given, or the one that all tensors of a state have.

    Raises:
      CellError: the state is empty or of several dtypes.
    """
    if explicit_dtype is not None:
        return explicit_dtype
    dtypes = [leaf.dtype for leaf in tf.nest.flatten(state)]
    if not dtypes or any(dtype != dtypes[0] for dtype in dtypes):
        raise CellError(
            f"the state has the dtypes {[dtype.name for dtype in dtypes]}, not one: pass dtype="
        )
    return dtypes[0]


def transpose_batch_time(x: Any) -> Any:
    """Swaps a tensor's first two dimensions: `[B, T, ...]` to `[T, B, ...]`; below rank 2 not."""
    if x.shape.rank is None:
        order = tf.concat([[1, 0], tf.range(2, tf.rank(x))], 0)
        return tf.transpose(x, order)
    if x.shape.rank < 2:
        return x
    return tf.transpose(x, [1, 0, *range(2, x.shape.rank)])


def best_effort_input_batch_size(flat_input: Sequence[Any]) -> Any:
    """Returns B of time-major inputs `[T, B, ...]`: an int if any of them says it.

    Raises:
      CellError: an input has a rank below 2.
    """
    for tensor in flat_input:
        if tensor.shape.rank is not None and tensor.shape.rank < 2:
            raise CellError(f"inputs are [time, batch, ...], but one has the shape {tensor.shape}")
        if tensor.shape.rank is not None and tensor.shape.as_list()[1] is not None:
            return int(tensor.shape.as_list()[1])
    return tf.shape(flat_input[0])[1]


@contextlib.contextmanager
def checked_scope(cell: Any, scope: Any, reuse: Any = None, **kwargs: Any) -> Iterator[Any]:
    """Opens a variable scope; TensorFlow 1.1's cells called their own so."""
    with tf.variable_scope(scope, reuse=reuse, **kwargs) as opened:
        yield opened


def has_attribute(thing: Any, name: str) -> bool:
    """Says whether a thing has an attribute."""
    return hasattr(thing, name)


def is_like_cell(cell: Any) -> bool:
    """Says whether a thing has what a cell has."""
    try:
        check_like_cell("cell", cell)
    except TypeError:
        return False
    return True
