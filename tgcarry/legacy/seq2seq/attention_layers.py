"""The layers that make an attention from a cell's output and its context."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tgcarry.errors import CellError
from tgcarry.legacy.seq2seq.projection import dense


class AttentionLayers(NamedTuple):
    """Holds the layers and the width of what all of them give together."""

    layers: tuple[Any, ...] | None
    size: int


def attention_layers(
    cell: Any, mechanisms: Sequence[Any], sizes: Any, layers: Any
) -> AttentionLayers:
    """Makes, or takes, one layer per mechanism.

    Args:
      cell: the wrapped cell.
      mechanisms: at least one.
      sizes: int, list of ints, or None.
      layers: layer, list of layers, or None; then contexts are the attentions.

    Raises:
      CellError: both are given, or too few or many.
    """
    if sizes is not None and layers is not None:
        raise CellError(
            f"attention_layer_size={sizes!r} and attention_layer={layers!r}: pass one of them"
        )
    depths = [tf.dimension_value(mechanism.values.shape[-1]) for mechanism in mechanisms]
    if sizes is not None:
        widths = _one_each("attention_layer_size", sizes, mechanisms)
        made = tuple(
            dense(width, "attention_layer", mechanism.dtype)
            for width, mechanism in zip(widths, mechanisms, strict=True)
        )
        return AttentionLayers(made, sum(int(width) for width in widths))
    if layers is not None:
        taken = _one_each("attention_layer", layers, mechanisms)
        shapes = [
            layer.compute_output_shape([None, int(cell.output_size) + depth])
            for layer, depth in zip(taken, depths, strict=True)
        ]
        return AttentionLayers(taken, sum(tf.dimension_value(shape[-1]) for shape in shapes))
    return AttentionLayers(None, sum(depths))


def _one_each(what: str, given: Any, mechanisms: Sequence[Any]) -> tuple[Any, ...]:
    found = tuple(given) if isinstance(given, list | tuple) else (given,)
    if len(found) != len(mechanisms):
        raise CellError(
            f"{what}={given!r} is {len(found)} for {len(mechanisms)} attention mechanisms: "
            f"pass one for each"
        )
    return found
