"""Dropout on what goes into a cell and on what comes out of it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry import states
from tgcarry.cells.wrappers import CellWrapper
from tgcarry.errors import CellError


class DropoutWrapper(CellWrapper):
    """Drops units of a cell's inputs, outputs and new states at random, while training.

        drop(v) = v * mask / keep_prob,       mask ~ Bernoulli(keep_prob) per entry
        output, s' = cell(drop(x), s);  returns drop(output), drop(s')

    Each of the three has its own keep probability; 1 leaves it alone. With
    `variational_recurrent`, a mask has shape `[1, width]` (one for all rows of the batch),
    is made with the wrapper and so is the same at every step of one `session.run`.

    Args:
      cell: the cell to wrap.
      input_keep_prob: float in (0, 1], or a scalar tensor of the same dtype as the inputs.
      output_keep_prob: the same for outputs.
      state_keep_prob: the same for new states.
      variational_recurrent: bool; needs `dtype`, and `input_size` if inputs are dropped.
      input_size: int, `tf.TensorShape` or a nest of them, the inputs' width.
      dtype: of inputs, states and outputs.
      seed: int, or None for a seed chosen by TensorFlow.
      dropout_state_filter_visitor: function from any level of the state to a bool, or to a
        flat structure of bools: which parts are dropped. By default all but the memory `c`
        of an `LSTMStateTuple` and tensor arrays.
      **kwargs: `name`, `trainable`.

    Raises:
      CellError: a probability out of range, or `dtype` or `input_size` missing.
      TypeError: `cell` is not a cell, or the visitor is not a function.

    Source: Srivastava et al. 2014, "Dropout", JMLR 15; Gal and Ghahramani 2016, "A
      theoretically grounded application of dropout in recurrent neural networks",
      arXiv:1512.05287; TensorFlow 1.15 `tf.nn.rnn_cell.DropoutWrapper`. Not included:
      `get_config`. Unlike 1.15, `weights` are the wrapped cell's and not an empty list.
    """

    def __init__(
        self,
        cell: Any,
        input_keep_prob: Any = 1.0,
        output_keep_prob: Any = 1.0,
        state_keep_prob: Any = 1.0,
        variational_recurrent: bool = False,
        input_size: Any = None,
        dtype: Any = None,
        seed: int | None = None,
        dropout_state_filter_visitor: Callable[[Any], Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(cell, dtype=dtype, **kwargs)
        visitor = dropout_state_filter_visitor
        if visitor is not None and not callable(visitor):
            raise TypeError(
                f"dropout_state_filter_visitor={visitor!r} is not a function: pass e.g. "
                f"lambda state: True"
            )
        self._dropout_state_filter = visitor or all_but_memory
        self._input_keep_prob = _probability("input_keep_prob", input_keep_prob)
        self._output_keep_prob = _probability("output_keep_prob", output_keep_prob)
        self._state_keep_prob = _probability("state_keep_prob", state_keep_prob)
        self._variational_recurrent = variational_recurrent
        self._input_size = input_size
        self._seed = seed
        self._noise: dict[str, list[Any]] = {}
        if variational_recurrent:
            self._make_noise(input_size, dtype)

    input_keep_prob = property(lambda self: self._input_keep_prob, doc="A float or a tensor.")
    output_keep_prob = property(lambda self: self._output_keep_prob, doc="A float or a tensor.")
    state_keep_prob = property(lambda self: self._state_keep_prob, doc="A float or a tensor.")
    variational_recurrent = property(
        lambda self: self._variational_recurrent, doc="Whether a mask lasts the whole run."
    )
    input_size = property(lambda self: self._input_size, doc="The inputs' width, or None.")
    seed = property(lambda self: self._seed, doc="The seed given, or None.")

    def _make_noise(self, input_size: Any, dtype: Any) -> None:
        if dtype is None:
            raise CellError("variational_recurrent=True needs a dtype: pass e.g. dtype=tf.float32")
        sizes = {"state": self.cell.state_size, "output": self.cell.output_size}
        if _drops(self._input_keep_prob):
            if input_size is None:
                raise CellError(
                    f"variational_recurrent=True with input_keep_prob={self._input_keep_prob} "
                    f"needs input_size: pass the inputs' width"
                )
            sizes = {"input": input_size, **sizes}
        for salt, nest in sizes.items():
            self._noise[salt] = [
                self._noise_of(size, dtype, self._salted(salt, i))
                for i, size in enumerate(tf.nest.flatten(nest))
            ]

    def _noise_of(self, size: Any, dtype: Any, seed: int | None) -> Any:
        return tf.random_uniform([1, *states.trailing_dims(size)], dtype=dtype, seed=seed)

    def _salted(self, salt: str, index: int) -> int | None:
        # The same hash as in 1.15, so that a seed means the same masks.
        if self._seed is None:
            return None
        text = f"{self._seed}{salt}_{index}".encode()
        return int(hashlib.md5(text, usedforsecurity=False).hexdigest()[:8], 16) & 0x7FFFFFFF

    def __call__(self, inputs: Any, state: Any, scope: Any = None) -> tuple[Any, Any]:
        """Runs one step of the wrapped cell with dropout around it; see `RNNCell`."""
        inputs = self._drop("input", inputs, self._input_keep_prob)
        output, new_state = self.cell(inputs, state, scope=scope)
        if _drops(self._state_keep_prob):
            marks = which_leaves(self._dropout_state_filter, new_state)
            new_state = self._drop("state", new_state, self._state_keep_prob, marks)
        return self._drop("output", output, self._output_keep_prob), new_state

    def _drop(
        self, salt: str, nest: Any, keep: Any, marks: list[tuple[bool, int]] | None = None
    ) -> Any:
        if not _drops(keep):
            return nest
        leaves = tf.nest.flatten(nest)
        at = 0
        # The seed's index counts marks, not leaves: a part left alone counts once.
        for index, (drop, count) in enumerate(marks or [(True, 1)] * len(leaves)):
            if drop:
                leaves[at] = self._drop_leaf(salt, index, at, leaves[at], keep)
            at += count
        return tf.nest.pack_sequence_as(nest, leaves)

    def _drop_leaf(self, salt: str, index: int, at: int, value: Any, keep: Any) -> Any:
        if not self._variational_recurrent:
            return tf.nn.dropout(value, rate=1.0 - keep, seed=self._salted(salt, index))
        mask = tf.floor(keep + self._noise[salt][at])
        dropped = value / keep * mask
        dropped.set_shape(value.shape)
        return dropped


def _probability(what: str, value: Any) -> Any:
    static = tf.get_static_value(value) if tf.is_tensor(value) else value
    if static is None and tf.is_tensor(value):
        return value
    try:
        number = float(static)
    except (TypeError, ValueError):
        raise TypeError(f"{what}={value!r} is not a number: pass e.g. {what}=0.8") from None
    if not 0.0 < number <= 1.0:
        raise CellError(f"{what}={value!r} is not in (0, 1]: it is the share kept, e.g. 0.8")
    return number


def _drops(keep: Any) -> bool:
    return not isinstance(keep, float) or keep < 1.0


def all_but_memory(state: Any) -> Any:
    """Marks for dropout everything but an LSTM tuple's `c` and tensor arrays."""
    # By name, so that TensorFlow's own cells are treated alike.
    if type(state).__name__ == "LSTMStateTuple" and getattr(state, "_fields", ()) == ("c", "h"):
        return type(state)(c=False, h=True)
    return not isinstance(state, tf.TensorArray)


