"""Unrolls a cell over time: TensorFlow 1's `dynamic_rnn`, with engines and resets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.errors import CarryError


def dynamic_rnn(
    cell: Any,
    inputs: Any,
    sequence_length: Any = None,
    initial_state: Any = None,
    dtype: tf.DType | None = None,
    parallel_iterations: int | None = None,
    swap_memory: bool = False,
    time_major: bool = False,
    scope: Any = None,
    *,
    engine: str = "auto",
    resets: Any = None,
) -> tuple[Any, Any]:
    """Unrolls a cell over the time axis of its inputs.

        output_t, s_t = cell(input_t, s_{t-1})        for t = 0 .. L-1

    Behind a stream's `sequence_length` its outputs are zero and its state is copied through.
    With `resets`, s_{t-1} is replaced by zeros in the streams flagged at t, which cuts the
    gradient there as well.

    B is the batch, L the steps, I the input width, H a leaf's width.

    Args:
      cell: an RNN cell, tgcarry's or any with TensorFlow 1's interface.
      inputs: nest of `[B, L, I...]` tensors, `[L, B, I...]` if `time_major`.
      sequence_length: int `[B]`, the real steps of each stream; None for all.
      initial_state: nest like `cell.state_size` of `[B, H]`; zeros of `dtype` if None.
      dtype: dtype of the zero state; needed if `initial_state` is None.
      parallel_iterations: of TensorFlow's loop (default 32).
      swap_memory: of TensorFlow's loop.
      time_major: whether inputs and outputs have time first.
      scope: variable scope, "rnn" by default.
      engine: how to unroll. "stock" is TensorFlow's own while loop; "auto" takes the fastest
        engine that supports the cell. All give the same variables and results.
      resets: bool `[B, L]` (`[L, B]` if `time_major`), True where a stream starts a new
        sequence. None for nowhere.

    Returns:
      `(outputs, final_state)`: nest of `[B, L, H]`, nest like the state.

    Raises:
      CarryError: an unknown engine, `resets` of the wrong dtype or rank, or an initial state
        whose structure, dtype or static width is not the cell's.
      TypeError, ValueError: as TensorFlow 1 raises them.

    Source: `tf.nn.dynamic_rnn` of TensorFlow 1.15.
    """
    unroll = _engine(engine)
    inputs = tf.nest.map_structure(tf.convert_to_tensor, inputs)
    if initial_state is not None:
        _check_state(cell, initial_state, tf.nest.flatten(inputs))
    if resets is not None:
        resets = tf.convert_to_tensor(resets)
        first = tf.nest.flatten(inputs)[0]
        _check_resets(resets, first)
        cell = _ResettingCell(cell)
        # As many dimensions known as the inputs have; TensorFlow's loop wants them alike.
        flags = tf.placeholder_with_default(resets, first.shape[:2])
        inputs = (inputs, tf.expand_dims(flags, -1))
    return unroll(
        cell,
        inputs,
        sequence_length=sequence_length,
        initial_state=initial_state,
        dtype=dtype,
        parallel_iterations=parallel_iterations,
        swap_memory=swap_memory,
        time_major=time_major,
        scope=scope,
    )


def _stock(cell: Any, inputs: Any, **options: Any) -> tuple[Any, Any]:
    return tf.nn.dynamic_rnn(cell, inputs, **options)


ENGINES: dict[str, Callable[..., tuple[Any, Any]]] = {"auto": _stock, "stock": _stock}


def _engine(name: str) -> Callable[..., tuple[Any, Any]]:
    if not isinstance(name, str) or name not in ENGINES:
        raise CarryError(
            f"dynamic_rnn(engine={name!r}): no such engine; choose from {', '.join(ENGINES)}"
        )
    return ENGINES[name]


def _check_state(cell: Any, state: Any, inputs: list[tf.Tensor]) -> None:
    size = getattr(cell, "state_size", None)
    if size is None:
        return
    try:
        tf.nest.assert_same_structure(size, state)
    except (TypeError, ValueError) as error:
        raise CarryError(
            f"dynamic_rnn(initial_state=): its structure is not the cell's, state_size={size}: "
            f"take carry_ports(cell).initial_state or cell.zero_state(batch, dtype)"
        ) from error
    leaves = [tf.convert_to_tensor(leaf) for leaf in tf.nest.flatten(state)]
    for units, leaf in zip(tf.nest.flatten(size), leaves, strict=True):
        wanted = tf.TensorShape([None]).concatenate(tf.TensorShape(units))
        if not leaf.shape.is_compatible_with(wanted):
            raise CarryError(
                f"dynamic_rnn(initial_state=): {leaf.name!r} has shape {leaf.shape}, the cell's "
                f"state is {wanted} (state_size={size})"
            )
        floats = {x.dtype.base_dtype for x in inputs if x.dtype.is_floating}
        if floats and leaf.dtype.is_floating and leaf.dtype.base_dtype not in floats:
            raise CarryError(
                f"dynamic_rnn(initial_state=): {leaf.name!r} is {leaf.dtype.name}, the inputs are "
                f"{', '.join(d.name for d in floats)}: make both of one dtype"
            )


def _check_resets(resets: tf.Tensor, first_input: tf.Tensor) -> None:
    if resets.dtype.base_dtype != tf.bool:
        raise CarryError(
            f"dynamic_rnn(resets=): {resets.name!r} is {resets.dtype.name}; give bool flags"
        )
    if not resets.shape.is_compatible_with(first_input.shape[:2]):
        raise CarryError(
            f"dynamic_rnn(resets=): {resets.name!r} has shape {resets.shape}, the inputs begin "
            f"with {first_input.shape[:2]}: give one flag per stream and step"
        )


class _ResettingCell:
    """Runs a cell on `(input, flag)`, from a zero state in the rows whose flag is set."""

    def __init__(self, cell: Any) -> None:
        self._cell = cell
        self.state_size = cell.state_size
        self.output_size = cell.output_size

    def zero_state(self, batch_size: Any, dtype: tf.DType) -> Any:
        return self._cell.zero_state(batch_size, dtype)

    def get_initial_state(
        self, inputs: Any = None, batch_size: Any = None, dtype: tf.DType | None = None
    ) -> Any:
        if inputs is not None:
            inputs = inputs[0]
        return self._cell.get_initial_state(inputs=inputs, batch_size=batch_size, dtype=dtype)

    def __call__(self, inputs: Any, state: Any, scope: Any = None) -> tuple[Any, Any]:
        inputs, flag = inputs

        def cut(leaf: tf.Tensor) -> tf.Tensor:
            flags = tf.reshape(flag, [-1] + [1] * (leaf.shape.rank - 1))
            # Not a product: a state that has overflowed must not leave a NaN behind.
            return tf.where_v2(flags, tf.zeros_like(leaf), leaf)

        return self._cell(inputs, tf.nest.map_structure(cut, state), scope)
