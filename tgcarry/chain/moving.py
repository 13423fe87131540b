"""Moves rows from one arrangement to another, and their gradients back, by a gather each."""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

# The gradients at places.
_NONE = (None,) * 4


class Places(NamedTuple):
    """Holds a one-to-one way between two arrangements of rows, and where each has none."""

    source: Any
    """Int32 `[...]`: for each place of the new arrangement its row in the old one, flattened."""
    live: Any
    """Bool like `source`: the place has a row; elsewhere it is zero."""
    back: Any
    """Int32: for each place of the old arrangement its row in the new one, flattened."""
    back_live: Any
    """Bool like `back`: the row is taken along."""

    def move(self, old: Any, axes: int) -> Any:
        """Returns the rows of `old` in the new arrangement.

        Args:
          old: the old arrangement; its first `axes` axes are those of `back`, or cover it.
          axes: how many axes name a row.
        """
        if not old.dtype.is_floating:
            return _gathered(old, axes, self.source, self.live)

        # A gather's own gradient adds rows up one by one; here each has at most one source.
        # The places are arguments: where they depend on variables TensorFlow would ask for more.
        @tf.custom_gradient
        def run(old: Any, *places: Any) -> Any:
            source, live, back, back_live = places

            def reverse(slope: Any) -> tuple[Any, ...]:
                return _gathered(slope, source.shape.rank, back, back_live), *_NONE

            return _gathered(old, axes, source, live), reverse

        return run(old, *self)


def where_rows(rows: Any, a: Any, b: Any) -> Any:
    """Returns `a` `[N, ...]` in the rows where `rows` `[N]` is True, and `b` elsewhere."""
    flags = tf.reshape(rows, tf.concat([tf.shape(rows), [1] * (a.shape.rank - 1)], 0))
    return tf.where_v2(flags, a, b)


def _gathered(old: Any, axes: int, source: Any, live: Any) -> Any:
    trailing = old.shape.as_list()[axes:]
    # One row more if there is none, so that every index is in range.
    flat = tf.reshape(old, tf.concat([[tf.reduce_prod(tf.shape(old)[:axes])], trailing], 0))
    missing = 1 - tf.minimum(tf.shape(flat)[0], 1)
    flat = tf.pad(flat, [[0, missing], *[[0, 0]] * len(trailing)])
    index = tf.clip_by_value(source, 0, tf.shape(flat)[0] - 1)
    found = tf.gather(flat, index)
    flags = tf.reshape(live, tf.concat([tf.shape(live), [1] * len(trailing)], 0))
    return tf.where_v2(flags, found, tf.zeros([], old.dtype))
