"""A recurrence over time: forwards with what the reverse needs, and in reverse.

L steps, B streams; arrays over all steps as `layout` has them, shown with the steps first. Not
differentiated by TensorFlow: the reverse is written out. With `real`, a stream's padding keeps its
state and yields zeros; with `fresh`, a flagged step starts from zeros, and no gradient passes back
through it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tgcarry.kernels.layout import STEPS_FIRST, Layout, Rows
from tgcarry.kernels.recurrence import Recurrence, Tensors, transposed

# With so few numbers in a state the loop's own turns cost as much as a step. With more, and more
# than one stream, the products of the passes for few are the slower ones: measured with 1 to 4
# streams of 16 to 256 units.
_FEW_NUMBERS = 64
_BLOCK = 5
# With so many, a step's product of its inputs is as fast as one over all steps, and what it
# yields is used while it is in the cache.
_MANY_STREAMS = 48


class Forward(NamedTuple):
    """Holds a forward run; `states` and `kept` are for `backward`."""

    final: Tensors
    """`[B, H]` each."""
    states: tuple[Any, ...]
    """What `Layout.before` and `Layout.after` read, of each leaf."""
    kept: Tensors
    """What the recurrence keeps of each step, `[L, B, k]` each."""


class Backward(NamedTuple):
    """Holds the gradients of one reverse run."""

    inputs: Any
    """`[L, B, I]`."""
    initial: Tensors
    """`[B, H]` each."""
    sums: Tensors
    """At the sums that the activations are applied to, dz, `[L, B, k]` each."""
    beside: Tensors
    """What else the weights' gradients need of each step, `[L, B, k]` each."""
    totals: Tensors
    """At the biases, the sums of dz, `[k]` each."""


def forward(
    recurrence: Recurrence,
    layout: Layout,
    x: Any,
    initial: Tensors,
    weights: Tensors,
    real: Any,
    fresh: Any,
) -> Forward:
    """Runs all steps and keeps what `backward` needs.

    Args:
      recurrence: the cell's arithmetic.
      layout: of all arrays over steps, also of those returned.
      x: float `[L, B, I]`.
      initial: `[B, H]` each.
      weights: of the recurrence.
      real: bool `[L, B, 1]`, False for padding; None for none.
      fresh: bool `[L, B, 1]`, True where a step starts from zeros; None for nowhere.
    """
    if _sparing(recurrence, layout, x, real, fresh):
        return _FewSteps(recurrence, x, weights).kept(initial)
    x = without_padding(x, real)
    one = _Step(recurrence, layout, x, weights, real, fresh)
    steps = layout.steps(x)

    def step(t: Any, state: Tensors, states: Any, kept: Tensors) -> Any:
        new, keep = one(t, state)
        states = tuple(a.write(t, s) for a, s in zip(states, new, strict=True))
        kept = tuple(a.write(t, k) for a, k in zip(kept, keep, strict=True))
        return t + 1, new, states, kept

    states = tuple(layout.history(s, steps, x) for s in initial)
    kept = _arrays(layout, one.kept_widths(initial), steps, x)
    start, block = (initial, states, kept), _block(recurrence, layout, x)
    _, final, states, kept = _repeat(step, steps, start, block)
    return Forward(final, tuple(a.stack() for a in states), tuple(a.stack() for a in kept))


def outputs_only(
    recurrence: Recurrence,
    layout: Layout,
    x: Any,
    initial: Tensors,
    weights: Tensors,
    real: Any,
    fresh: Any,
) -> tuple[Any, Tensors]:
    """Runs all steps and keeps nothing but the outputs; arguments as for `forward`."""
    if _sparing(recurrence, layout, x, real, fresh):
        few_steps = _FewSteps(recurrence, x, weights)
        shown = recurrence.output
        final, (outputs,) = few_steps.run(
            initial, [recurrence.widths[shown]], lambda state, _: (state[shown],)
        )
        return outputs, final
    x = without_padding(x, real)
    one = _Step(recurrence, layout, x, weights, real, fresh)
    steps = layout.steps(x)

    def step(t: Any, state: Tensors, written: Tensors) -> tuple[Any, Tensors, Tensors]:
        state, _ = one(t, state)
        return t + 1, state, (written[0].write(t, state[recurrence.output]),)

    arrays = _arrays(layout, [recurrence.widths[recurrence.output]], steps, x)
    start, block = (initial, arrays), _block(recurrence, layout, x)
    _, final, written = _repeat(step, steps, start, block)
    return without_padding(written[0].stack(), real), final


