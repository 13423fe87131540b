"""Unrolls a cell over time: TensorFlow 1's `dynamic_rnn`, with engines and resets."""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tgcarry import twins
from tgcarry.data.wording import shown
from tgcarry.engines import ENGINES, Engine, choose_engine, note_engine, padded_to
from tgcarry.errors import CarryError
from tgcarry.repeated import Repeated
from tgcarry.stack import ResettingCell, unroll_stack, with_flags


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
    pad_to: int | None = None,
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
      engine: how to unroll. "stock" is TensorFlow's own while loop, for any cell. "loop" runs
        hand-written forward and reverse passes of GRUCell, BasicLSTMCell, LSTMCell and
        BasicRNNCell, stacked or with residuals, whose input products and weight gradients are
        one matrix product each; "fused" compiles them with XLA, once per shape of the inputs
        (of at least one step).
        "auto" takes the one that is fastest here for the cell and for steps as many as are
        known when the graph is built; "fused" if they are not. All give the same variables
        and results. A batch size that is known when the graph is built lets "fused" share the
        streams out over the cores. Only "stock" has gradients of gradients.
      resets: bool `[B, L]` (`[L, B]` if `time_major`), True where a stream starts a new
        sequence. None for nowhere.
      pad_to: pads the steps up to a multiple of this inside "fused" and "loop", so that inputs
        of many lengths are compiled for a few only. Outputs keep the length of the inputs, and
        no result changes; the padding takes its time. None for no padding.

    Returns:
      `(outputs, final_state)`: nest of `[B, L, H]`, nest like the state.

    Raises:
      CarryError: an unknown engine or one that cannot run the cell, `resets` of the wrong
        dtype or rank, a `pad_to` below 1, or an initial state whose structure, dtype or static
        width is not the cell's.
      TypeError, ValueError: as TensorFlow 1 raises them.

    Source: `tf.nn.dynamic_rnn` of TensorFlow 1.15.
    """
    _check_engine(engine)
    _check_pad_to(pad_to)
    inputs = tf.nest.map_structure(tf.convert_to_tensor, inputs)
    if initial_state is not None:
        _check_state(cell, initial_state, tf.nest.flatten(inputs))
    if resets is not None:
        resets = tf.convert_to_tensor(resets)
        _check_resets(resets, tf.nest.flatten(inputs)[0])
    taken = choose_engine(engine, cell, inputs, dtype, _known_steps(inputs, time_major))
    note_engine(scope, padded_to(taken, pad_to))
    if taken.name == "stock":
        return _stock(
            cell,
            inputs,
            resets,
            sequence_length=sequence_length,
            initial_state=initial_state,
            dtype=dtype,
            parallel_iterations=parallel_iterations,
            swap_memory=swap_memory,
            time_major=time_major,
            scope=scope,
        )
    return _by_hand(
        cell,
        inputs,
        _Steps(sequence_length, resets, time_major, pad_to),
        initial_state,
        dtype,
        scope,
        compiled=taken.name == "fused",
    )


class _Steps(NamedTuple):
    """Holds what a call says about its steps."""

    lengths: Any
    resets: Any
    time_major: bool
    pad_to: int | None


def _stock(cell: Any, inputs: Any, resets: Any, **options: Any) -> tuple[Any, Any]:
    if resets is not None:
        cell, inputs = ResettingCell(cell), with_flags(inputs, resets)
    return tf.nn.dynamic_rnn(cell, inputs, **options)


def _by_hand(
    cell: Any,
    inputs: Any,
    steps: _Steps,
    initial_state: Any,
    dtype: Any,
    scope: Any,
    compiled: bool,
) -> tuple[Any, Any]:
    with tf.variable_scope(scope or "rnn"):
        x = inputs if steps.time_major else tf.transpose(inputs, [1, 0, 2])
        fresh = steps.resets
        if fresh is not None and not steps.time_major:
            fresh = tf.transpose(fresh)
        state = initial_state
        if state is None:
            state = _zero_state(cell, x, dtype)
        else:
            state = tf.nest.map_structure(tf.convert_to_tensor, state)
        lengths, count = checked_lengths(steps.lengths, x), tf.shape(x)[0]
        if steps.pad_to is not None:
            x, lengths, fresh = _padded(x, lengths, fresh, steps.pad_to)
        given = None if steps.time_major or steps.pad_to is not None else inputs
        outputs, final = _layer_by_layer(cell, x, x[0], state, lengths, fresh, compiled, given)
        if steps.pad_to is not None:
            outputs = outputs[:count]
            outputs = outputs if steps.time_major else tf.transpose(outputs, [1, 0, 2])
    outputs.set_shape([*inputs.shape.as_list()[:2], cell.output_size])
    return outputs, final


def _padded(x: Any, lengths: Any, fresh: Any, multiple: int) -> tuple[Any, Any, Any]:
    """Pads time-first inputs and flags to a multiple of steps; the lengths say what is real."""
    known, streams = x.shape.as_list()[:2]
    if known is not None and known % multiple == 0:
        return x, lengths, fresh
    steps = tf.shape(x)[0] if known is None else known
    missing = -steps % multiple
    if lengths is None:
        lengths = tf.fill([tf.shape(x)[1] if streams is None else streams], steps)
    if fresh is not None:
        fresh = tf.pad(fresh, [[0, missing], [0, 0]])
    return tf.pad(x, [[0, missing], [0, 0], [0, 0]]), lengths, fresh


def unroll_repeated(
    cell: Any,
    inputs: Repeated,
    lengths: Any,
    initial_state: Any,
    resets: Any,
    scope: Any,
    engine: Engine,
) -> tuple[Any, Any]:
    """Unrolls a cell by hand-written passes over inputs that few rows are read for.

    Args:
      cell: one that `engine` was chosen for, not "stock".
      inputs: in place of `[L, B, I]`; B as of the state.
      lengths: int32 `[B]`.
      initial_state: nest of `[B, H]`; None for zeros.
      resets: bool `[L, B]`; None for nowhere.
      scope: variable scope.
      engine: of `choose_engine`.

    Returns:
      `(outputs, final_state)`: `[L, B, H]`, nest like the state.

    Raises:
      CarryError: an initial state that is not the cell's.
    """
    with tf.variable_scope(scope):
        first = inputs.whole()[0]
        state = initial_state
        if state is None:
            batch = first.shape.as_list()[0]
            state = cell.zero_state(tf.shape(first)[0] if batch is None else batch, first.dtype)
        else:
            _check_state(cell, state, [first])
        compiled = engine.name == "fused"
        return _layer_by_layer(cell, inputs, first, state, lengths, resets, compiled)


def _layer_by_layer(
    cell: Any,
    x: Any,
    first: Any,
    state: Any,
    lengths: Any,
    fresh: Any,
    compiled: bool,
    streams_first: Any = None,
) -> tuple[Any, Any]:
    # One step that nothing reads makes the variables, under the very names and checks of
    # TensorFlow's loop.
    cell(tf.ensure_shape(first, first.shape), state)
    run = unroll_stack(cell, x, state, lengths, fresh, compiled, streams_first=streams_first)
    return run.outputs, twins.with_twin(run.final, run.final_alone)


def _zero_state(cell: Any, x: Any, dtype: Any) -> Any:
    if dtype is None:
        raise ValueError("dynamic_rnn: without an initial_state, give the dtype of a zero one")
    batch = x.shape.as_list()[1]
    return cell.zero_state(tf.shape(x)[1] if batch is None else batch, dtype)


def checked_lengths(lengths: Any, x: Any) -> Any:
    """Returns the streams' lengths, of the batch's shape once they are looked at in a run.

    Args:
      lengths: int `[B]`, maybe of unknown shape; None for all steps.
      x: inputs `[L, B, ...]`.

    Returns:
      int32 `[B]`, or None.

    Raises:
      ValueError: they are known not to be a vector.
    """
    if lengths is None:
        return None
    lengths = tf.cast(lengths, tf.int32)
    if lengths.shape.rank not in (None, 1):
        raise ValueError(
            f"dynamic_rnn(sequence_length=): {lengths.name!r} has shape {lengths.shape}; give one "
            f"number per stream, [{x.shape.as_list()[1] or 'batch'}]"
        )
    known = x.shape.as_list()[1]
    # Where it is known, nobody has to turn the inputs around to be asked for it.
    streams = tf.shape(x)[1] if known is None else known
    fits = tf.debugging.assert_equal(
        tf.shape(lengths), [streams], message="sequence_length is not one number per stream"
    )
    with tf.control_dependencies([fits]):
        checked = tf.identity(lengths)
    # Lengths of unknown rank would hide the inputs' shape where the padding is cut out.
    checked.set_shape([x.shape.as_list()[1]])
    return checked


def _check_engine(name: Any) -> None:
    if not isinstance(name, str) or name not in ENGINES:
        raise CarryError(
            f"dynamic_rnn(engine={name!r}): no such engine; choose from {', '.join(ENGINES)}"
        )


def _known_steps(inputs: Any, time_major: bool) -> int | None:
    shape = tf.nest.flatten(inputs)[0].shape
    known = shape.rank is not None and shape.rank > 1
    steps: int | None = shape.as_list()[0 if time_major else 1] if known else None
    return steps


def _check_pad_to(multiple: Any) -> None:
    if multiple is None:
        return
    if isinstance(multiple, bool) or not isinstance(multiple, int) or multiple < 1:
        raise CarryError(
            f"dynamic_rnn(pad_to={shown(multiple)}): give a number of steps, such as 32, or None"
        )


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
