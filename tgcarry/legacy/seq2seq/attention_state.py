"""The state that attention carries from step to step."""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tgcarry.errors import CellError
from tgcarry.legacy import numbering


class AttentionWrapperState(NamedTuple):
    """Holds the state of `AttentionWrapper`; tuples where there are several mechanisms.

    Source: TensorFlow 1.15 `tf.contrib.seq2seq.AttentionWrapperState`.
    """

    cell_state: Any
    """The wrapped cell's."""
    attention: Any
    """`[B, A]`: what the last step attended to."""
    time: Any
    """Int32 `[]`: the step's number."""
    alignments: Any
    """`[B, L]`: the weights of the last step."""
    alignment_history: Any
    """`TensorArray` of all steps' alignments, or `()`."""
    attention_state: Any
    """The mechanism's own state, as a rule the alignments."""

    def clone(self, **kwargs: Any) -> AttentionWrapperState:
        """Returns a copy with some fields replaced, each by one of the same shape.

        Args:
          **kwargs: new fields, e.g. `cell_state=encoder_state`.

        Returns:
          The copy.

        Raises:
          CellError: another shape, if that can be told now; else running it fails.
        """
        return tf.nest.map_structure(_like, self, self._replace(**kwargs))


def _like(old: Any, new: Any) -> Any:
    if not (tf.is_tensor(old) and tf.is_tensor(new)):
        return new
    if not new.shape.is_compatible_with(old.shape):
        raise CellError(
            f"{new.name} has the shape {new.shape} and cannot replace {old.name}, which has "
            f"{old.shape}: make both of one batch and width"
        )
    known = old.shape.is_fully_defined()
    if known and new.shape.is_fully_defined():
        return new
    # So many has 1.15, which also compares a tensor with itself.
    with numbering.as_many(20 if known else 16), tf.name_scope(f"{new.op.name}/"):
        if old is new:
            return new
        same = tf.assert_equal(
            tf.shape(old),
            tf.shape(new),
            message=f"the shape of {new.name} is not that of {old.name}, which it replaces",
        )
        with tf.control_dependencies([same]):
            checked = tf.identity(new)
        if known:
            checked.set_shape(old.shape)
        return checked
