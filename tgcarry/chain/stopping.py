"""Runs the inner model until it says stop, as one of TensorFlow's while loops.

Each lane of the tape (see `tgcarry.chain.tape`) is at an outer step of its own: where a stream
stops early it goes on to its next outer step, and does not wait for the others.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tgcarry.chain.moving import where_rows
from tgcarry.data.wording import shown
from tgcarry.errors import CarryError


class Lanes(NamedTuple):
    """Holds what the lanes of a tape read; R is the most outer steps of a lane."""

    rows: Any
    """`[R, N]` int32: the row in `values` of a lane's outer steps."""
    runs: Any
    """`[N]` int32: how many outer steps the lane has."""
    values: Any
    """`[T B, O]`, the outer outputs."""
    beside: Any
    """`[T B, S, J]`, the inner inputs; None for none."""
    fresh: Any
    """`[R, N]` bool: this outer step starts from zeros; None for nowhere."""


class Stopped(NamedTuple):
    """Holds a finished run."""

    outputs: Any
    """`[K, N, ...]`, zero behind a lane's end."""
    final: Any
    """`[N, H]` each."""
    counts: Any
    """`[R, N]` int32: the inner steps of each outer step."""
    said: Any
    """`[R, N]` bool: whether `stop_fn` said stop; otherwise the bound did."""


def run_until(
    cell: Any, lanes: Lanes, initial: Any, stop_fn: Callable[..., Any], most: Any, counting: bool
) -> Stopped:
    """Steps each lane's cell until `stop_fn` says stop, or `most` steps are made.

    Args:
      cell: any cell; its variables are made in the scope that is current.
      lanes: what it reads.
      initial: nest of `[N, H]`.
      stop_fn: maps `(output, state, step)` to bool `[N]` or `[]`.
      most: the most inner steps of an outer step.
      counting: whether only the numbers are wanted; then no gradient passes through.

    Raises:
      CarryError: `stop_fn` returns something else.
    """
    loop = _Loop(cell, lanes, stop_fn, most)
    lane_count = tf.shape(lanes.runs)[0]
    zeros = tf.zeros([lane_count], tf.int32)
    zeros.set_shape(lanes.runs.shape)
    written = () if counting else tf.nest.map_structure(_array, _dtypes(cell, lanes))
    marks = tuple(_array(d) for d in (tf.int32, tf.bool, tf.bool))
    _, _, _, final, written, marks = tf.while_loop(
        lambda k, run, *_: tf.reduce_any(run < lanes.runs),
        loop.step,
        (tf.constant(0), zeros, zeros, initial, written, marks),
        back_prop=not counting,
    )
    run, active, said = (mark.stack() for mark in marks)
    counts, stops = loop.counted(run, active, said)
    outputs = None
    if not counting:
        outputs = tf.nest.map_structure(lambda array: array.stack(), written)
    return Stopped(outputs, final, counts, stops)


class _Loop:
    def __init__(self, cell: Any, lanes: Lanes, stop_fn: Callable[..., Any], most: Any) -> None:
        self._cell, self._lanes = cell, lanes
        self._stop_fn, self._most = stop_fn, most

    def step(self, k: Any, run: Any, step: Any, state: Any, written: Any, marks: Any) -> Any:
        lanes = self._lanes
        active = run < lanes.runs
        # Behind its end a lane reads its last outer step again, and nothing comes of it.
        at = tf.stack([tf.minimum(run, tf.shape(lanes.rows)[0] - 1), _range_like(run)], 1)
        begin = state
        if lanes.fresh is not None:
            first = tf.gather_nd(lanes.fresh, at) & tf.equal(step, 0)
            begin = tf.nest.map_structure(lambda s: where_rows(first, tf.zeros_like(s), s), state)
        output, new = self._cell(self._inputs(at, step), begin)
        tf.nest.assert_same_structure(state, new)
        new = tf.nest.map_structure(lambda n, s: where_rows(active, n, s), new, state)
        tf.nest.map_structure(lambda n, s: n.set_shape(s.shape), new, state)
        said = active & self._said(output, new, step)
        ends = active & (said | (step + 1 >= self._most))
        if written != ():
            written = tf.nest.map_structure(
                lambda a, o: a.write(k, where_rows(active, o, tf.zeros_like(o))), written, output
            )
        marks = tuple(a.write(k, m) for a, m in zip(marks, (run, active, said), strict=True))
        return (
            k + 1,
            run + tf.cast(ends, tf.int32),
            tf.where_v2(ends, 0, step + 1),
            new,
            written,
            marks,
        )

    def counted(self, run: Any, active: Any, said: Any) -> tuple[Any, Any]:
        """Adds up, over `[K, N]`, each outer step's inner steps and its stops, `[R, N]`."""
        shape = tf.shape(self._lanes.rows)
        place = tf.where_v2(active, run * shape[1] + tf.range(shape[1]), -1)
        totals = [
            tf.math.unsorted_segment_sum(tf.cast(flag, tf.int32), place, shape[0] * shape[1])
            for flag in (active, said)
        ]
        counts, stops = (tf.reshape(total, shape) for total in totals)
        return counts, stops > 0

    def _inputs(self, at: Any, step: Any) -> Any:
        lanes = self._lanes
        row = tf.gather_nd(lanes.rows, at)
        value = tf.gather(lanes.values, row)
        if lanes.beside is None:
            return value
        there = tf.minimum(step, tf.shape(lanes.beside)[1] - 1)
        return tf.concat([value, tf.gather_nd(lanes.beside, tf.stack([row, there], 1))], 1)

    def _said(self, output: Any, state: Any, step: Any) -> Any:
        said = tf.convert_to_tensor(self._stop_fn(output, state, step))
        if said.dtype != tf.bool or said.shape.rank not in (0, 1):
            raise CarryError(
                f"chained_rnn(stop_fn={shown(self._stop_fn)}): it returned {said.dtype.name} of "
                f"shape {said.shape}; return one bool for each row of the inner output, or one "
                f"for all"
            )
        return said


def _dtypes(cell: Any, lanes: Lanes) -> Any:
    """Returns the outputs' dtypes, a nest like the cell's `output_size`."""
    given = getattr(cell, "output_dtype", None)
    if given is not None:
        return given
    return tf.nest.map_structure(lambda _: lanes.values.dtype, cell.output_size)


def _array(dtype: Any) -> Any:
    return tf.TensorArray(dtype, 0, dynamic_size=True)


def _range_like(a: Any) -> Any:
    return tf.range(tf.shape(a)[0])
