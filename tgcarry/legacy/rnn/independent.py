"""Cells whose units each see only their own state: IndRNN, IndyGRU and IndyLSTM."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.cells import arguments
from tgcarry.cells.lstm import LSTMStateTuple
from tgcarry.cells.matrix import MatrixCell


class _IndependentCell(MatrixCell):
    """Makes the trios of variables that the cells below share."""

    def __init__(
        self,
        num_units: int,
        activation: Any,
        reuse: Any,
        name: str | None,
        dtype: Any,
        kernel_initializer: Any = None,
        bias_initializer: Any = None,
    ) -> None:
        super().__init__(num_units, activation, reuse, name, dtype)
        self._kernel_initializer = arguments.initializer_from(
            "kernel_initializer", kernel_initializer
        )
        self._bias_initializer = arguments.initializer_from("bias_initializer", bias_initializer)

    def _make(
        self, prefix: str, width: int, wide: int, bias: float, inputs_kernel: str = "kernel_w"
    ) -> tuple[Any, Any, Any]:
        """Makes W `[I, wide]`, u `[1, wide]` and b `[wide]`."""
        dtype = self._dtype or tf.float32
        start = self._bias_initializer
        return (
            self.add_variable(
                prefix + inputs_kernel, [width, wide], initializer=self._kernel_initializer
            ),
            self.add_variable(
                f"{prefix}kernel_u",
                [1, wide],
                initializer=tf.random_uniform_initializer(-1, 1, dtype=dtype),
            ),
            self.add_variable(
                f"{prefix}bias",
                [wide],
                initializer=tf.constant_initializer(bias) if start is None else start,
            ),
        )


class IndRNNCell(_IndependentCell):
    """Runs one step of the independently recurrent network.

        h' = activation(x W + u * h + b),     output = h'

    W is `kernel_w` `[I, H]`, u `kernel_u` `[1, H]`, uniform in [-1, 1] at first, b `bias` `[H]`.

    Args:
      num_units: int, H.
      activation: function or 1.15's name for one; tanh by default.
      reuse: True takes existing variables.
      name: str, the variable scope instead of `ind_rnn_cell`.
      dtype: of the variables; by default that of the first inputs.

    Raises:
      CellError, TypeError: a bad argument.

    Source: Li et al. 2018, "Independently recurrent neural network", arXiv:1803.04831;
      TensorFlow 1.15 `tf.contrib.rnn.IndRNNCell`.
    """

    def __init__(
        self,
        num_units: int,
        activation: Any = None,
        reuse: Any = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(num_units, activation, reuse, name, dtype)
        self._variables: Any = None

    def build(self, inputs_shape: Any) -> None:
        """Makes the variables for inputs of the given shape `[B, I]`."""
        self._variables = self._make("", self._take_width(inputs_shape), self._num_units, 0.0)
        self.built = True

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Computes `(h', h')` from `[B, I]` and `[B, H]`."""
        kernel, own, bias = self._variables
        output = tf.nn.bias_add(tf.matmul(inputs, kernel) + state * own, bias)
        output = self._activation(output)
        return output, output


class IndyGRUCell(_IndependentCell):
    """Runs one step of the GRU with one recurrent weight a unit and gate.

        [r, u] = sigmoid(x Wg + ug * [h, h] + bg)
        h' = u * h + (1 - u) * activation(x Wc + uc * r * h + bc),     output = h'

    Wg, ug, bg are `gates/kernel_w`, `gates/kernel_u`, `gates/bias`, one at first; Wc, uc, bc
    `candidate/kernel`, `candidate/kernel_u`, `candidate/bias`.

    Args: see `IndRNNCell`;
      kernel_initializer, bias_initializer: of the inputs' kernels and of the biases.

    Source: as `IndRNNCell`; TensorFlow 1.15 `tf.contrib.rnn.IndyGRUCell`.
    """

    def __init__(
        self,
        num_units: int,
        activation: Any = None,
        reuse: Any = None,
        kernel_initializer: Any = None,
        bias_initializer: Any = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(
            num_units, activation, reuse, name, dtype, kernel_initializer, bias_initializer
        )
        self._gates: Any = None
        self._candidate: Any = None

    def build(self, inputs_shape: Any) -> None:
        """Makes the variables for inputs of the given shape `[B, I]`."""
        width, units = self._take_width(inputs_shape), self._num_units
        self._gates = self._make("gates/", width, 2 * units, 1.0)
        self._candidate = self._make("candidate/", width, units, 0.0, "kernel")
        self.built = True

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Computes `(h', h')` from `[B, I]` and `[B, H]`."""
        kernel, own, bias = self._gates
        gates = tf.matmul(inputs, kernel) + tf.tile(state, [1, 2]) * own
        reset, update = tf.split(tf.sigmoid(tf.nn.bias_add(gates, bias)), 2, axis=1)
        kernel, own, bias = self._candidate
        candidate = tf.matmul(inputs, kernel) + (reset * state) * own
        candidate = self._activation(tf.nn.bias_add(candidate, bias))
        output = update * state + (1 - update) * candidate
        return output, output


class IndyLSTMCell(_IndependentCell):
    """Runs one step of the LSTM with one recurrent weight a unit and gate.

        [i, j, f, o] = x W + u * [h, h, h, h] + b
        c' = c * sigmoid(f + forget_bias) + sigmoid(i) * activation(j)
        h' = activation(c') * sigmoid(o),     output = h'

    W is `kernel_w` `[I, 4H]`, u `kernel_u` `[1, 4H]`, b `bias` `[4H]`.

    Args: see `IndyGRUCell`;
      forget_bias: float.

    Source: Gonnet and Deselaers 2019, "IndyLSTMs", arXiv:1903.08023; TensorFlow 1.15
      `tf.contrib.rnn.IndyLSTMCell`.
    """

    def __init__(
        self,
        num_units: int,
        forget_bias: float = 1.0,
        activation: Any = None,
        reuse: Any = None,
        kernel_initializer: Any = None,
        bias_initializer: Any = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(
            num_units, activation, reuse, name, dtype, kernel_initializer, bias_initializer
        )
        self._forget_bias = forget_bias
        self._variables: Any = None

    @property
    def state_size(self) -> Any:
        """`LSTMStateTuple(H, H)`."""
        return LSTMStateTuple(self._num_units, self._num_units)

    def build(self, inputs_shape: Any) -> None:
        """Makes the variables for inputs of the given shape `[B, I]`."""
        self._variables = self._make("", self._take_width(inputs_shape), 4 * self._num_units, 0.0)
        self.built = True

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Computes `(h', (c', h'))` from `[B, I]` and the state."""
        c, h = state
        kernel, own, bias = self._variables
        gates = tf.matmul(inputs, kernel) + tf.tile(h, [1, 4]) * own
        i, j, f, o = tf.split(tf.nn.bias_add(gates, bias), 4, axis=1)
        kept = tf.multiply(c, tf.sigmoid(f + tf.constant(self._forget_bias, f.dtype)))
        new_c = kept + tf.multiply(tf.sigmoid(i), self._activation(j))
        new_h = tf.multiply(self._activation(new_c), tf.sigmoid(o))
        return new_h, LSTMStateTuple(new_c, new_h)
