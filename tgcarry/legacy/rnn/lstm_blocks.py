"""LSTMs that 1.15 computed by one kernel: one step, and a whole sequence."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.cells import arguments
from tgcarry.cells.lstm import LSTMStateTuple
from tgcarry.cells.matrix import MatrixCell
from tgcarry.cells.variables import ScopedVariables
from tgcarry.errors import CellError
from tgcarry.legacy import numbering
from tgcarry.legacy.rnn import lstm_kernels


class LSTMBlockCell(MatrixCell):
    """Runs one step of the LSTM with optional peepholes and clipping.

        [i, j, f, o] = [x, h] W + b
        c' = clip(sigmoid(f + forget_bias + pf * c) * c + sigmoid(i + pi * c) * tanh(j))
        h' = sigmoid(o + po * c') * tanh(c'),     output = h'

    W is `kernel` `[I+H, 4H]`, b `bias` `[4H]`, and pi, pf, po `w_i_diag`, `w_f_diag`,
    `w_o_diag` `[H]`. Gradients pass the clip as if it were not there, like the kernel's.

    Args:
      num_units: int, H.
      forget_bias: float.
      cell_clip: limit of c', or None or a negative number for none.
      use_peephole: bool.
      dtype: of the variables; by default that of the first inputs.
      reuse: True takes existing variables.
      name: str, the variable scope, `lstm_cell` by default.

    Raises:
      CellError, TypeError: a bad argument.

    Source: TensorFlow 1.15 `tf.contrib.rnn.LSTMBlockCell`.
    """

    def __init__(
        self,
        num_units: int,
        forget_bias: float = 1.0,
        cell_clip: float | None = None,
        use_peephole: bool = False,
        dtype: Any = None,
        reuse: Any = None,
        name: str | None = "lstm_cell",
    ) -> None:
        super().__init__(num_units, None, reuse, name, dtype)
        self._forget_bias = forget_bias
        self._cell_clip = -1 if cell_clip is None else cell_clip
        self._use_peephole = use_peephole
        self._kernel: Any = None
        self._bias: Any = None
        self._diagonals: dict[str, Any] = {}

    @property
    def state_size(self) -> Any:
        """`LSTMStateTuple(H, H)`."""
        return LSTMStateTuple(self._num_units, self._num_units)

    def build(self, inputs_shape: Any) -> None:
        """Makes the variables for inputs of the given shape `[B, I]`."""
        self._kernel, self._bias, self._diagonals = lstm_variables(
            self, self._take_width(inputs_shape), self._num_units, self._use_peephole
        )
        self.built = True

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Computes `(h', (c', h'))` from `[B, I]` and the state."""
        c, h = state
        # 1.15's kernel was one operation; its peepholes had to be there, as one tensor of zeros.
        with numbering.as_many(1 if self._use_peephole else 2):
            step = lstm_kernels.one_step(
                inputs,
                c,
                h,
                self._kernel,
                self._bias,
                self._diagonals,
                self._forget_bias,
                self._cell_clip,
            )
        return step.h, LSTMStateTuple(step.cs, step.h)


def lstm_variables(
    owner: ScopedVariables, width: int, units: int, use_peephole: bool
) -> tuple[Any, Any, dict[str, Any]]:
    """Makes `kernel`, `bias` and the peepholes' `w_i_diag`, `w_f_diag`, `w_o_diag`."""
    kernel = owner.add_variable("kernel", [width + units, 4 * units])
    bias = owner.add_variable("bias", [4 * units], initializer=tf.constant_initializer(0.0))
    gates = "ifo" if use_peephole else ""
    return kernel, bias, {gate: owner.add_variable(f"w_{gate}_diag", [units]) for gate in gates}


class LSTMBlockWrapper(ScopedVariables):
    """Is the base of LSTMs over whole sequences.

    A subclass defines `num_units`, `build` and `_call_cell`, which returns all memories c and
    all outputs h, `[T, B, H]` each.

    Source: TensorFlow 1.15 `tf.contrib.rnn.LSTMBlockWrapper`.
    """

    @property
    def num_units(self) -> int:
        """H, the number of units."""
        raise NotImplementedError(f"{type(self).__name__} must define the property num_units")

    def build(self, input_shape: Any) -> None:
        """Makes the variables for inputs of the given shape `[T, B, I]`."""

    def _call_cell(
        self,
        inputs: Any,
        initial_cell_state: Any,
        initial_output: Any,
        dtype: Any,
        sequence_length: Any,
    ) -> tuple[Any, Any]:
        raise NotImplementedError(f"{type(self).__name__} must define _call_cell")

    def __call__(
        self,
        inputs: Any,
        initial_state: Any = None,
        dtype: Any = None,
        sequence_length: Any = None,
        scope: Any = None,
    ) -> tuple[Any, Any]:
        """Runs a whole sequence.

        Args:
          inputs: `[T, B, I]`, or a list of T tensors `[B, I]`.
          initial_state: `(c, h)` of `[B, H]`; zeros by default.
          dtype: of the state; needed without `initial_state`.
          sequence_length: int `[B]`; beyond it outputs are zero and the state stays.
          scope: str or variable scope; only the first call's counts.

        Returns:
          `(outputs, LSTMStateTuple(c, h))`: `[T, B, H]` or a list, as `inputs`.

        Raises:
          CellError: neither state nor dtype, or inputs of unknown width.
        """
        listed = isinstance(inputs, list | tuple)
        inputs = tf.stack(inputs) if listed else tf.convert_to_tensor(inputs)
        if inputs.shape.rank != 3 or inputs.shape.as_list()[2] is None:
            raise CellError(
                f"{self._name} takes inputs [time, batch, width] of a known width, but got the "
                f"shape {inputs.shape}: transpose or set_shape them"
            )
        with self._own_scope(scope):
            if not self.built:
                self._dtype = self._dtype or inputs.dtype.base_dtype
                self.build(inputs.shape)
                self.built = True
            outputs, state = self._run(inputs, initial_state, dtype, sequence_length)
        return (tf.unstack(outputs) if listed else outputs), state

    def _run(
        self, inputs: Any, initial_state: Any, dtype: Any, sequence_length: Any
    ) -> tuple[Any, Any]:
        steps, rows = (
            tf.shape(inputs)[axis] if size is None else size
            for axis, size in enumerate(inputs.shape.as_list()[:2])
        )
        if initial_state is None:
            if dtype is None:
                raise CellError(f"{self._name} needs a state to start from: pass dtype=tf.float32")
            zeros = tf.zeros(tf.stack([rows, self.num_units]), dtype)
            initial_state = zeros, zeros
        c, h = initial_state
        dtype = dtype or c.dtype
        if sequence_length is None:
            memories, outputs = self._call_cell(inputs, c, h, dtype, None)
            return outputs, LSTMStateTuple(memories[-1], outputs[-1])
        lengths = tf.convert_to_tensor(sequence_length)
        memories, outputs = self._call_cell(inputs, c, h, dtype, lengths)
        mask = tf.transpose(tf.sequence_mask(lengths, steps, dtype=dtype))
        outputs = outputs * tf.expand_dims(mask, -1)
        # The start goes in front: a length of 0 then finds it.
        index = tf.stack([lengths, tf.range(rows, dtype=lengths.dtype)], axis=1)
        last = [
            tf.gather_nd(tf.concat([tf.expand_dims(start, 0), rest], 0), index)
            for start, rest in ((c, memories), (h, outputs))
        ]
        return outputs, LSTMStateTuple(*last)


class LSTMBlockFusedCell(LSTMBlockWrapper):
    """Runs an LSTM over a whole sequence by TensorFlow's `BlockLSTM` kernel.

    Equations and variables are `LSTMBlockCell`'s.

    Args:
      num_units: int, H.
      forget_bias: float.
      cell_clip: limit of c', or None for none.
      use_peephole: bool.
      reuse: True takes existing variables.
      dtype: of the variables; by default that of the first inputs.
      name: str, the variable scope, `lstm_fused_cell` by default.

    Raises:
      CellError, TypeError: a bad argument.

    Source: TensorFlow 1.15 `tf.contrib.rnn.LSTMBlockFusedCell`.
    """

    def __init__(
        self,
        num_units: int,
        forget_bias: float = 1.0,
        cell_clip: float | None = None,
        use_peephole: bool = False,
        reuse: Any = None,
        dtype: Any = None,
        name: str | None = "lstm_fused_cell",
    ) -> None:
        super().__init__(_reuse=reuse, name=name, dtype=dtype)
        self._num_units = arguments.width("num_units", num_units)
        self._forget_bias = forget_bias
        self._cell_clip = -1 if cell_clip is None else cell_clip
        self._use_peephole = use_peephole
        self._kernel: Any = None
        self._bias: Any = None
        self._diagonals: dict[str, Any] = {}

    @property
    def num_units(self) -> int:
        """H."""
        return self._num_units

    def build(self, input_shape: Any) -> None:
        """Makes the variables for inputs of the given shape `[T, B, I]`."""
        self._kernel, self._bias, self._diagonals = lstm_variables(
            self, input_shape.as_list()[2], self._num_units, self._use_peephole
        )
        self.built = True

    def _call_cell(
        self,
        inputs: Any,
        initial_cell_state: Any,
        initial_output: Any,
        dtype: Any,
        sequence_length: Any,
    ) -> tuple[Any, Any]:
        steps = tf.shape(inputs)[0] if sequence_length is None else tf.reduce_max(sequence_length)
        none = None if self._use_peephole else tf.zeros([self._num_units], dtype)
        found = tf.raw_ops.BlockLSTM(
            seq_len_max=tf.cast(steps, tf.int64),
            x=inputs,
            cs_prev=initial_cell_state,
            h_prev=initial_output,
            w=self._kernel,
            wci=self._diagonals.get("i", none),
            wcf=self._diagonals.get("f", none),
            wco=self._diagonals.get("o", none),
            b=self._bias,
            forget_bias=self._forget_bias,
            cell_clip=self._cell_clip,
            use_peephole=self._use_peephole,
        )
        return found.cs, found.h
