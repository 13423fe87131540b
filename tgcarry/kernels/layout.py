"""Which axis of an array counts the steps, and how single steps are read and written.

L steps, B streams, k numbers a stream and step. With the steps first a step is one piece of
memory; with the streams first, nothing needs to be turned around before and behind the loop.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import tensorflow.compat.v1 as tf

from tgcarry import tf1
from tgcarry.kernels.recurrence import Tensors


class Array(Protocol):
    """Holds one row of each step while a loop runs."""

    def write(self, t: Any, row: Any) -> Any:
        """Returns the array with `row` `[B, k]` at step t."""
        ...

    def stack(self) -> Any:
        """Returns all steps."""
        ...


class History(Protocol):
    """Holds a state of all steps while a loop runs."""

    def write(self, t: Any, after: Any) -> Any:
        """Returns the history with the state behind step t in it, `[B, H]`."""
        ...

    def stack(self) -> Any:
        """Returns what `Layout.before` and `Layout.after` read."""
        ...


class Layout(Protocol):
    """Describes arrays over all steps to the loops."""

    def steps(self, x: Any) -> Any:
        """Returns L, as an int if it is known."""
        ...

    def streams(self, x: Any) -> int | None:
        """Returns B if it is known."""
        ...

    def read(self, whole: Any) -> Any:
        """Returns a reader of an array's single steps, with `read(t)`, `[B, k]`."""
        ...

    def array(self, width: int, steps: Any, like: Any) -> Any:
        """Makes an `Array` of k = `width`, with the streams and the dtype of `like`."""
        ...

    def history(self, initial: Any, steps: Any, like: Any) -> Any:
        """Makes the `History` of a state that begins as `initial` `[B, H]`."""
        ...

    def before(self, history: Any, initial: Any) -> Any:
        """Returns the state before each step."""
        ...

    def after(self, history: Any) -> Any:
        """Returns the state after each step."""
        ...


class Rows:
    """Reads single steps of several arrays."""

    def __init__(self, layout: Layout, arrays: Tensors) -> None:
        self._readers = tuple(layout.read(a) for a in arrays)

    def at(self, t: Any) -> Tensors:
        """Returns step t of each, `[B, k]`."""
        return tuple(reader.read(t) for reader in self._readers)


class StepsFirst:
    """Lays arrays out as `[L, B, k]`."""

    def steps(self, x: Any) -> Any:
        """See `Layout`."""
        return _known(x, 0)

    def streams(self, x: Any) -> int | None:
        """See `Layout`."""
        return _static(x, 1)

    def read(self, whole: Any) -> Any:
        """See `Layout`.

        Not by strided slices: those count negative steps from the end, and where XLA has to work
        out such a step more than once in one kernel, the kernel is not vectorised.
        """
        array = tf.TensorArray(whole.dtype, self.steps(whole), element_shape=whole.shape[1:])
        return array.unstack(whole)

    def array(self, width: int, steps: Any, like: Any) -> Any:
        """See `Layout`."""
        return tf.TensorArray(like.dtype, steps, element_shape=[self.streams(like), width])

    def history(self, initial: Any, steps: Any, like: Any) -> Any:
        """See `Layout`."""
        array = self.array(_static(initial, -1), steps + 1, like)
        return _Following(array.write(0, initial))

    def before(self, history: Any, initial: Any) -> Any:
        """See `Layout`; a view, because slices of the first dimension are no copies."""
        return history[:-1]

    def after(self, history: Any) -> Any:
        """See `Layout`; a view."""
        return history[1:]


class StreamsFirst:
    """Lays arrays out as `[B, L, k]`, B known; for passes that XLA compiles."""

    def steps(self, x: Any) -> Any:
        """See `Layout`."""
        return _known(x, 1)

    def streams(self, x: Any) -> int | None:
        """See `Layout`."""
        return _static(x, 0)

    def read(self, whole: Any) -> Any:
        """See `Layout`."""
        return _Sliced(whole)

    def array(self, width: int, steps: Any, like: Any) -> Any:
        """See `Layout`."""
        return _Updated(tf.zeros([self.streams(like), steps, width], like.dtype))

    def history(self, initial: Any, steps: Any, like: Any) -> Any:
        """See `Layout`."""
        return self.array(_static(initial, -1), steps, like)

    def before(self, history: Any, initial: Any) -> Any:
        """See `Layout`; a copy."""
        return tf.concat([initial[:, tf.newaxis], history[:, :-1]], 1)

    def after(self, history: Any) -> Any:
        """See `Layout`."""
        return history


STEPS_FIRST: Layout = StepsFirst()
STREAMS_FIRST: Layout = StreamsFirst()


class _Following(NamedTuple):
    """Holds a state before the first step and after each, `[L+1, B, H]`."""

    states: Any

    def write(self, t: Any, after: Any) -> _Following:
        return _Following(self.states.write(t + 1, after))

    def stack(self) -> Any:
        return self.states.stack()


class _Sliced(NamedTuple):
    """Reads single steps of `[B, L, k]`."""

    whole: Any

    def read(self, t: Any) -> Any:
        streams, _, width = self.whole.shape.as_list()
        return tf.reshape(tf.slice(self.whole, [0, t, 0], [streams, 1, width]), [streams, width])


class _Updated(NamedTuple):
    """Writes single steps of `[B, L, k]`."""

    whole: Any

    def write(self, t: Any, row: Any) -> _Updated:
        return _Updated(tf1.updated_slice(self.whole, row[:, tf.newaxis], [0, t, 0]))

    def stack(self) -> Any:
        return self.whole


def _known(x: Any, axis: int) -> Any:
    known = _static(x, axis)
    return tf.shape(x)[axis] if known is None else known


def _static(x: Any, axis: int) -> Any:
    # As a list: a program that switched TensorFlow 2's shapes off gets no ints from `shape[-1]`.
    return x.shape.as_list()[axis]
