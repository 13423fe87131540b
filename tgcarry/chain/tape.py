"""Where each inner step lies on the inner model's tape: nothing but real steps, end to end.

An inner step is named (t, b, j): the j-th of outer step t in stream b. The inner model runs over
lanes of a tape, `[K, N]`, as over any batch of sequences:

    carry  lane b holds the inner steps of all outer steps, one after the other, so that the
           state goes on by itself:        (t, b, j) at k = start[t, b] + j, n = b
    reset  each outer step has a lane, and all of them run side by side:
                                           (t, b, j) at k = j, n = t B + b

An outer step without inner ones takes no place. T outer steps, B streams, S the most inner steps
of an outer step, K the longest lane, N the lanes.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tgcarry.chain.moving import Places


class Tape(NamedTuple):
    """Holds the way from inner steps to the tape and back; all int32."""

    counts: Any
    """`[T, B]`, the inner steps of each outer step."""
    start: Any
    """`[T, B]`, the k of each outer step's first inner step."""
    lane: Any
    """`[T, B]`, its n."""
    lengths: Any
    """`[N]`, the inner steps of each lane."""
    time: Any
    """`[K, N]`, the t of each place; any behind a lane's length."""
    stream: Any
    """`[K, N]`, its b."""
    step: Any
    """`[K, N]`, its j."""

    @property
    def live(self) -> Any:
        """Bool `[K, N]`: the place holds a step."""
        places = tf.range(tf.shape(self.time)[0])[:, tf.newaxis]
        return places < self.lengths

    @property
    def rows(self) -> Any:
        """`[K, N]`, the row of each place in what is `[T, B, ...]`, flattened to `[T B, ...]`."""
        return self.time * tf.shape(self.counts)[1] + self.stream

    def padded(self, time_major: bool) -> tuple[Any, Places]:
        """Returns the real steps' mask, `[B, T, S]` or `[T, B, S]`, and the way there."""
        counts, start, lane = (
            a if time_major else tf.transpose(a) for a in (self.counts, self.start, self.lane)
        )
        most = tf.reduce_max(tf.concat([tf.reshape(counts, [-1]), [0]], 0))
        j = tf.range(most)
        live = j < counts[..., tf.newaxis]
        source = (start[..., tf.newaxis] + j) * tf.shape(self.time)[1] + lane[..., tf.newaxis]
        first, second = (self.time, self.stream) if time_major else (self.stream, self.time)
        back = (first * tf.shape(counts)[1] + second) * most + self.step
        return live, Places(source, live, back, self.live)

    def beside(self, inner_inputs: Any, time_major: bool) -> Any:
        """Brings `[B, T, S, J]` (or `[T, B, S, J]`) to the tape, `[K, N, J]`."""
        most = tf.shape(inner_inputs)[2]
        first, second = (self.time, self.stream) if time_major else (self.stream, self.time)
        source = (first * tf.shape(inner_inputs)[1] + second) * most + self.step
        counts, start, lane = (
            a if time_major else tf.transpose(a) for a in (self.counts, self.start, self.lane)
        )
        j = tf.range(most)
        back = (start[..., tf.newaxis] + j) * tf.shape(self.time)[1] + lane[..., tf.newaxis]
        there = j < counts[..., tf.newaxis]
        return Places(source, self.live, back, there).move(inner_inputs, 3)


def carry_tape(counts: Any, round_up: bool) -> Tape:
    """Lays the outer steps of each stream end to end.

    Args:
      counts: int32 `[T, B]`.
      round_up: whether K is rounded up to one of few numbers, see `rounded`.
    """
    ends = tf.cumsum(counts, axis=0)
    lengths = tf.reduce_sum(counts, axis=0)
    streams = tf.range(tf.shape(counts)[1])
    longest = _longest(lengths, round_up)
    k = tf.tile(tf.range(longest)[tf.newaxis], [tf.shape(counts)[1], 1])
    time = tf.transpose(tf.searchsorted(tf.transpose(ends), k, side="right"))
    time = tf.minimum(time, tf.shape(counts)[0] - 1)
    stream = tf.broadcast_to(streams, tf.shape(time))
    start = ends - counts
    rows = time * tf.shape(counts)[1] + stream
    step = tf.range(longest)[:, tf.newaxis] - tf.gather(tf.reshape(start, [-1]), rows)
    time, stream, step = (_with_lanes(a, counts.shape[1:2]) for a in (time, stream, step))
    lane = tf.broadcast_to(streams, tf.shape(counts))
    return Tape(counts, start, lane, lengths, time, stream, step)


def reset_tape(counts: Any, round_up: bool) -> Tape:
    """Gives each outer step of each stream a lane; arguments as for `carry_tape`."""
    lengths = tf.reshape(counts, [-1])
    longest = _longest(lengths, round_up)
    batch = tf.shape(counts)[1]
    lanes = tf.range(tf.size(counts))
    shape = tf.stack([longest, tf.size(counts)])
    known = [counts.shape.num_elements()]
    time, stream, step = (
        _with_lanes(tf.broadcast_to(a, shape), known)
        for a in (lanes // batch, lanes % batch, tf.range(longest)[:, tf.newaxis])
    )
    lane = tf.reshape(lanes, tf.shape(counts))
    return Tape(counts, tf.zeros_like(counts), lane, lengths, time, stream, step)


def rounded(count: Any) -> Any:
    """Rounds an int32 up to one of eight numbers an octave; up to 16 it stays.

    A compiled pass is compiled once per length of the tape; so rounded, few lengths occur, and
    the tape grows by an eighth at most.
    """
    octave = tf.floor(tf.math.log(tf.cast(tf.maximum(count, 1), tf.float32)) / 0.6931472)
    grain = tf.cast(tf.maximum(1.0, tf.pow(2.0, octave - 3.0)), tf.int32)
    return -(-count // grain) * grain


def _longest(lengths: Any, round_up: bool) -> Any:
    """Returns K; at least 1, as an unrolled pass needs a step."""
    longest = tf.reduce_max(tf.concat([lengths, [1]], 0))
    return rounded(longest) if round_up else longest


def _with_lanes(a: Any, lanes: Any) -> Any:
    a.set_shape(tf.TensorShape([None]).concatenate(lanes))
    return a
