"""Long short-term memory: the plain cell, and the one with peepholes, projection and clips."""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tgcarry.cells import arguments
from tgcarry.cells.matrix import MatrixCell


class _Pair(NamedTuple):
    c: Any
    h: Any


class LSTMStateTuple(_Pair):
    """Holds an LSTM's state: `c`, the memory, and `h`, the output, in that order.

    Source: TensorFlow 1.15 `tf.nn.rnn_cell.LSTMStateTuple`.
    """

    __slots__ = ()

    @property
    def dtype(self) -> tf.DType:
        """The dtype of both; TypeError if they differ."""
        if self.c.dtype != self.h.dtype:
            raise TypeError(
                f"the state has c of {self.c.dtype} and h of {self.h.dtype}: tf.cast one of them"
            )
        return self.c.dtype


class BasicLSTMCell(MatrixCell):
    """Runs one step of the plain LSTM.

        [i, j, f, o] = [x, h] W + b
        c' = c * sigmoid(f + forget_bias) + sigmoid(i) * activation(j)
        h' = activation(c') * sigmoid(o),     output = h'

    B is the batch, I the inputs' width, H the units. W is `kernel` `[I+H, 4H]`, b is `bias`
    `[4H]`, zero at first; `forget_bias` is added on top of it and not learnt.

    Args:
      num_units: int, H.
      forget_bias: float.
      state_is_tuple: True for `LSTMStateTuple(c, h)` of `[B, H]` each, False for one
        `[B, 2H]` tensor with c first.
      activation: function or 1.15's name for one; tanh by default.
      reuse: True takes existing variables, `tf.AUTO_REUSE` takes or makes them.
      name: str, the variable scope instead of `basic_lstm_cell`.
      dtype: of the variables; by default that of the first inputs.
      **kwargs: `trainable`.

    Raises:
      CellError, TypeError: a bad argument.

    Source: Zaremba, Sutskever and Vinyals 2014, "Recurrent neural network regularization",
      arXiv:1409.2329; TensorFlow 1.15 `tf.nn.rnn_cell.BasicLSTMCell`. Not included:
      peepholes, projection and clipping (see `LSTMCell`), and `get_config`.
    """

    def __init__(
        self,
        num_units: int,
        forget_bias: float = 1.0,
        state_is_tuple: bool = True,
        activation: Any = None,
        reuse: Any = None,
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(num_units, activation, reuse, name, dtype, **kwargs)
        self._forget_bias = forget_bias
        self._state_is_tuple = state_is_tuple
        self._kernel: Any = None
        self._bias: Any = None

    @property
    def forget_bias(self) -> Any:
        """What is added to the forget gate before its sigmoid."""
        return self._forget_bias

    @property
    def state_is_tuple(self) -> bool:
        """Whether the state is an `LSTMStateTuple`."""
        return self._state_is_tuple

    @property
    def kernel(self) -> Any:
        """W `[I+H, 4H]`, columns i, j, f, o; None until built."""
        return self._kernel

    @property
    def bias(self) -> Any:
        """The bias `[4H]`, i, j, f, o; None until built."""
        return self._bias

    @property
    def state_size(self) -> Any:
        """`LSTMStateTuple(H, H)`, or 2H."""
        units = self._num_units
        return LSTMStateTuple(units, units) if self._state_is_tuple else 2 * units

    def build(self, inputs_shape: Any) -> None:
        """Makes `kernel` and `bias` for inputs of the given shape `[B, I]`."""
        units = self._num_units
        rows = self._take_width(inputs_shape) + units
        self._kernel = self.add_variable("kernel", [rows, 4 * units])
        self._bias = self.add_variable("bias", [4 * units], initializer=tf.zeros_initializer())
        self.built = True

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Computes `(h', state')` from `[B, I]` and the state."""
        columns = tf.constant(1)
        c, h = state if self._state_is_tuple else tf.split(state, 2, axis=columns)
        gates = tf.matmul(tf.concat([inputs, h], 1), self._kernel)
        i, j, f, o = tf.split(tf.nn.bias_add(gates, self._bias), 4, axis=columns)
        # The names of what these make are 1.15's, e.g. Mul_2 for the output.
        f = tf.add(f, tf.convert_to_tensor(self._forget_bias, f.dtype), name="Add")
        kept = tf.multiply(c, tf.sigmoid(f))
        new_c = tf.add(kept, tf.multiply(tf.sigmoid(i), self._activation(j)), name="Add")
        new_h = tf.multiply(self._activation(new_c), tf.sigmoid(o))
        if self._state_is_tuple:
            return new_h, LSTMStateTuple(new_c, new_h)
        return new_h, tf.concat([new_c, new_h], 1)


class LSTMCell(MatrixCell):
    """Runs one step of the LSTM with optional peepholes, projection and clipping.

        [i, j, f, o] = [x, h] W + b
        c' = sigmoid(f + forget_bias + pf * c) * c + sigmoid(i + pi * c) * activation(j)
        c' = clip(c', cell_clip)
        m  = sigmoid(o + po * c') * activation(c')
        h' = clip(m P, proj_clip),            output = h'

    The terms in pf, pi and po exist with `use_peepholes`, the product with P with
    `num_proj`; the clips, to [-limit, limit], where a limit is given.

    B is the batch, I the inputs' width, H the units, M the output's width: `num_proj`, or H.
    W is `kernel` `[I+M, 4H]`, b `bias` `[4H]`, zero at first, P `projection/kernel`
    `[H, M]`, and pf, pi, po are `w_f_diag`, `w_i_diag`, `w_o_diag` `[H]`.

    Args:
      num_units: int, H.
      use_peepholes: bool.
      cell_clip: limit of c', or None.
      initializer: of all variables but the bias; by default the scope's, else Glorot.
      num_proj: int M, or None for no projection.
      proj_clip: limit of h', or None; without `num_proj` it does nothing.
      num_unit_shards: int, splits `kernel` into that many variables by rows.
      num_proj_shards: int, splits `projection/kernel` likewise.
      forget_bias: float.
      state_is_tuple: True for `LSTMStateTuple` of `[B, H]` and `[B, M]`, False for one
        `[B, H+M]` tensor with c first.
      activation: function or 1.15's name for one; tanh by default.
      reuse: True takes existing variables, `tf.AUTO_REUSE` takes or makes them.
      name: str, the variable scope instead of `lstm_cell`.
      dtype: of the variables; by default that of the first inputs.
      **kwargs: `trainable`.

    Raises:
      CellError, TypeError: a bad argument.

    Source: Gers, Schmidhuber and Cummins 1999, "Learning to forget: continual prediction
      with LSTM"; Sak, Senior and Beaufays 2014, "Long short-term memory recurrent neural
      network architectures for large scale acoustic modeling"; TensorFlow 1.15
      `tf.nn.rnn_cell.LSTMCell`. Not included: layer normalisation, and `get_config`.
    """

    def __init__(
        self,
        num_units: int,
        use_peepholes: bool = False,
        cell_clip: Any = None,
        initializer: Any = None,
        num_proj: int | None = None,
        proj_clip: Any = None,
        num_unit_shards: int | None = None,
        num_proj_shards: int | None = None,
        forget_bias: float = 1.0,
        state_is_tuple: bool = True,
        activation: Any = None,
        reuse: Any = None,
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(num_units, activation, reuse, name, dtype, **kwargs)
        self._use_peepholes = use_peepholes
        self._cell_clip = arguments.clip_limit("cell_clip", cell_clip)
        self._initializer = arguments.initializer_from("initializer", initializer)
        self._num_proj = None if num_proj is None else arguments.width("num_proj", num_proj)
        self._proj_clip = arguments.clip_limit("proj_clip", proj_clip)
        self._num_unit_shards = num_unit_shards
        self._num_proj_shards = num_proj_shards
        self._forget_bias = forget_bias
        self._state_is_tuple = state_is_tuple
        sizes = LSTMStateTuple(self._num_units, self._carried_width)
        # Subclasses in old programs read and set these two.
        self._state_size: Any = sizes if state_is_tuple else sum(sizes)
        self._output_size: Any = sizes.h
        self._kernel: Any = None
        self._bias: Any = None
        self._w_f_diag: Any = None
        self._w_i_diag: Any = None
        self._w_o_diag: Any = None
        self._proj_kernel: Any = None

    use_peepholes = property(lambda self: self._use_peepholes, doc="Whether c feeds the gates.")
    cell_clip = property(lambda self: self._cell_clip, doc="The limit of c', or None.")
    initializer = property(lambda self: self._initializer, doc="The initialiser, or None.")
    num_proj = property(lambda self: self._num_proj, doc="M, or None without projection.")
    proj_clip = property(lambda self: self._proj_clip, doc="The limit of h', or None.")
    forget_bias = property(lambda self: self._forget_bias, doc="What f gets added.")
    state_is_tuple = property(lambda self: self._state_is_tuple, doc="Whether (c, h).")
    kernel = property(lambda self: self._kernel, doc="W `[I+M, 4H]`; None until built.")
    bias = property(lambda self: self._bias, doc="The bias `[4H]`; None until built.")
    w_f_diag = property(lambda self: self._w_f_diag, doc="pf `[H]`; None without peepholes.")
    w_i_diag = property(lambda self: self._w_i_diag, doc="pi `[H]`; None without peepholes.")
    w_o_diag = property(lambda self: self._w_o_diag, doc="po `[H]`; None without peepholes.")
    proj_kernel = property(lambda self: self._proj_kernel, doc="P `[H, M]`; None without it.")

    @property
    def state_size(self) -> Any:
        """`LSTMStateTuple(H, M)`, or H + M."""
        return self._state_size

    @property
    def output_size(self) -> Any:
        """M."""
        return self._output_size

    @property
    def _carried_width(self) -> int:
        return self._num_units if self._num_proj is None else self._num_proj

    def build(self, inputs_shape: Any) -> None:
        """Makes the variables for inputs of the given shape `[B, I]`."""
        units, start = self._num_units, self._initializer
        rows = self._take_width(inputs_shape) + self._carried_width
        self._kernel = self.add_variable(
            "kernel", [rows, 4 * units], initializer=start, **_shards(self._num_unit_shards)
        )
        self._bias = self.add_variable("bias", [4 * units], initializer=tf.zeros_initializer())
        if self._use_peepholes:
            self._w_f_diag = self.add_variable("w_f_diag", [units], initializer=start)
            self._w_i_diag = self.add_variable("w_i_diag", [units], initializer=start)
            self._w_o_diag = self.add_variable("w_o_diag", [units], initializer=start)
        if self._num_proj is not None:
            self._proj_kernel = self.add_variable(
                "projection/kernel",
                [units, self._num_proj],
                initializer=start,
                **_shards(self._num_proj_shards),
            )
        self.built = True

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Computes `(h', state')` from `[B, I]` and the state."""
        if self._state_is_tuple:
            c, h = state
        else:
            c = tf.slice(state, [0, 0], [-1, self._num_units])
            h = tf.slice(state, [0, self._num_units], [-1, self._carried_width])
        gates = tf.matmul(tf.concat([inputs, h], 1), self._kernel)
        i, j, f, o = tf.split(tf.nn.bias_add(gates, self._bias), 4, axis=1)
        f = f + tf.convert_to_tensor(self._forget_bias, f.dtype)
        if self._use_peepholes:
            f = f + self._w_f_diag * c
            i = i + self._w_i_diag * c
        new_c = _clip(tf.sigmoid(f) * c + tf.sigmoid(i) * self._activation(j), self._cell_clip)
        if self._use_peepholes:
            o = o + self._w_o_diag * new_c
        new_h = tf.sigmoid(o) * self._activation(new_c)
        if self._num_proj is not None:
            new_h = _clip(tf.matmul(new_h, self._proj_kernel), self._proj_clip)
        if self._state_is_tuple:
            return new_h, LSTMStateTuple(new_c, new_h)
        return new_h, tf.concat([new_c, new_h], 1)


def _shards(count: int | None) -> dict[str, Any]:
    return {} if count is None else {"partitioner": tf.fixed_size_partitioner(count)}


def _clip(value: Any, limit: Any) -> Any:
    return value if limit is None else tf.clip_by_value(value, -limit, limit)
