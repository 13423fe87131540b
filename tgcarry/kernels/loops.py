"""A recurrence over time: forwards with what the reverse needs, and in reverse.

Time is first everywhere: L steps, B streams. Not differentiated by TensorFlow: the reverse is
written out. With `real`, a stream's padding keeps its state and yields zeros; with `fresh`, a
flagged step starts from zeros, and no gradient passes back through it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tgcarry.kernels.recurrence import Recurrence, Tensors, transposed

# With so few streams the loop's own turns cost as much as a step; measured at batch 1.
_FEW_STREAMS = 4
_BLOCK = 5


class Forward(NamedTuple):
    """Holds a forward run; `states` and `kept` are for `backward`."""

    final: Tensors
    """`[B, H]` each."""
    states: Tensors
    """The state before the first step and after each, `[L+1, B, H]` each."""
    kept: Tensors
    """What the recurrence keeps of each step, `[L, B, k]` each."""

    def before(self) -> Tensors:
        """Returns the state before each step, `[L, B, H]` each."""
        return tuple(states[:-1] for states in self.states)

    def after(self) -> Tensors:
        """Returns the state after each step, `[L, B, H]` each."""
        return tuple(states[1:] for states in self.states)


class Backward(NamedTuple):
    """Holds the gradients of one reverse run."""

    inputs: Any
    """`[L, B, I]`."""
    initial: Tensors
    """`[B, H]` each."""
    weights: Tensors
    """Like the recurrence's weights."""


def forward(
    recurrence: Recurrence, x: Any, initial: Tensors, weights: Tensors, real: Any, fresh: Any
) -> Forward:
    """Runs all steps and keeps what `backward` needs.

    Args:
      recurrence: the cell's arithmetic.
      x: float `[L, B, I]`.
      initial: `[B, H]` each.
      weights: of the recurrence.
      real: bool `[L, B, 1]`, False for padding; None for none.
      fresh: bool `[L, B, 1]`, True where a step starts from zeros; None for nowhere.
    """
    x = without_padding(x, real)
    one = _Step(recurrence, x, weights, real, fresh)
    steps = _steps(x)

    def step(t: Any, state: Tensors, states: Tensors, kept: Tensors) -> Any:
        state, keep = one(t, state)
        states = tuple(a.write(t + 1, s) for a, s in zip(states, state, strict=True))
        kept = tuple(a.write(t, k) for a, k in zip(kept, keep, strict=True))
        return t + 1, state, states, kept

    arrays = _arrays(recurrence.widths, steps + 1, x)
    states = tuple(a.write(0, s) for a, s in zip(arrays, initial, strict=True))
    kept = _arrays(one.kept_widths(initial), steps, x)
    _, final, states, kept = _repeat(step, steps, (initial, states, kept), x)
    return Forward(final, tuple(a.stack() for a in states), tuple(a.stack() for a in kept))


def outputs_only(
    recurrence: Recurrence, x: Any, initial: Tensors, weights: Tensors, real: Any, fresh: Any
) -> tuple[Any, Tensors]:
    """Runs all steps and keeps nothing but the outputs; arguments as for `forward`."""
    x = without_padding(x, real)
    one = _Step(recurrence, x, weights, real, fresh)
    steps = _steps(x)

    def step(t: Any, state: Tensors, written: Tensors) -> tuple[Any, Tensors, Tensors]:
        state, _ = one(t, state)
        return t + 1, state, (written[0].write(t, state[recurrence.output]),)

    arrays = _arrays([recurrence.widths[recurrence.output]], steps, x)
    _, final, written = _repeat(step, steps, (initial, arrays), x)
    return without_padding(written[0].stack(), real), final


def final_only(
    recurrence: Recurrence, x: Any, initial: Tensors, weights: Tensors, real: Any, fresh: Any
) -> Tensors:
    """Runs all steps and keeps nothing but the last state; arguments as for `forward`."""
    x = without_padding(x, real)
    one = _Step(recurrence, x, weights, real, fresh)
    steps = _steps(x)

    def step(t: Any, state: Tensors) -> tuple[Any, Tensors]:
        return t + 1, one(t, state)[0]

    _, final = _repeat(step, steps, (initial,), x)
    return tuple(final)


