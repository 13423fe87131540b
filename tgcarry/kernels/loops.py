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
    sums: Tensors
    """At the sums that the activations are applied to, dz, `[L, B, k]` each."""


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
    if _sparing(recurrence, x, real, fresh):
        return _FewSteps(recurrence, x, weights).kept(initial)
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
    _, final, states, kept = _repeat(step, steps, (initial, states, kept), _block(recurrence, x))
    return Forward(final, tuple(a.stack() for a in states), tuple(a.stack() for a in kept))


def outputs_only(
    recurrence: Recurrence, x: Any, initial: Tensors, weights: Tensors, real: Any, fresh: Any
) -> tuple[Any, Tensors]:
    """Runs all steps and keeps nothing but the outputs; arguments as for `forward`."""
    if _sparing(recurrence, x, real, fresh):
        few_steps = _FewSteps(recurrence, x, weights)
        shown = recurrence.output
        final, (outputs,) = few_steps.run(
            initial, [recurrence.widths[shown]], lambda state, _: (state[shown],)
        )
        return outputs, final
    x = without_padding(x, real)
    one = _Step(recurrence, x, weights, real, fresh)
    steps = _steps(x)

    def step(t: Any, state: Tensors, written: Tensors) -> tuple[Any, Tensors, Tensors]:
        state, _ = one(t, state)
        return t + 1, state, (written[0].write(t, state[recurrence.output]),)

    arrays = _arrays([recurrence.widths[recurrence.output]], steps, x)
    _, final, written = _repeat(step, steps, (initial, arrays), _block(recurrence, x))
    return without_padding(written[0].stack(), real), final


def final_only(
    recurrence: Recurrence, x: Any, initial: Tensors, weights: Tensors, real: Any, fresh: Any
) -> Tensors:
    """Runs all steps and keeps nothing but the last state; arguments as for `forward`."""
    if _sparing(recurrence, x, real, fresh):
        return _FewSteps(recurrence, x, weights).run(initial, [], lambda *_: ())[0]
    x = without_padding(x, real)
    one = _Step(recurrence, x, weights, real, fresh)
    steps = _steps(x)

    def step(t: Any, state: Tensors) -> tuple[Any, Tensors]:
        return t + 1, one(t, state)[0]

    _, final = _repeat(step, steps, (initial,), _block(recurrence, x))
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
    """Runs the steps in reverse; the weights' gradients follow from what it returns.

    Args:
      recurrence: as for `forward`, and so are `x` to `fresh`.
      x: see `forward`; its values do not matter.
      weights: see `forward`.
      real: see `forward`.
      fresh: see `forward`.
      ran: the states before each step and after each, and `kept`, of the forward run.
      slopes: gradient at the outputs, `[L, B, H]`, and at the final state, `[B, H]` each.
    """
    if _sparing(recurrence, x, real, fresh):
        return _backward_few(recurrence, x, weights, ran, slopes)
    before, after, kept = ran
    d_outputs, d_final = without_padding(slopes[0], real), slopes[1]
    all_before = _Rows(tuple(_cut(states, fresh) for states in before))
    all_kept, all_after, upstream = _Rows(kept), _Rows(after), _Rows((d_outputs,))
    flags = _Flags(real, fresh)
    matrices = transposed(recurrence.recurrent(weights))
    inwards = transposed(recurrence.inward(weights))
    steps, inside = _steps(x), _many(recurrence, x)

    def step(i: Any, slope: Tensors, written: Tensors) -> tuple[Any, Tensors, Tensors]:
        t = steps - 1 - i
        (d_output,) = upstream.at(t)
        here, first = flags.at(t)
        at = [s + d_output if n == recurrence.output else s for n, s in enumerate(slope)]
        moved = tuple(without_padding(s, here) for s in at)
        dz, earlier = recurrence.back(
            moved, all_kept.at(t), all_before.at(t), all_after.at(t), matrices
        )
        if here is not None:
            # The state was copied through padding, and so is its gradient.
            earlier = tuple(tf.where_v2(here, e, s) for e, s in zip(earlier, at, strict=True))
        earlier = tuple(_cut(e, first) for e in earlier)
        found = (*dz, _total(dz, inwards)) if inside else dz
        pairs = zip(written, found, strict=True)
        return i + 1, earlier, tuple(array.write(t, row) for array, row in pairs)

    widths = [_width(u) for u in recurrence.recurrent(weights)] + [_width(x)] * inside
    start = d_final, _arrays(widths, steps, x)
    _, d_initial, written = _repeat(step, steps, start, _block(recurrence, x))
    found = tuple(array.stack() for array in written)
    if inside:
        dz, dx = found[:-1], found[-1]
    else:
        dz, dx = found, _inputs_slope(recurrence, found, inwards, x)
    return Backward(without_padding(dx, real), d_initial, dz)


def weight_gradients(
    recurrence: Recurrence, x: Any, real: Any, fresh: Any, ran: Any, sums: Tensors
) -> Tensors:
    """Returns the weights' gradients, by one product each over all steps.

    Args:
      recurrence: as for `backward`, and so are `x` to `ran`.
      x: see `forward`.
      real: see `forward`.
      fresh: see `forward`.
      ran: see `backward`.
      sums: of `Backward`.
    """
    before, _, kept = ran
    before = tuple(_cut(states, fresh) for states in before)
    flat = (tuple(map(_flat, some)) for some in (before, kept, sums))
    # Inputs that came multiplied have no part in the weights that are left.
    read = x[..., :0] if recurrence.projected else without_padding(x, real)
    return recurrence.gradients(_flat(read), *flat)


