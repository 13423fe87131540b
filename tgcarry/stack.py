"""Unrolls a stack of cells layer by layer with the hand-written passes, where there are any."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import tensorflow as tf2
import tensorflow.compat.v1 as tf

from tgcarry.cells import (
    BasicLSTMCell,
    DropoutWrapper,
    LSTMCell,
    LSTMStateTuple,
    MultiRNNCell,
    ResidualWrapper,
    RNNCell,
)
from tgcarry.kernels import (
    STEPS_FIRST,
    STREAMS_FIRST,
    Flags,
    Layer,
    Projected,
    Recurrence,
    few,
    recurrence_of,
    why_not,
)
from tgcarry.repeated import Repeated

# Streams that a core should have at least, to be worth a pass of its own.
_STREAMS_A_CORE = 4
# With more numbers in a state, steps of arrays `[B, L, k]` are the slower ones: measured with 4
# to 64 streams of 32 to 512 units.
_SMALL_STEP = 2048


class Unrolled(NamedTuple):
    """Holds an unrolled cell; the `_alone` ones keep nothing for a reverse."""

    outputs: Any
    final: Any
    outputs_alone: Any
    final_alone: Any


class Leaf(NamedTuple):
    """Tells of one cell without cells inside, and why TensorFlow's loop must run it."""

    cell: Any
    reason: str | None


def leaves_of(cell: Any) -> Iterator[Leaf]:
    """Yields the layers of a cell, the lowest first."""
    if type(cell) is MultiRNNCell:
        for inner in cell.cells:
            yield from leaves_of(inner)
    elif _passes_through(cell):
        yield from leaves_of(cell.wrapped_cell)
    else:
        yield Leaf(cell, why_not(cell))


def whole_reason(cell: Any) -> str | None:
    """Says why no layer of a cell can run by hand; None if one can.

    Layers are run one after the other only if all are tgcarry's own, which keep their
    variables: another's might look for them in the scope where its step is called.
    """
    leaves = list(leaves_of(cell))
    foreign = [leaf for leaf in leaves if not isinstance(leaf.cell, RNNCell)]
    if foreign:
        return f"{type(foreign[0].cell).__name__} is not one of tgcarry's cells"
    drawing = [leaf for leaf in leaves if isinstance(leaf.cell, DropoutWrapper)]
    if drawing:
        return "DropoutWrapper draws at every step"
    if all(leaf.reason for leaf in leaves):
        return leaves[0].reason
    return None


def unroll_stack(
    cell: Any,
    x: Any,
    state: Any,
    lengths: Any,
    fresh: Any,
    compiled: bool,
    twice: bool = False,
    streams_first: Any = None,
) -> Unrolled:
    """Unrolls a built cell, each layer over all steps before the next one.

    Args:
      cell: a cell for which `whole_reason` is None, with its variables made.
      x: float `[L, B, I]`, or `Repeated` for it.
      state: nest like `cell.state_size` of `[B, H]`.
      lengths: int `[B]`, or None.
      fresh: bool `[L, B]`, or None.
      compiled: whether XLA compiles the passes.
      twice: whether there are gradients of gradients; L must be known.
      streams_first: `x` as `[B, L, I]`, for outputs `[B, L, H]`; None for outputs `[L, B, H]`.

    Returns:
      `Unrolled`.
    """
    leaves = list(leaves_of(cell))
    recurrences = {
        id(leaf.cell): recurrence_of(leaf.cell) for leaf in leaves if leaf.reason is None
    }
    if isinstance(x, Repeated):
        lowest = id(leaves[0].cell)
        if lowest in recurrences and _reads_once(cell):
            projected = Projected(recurrences[lowest])
            recurrences[lowest], x = projected, x.times(projected.matrix())
        else:
            x = x.whole()
    whole = compiled and all(not leaf.reason for leaf in leaves)
    count = _parts(x, whole)
    plain = whole and not twice and lengths is None and fresh is None
    unturned = plain and streams_first is not None and _small(recurrences.values(), x, count)
    layout = STREAMS_FIRST if unturned else STEPS_FIRST
    layers = {name: Layer(found, compiled, twice, layout) for name, found in recurrences.items()}
    given, axis = (x, 1) if streams_first is None else (streams_first, 0)
    turning = streams_first is not None and not unturned
    parts = _split(given, axis, state, lengths, fresh, count)
    if turning:
        # Only once they are cut: parts of the first dimension are no copies.
        parts = ((_turned(inputs), *rest) for inputs, *rest in parts)
    runs = [_Walk(layers, *part)(cell) for part in parts]
    if turning:
        runs = [run._replace(outputs=_turned(run.outputs)) for run in runs]
    if count == 1:
        return runs[0]
    return Unrolled(
        tf.concat([run.outputs for run in runs], axis),
        _joined([run.final for run in runs]),
        None,
        _joined([run.final_alone for run in runs]),
    )