def final_only(
    recurrence: Recurrence,
    layout: Layout,
    x: Any,
    initial: Tensors,
    weights: Tensors,
    real: Any,
    fresh: Any,
) -> Tensors:
    """Runs all steps and keeps nothing but the last state; arguments as for `forward`."""
    if _sparing(recurrence, layout, x, real, fresh):
        return _FewSteps(recurrence, x, weights).run(initial, [], lambda *_: ())[0]
    x = without_padding(x, real)
    one = _Step(recurrence, layout, x, weights, real, fresh)
    steps = layout.steps(x)

    def step(t: Any, state: Tensors) -> tuple[Any, Tensors]:
        return t + 1, one(t, state)[0]

    _, final = _repeat(step, steps, (initial,), _block(recurrence, layout, x))
    return tuple(final)


def backward(
    recurrence: Recurrence,
    layout: Layout,
    x: Any,
    weights: Tensors,
    real: Any,
    fresh: Any,
    ran: tuple[Tensors, Tensors, Tensors],
    slopes: tuple[Any, Tensors],
) -> Backward:
    """Runs the steps in reverse; the weights' gradients follow from what it returns.

    Args:
      recurrence: as for `forward`, and so are `layout` to `fresh`.
      layout: see `forward`.
      x: see `forward`; its values do not matter.
      weights: see `forward`.
      real: see `forward`.
      fresh: see `forward`.
      ran: the states before each step and after each, and `kept`, of the forward run.
      slopes: gradient at the outputs, `[L, B, H]`, and at the final state, `[B, H]` each.
    """
    if _sparing(recurrence, layout, x, real, fresh):
        return _backward_few(recurrence, x, weights, ran, slopes)
    before, after, kept = ran
    d_outputs, d_final = without_padding(slopes[0], real), slopes[1]
    all_before = Rows(layout, tuple(_cut(states, fresh) for states in before))
    all_kept, all_after = Rows(layout, kept), Rows(layout, after)
    upstream, flags = Rows(layout, (d_outputs,)), _Flags(layout, real, fresh)
    matrices = transposed(recurrence.recurrent(weights))
    inwards = transposed(recurrence.inward(weights))
    steps, inside = layout.steps(x), _many(recurrence, layout, x)

    def step(i: Any, slope: Tensors, totals: Tensors, written: Tensors) -> Any:
        t = steps - 1 - i
        (d_output,) = upstream.at(t)
        here, first = flags.at(t)
        at = [s + d_output if n == recurrence.output else s for n, s in enumerate(slope)]
        moved = tuple(without_padding(s, here) for s in at)
        dz, beside, earlier = recurrence.back(
            moved, all_kept.at(t), all_before.at(t), all_after.at(t), matrices
        )
        if here is not None:
            # The state was copied through padding, and so is its gradient.
            earlier = tuple(tf.where_v2(here, e, s) for e, s in zip(earlier, at, strict=True))
        earlier = tuple(_cut(e, first) for e in earlier)
        # While they are in the cache: summed behind the loop, they are read once more.
        totals = tuple(total + d for total, d in zip(totals, dz, strict=True))
        found = (*dz, *beside, _total(dz, inwards)) if inside else (*dz, *beside)
        pairs = zip(written, found, strict=True)
        return i + 1, earlier, totals, tuple(array.write(t, row) for array, row in pairs)

    widths = [_width(u) for u in recurrence.recurrent(weights)]
    none = tuple(tf.zeros([tf.shape(d_final[0])[0], width], x.dtype) for width in widths)
    of_written = [*widths, *recurrence.beside] + [_width(x)] * inside
    start = d_final, none, _arrays(layout, of_written, steps, x)
    _, d_initial, totals, written = _repeat(step, steps, start, _block(recurrence, layout, x))
    found = tuple(array.stack() for array in written)
    dz, beside = found[: len(widths)], found[len(widths) : len(found) - inside]
    dx = found[-1] if inside else _inputs_slope(recurrence, dz, inwards, x)
    totals = tuple(tf.reduce_sum(total, 0) for total in totals)
    return Backward(without_padding(dx, real), d_initial, dz, beside, totals)


