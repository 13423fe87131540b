"""Wrappers without a scope of their own: devices, compilation, highways."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.cells.wrappers import CellWrapper
from tgcarry.errors import CellError


class DeviceWrapper(CellWrapper):
    """Runs a cell on a device.

    Args:
      cell: the cell to wrap.
      device: for `tf.device`; one that is not there gives way to another by soft placement.
      **kwargs: `name`, `trainable`, `dtype`.

    Raises:
      TypeError: `cell` is not a cell.

    Source: TensorFlow 1.15 `tf.nn.rnn_cell.DeviceWrapper`.
    """

    def __init__(self, cell: Any, device: Any, **kwargs: Any) -> None:
        super().__init__(cell, **kwargs)
        self._device = device

    def zero_state(self, batch_size: Any, dtype: Any) -> Any:
        """Makes the wrapped cell's zero state on the device."""
        with tf.name_scope(f"{type(self).__name__}ZeroState"), tf.device(self._device):
            return self.cell.zero_state(batch_size, dtype)

    def __call__(self, inputs: Any, state: Any, scope: Any = None) -> tuple[Any, Any]:
        """Runs one step of the wrapped cell; see `RNNCell`."""
        with tf.device(self._device):
            return self.cell(inputs, state, scope=scope)


class CompiledWrapper(CellWrapper):
    """Runs a cell, which 1.15 compiled; here it runs like any other.

    Args:
      cell: the cell to wrap.
      compile_stateful: not used.

    Raises:
      TypeError: `cell` is not a cell.

    Source: TensorFlow 1.15 `tf.contrib.rnn.CompiledWrapper`.
    """

    def __init__(self, cell: Any, compile_stateful: bool = False) -> None:
        super().__init__(cell)

    def __call__(self, inputs: Any, state: Any, scope: Any = None) -> tuple[Any, Any]:
        """Runs one step of the wrapped cell; see `RNNCell`."""
        return self.cell(inputs, state, scope=scope)


class HighwayWrapper(CellWrapper):
    """Mixes a cell's inputs into its outputs, by learnt gates.

        c = sigmoid(x Wc + bc),    t = 1 - c,  or  sigmoid(x Wt + bt)
        output = c * x + t * cell(x, s)

    Wc, Wt are `carry_w`, `transform_w` `[I, I]`, bc, bt `carry_b`, `transform_b` `[I]`, in the
    scope that the wrapper is called in.

    Args:
      cell: the cell to wrap, with as many outputs as inputs.
      couple_carry_transform_gates: whether t is 1 - c.
      carry_bias_init: bc at first, and -bt.

    Raises:
      TypeError: `cell` is not a cell.

    Source: Srivastava, Greff and Schmidhuber 2015, "Highway networks", arXiv:1505.00387;
      TensorFlow 1.15 `tf.contrib.rnn.HighwayWrapper`.
    """

    def __init__(
        self, cell: Any, couple_carry_transform_gates: bool = True, carry_bias_init: float = 1.0
    ) -> None:
        super().__init__(cell)
        self._coupled = couple_carry_transform_gates
        self._carry_bias_init = carry_bias_init

    def __call__(self, inputs: Any, state: Any, scope: Any = None) -> tuple[Any, Any]:
        """Runs one step of the wrapped cell and mixes; see `RNNCell`."""
        outputs, new_state = self.cell(inputs, state, scope=scope)
        tf.nest.assert_same_structure(inputs, outputs)
        return tf.nest.map_structure(self._highway, inputs, outputs), new_state

    def _highway(self, x: Any, y: Any) -> Any:
        if not x.shape.is_compatible_with(y.shape) or x.shape.as_list()[-1] is None:
            raise CellError(
                f"inputs of shape {x.shape} cannot be mixed with outputs of shape {y.shape}: "
                f"give the cell as many units as its inputs are wide"
            )
        carry = self._gate(x, "carry", self._carry_bias_init)
        if self._coupled:
            transform = 1 - carry
        else:
            transform = self._gate(x, "transform", -self._carry_bias_init)
        return x * carry + y * transform

    def _gate(self, x: Any, name: str, start: float) -> Any:
        width = x.shape.as_list()[-1]
        weights = tf.get_variable(f"{name}_w", [width, width])
        bias = tf.get_variable(f"{name}_b", [width], initializer=tf.constant_initializer(start))
        return tf.sigmoid(tf.nn.xw_plus_b(x, weights, bias))