def _reads_once(cell: Any) -> bool:
    """Says whether the lowest layer, and nothing else, reads the inputs, and only those."""
    lowest = cell
    while type(lowest) is MultiRNNCell or _passes_through(lowest):
        if _is_residual(lowest):
            return False
        lowest = lowest.cells[0] if type(lowest) is MultiRNNCell else lowest.wrapped_cell
    # A list may hold one cell several times.
    return sum(leaf.cell is lowest for leaf in leaves_of(cell)) == 1


class _Walk:
    """Runs the layers of one part of the batch; with flags, time first."""

    def __init__(
        self, layers: dict[int, Layer], x: Any, state: Any, lengths: Any, fresh: Any
    ) -> None:
        self._layers = layers
        self._x, self._state = x, state
        self._lengths, self._fresh = lengths, fresh
        self._flags = _flags(x, lengths, fresh)

    def __call__(self, cell: Any) -> Unrolled:
        return self._run(cell, self._x, self._x, self._state, last=True)

    def _run(self, cell: Any, x: Any, x_alone: Any, state: Any, last: bool) -> Unrolled:
        if type(cell) is MultiRNNCell:
            return self._multi(cell, x, x_alone, state, last)
        if _passes_through(cell):
            inner = self._run(cell.wrapped_cell, x, x_alone, state, last)
            return self._residual(x, x_alone, inner) if _is_residual(cell) else inner
        if id(cell) in self._layers:
            return self._by_hand(cell, x, x_alone, state, last)
        return self._stock(cell, x, x_alone, state)

    def _multi(self, cell: Any, x: Any, x_alone: Any, state: Any, last: bool) -> Unrolled:
        states = state
        if not cell.state_is_tuple:
            states = tf.split(state, [inner.state_size for inner in cell.cells], axis=1)
        top = len(cell.cells) - 1
        finals, finals_alone = [], []
        for i, (inner, own) in enumerate(zip(cell.cells, states, strict=True)):
            run = self._run(inner, x, x_alone, own, last and i == top)
            x, x_alone = run.outputs, run.outputs_alone
            finals.append(run.final)
            finals_alone.append(run.final_alone)
        if not cell.state_is_tuple:
            return Unrolled(x, tf.concat(finals, 1), x_alone, tf.concat(finals_alone, 1))
        return Unrolled(x, tuple(finals), x_alone, tuple(finals_alone))

    def _residual(self, x: Any, x_alone: Any, inner: Unrolled) -> Unrolled:
        def added(inputs: Any, outputs: Any) -> Any:
            total = inputs + outputs
            real = self._flags.real
            return total if real is None else tf.where_v2(real, total, tf.zeros_like(total))

        alone = inner.outputs_alone
        return inner._replace(
            outputs=added(x, inner.outputs),
            outputs_alone=None if alone is None else added(x_alone, alone),
        )

    def _by_hand(self, cell: Any, x: Any, x_alone: Any, state: Any, last: bool) -> Unrolled:
        paired = isinstance(cell, BasicLSTMCell | LSTMCell)
        if not paired:
            parts = (state,)
        else:
            parts = tuple(state) if cell.state_is_tuple else tuple(tf.split(state, 2, axis=1))
        run = self._layers[id(cell)](x, x_alone, parts, self._flags, last)

        def packed(final: Any) -> Any:
            if not paired:
                return final[0]
            return LSTMStateTuple(*final) if cell.state_is_tuple else tf.concat(final, 1)

        return Unrolled(run.outputs, packed(run.final), run.outputs_alone, packed(run.final_alone))

    def _stock(self, cell: Any, x: Any, x_alone: Any, state: Any) -> Unrolled:
        outputs, final = self._looped(cell, x, state)
        if x_alone is x:
            return Unrolled(outputs, final, outputs, final)
        # A loop of its own, or the layers below would keep everything for its sake.
        return Unrolled(outputs, final, *self._looped(cell, x_alone, state))

    def _looped(self, cell: Any, inputs: Any, state: Any) -> tuple[Any, Any]:
        if self._fresh is not None:
            cell, inputs = ResettingCell(cell), with_flags(inputs, self._fresh)
        outputs, final = tf.nn.dynamic_rnn(
            cell, inputs, self._lengths, initial_state=state, time_major=True
        )
        return outputs, final


def with_flags(inputs: Any, fresh: Any) -> Any:
    """Pairs inputs with flags `[L, B]` (or `[B, L]`, as the inputs are) for a `ResettingCell`."""
    # As many dimensions known as the inputs have; TensorFlow's loop wants them alike.
    flags = tf.placeholder_with_default(fresh, tf.nest.flatten(inputs)[0].shape[:2])
    return inputs, tf.expand_dims(flags, -1)