def weight_gradients(
    recurrence: Recurrence, x: Any, real: Any, fresh: Any, before: Tensors, found: Backward
) -> Tensors:
    """Returns the weights' gradients, those of matrices by one product each over all steps.

    Args:
      recurrence: as for `backward`, and so are `x` to `fresh`, all laid out alike.
      x: see `forward`.
      real: see `forward`.
      fresh: see `forward`.
      before: the states before each step.
      found: by `backward`.
    """
    before = tuple(_cut(states, fresh) for states in before)
    # Inputs that came multiplied have no part in the weights that are left.
    read = x[..., :0] if recurrence.projected else without_padding(x, real)
    flat = (tuple(map(_flat, some)) for some in (before, found.beside, found.sums))
    before, beside, dz = flat
    return recurrence.gradients(_flat(read), before, beside, dz, found.totals)


def few(recurrence: Recurrence, streams: int | None) -> bool:
    """Says whether the states of B streams, as known, are so small that operations count."""
    return streams is not None and streams * recurrence.widths[0] <= _FEW_NUMBERS


def _sparing(recurrence: Recurrence, layout: Layout, x: Any, real: Any, fresh: Any) -> bool:
    """Says whether the passes for few streams are to run; they know no flags."""
    small = layout is STEPS_FIRST and few(recurrence, layout.streams(x))
    return recurrence.few is not None and small and real is None and fresh is None


class _FewSteps:
    """Runs a recurrence's steps for few streams forwards."""

    def __init__(self, recurrence: Recurrence, x: Any, weights: Tensors) -> None:
        own = recurrence.few
        self._own, self._x = own, x
        self._z = own.scaled(_projected(recurrence, x, recurrence.inward(weights)))
        self._u = own.scaled(recurrence.recurrent(weights))
        self._b = own.scaled(recurrence.biases(weights))

    def run(
        self, initial: Tensors, widths: Sequence[int], told: Callable[[Tensors, Tensors], Tensors]
    ) -> tuple[Tensors, Tensors]:
        """Returns the last state, and arrays of what `told(state, found)` says at each step."""
        rows, steps = Rows(STEPS_FIRST, self._z), STEPS_FIRST.steps(self._x)

        def step(t: Any, state: Tensors, written: Tensors) -> Any:
            state, found = self._own.step(rows.at(t), state, self._u, self._b)
            pairs = zip(written, told(state, found), strict=True)
            return t + 1, state, tuple(array.write(t, row) for array, row in pairs)

        _, final, written = _counted(
            step, steps, (initial, _arrays(STEPS_FIRST, widths, steps, self._x))
        )
        return tuple(final), tuple(array.stack() for array in written)

    def kept(self, initial: Tensors) -> Forward:
        """Runs all steps and keeps what the reverse needs."""
        final, arrays = self.run(initial, self._own.written, lambda _, found: found)
        finished = self._own.finished(initial, arrays, self._z, self._u, self._b)
        return Forward(final, *finished)


def _backward_few(
    recurrence: Recurrence, x: Any, weights: Tensors, ran: Any, slopes: Any
) -> Backward:
    own, steps, (before, _, kept) = recurrence.few, STEPS_FIRST.steps(x), ran
    upstream, at = Rows(STEPS_FIRST, (slopes[0],)), own.slopes(kept, before)
    rows, u = Rows(STEPS_FIRST, at), recurrence.recurrent(weights)

    def step(i: Any, slope: Tensors, written: Any) -> Any:
        t = steps - 1 - i
        whole = list(slope)
        whole[recurrence.output] += upstream.at(t)[0]
        found, earlier = own.back(rows.at(t), tuple(whole), u)
        return i + 1, earlier, written.write(t, found)

    start = slopes[1], STEPS_FIRST.array(own.written_back, steps, x)
    _, d_initial, written = _counted(step, steps, start)
    dz = own.sums(written.stack(), at, u, slopes)
    inwards = transposed(recurrence.inward(weights))
    dx = _inputs_slope(recurrence, dz, inwards, x)
    totals = tuple(tf.reduce_sum(_flat(d), 0) for d in dz)
    return Backward(dx, d_initial, dz, own.beside(at, before), totals)


