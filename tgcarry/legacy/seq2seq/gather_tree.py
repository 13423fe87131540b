"""Beams followed from their ends back to their beginnings."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.legacy import numbering


def gather_tree(
    step_ids: Any,
    parent_ids: Any,
    max_sequence_lengths: Any,
    end_token: Any,
    name: str | None = None,
) -> Any:
    """Writes each beam's whole sequence out.

        beams[t, b, k] = step_ids[t, b, p_t],   p_{t-1} = parent_ids[t, b, p_t]

    with p = k at the last step, which is that of `max_sequence_lengths[b]`. Behind it, and
    behind a beam's first end token, there are end tokens only.

    L are the steps, B the batch, K the beams.

    Args:
      step_ids: int32 `[L, B, K]`.
      parent_ids: int32 `[L, B, K]`, the beam of the step before that each one goes on from.
      max_sequence_lengths: int32 `[B]`.
      end_token: int32 `[]`.
      name: of the operations' scope.

    Returns:
      int32 `[L, B, K]`.

    Source: TensorFlow 1.15 `tf.contrib.seq2seq.gather_tree`, there a kernel of its own.
    """
    with tf.name_scope(name, "GatherTree", [step_ids, parent_ids]):
        step_ids = tf.convert_to_tensor(step_ids, tf.int32, name="step_ids")
        parent_ids = tf.convert_to_tensor(parent_ids, tf.int32, name="parent_ids")
        lengths = tf.convert_to_tensor(max_sequence_lengths, tf.int32, name="max_sequence_lengths")
        end = tf.convert_to_tensor(end_token, tf.int32, name="end_token")
        with numbering.as_many(1):
            beams = _walk_back(step_ids, parent_ids, lengths, end)
            ended = tf.cumsum(tf.cast(tf.equal(beams, end), tf.int32), axis=0, exclusive=True)
            beams = tf.where(ended > 0, tf.fill(tf.shape(beams), end), beams)
        beams.set_shape(step_ids.shape.merge_with(parent_ids.shape))
        return beams


def _walk_back(step_ids: Any, parent_ids: Any, lengths: Any, end: Any) -> Any:
    steps, batch, width = tf.unstack(tf.shape(step_ids))
    own = tf.tile(tf.expand_dims(tf.range(width), 0), [batch, 1])
    nothing = tf.fill([batch, width], end)

    def back(done: Any, beam: Any, found: Any) -> tuple[Any, Any, Any]:
        time = steps - 1 - done
        inside = tf.less(time, lengths)
        ids = tf.gather(step_ids[time], beam, batch_dims=1)
        parents = tf.gather(parent_ids[time], beam, batch_dims=1)
        found = found.write(time, tf.where(inside, ids, nothing))
        return done + 1, tf.where(inside, parents, own), found

    found = tf.TensorArray(tf.int32, size=steps, element_shape=step_ids.shape[1:])
    _, _, found = tf.while_loop(
        lambda done, *_: done < steps,
        back,
        (tf.constant(0), own, found),
        shape_invariants=(tf.TensorShape([]), tf.TensorShape([None, None]), None),
        back_prop=False,
    )
    return found.stack()


def gather_tree_from_array(t: Any, parent_ids: Any, sequence_length: Any) -> Any:
    """Puts what was collected per step and beam, e.g. alignments, into whole beams' order.

    L are the steps, B the batch, K the beams.

    Args:
      t: `[L, B, K, ...]` or `[L, B * K, ...]`.
      parent_ids: int32 `[L, B, K]`; see `gather_tree`.
      sequence_length: int `[B, K]`; steps behind it stay where they are.

    Returns:
      Tensor like `t`.

    Source: TensorFlow 1.15 `beam_search_decoder.gather_tree_from_array`.
    """
    steps, batch, width = (
        parent_ids.shape.as_list()[axis] or tf.shape(parent_ids)[axis] for axis in range(3)
    )
    own = tf.expand_dims(tf.expand_dims(tf.range(width), 0), 0)
    own = tf.tile(own, [steps, batch, 1])
    longest = tf.cast(tf.reduce_max(sequence_length, axis=1), tf.int32)
    # No beam has this number, so that no end is found before the longest sequence's.
    beams = gather_tree(own, parent_ids, longest, width + 1)
    inside = tf.transpose(tf.sequence_mask(sequence_length, maxlen=steps), perm=[2, 0, 1])
    beams = tf.where(inside, beams, own)
    times = tf.tile(_along_first(steps), [1, batch, width])
    rows = tf.transpose(tf.tile(_along_first(batch), [1, steps, width]), perm=[1, 0, 2])
    places = tf.stack([times, rows, beams], -1)
    dims = tf.shape(t)
    by_beam = tf.reshape(t, [steps, batch, width, -1])
    return tf.reshape(tf.gather_nd(by_beam, places), dims)


def _along_first(length: Any) -> Any:
    """Makes 0, 1, ... as `[length, 1, 1]`."""
    return tf.reshape(tf.range(length), [-1, 1, 1])