def which_leaves(visitor: Callable[[Any], Any], nest: Any) -> list[tuple[bool, int]]:
    """Asks a visitor level by level which leaves of a nest to drop.

    Returns:
      List of `(drop, count)` in `tf.nest.flatten` order: `(True, 1)` for a leaf, `(False, n)`
      for a part of n leaves that is left alone.

    Raises:
      TypeError: an answer that is neither a bool nor a flat structure of bools.
    """
    answer = visitor(nest)
    if isinstance(answer, bool):
        if not answer:
            return [(False, len(tf.nest.flatten(nest)))]
        if not tf.nest.is_nested(nest):
            return [(True, 1)]
        return [mark for branch in _branches(nest) for mark in which_leaves(visitor, branch)]
    bools = _branches(answer) if tf.nest.is_nested(answer) and tf.nest.is_nested(nest) else [None]
    if not all(isinstance(b, bool) for b in bools) or len(bools) != len(_branches(nest)):
        raise TypeError(
            f"dropout_state_filter_visitor answered {answer!r} for {nest!r}: return a bool, or "
            f"one bool for each entry"
        )
    marks = []
    for drop, branch in zip(bools, _branches(nest), strict=True):
        leave = [(False, len(tf.nest.flatten(branch)))]
        marks += which_leaves(visitor, branch) if drop else leave
    return marks


def _branches(nest: Any) -> list[Any]:
    if isinstance(nest, dict):
        return [nest[key] for key in sorted(nest)]
    return list(nest)
