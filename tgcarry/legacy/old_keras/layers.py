"""Keras' layers with Keras 1's keywords too, and recurrent ones with 1.15's variable names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry import tf1
from tgcarry.errors import DataError
from tgcarry.legacy.old_keras import keywords

_LAYERS = tf1.keras().layers


def _taking(base: Any, names: Mapping[str, str], *mixins: type) -> Any:
    """Makes a class like `base`, of its name, whose constructor knows older keywords."""

    class Layer(*mixins, base):  # type: ignore[misc]
        __doc__ = base.__doc__

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*_sizes(base, args), **keywords.renamed(kwargs, names))

    Layer.__name__ = Layer.__qualname__ = base.__name__
    return Layer


def _sizes(base: Any, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Returns a convolution's (filters, (rows, columns)) for Keras 1's three numbers."""
    if base.__name__ == "Conv2D" and len(args) == 3 and isinstance(args[2], int):
        return args[0], (args[1], args[2])
    return args


class _OwnScope:
    """Makes a recurrent layer's variables `lstm/kernel`, not `lstm/lstm_cell/kernel`."""

    def build(self, input_shape: Any) -> None:
        """Builds the cell in the layer's own name scope."""
        cell: Any = self.cell  # type: ignore[attr-defined]
        scope = tf.get_default_graph().get_name_scope()
        if not scope or not hasattr(cell, "_name"):
            super().build(input_shape)  # type: ignore[misc]
            return
        # A scope's name with a slash at its end is that scope again, not one inside it.
        name, cell._name = cell._name, f"{scope}/"
        try:
            super().build(input_shape)  # type: ignore[misc]
        finally:
            cell._name = name


RNN = _taking(_LAYERS.RNN, {}, _OwnScope)
LSTM = _taking(_LAYERS.LSTM, keywords.RECURRENT, _OwnScope)
GRU = _taking(_LAYERS.GRU, keywords.RECURRENT, _OwnScope)
SimpleRNN = _taking(_LAYERS.SimpleRNN, keywords.RECURRENT, _OwnScope)
Dense = _taking(_LAYERS.Dense, keywords.DENSE)
Embedding = _taking(_LAYERS.Embedding, keywords.EMBEDDING)
Dropout = _taking(_LAYERS.Dropout, keywords.DROPOUT)
Conv1D = _taking(_LAYERS.Conv1D, keywords.CONVOLUTION)
Conv2D = _taking(_LAYERS.Conv2D, keywords.CONVOLUTION)
MaxPooling1D = _taking(_LAYERS.MaxPooling1D, keywords.POOLING)
MaxPooling2D = _taking(_LAYERS.MaxPooling2D, keywords.POOLING)
AveragePooling1D = _taking(_LAYERS.AveragePooling1D, keywords.POOLING)
AveragePooling2D = _taking(_LAYERS.AveragePooling2D, keywords.POOLING)


def time_distributed_dense(*args: Any, **kwargs: Any) -> Any:
    """Makes a dense layer for every step: Keras 1's `TimeDistributedDense`."""
    outer = ("input_shape", "batch_input_shape", "name")
    shapes = {name: kwargs.pop(name) for name in outer if name in kwargs}
    return _LAYERS.TimeDistributed(Dense(*args, **kwargs), **shapes)


def merge(
    inputs: Any,
    mode: str = "sum",
    concat_axis: int = -1,
    dot_axes: Any = -1,
    name: str | None = None,
    **ignored: Any,
) -> Any:
    """Merges tensors: Keras 1's `merge`.

    Args:
      inputs: tensors.
      mode: "sum", "mul", "concat", "ave", "max", "dot" or "cos".
      concat_axis: for "concat".
      dot_axes: for "dot" and "cos".
      name: of the layer.
      **ignored: `output_shape` and others, which are inferred.

    Raises:
      DataError: another mode.
    """
    layers = {
        "sum": lambda: _LAYERS.Add(name=name),
        "mul": lambda: _LAYERS.Multiply(name=name),
        "concat": lambda: _LAYERS.Concatenate(axis=concat_axis, name=name),
        "ave": lambda: _LAYERS.Average(name=name),
        "max": lambda: _LAYERS.Maximum(name=name),
        "dot": lambda: _LAYERS.Dot(axes=dot_axes, name=name),
        "cos": lambda: _LAYERS.Dot(axes=dot_axes, normalize=True, name=name),
    }
    if mode not in layers:
        raise DataError(f"merge mode {mode!r}: take one of {', '.join(layers)}, or a Lambda layer")
    return layers[mode]()(inputs)
