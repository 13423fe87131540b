"""Cells without the wrappers that do nothing, as the hand-written passes want them."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.cells import DropoutWrapper, MultiRNNCell, ResidualWrapper


def plain(cell: Any) -> Any:
    """Returns a cell that runs alike, without dropout that keeps everything.

    A built cell inside stays the very object, with its variables.
    """
    if isinstance(cell, DropoutWrapper) and keeps_all(cell):
        return plain(cell.wrapped_cell)
    if type(cell) is ResidualWrapper and cell.residual_fn is None:
        return _same(cell, [cell.wrapped_cell], lambda inner: ResidualWrapper(inner[0]))
    if type(cell) is MultiRNNCell:
        return _same(
            cell, list(cell.cells), lambda inner: MultiRNNCell(inner, cell.state_is_tuple)
        )
    return cell


def keeps_all(cell: DropoutWrapper) -> bool:
    """Says whether a dropout wrapper drops nothing, which was known when it was made."""
    shares = (cell.input_keep_prob, cell.output_keep_prob, cell.state_keep_prob)
    return all(isinstance(keep, float) and keep == 1.0 for keep in shares)


def _same(cell: Any, inner: list[Any], around: Any) -> Any:
    bare = [plain(one) for one in inner]
    if all(one is other for one, other in zip(bare, inner, strict=True)):
        return cell
    # In a graph of its own, because a graph numbers the cells that are made in it.
    with tf.Graph().as_default():
        return around(bare)