def backward_whole(recurrence: Recurrence, x: Any, weights: Tensors, *rest: Any) -> Any:
    """Runs `backward` and `weight_gradients`; returns both results. Arguments of `backward`."""
    found = backward(recurrence, x, weights, *rest)
    real, fresh, ran, _ = rest
    return found, weight_gradients(recurrence, x, real, fresh, ran, found.sums)


def few(recurrence: Recurrence, x: Any) -> bool:
    """Says whether the states of `x` `[L, B, I]` are so small, as known, that operations count."""
    streams = x.shape.as_list()[1]
    return streams is not None and streams * recurrence.widths[0] <= _FEW_NUMBERS


def _sparing(recurrence: Recurrence, x: Any, real: Any, fresh: Any) -> bool:
    """Says whether the passes for few streams are to run; they know no flags."""
    return recurrence.few is not None and few(recurrence, x) and real is None and fresh is None


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
        rows, steps = _Rows(self._z), _steps(self._x)

        def step(t: Any, state: Tensors, written: Tensors) -> Any:
            state, found = self._own.step(rows.at(t), state, self._u, self._b)
            pairs = zip(written, told(state, found), strict=True)
            return t + 1, state, tuple(array.write(t, row) for array, row in pairs)

        _, final, written = _counted(step, steps, (initial, _arrays(widths, steps, self._x)))
        return tuple(final), tuple(array.stack() for array in written)

    def kept(self, initial: Tensors) -> Forward:
        """Runs all steps and keeps what the reverse needs."""
        final, arrays = self.run(initial, self._own.written, lambda _, found: found)
        finished = self._own.finished(initial, arrays, self._z, self._u, self._b)
        return Forward(final, *finished)


def _backward_few(
    recurrence: Recurrence, x: Any, weights: Tensors, ran: Any, slopes: Any
) -> Backward:
    own, steps, (before, _, kept) = recurrence.few, _steps(x), ran
    upstream, at = _Rows((slopes[0],)), own.slopes(kept, before)
    rows, u = _Rows(at), recurrence.recurrent(weights)

    def step(i: Any, slope: Tensors, written: Any) -> Any:
        t = steps - 1 - i
        whole = list(slope)
        whole[recurrence.output] += upstream.at(t)[0]
        found, earlier = own.back(rows.at(t), tuple(whole), u)
        return i + 1, earlier, written.write(t, found)

    start = slopes[1], _arrays([own.written_back], steps, x)[0]
    _, d_initial, written = _counted(step, steps, start)
    dz = own.sums(written.stack(), at, u, slopes)
    inwards = transposed(recurrence.inward(weights))
    dx = _inputs_slope(recurrence, dz, inwards, x)
    return Backward(dx, d_initial, dz)


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
        self, recurrence: Recurrence, x: Any, weights: Tensors, real: Any, fresh: Any
    ) -> None:
        self._recurrence = recurrence
        self._inward = recurrence.inward(weights)
        self._inside = _many(recurrence, x)
        rows = (x,) if self._inside else _projected(recurrence, x, self._inward)
        self._rows = _Rows(rows)
        self._fixed = recurrence.recurrent(weights), recurrence.biases(weights)
        self._flags = _Flags(real, fresh)

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


class _Rows:
    """Reads single steps of arrays `[L, B, k]`.

    Not by slices: those count negative steps from the end, and where XLA has to work out such a
    step more than once in one kernel, the kernel is not vectorised.
    """

    def __init__(self, arrays: Tensors) -> None:
        self._arrays = tuple(
            tf.TensorArray(a.dtype, _steps(a), element_shape=a.shape[1:]).unstack(a)
            for a in arrays
        )

    def at(self, t: Any) -> Tensors:
        """Returns step t of each, `[B, k]`."""
        return tuple(array.read(t) for array in self._arrays)


class _Flags:
    """Reads what is special about single steps; None where nothing is."""

    def __init__(self, *flags: Any) -> None:
        self._rows = [None if flag is None else _Rows((flag,)) for flag in flags]

    def at(self, t: Any) -> list[Any]:
        """Returns step t of each, `[B, 1]`."""
        return [None if rows is None else rows.at(t)[0] for rows in self._rows]


def _block(recurrence: Recurrence, x: Any) -> int:
    """Returns how many steps a turn of the loop is to have: several where they are very short."""
    return _BLOCK if few(recurrence, x) else 1


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


def _many(recurrence: Recurrence, x: Any) -> bool:
    if recurrence.projected:
        return False
    streams = x.shape.as_list()[1]
    return streams is not None and streams >= _MANY_STREAMS


def _inputs_slope(recurrence: Recurrence, dz: Tensors, inwards: Tensors, x: Any) -> Any:
    """Returns the gradient at `x` from those at all steps' sums, by one product each."""
    if recurrence.projected:
        return tf.concat(dz, 2)
    return tf.reshape(_total(tuple(map(_flat, dz)), inwards), tf.shape(x))


def _total(dz: Tensors, matrices: Tensors) -> Any:
    """Returns the gradient at the inputs, all products' sum."""
    first, *others = (tf.matmul(d, m) for d, m in zip(dz, matrices, strict=True))
    return sum(others, first)


def _steps(x: Any) -> Any:
    """Returns L, as an int if it is known."""
    known = x.shape.as_list()[0]
    return tf.shape(x)[0] if known is None else known


def _arrays(widths: Sequence[int], steps: Any, like: Any) -> Tensors:
    batch = like.shape.as_list()[1]
    return tuple(tf.TensorArray(like.dtype, steps, element_shape=[batch, w]) for w in widths)


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
