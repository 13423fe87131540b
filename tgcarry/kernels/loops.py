"""A recurrence over time: forwards with what the reverse needs, and in reverse.

Time is first everywhere: L steps, B streams. Not differentiated by TensorFlow: the reverse is
written out. With `real`, a stream's padding keeps its state and yields zeros; with `fresh`, a
flagged step starts from zeros, and no gradient passes back through it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tgcarry.kernels.recurrence import Recurrence, Tensors, transposed


class Forward(NamedTuple):
    """Holds a forward run; `states` and `kept` are for `backward`."""

    outputs: Any
    """`[L, B, H]`."""
    final: Tensors
    """`[B, H]` each."""
    states: Tensors
    """The state after each step, `[L, B, H]` each."""
    kept: Tensors
    """What the recurrence keeps of each step, `[L, B, k]` each."""


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
    x = _without_padding(x, real)
    z = _projected(recurrence, x, weights)
    matrices = recurrence.recurrent(weights)
    widths = (*recurrence.widths, *_kept_widths(recurrence, z, initial, matrices))
    steps = tf.shape(x)[0]

    def step(t: Any, state: Tensors, written: Tensors) -> tuple[Any, Tensors, Tensors]:
        state, kept = _one(recurrence, t, z, state, matrices, real, fresh)
        rows = zip(written, (*state, *kept), strict=True)
        return t + 1, state, tuple(array.write(t, row) for array, row in rows)

    arrays = _arrays(widths, steps, x)
    _, final, written = tf.while_loop(
        lambda t, *_: t < steps,
        step,
        (tf.constant(0), initial, arrays),
        maximum_iterations=steps,
    )
    stacked = tuple(array.stack() for array in written)
    states, kept = stacked[: len(initial)], stacked[len(initial) :]
    return Forward(_without_padding(states[recurrence.output], real), final, states, kept)


def outputs_only(
    recurrence: Recurrence, x: Any, initial: Tensors, weights: Tensors, real: Any, fresh: Any
) -> tuple[Any, Tensors]:
    """Runs all steps and keeps nothing but the outputs; arguments as for `forward`."""
    x = _without_padding(x, real)
    z = _projected(recurrence, x, weights)
    matrices = recurrence.recurrent(weights)
    steps = tf.shape(x)[0]

    def step(t: Any, state: Tensors, written: Tensors) -> tuple[Any, Tensors, Tensors]:
        state, _ = _one(recurrence, t, z, state, matrices, real, fresh)
        return t + 1, state, (written[0].write(t, state[recurrence.output]),)

    arrays = _arrays(recurrence.widths[:1], steps, x)
    _, final, written = tf.while_loop(
        lambda t, *_: t < steps,
        step,
        (tf.constant(0), initial, arrays),
        maximum_iterations=steps,
    )
    return _without_padding(written[0].stack(), real), final


def final_only(
    recurrence: Recurrence, x: Any, initial: Tensors, weights: Tensors, real: Any, fresh: Any
) -> Tensors:
    """Runs all steps and keeps nothing but the last state; arguments as for `forward`."""
    x = _without_padding(x, real)
    z = _projected(recurrence, x, weights)
    matrices = recurrence.recurrent(weights)
    steps = tf.shape(x)[0]

    def step(t: Any, state: Tensors) -> tuple[Any, Tensors]:
        return t + 1, _one(recurrence, t, z, state, matrices, real, fresh)[0]

    _, final = tf.while_loop(
        lambda t, _: t < steps, step, (tf.constant(0), initial), maximum_iterations=steps
    )
    return tuple(final)


def backward(
    recurrence: Recurrence,
    x: Any,
    initial: Tensors,
    weights: Tensors,
    real: Any,
    fresh: Any,
    ran: tuple[Tensors, Tensors],
    slopes: tuple[Any, Tensors],
) -> Backward:
    """Runs the steps in reverse, then the products over all of them.

    Args:
      recurrence: as for `forward`, and so are `x` to `fresh`.
      x: see `forward`.
      initial: see `forward`.
      weights: see `forward`.
      real: see `forward`.
      fresh: see `forward`.
      ran: `states` and `kept` of the forward run.
      slopes: gradient at the outputs, `[L, B, H]`, and at the final state, `[B, H]` each.
    """
    x = _without_padding(x, real)
    states, kept = ran
    d_outputs, d_final = _without_padding(slopes[0], real), slopes[1]
    before = tuple(
        _cut(tf.concat([s[tf.newaxis], after], 0)[:-1], fresh)
        for s, after in zip(initial, states, strict=True)
    )
    matrices = transposed(recurrence.recurrent(weights))
    steps = tf.shape(x)[0]

    def step(t: Any, slope: Tensors, written: Tensors) -> tuple[Any, Tensors, Tensors]:
        at = [s + d_outputs[t] if i == recurrence.output else s for i, s in enumerate(slope)]
        moved = at if real is None else [tf.where_v2(real[t], s, tf.zeros_like(s)) for s in at]
        dz, earlier = recurrence.back(
            tuple(moved), _at(kept, t), _at(before, t), _at(states, t), matrices
        )
        if real is not None:
            # The state was copied through padding, and so is its gradient.
            earlier = tuple(tf.where_v2(real[t], e, s) for e, s in zip(earlier, at, strict=True))
        if fresh is not None:
            earlier = tuple(_cut(e, fresh[t]) for e in earlier)
        rows = zip(written, dz, strict=True)
        return t - 1, earlier, tuple(array.write(t, row) for array, row in rows)

    arrays = _arrays(_dz_widths(recurrence, weights), steps, x)
    _, d_initial, written = tf.while_loop(
        lambda t, *_: t >= 0,
        step,
        (steps - 1, d_final, arrays),
        maximum_iterations=steps,
    )
    dz = tuple(_flat(array.stack()) for array in written)
    dx, d_weights = recurrence.gradients(
        _flat(x), tuple(map(_flat, before)), tuple(map(_flat, kept)), dz, weights
    )
    return Backward(_without_padding(tf.reshape(dx, tf.shape(x)), real), d_initial, d_weights)


def _one(
    recurrence: Recurrence,
    t: Any,
    z: Tensors,
    state: Tensors,
    matrices: Tensors,
    real: Any,
    fresh: Any,
) -> tuple[Tensors, Tensors]:
    """Runs step t with its padding and fresh starts."""
    if fresh is not None:
        state = tuple(_cut(s, fresh[t]) for s in state)
    new, kept = recurrence.step(_at(z, t), state, matrices)
    if real is not None:
        new = tuple(tf.where_v2(real[t], n, s) for n, s in zip(new, state, strict=True))
    return new, kept


def _projected(recurrence: Recurrence, x: Any, weights: Tensors) -> Tensors:
    shape = tf.shape(x)[:2]
    flat = recurrence.project(_flat(x), weights)
    return tuple(tf.reshape(z, tf.concat([shape, [_width(z)]], 0)) for z in flat)


def _kept_widths(
    recurrence: Recurrence, z: Tensors, initial: Tensors, matrices: Tensors
) -> list[int]:
    """Finds the widths of what a step keeps; the step made for that is pruned from the run."""
    probe = tuple(tf.zeros([1, _width(a)], a.dtype) for a in z)
    state = tuple(tf.zeros([1, _width(a)], a.dtype) for a in initial)
    return [_width(a) for a in recurrence.step(probe, state, matrices)[1]]


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


def _without_padding(a: Any, real: Any) -> Any:
    return a if real is None else tf.where_v2(real, a, tf.zeros_like(a))
