"""Runs the second of two chained models, on each output of the first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tgcarry import twins
from tgcarry.chain.moving import where_rows
from tgcarry.chain.stopping import Lanes, run_until
from tgcarry.chain.tape import Tape, carry_tape, reset_tape
from tgcarry.engines import Engine, choose_engine, note_engine
from tgcarry.repeated import Repeated
from tgcarry.unroll import dynamic_rnn, unroll_repeated


class InnerRun(NamedTuple):
    """Holds the second model's run."""

    tape: Tape
    outputs: Any
    """`[K, N, H]`."""
    final: Any
    """Nest of `[B, H]`."""
    stopped: Any
    """Bool `[T, B]`, or None."""


class InnerModel:
    """Runs the second model on the first one's outputs, `[T, B, O]`."""

    def __init__(
        self,
        cell: Any,
        values: Any,
        beside: Any,
        real: Any,
        fresh: Any,
        mode: str,
        time_major: bool,
        engine: str,
    ) -> None:
        self._cell, self._values, self._beside = cell, values, beside
        self._real, self._fresh = real, fresh
        self._carries, self._time_major = mode == "carry", time_major
        self._engine = engine
        self._width = values.shape.as_list()[2]
        self._width += 0 if beside is None else beside.shape.as_list()[3]
        like = tf.TensorSpec([None, None, self._width], values.dtype)
        self._taken = choose_engine(engine, cell, like, values.dtype)
        # A lane of several runs has to start anew in between, which costs TensorFlow's loop more
        # than it saves.
        self._several = not self._carries and self._taken.name != "stock"

    def initial(self, given: Any) -> Any:
        """Returns the state that the lanes start from; in mode "reset" None for zeros."""
        if not self._carries:
            return None
        if given is not None:
            return tf.nest.map_structure(tf.convert_to_tensor, given)
        return self._zeros(_size(self._values, 1))

    def unrolled(self, counts: Any, initial: Any, stopped: Any = None) -> InnerRun:
        """Runs the steps that are given, `[T, B]`."""
        if self._real is not None:
            counts = tf.where_v2(self._real, counts, 0)
        if self._beside is not None:
            counts = _checked_beside(counts, self._beside)
        tape = self._tape(counts)
        x = self._inputs(tape)
        cuts, late = self._cuts(tape)
        outputs, final = self._run(x, tape.lengths, initial, cuts)
        if late is not None:

            def cut(leaf: Any) -> Any:
                return where_rows(late, tf.zeros_like(leaf), leaf)

            alone = tf.nest.map_structure(cut, twins.twin(final))
            final = tf.nest.map_structure(cut, final)
            final = twins.with_twin(final, alone)
        final = self._rerun(tape) if self._several else self._last(final, tape)
        return InnerRun(tape, outputs, final, stopped)

    def _inputs(self, tape: Tape) -> Repeated:
        table = tf.reshape(self._values, [-1, self._values.shape.as_list()[2]])
        beside = self._beside
        if beside is not None:
            beside = tape.beside(beside, self._time_major)
        return Repeated(table, tape.rows, tape.live, beside)

    def _run(self, x: Repeated, lengths: Any, initial: Any, cuts: Any) -> tuple[Any, Any]:
        if self._taken.name != "stock":
            note_engine("inner", self._taken)
            return unroll_repeated(self._cell, x, lengths, initial, cuts, "inner", self._taken)
        return dynamic_rnn(
            self._cell,
            x.whole(),
            lengths,
            initial,
            self._values.dtype,
            time_major=True,
            scope="inner",
            engine=self._engine,
            resets=cuts,
        )

    def until(self, stop_fn: Callable[..., Any], most: Any, initial: Any) -> InnerRun:
        """Runs each outer step until `stop_fn` ends it."""
        by_hand = self._taken.name != "stock"
        lanes = self._lanes()
        if initial is None:
            initial = self._zeros(_size(lanes.rows, 1))
        with tf.variable_scope("inner") as inner:
            if by_hand:
                lanes = lanes._replace(values=tf.stop_gradient(lanes.values))
                # The loop below only counts; the variables are made outside, as ever.
                self._cell(*_one_row(lanes, initial))
            found = run_until(self._cell, lanes, initial, stop_fn, most, counting=by_hand)
        counts, said = (self._by_step(a) for a in (found.counts, found.said))
        if by_hand:
            given = initial if self._carries else None
            return self.unrolled(tf.stop_gradient(counts), given, said)
        note_engine(inner, Engine("stock", self._taken.why or "asked for"))
        tape = carry_tape(counts, False) if self._carries else reset_tape(counts, False, False)
        return InnerRun(tape, found.outputs, self._last(found.final, tape), said)

    def _lanes(self) -> Lanes:
        times, batch = _size(self._values, 0), _size(self._values, 1)
        width = self._values.shape.as_list()[2]
        values = tf.reshape(self._values, [-1, width])
        beside = self._beside
        if beside is not None:
            if not self._time_major:
                beside = tf.transpose(beside, [1, 0, 2, 3])
            trailing = beside.shape.as_list()[3]
            beside = tf.reshape(beside, tf.stack([times * batch, tf.shape(beside)[2], trailing]))
        real = tf.ones([times, batch], tf.bool) if self._real is None else self._real
        rows = tf.reshape(tf.range(times * batch), [times, batch])
        if not self._carries:
            rows, real = tf.reshape(rows, [1, -1]), tf.reshape(real, [1, -1])
        runs = tf.reduce_sum(tf.cast(real, tf.int32), 0)
        lane_count = self._values.shape.as_list()[1]
        if not self._carries:
            lane_count = self._values.shape[:2].num_elements()
        runs.set_shape([lane_count])
        return Lanes(rows, runs, values, beside, self._fresh if self._carries else None)

    def _by_step(self, a: Any) -> Any:
        """Brings `[R, N]` to `[T, B]`."""
        a = tf.reshape(a, tf.shape(self._values)[:2])
        a.set_shape(self._values.shape[:2])
        return a

    def _zeros(self, lanes: Any) -> Any:
        return self._cell.zero_state(lanes, self._values.dtype)

    def _tape(self, counts: Any) -> Tape:
        compiled = self._taken.name == "fused"
        if self._carries:
            return carry_tape(counts, compiled)
        return reset_tape(counts, compiled, self._several)

    def _last(self, final: Any, tape: Tape) -> Any:
        """Returns each stream's state after its last inner step, from those of the lanes."""
        if self._carries:
            return final
        lane = tf.gather_nd(tape.lane, _last_runs(tape.counts))
        return tf.nest.map_structure(lambda s: tf.gather(s, lane), final)

    def _rerun(self, tape: Tape) -> Any:
        """Returns the same by a run of its own, where a lane's end is not that of all its runs.

        Pruned unless it is read.
        """
        at = _last_runs(tape.counts)
        lengths = tf.gather_nd(tape.counts, at)
        most = tf.reduce_max(tf.concat([lengths, [1]], 0))
        rows = tf.tile(tf.range(tf.size(lengths))[tf.newaxis], [most, 1])
        live = tf.range(most)[:, tf.newaxis] < lengths
        beside = self._beside
        if beside is not None:
            by_run = at if self._time_major else tf.reverse(at, [1])
            beside = tf.transpose(tf.gather_nd(beside, by_run), [1, 0, 2])
            missing = tf.maximum(most - tf.shape(beside)[0], 0)
            beside = tf.pad(beside, [[0, missing], [0, 0], [0, 0]])[:most]
        x = Repeated(tf.gather_nd(self._values, at), rows, live, beside)
        engine = Engine("loop", "")
        return unroll_repeated(self._cell, x, lengths, None, None, "inner", engine)[1]

    def _cuts(self, tape: Tape) -> tuple[Any, Any]:
        """Returns which places of the tape start from zeros, and which streams end with them.

        An outer step may be flagged and have no inner step: what it cuts is then the next one's.
        """
        if not self._carries:
            return (tf.equal(tape.step, 0) if self._several else None), None
        if self._fresh is None:
            return None, None
        so_far = tf.cumsum(tf.cast(self._fresh, tf.int32), axis=0)
        here = tf.gather(tf.reshape(so_far, [-1]), tape.rows)
        before = tf.concat([tf.zeros_like(here[:1]), here[:-1]], 0)
        made = tape.lengths > 0
        last = tf.stack([tf.maximum(tape.lengths, 1) - 1, tf.range(tf.size(tape.lengths))], 1)
        seen = tf.where_v2(made, tf.gather_nd(here, last), 0)
        return here > before, so_far[-1] > seen


def _checked_beside(counts: Any, beside: Any) -> Any:
    fits = tf.debugging.assert_less_equal(
        counts,
        tf.shape(beside)[2],
        message="inner_inputs has fewer inner steps than inner_steps asks for",
    )
    with tf.control_dependencies([fits]):
        return tf.identity(counts)


def _last_runs(counts: Any) -> Any:
    """Returns (t, b) of each stream's last outer step with inner steps, `[B, 2]`."""
    times = tf.range(tf.shape(counts)[0])[:, tf.newaxis]
    last = tf.reduce_max(tf.where_v2(counts > 0, times, 0), 0)
    return tf.stack([last, tf.range(tf.size(last))], 1)


def _one_row(lanes: Lanes, initial: Any) -> tuple[Any, Any]:
    width = lanes.values.shape.as_list()[1]
    width += 0 if lanes.beside is None else lanes.beside.shape.as_list()[2]
    zeros = tf.zeros([1, width], lanes.values.dtype)
    return zeros, tf.nest.map_structure(lambda s: tf.zeros_like(s[:1]), initial)


def _size(a: Any, axis: int) -> Any:
    known = a.shape.as_list()[axis]
    return tf.shape(a)[axis] if known is None else known