def _counted(step: Callable[..., Any], steps: Any, start: tuple[Any, ...]) -> Any:
    # Without `maximum_iterations`: XLA sees how many turns there are and asks no more.
    return tf.while_loop(lambda t, *_: t < steps, step, (tf.constant(0), *start))


def _projected(recurrence: Recurrence, x: Any, inward: Tensors) -> Tensors:
    """Returns x W, each, by one product over all steps."""
    if recurrence.projected:
        return tuple(tf.split(x, [_width(w) for w in inward], 2))
    shape = tf.shape(x)[:2]
    flat = (tf.matmul(_flat(x), w) for w in inward)
    return tuple(tf.reshape(z, tf.concat([shape, [_width(z)]], 0)) for z in flat)


class _Step:
    """Runs single steps of a recurrence forwards, with padding and fresh starts."""

    def __init__(
        self,
        recurrence: Recurrence,
        layout: Layout,
        x: Any,
        weights: Tensors,
        real: Any,
        fresh: Any,
    ) -> None:
        self._recurrence = recurrence
        self._inward = recurrence.inward(weights)
        self._inside = _many(recurrence, layout, x)
        rows = (x,) if self._inside else _projected(recurrence, x, self._inward)
        self._rows = Rows(layout, rows)
        self._fixed = recurrence.recurrent(weights), recurrence.biases(weights)
        self._flags = _Flags(layout, real, fresh)

    def __call__(self, t: Any, state: Tensors) -> tuple[Tensors, Tensors]:
        real, fresh = self._flags.at(t)
        state = tuple(_cut(s, fresh) for s in state)
        new, kept = self._recurrence.step(self._z(t), state, *self._fixed)
        if real is not None:
            new = tuple(tf.where_v2(real, n, s) for n, s in zip(new, state, strict=True))
        return new, kept

    def kept_widths(self, initial: Tensors) -> list[int]:
        """Finds the widths of what a step keeps, by a step that is pruned from the run."""
        z, state = (
            tuple(tf.zeros([1, _width(a)], a.dtype) for a in some)
            for some in (self._inward, initial)
        )
        return [_width(a) for a in self._recurrence.step(z, state, *self._fixed)[1]]

    def _z(self, t: Any) -> Tensors:
        rows = self._rows.at(t)
        return tuple(tf.matmul(rows[0], w) for w in self._inward) if self._inside else rows


class _Flags:
    """Reads what is special about single steps; None where nothing is."""

    def __init__(self, layout: Layout, *flags: Any) -> None:
        self._rows = [None if flag is None else Rows(layout, (flag,)) for flag in flags]

    def at(self, t: Any) -> list[Any]:
        """Returns step t of each, `[B, 1]`."""
        return [None if rows is None else rows.at(t)[0] for rows in self._rows]


def _block(recurrence: Recurrence, layout: Layout, x: Any) -> int:
    """Returns how many steps a turn of the loop is to have: several where they are very short."""
    return _BLOCK if few(recurrence, layout.streams(x)) else 1


def _repeat(step: Callable[..., Any], steps: Any, start: tuple[Any, ...], block: int) -> Any:
    """Runs `step(t, *start)` for t = 0, 1, ..., `block` of them a turn."""

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


def _many(recurrence: Recurrence, layout: Layout, x: Any) -> bool:
    """Says whether streams, as known, are so many that a step multiplies its own inputs."""
    streams = layout.streams(x)
    return not recurrence.projected and streams is not None and streams >= _MANY_STREAMS


def _inputs_slope(recurrence: Recurrence, dz: Tensors, inwards: Tensors, x: Any) -> Any:
    """Returns the gradient at `x` from those at all steps' sums, by one product each."""
    if recurrence.projected:
        return tf.concat(dz, 2)
    return tf.reshape(_total(tuple(map(_flat, dz)), inwards), tf.shape(x))


def _total(dz: Tensors, matrices: Tensors) -> Any:
    """Returns the gradient at the inputs, all products' sum."""
    first, *others = (tf.matmul(d, m) for d, m in zip(dz, matrices, strict=True))
    return sum(others, first)


def _arrays(layout: Layout, widths: Sequence[int], steps: Any, like: Any) -> Tensors:
    return tuple(layout.array(width, steps, like) for width in widths)


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
