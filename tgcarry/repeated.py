"""Inputs that read few rows at many steps: what is read is multiplied once, and not repeated."""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf


class Repeated(NamedTuple):
    """Stands for inputs `[L, B, I + J]`: a row of a table at each step, and what is beside it."""

    table: Any
    """`[R, I]`."""
    rows: Any
    """Int32 `[L, B]`: the row that is read."""
    live: Any
    """Bool `[L, B]`: False where nothing comes of it; no gradient comes from there."""
    beside: Any
    """`[L, B, J]`; None for nothing."""

    @property
    def width(self) -> int:
        """I + J."""
        parts = [self.table] if self.beside is None else [self.table, self.beside]
        return sum(part.shape.as_list()[-1] for part in parts)

    def whole(self) -> Any:
        """Returns the inputs, `[L, B, I + J]`."""
        return self._read(self.table, self.beside)

    def times(self, matrix: Any) -> Any:
        """Returns their product with `[I + J, k]`, `[L, B, k]`."""
        height = self.table.shape.as_list()[1]
        read = self._read(tf.matmul(self.table, matrix[:height]), None)
        if self.beside is None:
            return read
        flat = tf.reshape(self.beside, [-1, self.beside.shape.as_list()[2]])
        return read + tf.reshape(tf.matmul(flat, matrix[height:]), tf.shape(read))

    def _read(self, table: Any, beside: Any) -> Any:
        read = _taken(table, self.rows, self.live)
        read = read if beside is None else tf.concat([read, beside], 2)
        width = table.shape.as_list()[1] + (0 if beside is None else beside.shape.as_list()[2])
        read.set_shape([*self.rows.shape.as_list(), width])
        return read


def _taken(table: Any, rows: Any, live: Any) -> Any:
    """Takes rows as often as named; their gradients are added up where `live`."""

    # As arguments: where they depend on variables TensorFlow would ask for those' gradients.
    @tf.custom_gradient
    def run(table: Any, rows: Any, live: Any) -> Any:
        def reverse(slope: Any) -> tuple[Any, ...]:
            # Segments below zero are dropped.
            segments = tf.where_v2(live, rows, -1)
            return tf.math.unsorted_segment_sum(slope, segments, tf.shape(table)[0]), None, None

        return tf.gather(table, rows), reverse

    return run(table, rows, live)
