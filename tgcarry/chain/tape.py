"""Where each inner step lies on the inner model's tape: nothing but real steps, end to end.

An inner step is named (t, b, j): the j-th of outer step t in stream b. The inner model runs over
lanes of a tape, `[K, N]`, as over any batch of sequences. All inner steps of an outer step, a run,
lie one after the other in one lane, and runs lie end to end:

    carry  lane b holds the runs of stream b, in order, so that the state goes on by itself
    reset  runs are independent of each other: the longest ones are dealt out to the lanes, then
           the next ones in reverse, and so on, so that the lanes are about equally long

An outer step without inner ones takes no place. T outer steps, B streams, S the most inner steps
of an outer step, K the longest lane, N the lanes, R the most runs of a lane.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tgcarry.chain.moving import Places

# Lanes that keep a core busy, and the most runs that are put into one of them.
_LANES, _RUNS = 128, 8


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
    rows: Any
    """`[K, N]`, t B + b of each place; any behind a lane's length."""
    step: Any
    """`[K, N]`, its j."""

    @property
    def live(self) -> Any:
        """Bool `[K, N]`: the place holds a step."""
        places = tf.range(tf.shape(self.rows)[0])[:, tf.newaxis]
        return places < self.lengths

    def padded(self, time_major: bool) -> tuple[Any, Places]:
        """Returns the real steps' mask, `[B, T, S]` or `[T, B, S]`, and the way there."""
        most = tf.reduce_max(tf.concat([tf.reshape(self.counts, [-1]), [0]], 0))
        index, live = self._places(most, time_major)
        return live, Places(index, live, self._back(most, time_major), self.live)

    def beside(self, inner_inputs: Any, time_major: bool) -> Any:
        """Brings `[B, T, S, J]` (or `[T, B, S, J]`) to the tape, `[K, N, J]`."""
        most = tf.shape(inner_inputs)[2]
        index, live = self._places(most, time_major)
        back = self._back(most, time_major)
        return Places(back, self.live, index, live).move(inner_inputs, 3)

    def _places(self, most: Any, time_major: bool) -> tuple[Any, Any]:
        """Returns the place of each of `most` inner steps, `[B, T, most]`, and if it is one."""
        counts, start, lane = (
            a if time_major else tf.transpose(a) for a in (self.counts, self.start, self.lane)
        )
        j = tf.range(most)
        index = (start[..., tf.newaxis] + j) * tf.shape(self.rows)[1] + lane[..., tf.newaxis]
        return index, j < counts[..., tf.newaxis]

    def _back(self, most: Any, time_major: bool) -> Any:
        """Returns each place's row in `[B, T, most]`, flattened."""
        rows = self.rows
        if not time_major:
            times, batch = tf.unstack(tf.shape(self.counts))
            rows = rows % batch * times + rows // batch
        return rows * most + self.step


def carry_tape(counts: Any, round_up: bool) -> Tape:
    """Lays the outer steps of each stream end to end.

    Args:
      counts: int32 `[T, B]`.
      round_up: whether K is rounded up to one of few numbers, see `rounded`.
    """
    table = tf.reshape(tf.range(tf.size(counts)), tf.shape(counts))
    table.set_shape(counts.shape)
    return _laid_out(counts, table, round_up)


def reset_tape(counts: Any, round_up: bool, several: bool) -> Tape:
    """Deals the outer steps of all streams out to lanes.

    Args:
      counts: int32 `[T, B]`.
      round_up: as for `carry_tape`.
      several: whether a lane may hold several runs; if not, lane t B + b holds that one.
    """
    known = counts.shape.num_elements()
    total = tf.size(counts) if known is None else known
    if not several:
        return _laid_out(counts, tf.reshape(tf.range(total), [1, total]), round_up)
    if known is None:
        runs = tf.clip_by_value(total // _LANES, 1, _RUNS)
    else:
        runs = min(max(known // _LANES, 1), _RUNS)
    lanes = -(-total // runs)
    order = tf.argsort(tf.reshape(counts, [-1]), direction="DESCENDING", stable=True)
    order = tf.pad(order, [[0, runs * lanes - total]], constant_values=0)
    table = tf.reshape(
        tf.where_v2(tf.range(runs * lanes) < total, order, total), tf.stack([runs, lanes])
    )
    turned = tf.range(runs)[:, tf.newaxis] % 2 > 0
    table = tf.where_v2(turned, tf.reverse(table, [1]), table)
    table.set_shape([runs, lanes] if known is not None else [None, None])
    return _laid_out(counts, table, round_up)


def rounded(count: Any) -> Any:
    """Rounds an int32 up to one of eight numbers an octave; up to 16 it stays.

    A compiled pass is compiled once per length of the tape; so rounded, few lengths occur, and
    the tape grows by an eighth at most.
    """
    octave = tf.floor(tf.math.log(tf.cast(tf.maximum(count, 1), tf.float32)) / 0.6931472)
    grain = tf.cast(tf.maximum(1.0, tf.pow(2.0, octave - 3.0)), tf.int32)
    return -(-count // grain) * grain


def _laid_out(counts: Any, table: Any, round_up: bool) -> Tape:
    """Lays runs end to end: lane n holds those of column n of `table`.

    Args:
      counts: int32 `[T, B]`.
      table: int32 `[R, N]`, every t B + b once; T B for none.
      round_up: whether to round K up.
    """
    total = tf.size(counts)
    own = tf.gather(tf.concat([tf.reshape(counts, [-1]), [0]], 0), table)
    ends = tf.cumsum(own, axis=0)
    starts = ends - own
    lengths = tf.reduce_sum(own, 0)
    # At least one place: an unrolled pass needs a step.
    longest = tf.reduce_max(tf.concat([lengths, [1]], 0))
    longest = rounded(longest) if round_up else longest
    lanes = tf.range(tf.shape(table)[1])

    k = tf.tile(tf.range(longest)[tf.newaxis], [tf.shape(table)[1], 1])
    run = tf.transpose(tf.searchsorted(tf.transpose(ends), k, side="right"))
    run = tf.minimum(run, tf.shape(table)[0] - 1)
    at = run * tf.shape(table)[1] + lanes
    rows = tf.minimum(tf.gather(tf.reshape(table, [-1]), at), total - 1)
    step = tf.range(longest)[:, tf.newaxis] - tf.gather(tf.reshape(starts, [-1]), at)
    for a in (rows, step):
        a.set_shape([None, table.shape.as_list()[1]])

    def by_run(a: Any) -> Any:
        found = tf.scatter_nd(tf.reshape(table, [-1, 1]), tf.reshape(a, [-1]), [total + 1])
        return tf.reshape(found[:-1], tf.shape(counts))

    lane = by_run(tf.broadcast_to(lanes, tf.shape(table)))
    return Tape(counts, by_run(starts), lane, lengths, rows, step)
