"""What two chained models give back, in the arrangement that the caller has."""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tgcarry.chain.inner import InnerRun
from tgcarry.chain.moving import Places
from tgcarry.chain.outer import OuterRun
from tgcarry.chain.states import ChainState


class ChainOutputs(NamedTuple):
    """Holds what `chained_rnn` returns; with `time_major` B and T change places."""

    outputs: Any
    """`[B, T, S, H]`, the inner model's; S is the most inner steps there are in this call, and
    what lies behind an outer step's own number is zero."""
    mask: Any
    """Bool `[B, T, S]`: the step was made."""
    steps: Any
    """Int32 `[B, T]`: the inner steps made at each outer step."""
    stopped: Any
    """Bool `[B, T]`: False where `max_inner_steps` ended an outer step, and not `stop_fn`."""
    ragged: Any
    """`tf.RaggedTensor` `[B, T, (S), H]`: the steps made and no others. Its `flat_values` are
    the cheapest to compute a loss from."""
    outer_outputs: Any
    """`[B, T, O]`, the intermediate representation."""
    final_state: ChainState
    """What the next chunk starts from; nest like the initial state."""
    inner_final: Any
    """Nest of `[B, H]`: where the inner model stood after its last step."""

    def flat(self, padded: Any) -> Any:
        """Takes what belongs to the steps made, one row each, as in `ragged.flat_values`.

        Args:
          padded: `[B, T, S or more, ...]`, such as labels (`[T, B, ...]` with `time_major`).

        Returns:
          `[sum of steps, ...]`.

        Raises:
          tf.errors.InvalidArgumentError: in a run, `padded` is too short.
        """
        most = tf.shape(self.mask)[2]
        return tf.boolean_mask(tf.convert_to_tensor(padded)[:, :, :most], self.mask)


def packed(ran: InnerRun, outer: OuterRun, inner_state: str, time_major: bool) -> ChainOutputs:
    """Puts both runs together, `time_major` or not."""
    mask, places = ran.tape.padded(time_major)
    outputs = tf.nest.map_structure(lambda o: _moved(o, places), ran.outputs)
    counts, values = ran.tape.counts, outer.values
    if not time_major:
        counts, values = tf.transpose(counts), tf.transpose(values, [1, 0, 2])
    stopped = tf.ones_like(ran.tape.counts, tf.bool) if ran.stopped is None else ran.stopped
    if not time_major:
        stopped = tf.transpose(stopped)
    return ChainOutputs(
        outputs=outputs,
        mask=mask,
        steps=counts,
        stopped=stopped,
        ragged=tf.nest.map_structure(lambda o: _ragged(o, places, mask, counts), ran.outputs),
        outer_outputs=values,
        final_state=ChainState(outer.final, ran.final if inner_state == "carry" else ()),
        inner_final=ran.final,
    )


def _moved(outputs: Any, places: Places) -> Any:
    moved = places.move(outputs, 2)
    moved.set_shape(places.live.shape.concatenate(outputs.shape[2:]))
    return moved


def _ragged(outputs: Any, places: Places, mask: Any, counts: Any) -> tf.RaggedTensor:
    flat = tf.reshape(counts, [-1])
    starts = tf.cumsum(flat, exclusive=True)
    # The padded arrangement's row of each place, (first T + second) S + j, tells its own row.
    most = tf.maximum(tf.shape(mask)[2], 1)
    clipped = tf.clip_by_value(places.back // most, 0, tf.maximum(tf.size(flat) - 1, 0))
    back = tf.gather(starts, clipped) + places.back % most
    source = tf.boolean_mask(places.source, mask)
    values = Places(source, tf.ones_like(source, tf.bool), back, places.back_live).move(outputs, 2)
    inner = tf.RaggedTensor.from_row_lengths(values, flat, validate=False)
    return tf.RaggedTensor.from_uniform_row_length(
        inner, tf.shape(counts)[1], nrows=tf.shape(counts)[0], validate=False
    )