class ResettingCell:
    """Runs a cell on `(input, flag)`, from a zero state in the rows whose flag is set."""

    def __init__(self, cell: Any) -> None:
        self._cell = cell
        self.state_size = cell.state_size
        self.output_size = cell.output_size

    def zero_state(self, batch_size: Any, dtype: tf.DType) -> Any:
        """Makes the wrapped cell's zero state."""
        return self._cell.zero_state(batch_size, dtype)

    def get_initial_state(
        self, inputs: Any = None, batch_size: Any = None, dtype: tf.DType | None = None
    ) -> Any:
        """Makes the wrapped cell's zero state for the batch of `inputs`."""
        if inputs is not None:
            inputs = inputs[0]
        return self._cell.get_initial_state(inputs=inputs, batch_size=batch_size, dtype=dtype)

    def __call__(self, inputs: Any, state: Any, scope: Any = None) -> tuple[Any, Any]:
        """Runs one step, from zeros where the flag `[B, 1]` is set."""
        inputs, flag = inputs

        def cut(leaf: tf.Tensor) -> tf.Tensor:
            flags = tf.reshape(flag, [-1] + [1] * (leaf.shape.rank - 1))
            # Not a product: a state that has overflowed must not leave a NaN behind.
            return tf.where_v2(flags, tf.zeros_like(leaf), leaf)

        return self._cell(inputs, tf.nest.map_structure(cut, state), scope)


def _passes_through(cell: Any) -> bool:
    """Says whether a wrapper does nothing at single steps that a whole sequence could not."""
    if type(cell) is ResidualWrapper:
        return cell.residual_fn is None
    return type(cell) is DropoutWrapper and all(
        isinstance(keep, float) and keep == 1.0
        for keep in (cell.input_keep_prob, cell.output_keep_prob, cell.state_keep_prob)
    )


def _is_residual(cell: Any) -> bool:
    return type(cell) is ResidualWrapper


def _flags(x: Any, lengths: Any, fresh: Any) -> Flags:
    real = None
    if lengths is not None:
        steps = tf.range(tf.shape(x)[0])
        real = (steps[:, tf.newaxis] < tf.cast(lengths, tf.int32))[..., tf.newaxis]
    if fresh is None:
        return Flags(real, None)
    fresh = fresh[..., tf.newaxis]
    # Padding keeps its state whatever its flag says, as in TensorFlow's loop.
    return Flags(real, fresh if real is None else fresh & real)


def _parts(x: Any, wanted: bool) -> int:
    """Returns in how many parts of the batch to run: the small products of a step use one core.

    Only where the batch is known and there is no GPU to be filled instead. A process that was
    given fewer threads than there are cores has no others to share them out to.
    """
    streams = x.shape.as_list()[1]
    if not wanted or streams is None or tf2.config.list_physical_devices("GPU"):
        return 1
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    threads = os.environ.get("TF_NUM_INTRAOP_THREADS", "")
    most = int(threads) if threads.isdigit() and int(threads) else cores
    return max(1, min(cores or 1, most or 1, streams // _STREAMS_A_CORE))


def _small(recurrences: Iterable[Recurrence], x: Any, count: int) -> bool:
    """Says whether steps are so small that arrays `[B, L, k]` are read and written as they are.

    With more in a step, it is spread over so much memory that turning whole arrays around costs
    less. Where the passes for few streams run, it costs nothing.
    """
    streams = x.shape.as_list()[1]
    if streams is None:
        return False
    most = -(-streams // count)
    return all(
        most * max(found.widths) <= _SMALL_STEP and not few(found, streams // count)
        for found in recurrences
    )


def _split(
    inputs: Any, axis: int, state: Any, lengths: Any, fresh: Any, count: int
) -> Iterator[Any]:
    """Yields `count` parts of the batch, which is the inputs' dimension `axis`."""
    if count == 1:
        yield inputs, state, lengths, fresh
        return
    streams = inputs.shape.as_list()[axis]
    sizes = [streams * (i + 1) // count - streams * i // count for i in range(count)]

    # Not slices: the gradient of a split is one concatenation.
    def cut(whole: Any, axis: int) -> list[Any]:
        return [None] * count if whole is None else tf.split(whole, sizes, axis)

    leaves = [cut(leaf, 0) for leaf in tf.nest.flatten(state)]
    states = [tf.nest.pack_sequence_as(state, part) for part in zip(*leaves, strict=True)]
    yield from zip(cut(inputs, axis), states, cut(lengths, 0), cut(fresh, 1), strict=True)


def _turned(a: Any) -> Any:
    """Exchanges steps and streams."""
    return tf.transpose(a, [1, 0, 2])


def _joined(finals: list[Any]) -> Any:
    return tf.nest.map_structure(lambda *leaves: tf.concat(leaves, 0), *finals)