def backward(
    recurrence: Recurrence,
    x: Any,
    weights: Tensors,
    real: Any,
    fresh: Any,
    ran: tuple[Tensors, Tensors, Tensors],
    slopes: tuple[Any, Tensors],
) -> Backward:
    """Runs the steps in reverse, then the products over all of them.

    Args:
      recurrence: as for `forward`, and so are `x` to `fresh`.
      x: see `forward`.
      weights: see `forward`.
      real: see `forward`.
      fresh: see `forward`.
      ran: the states before each step and after each, and `kept`, of the forward run.
      slopes: gradient at the outputs, `[L, B, H]`, and at the final state, `[B, H]` each.
    """
    x = without_padding(x, real)
    before, after, kept = ran
    before = tuple(_cut(states, fresh) for states in before)
    d_outputs, d_final = without_padding(slopes[0], real), slopes[1]
    matrices = transposed(recurrence.recurrent(weights))
    steps = _steps(x)

    def step(i: Any, slope: Tensors, written: Tensors) -> tuple[Any, Tensors, Tensors]:
        t = steps - 1 - i
        at = [s + d_outputs[t] if i == recurrence.output else s for i, s in enumerate(slope)]
        moved = at if real is None else [tf.where_v2(real[t], s, tf.zeros_like(s)) for s in at]
        dz, earlier = recurrence.back(
            tuple(moved), _at(kept, t), _at(before, t), _at(after, t), matrices
        )
        if real is not None:
            # The state was copied through padding, and so is its gradient.
            earlier = tuple(tf.where_v2(real[t], e, s) for e, s in zip(earlier, at, strict=True))
        if fresh is not None:
            earlier = tuple(_cut(e, fresh[t]) for e in earlier)
        rows = zip(written, dz, strict=True)
        return i + 1, earlier, tuple(array.write(t, row) for array, row in rows)

    arrays = _arrays(_dz_widths(recurrence, weights), steps, x)
    _, d_initial, written = _repeat(step, steps, (d_final, arrays), x)
    dz = tuple(_flat(array.stack()) for array in written)
    dx, d_weights = recurrence.gradients(
        _flat(x), tuple(map(_flat, before)), tuple(map(_flat, kept)), dz, weights
    )
    return Backward(without_padding(tf.reshape(dx, tf.shape(x)), real), d_initial, d_weights)


class _Step:
    """Runs single steps of a recurrence forwards, with padding and fresh starts."""

    def __init__(
        self, recurrence: Recurrence, x: Any, weights: Tensors, real: Any, fresh: Any
    ) -> None:
        self._recurrence = recurrence
        shape = tf.shape(x)[:2]
        flat = recurrence.project(_flat(x), weights)
        self._z = tuple(tf.reshape(z, tf.concat([shape, [_width(z)]], 0)) for z in flat)
        self._fixed = recurrence.recurrent(weights), recurrence.biases(weights)
        self._real, self._fresh = real, fresh

    def __call__(self, t: Any, state: Tensors) -> tuple[Tensors, Tensors]:
        if self._fresh is not None:
            state = tuple(_cut(s, self._fresh[t]) for s in state)
        new, kept = self._recurrence.step(_at(self._z, t), state, *self._fixed)
        if self._real is not None:
            real = self._real[t]
            new = tuple(tf.where_v2(real, n, s) for n, s in zip(new, state, strict=True))
        return new, kept

    def kept_widths(self, initial: Tensors) -> list[int]:
        """Finds the widths of what a step keeps, by a step that is pruned from the run."""
        z, state = (
            tuple(tf.zeros([1, _width(a)], a.dtype) for a in some) for some in (self._z, initial)
        )
        return [_width(a) for a in self._recurrence.step(z, state, *self._fixed)[1]]


def _repeat(step: Callable[..., Any], steps: Any, start: tuple[Any, ...], like: Any) -> Any:
    """Runs `step(t, *start)` for t = 0, 1, ...; several a turn where a step is very short."""
    streams = like.shape.as_list()[1]
    block = _BLOCK if streams is not None and streams <= _FEW_STREAMS else 1

    def several(t: Any, *state: Any) -> Any:
        for _ in range(block):
            t, *state = step(t, *state)
        return (t, *state)

    turns = steps // block
    state: Any = (tf.constant(0), *start)
    state = tf.while_loop(
        lambda t, *_: t < turns * block, several, state, maximum_iterations=turns
    )
    if block == 1 or (isinstance(steps, int) and steps % block == 0):
        return state
    return tf.while_loop(lambda t, *_: t < steps, step, state, maximum_iterations=block - 1)


def _steps(x: Any) -> Any:
    """Returns L, as an int if it is known."""
    known = x.shape.as_list()[0]
    return tf.shape(x)[0] if known is None else known


def _dz_widths(recurrence: Recurrence, weights: Tensors) -> list[int]:
    return [_width(u) for u in recurrence.recurrent(weights)]


def _arrays(widths: Sequence[int], steps: Any, like: Any) -> Tensors:
    batch = like.shape.as_list()[1]
    return tuple(tf.TensorArray(like.dtype, steps, element_shape=[batch, w]) for w in widths)


def _at(arrays: Sequence[Any], t: Any) -> Tensors:
    return tuple(a[t] for a in arrays)


def _flat(a: Any) -> Any:
    """Puts steps and streams into one dimension."""
    return tf.reshape(a, [-1, _width(a)])


def _width(a: Any) -> int:
    # As a list: a program that switched TensorFlow 2's shapes off gets no ints from `shape[-1]`.
    width: int = a.shape.as_list()[-1]
    return width


def _cut(a: Any, fresh: Any) -> Any:
    # Not a product: a state that has overflowed must not leave a NaN behind.
    return a if fresh is None else tf.where_v2(fresh, tf.zeros_like(a), a)


def without_padding(a: Any, real: Any) -> Any:
    """Returns `[L, B, k]` with zeros in the padding."""
    return a if real is None else tf.where_v2(real, a, tf.zeros_like(a))
