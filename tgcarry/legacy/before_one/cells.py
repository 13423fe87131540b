"""The cells' constructors with the arguments of before TensorFlow 1.1: an inputs' width.

`input_size` was taken, by name or behind another argument, and has long been of no use. It is
left out where it stands: a whole number is no activation, initialiser or bool.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tgcarry import cells
from tgcarry.legacy.before_one.arguments import is_whole_number
from tgcarry.legacy.before_one.old_calls import OldCalls
from tgcarry.legacy.legacy_seq2seq.copies import cells_in, unbuilt_copy
from tgcarry.legacy.ops import dropout_wrapper

Arguments = tuple[tuple[Any, ...], dict[str, Any]]


def _without_width(
    args: tuple[Any, ...], kwargs: dict[str, Any], place: int, is_next: Callable[[Any], bool]
) -> Arguments:
    """Removes `input_size`, by name or at a place, where a None counts if `is_next` follows."""
    kwargs = {name: value for name, value in kwargs.items() if name != "input_size"}
    if len(args) > place:
        given, behind = args[place], args[place + 1 :]
        left_out = given is None and bool(behind) and is_next(behind[0])
        if is_whole_number(given) or left_out:
            args = (*args[:place], *behind)
    return args, kwargs


def _is_bool(value: Any) -> bool:
    return isinstance(value, bool)


class BasicRNNCell(cells.BasicRNNCell, metaclass=OldCalls):
    """Takes `(num_units, input_size, activation)` too; see `tgcarry.cells.BasicRNNCell`."""

    @staticmethod
    def _today(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
        return _without_width(args, kwargs, 1, callable)


class GRUCell(cells.GRUCell, metaclass=OldCalls):
    """Takes `(num_units, input_size, activation)` too; see `tgcarry.cells.GRUCell`."""

    @staticmethod
    def _today(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
        return _without_width(args, kwargs, 1, callable)


class BasicLSTMCell(cells.BasicLSTMCell, metaclass=OldCalls):
    """Takes `(num_units, forget_bias, input_size, ...)` too; see `tgcarry.cells.BasicLSTMCell`."""

    @staticmethod
    def _today(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
        return _without_width(args, kwargs, 2, _is_bool)


class LSTMCell(cells.LSTMCell, metaclass=OldCalls):
    """Takes `(num_units, input_size, use_peepholes, ...)` too; see `tgcarry.cells.LSTMCell`."""

    @staticmethod
    def _today(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
        return _without_width(args, kwargs, 1, _is_bool)


class DropoutWrapper(dropout_wrapper.DropoutWrapper, metaclass=OldCalls):
    """Takes `(cell, input_keep_prob, output_keep_prob, seed)` too; see `tgcarry.cells`."""

    @staticmethod
    def _today(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
        # A probability of keeping is at most 1.
        if len(args) == 4 and is_whole_number(args[3]) and args[3] > 1:
            return args[:3], {"seed": args[3], **kwargs}
        return args, kwargs


class MultiRNNCell(cells.MultiRNNCell, metaclass=OldCalls):
    """Takes one cell object for several layers, as in `MultiRNNCell([cell] * 3)`.

    In TensorFlow 1.15 such layers share their weights, and so they do here. Where that cannot
    be, because the layers' inputs have several widths, 1.15 fails; up to 1.0 each layer had
    weights of its own, and so it has here.

    Args:
      cells: see `tgcarry.cells.MultiRNNCell`.
      state_is_tuple: see there.
    """

    @staticmethod
    def _today(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
        return args, kwargs

    @staticmethod
    def _finish(made: cells.MultiRNNCell) -> None:
        parts = [id(part) for layer in made.cells for part in cells_in(layer)]
        if len(set(parts)) < len(parts):
            made._arrange = layers_apart


def layers_apart(layers: list[Any], inputs: Any) -> list[Any]:
    """Returns the cells, with copies where one stands for layers whose inputs differ in width.

    Args:
      layers: the cells, the lowest first.
      inputs: `[B, I]`, the lowest layer's.
    """
    widths = [inputs.shape.as_list()[-1], *(layer.output_size for layer in layers)]
    taken: dict[int, Any] = {}
    apart = []
    for layer, width in zip(layers, widths, strict=False):
        parts = list(cells_in(layer))
        fits = all(taken.setdefault(id(part), width) == width for part in parts)
        built = any(part.built for part in parts)
        apart.append(layer if fits or built else unbuilt_copy(layer))
    return apart
