"""The neural Turing machine: a cell with a memory that it reads and writes by attention."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tgcarry.cells.base import LayerRNNCell
from tgcarry.cells.multi import check_like_cell
from tgcarry.errors import CellError


class NTMControllerState(NamedTuple):
    """Holds an `NTMCell`'s state.

    Source: TensorFlow 1.15 `tensorflow.contrib.rnn.python.ops.rnn_cell.NTMControllerState`.
    """

    controller_state: Any
    read_vector_list: Any
    w_list: Any
    M: Any
    time: Any


class NTMCell(LayerRNNCell):
    """Runs one step of a neural Turing machine.

    A controller reads the inputs and what its heads read last; its output gives each head a
    key, a strength, an interpolation gate, shifts and a sharpness, and each writing head an
    erase and an add vector. Memory is N places of D numbers.

    Args:
      controller: cell.
      memory_size: int, N.
      memory_vector_dim: int, D.
      read_head_num, write_head_num: ints.
      shift_range: int, how far a head may move in a step.
      output_dim: int, the output's width; by default the inputs'.
      clip_value: limit of the heads' parameters and of the output.
      dtype: of the variables.
      name: str, the variable scope instead of `ntm_cell`.

    Raises:
      CellError, TypeError: `controller` is not a cell.

    Source: Graves, Wayne and Danihelka 2014, "Neural Turing machines", arXiv:1410.5401;
      Collier and Beel 2018, arXiv:1807.08518; TensorFlow 1.15
      `tensorflow.contrib.rnn.python.ops.rnn_cell.NTMCell`.
    """

    def __init__(
        self,
        controller: Any,
        memory_size: int,
        memory_vector_dim: int,
        read_head_num: int,
        write_head_num: int,
        shift_range: int = 1,
        output_dim: int | None = None,
        clip_value: float = 20,
        dtype: Any = tf.float32,
        name: str | None = None,
    ) -> None:
        super().__init__(dtype=dtype, name=name)
        check_like_cell("controller", controller)
        self.controller = controller
        self.memory_size = memory_size
        self.memory_vector_dim = memory_vector_dim
        self.read_head_num = read_head_num
        self.write_head_num = write_head_num
        self.clip_value = clip_value
        self.output_dim = output_dim
        self.shift_range = shift_range
        self.num_parameters_per_head = memory_vector_dim + 2 * shift_range + 4
        self.num_heads = read_head_num + write_head_num
        self.total_parameter_num = (
            self.num_parameters_per_head * self.num_heads + 2 * memory_vector_dim * write_head_num
        )

    @property
    def state_size(self) -> Any:
        """`NTMControllerState` of sizes."""
        return NTMControllerState(
            self.controller.state_size,
            [self.memory_vector_dim] * self.read_head_num,
            [self.memory_size] * self.num_heads,
            tf.TensorShape([self.memory_size * self.memory_vector_dim]),
            tf.TensorShape([]),
        )

    @property
    def output_size(self) -> Any:
        """The output's width; None before the first call if it is to be the inputs'."""
        return self.output_dim

    def zero_state(self, batch_size: Any, dtype: Any) -> NTMControllerState:
        """Makes the state to start from, at time 0."""

        def zeros(*shape: int) -> Any:
            return tf.zeros([batch_size, *shape])

        return NTMControllerState(
            self.controller.zero_state(batch_size, dtype),
            [zeros(self.memory_vector_dim) for _ in range(self.read_head_num)],
            [zeros(self.memory_size) for _ in range(self.num_heads)],
            zeros(self.memory_size, self.memory_vector_dim),
            0,
        )

    def build(self, inputs_shape: Any) -> None:
        """Makes the variables for inputs of the given shape `[B, I]`."""
        wide, deep, heads = self.controller.output_size, self.memory_vector_dim, self.num_heads
        self.output_dim = self.output_dim or tf.TensorShape(inputs_shape).as_list()[1]
        if self.output_dim is None:
            raise CellError(f"{self._name} needs output_dim, or inputs of a known width")
        self._parameters = self._affine("parameters", wide, self.total_parameter_num)
        self._output = self._affine("output", wide + deep * self.read_head_num, self.output_dim)
        glorot = tf.initializers.glorot_uniform
        self._first_reads = [
            self.add_variable(f"initial_read_vector_{n}", [1, deep], initializer=glorot())
            for n in range(self.read_head_num)
        ]
        self._first_weights = [
            self.add_variable(
                f"initial_address_weights_{n}", [1, self.memory_size], initializer=glorot()
            )
            for n in range(heads)
        ]
        self._first_memory = self.add_variable(
            "memory", [self.memory_size, deep], initializer=tf.constant_initializer(1e-6)
        )
        self.built = True

    def _affine(self, name: str, rows: int, columns: int) -> tuple[Any, Any]:
        start = tf.truncated_normal_initializer(stddev=1.0 / math.sqrt(rows))
        return (
            self.add_variable(f"{name}_kernel", [rows, columns], initializer=start),
            self.add_variable(f"{name}_bias", [columns], initializer=tf.zeros_initializer()),
        )

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Computes `(output, state')` from `[B, I]` and an `NTMControllerState`."""
        reads, weights, memory = self._before(inputs, state)
        controlled, controller_state = self.controller(
            tf.concat([inputs, *reads], 1), state.controller_state
        )
        parameters = self._applied(self._parameters, controlled)
        split = self.num_parameters_per_head * self.num_heads
        heads = tf.split(parameters[:, :split], self.num_heads, axis=1)
        changes = tf.split(parameters[:, split:], 2 * self.write_head_num, axis=1)
        new_weights = [
            self._address(head, memory, last) for head, last in zip(heads, weights, strict=True)
        ]
        new_reads = [
            tf.reduce_sum(tf.expand_dims(weight, 2) * memory, axis=1)
            for weight in new_weights[: self.read_head_num]
        ]
        new_memory = _written(memory, new_weights[self.read_head_num :], changes)
        output = self._applied(self._output, tf.concat([controlled, *new_reads], 1))
        return output, NTMControllerState(
            controller_state, new_reads, new_weights, new_memory, state.time + 1
        )

    def _applied(self, affine: tuple[Any, Any], x: Any) -> Any:
        value = tf.nn.bias_add(tf.matmul(x, affine[0]), affine[1])
        return tf.clip_by_value(value, -self.clip_value, self.clip_value)

    def _before(self, inputs: Any, state: Any) -> tuple[list[Any], list[Any], Any]:
        """Returns what was read, addressed and stored: at time 0 what is learnt for it."""
        rows = tf.shape(inputs)[0]
        first = tf.equal(state.time, 0)

        def chosen(learnt: Any, old: Any) -> Any:
            every = tf.tile(learnt, tf.concat([[rows], [1] * (len(learnt.shape) - 1)], 0))
            every.set_shape([inputs.shape.as_list()[0], *learnt.shape.as_list()[1:]])
            return tf.cond(first, lambda: every, lambda: tf.identity(old))

        reads = [
            chosen(tf.tanh(learnt), old)
            for learnt, old in zip(self._first_reads, state.read_vector_list, strict=True)
        ]
        weights = [
            chosen(tf.nn.softmax(learnt), old)
            for learnt, old in zip(self._first_weights, state.w_list, strict=True)
        ]
        return reads, weights, chosen(tf.expand_dims(self._first_memory, 0), state.M)

    def _address(self, head: Any, memory: Any, last: Any) -> Any:
        """Returns a head's weights of the places, `[B, N]`."""
        deep, spread = self.memory_vector_dim, 2 * self.shift_range + 1
        sizes = [deep, 1, 1, spread, 1]
        key, strength, gate, shifts, sharpness = tf.split(head, sizes, axis=1)
        content = _similarity(memory, tf.tanh(key))
        content = tf.exp(tf.nn.softplus(strength) * content)
        content = content / tf.reduce_sum(content, axis=1, keepdims=True)
        gate = tf.sigmoid(gate)
        weights = gate * content + (1 - gate) * last
        weights = self._shifted(weights, tf.nn.softmax(shifts))
        sharp = tf.pow(weights, tf.nn.softplus(sharpness) + 1)
        return sharp / tf.reduce_sum(sharp, axis=1, keepdims=True)

    def _shifted(self, weights: Any, shifts: Any) -> Any:
        """Returns the circular convolution of weights `[B, N]` with shifts `[B, 2 S + 1]`.

        Columns 0 ... S of the shifts move by as many places on, the last S by as many back.
        """
        moves = [*range(self.shift_range + 1), *range(-self.shift_range, 0)]
        return tf.add_n(
            [
                shifts[:, column : column + 1] * tf.roll(weights, move, axis=1)
                for column, move in enumerate(moves)
            ]
        )


def _similarity(memory: Any, key: Any) -> Any:
    """Returns the cosines between places `[B, N, D]` and a key `[B, D]`: `[B, N]`."""
    product = tf.matmul(memory, tf.expand_dims(key, 2))
    key_norm = tf.sqrt(tf.reduce_sum(tf.square(key), axis=1, keepdims=True))
    norms = tf.sqrt(tf.reduce_sum(tf.square(memory), axis=2, keepdims=True))
    return tf.squeeze(product / (norms * tf.expand_dims(key_norm, 2) + 1e-8), [2])


def _written(memory: Any, weights: list[Any], changes: list[Any]) -> Any:
    for weight, erase, add in zip(weights, changes[::2], changes[1::2], strict=True):
        place = tf.expand_dims(weight, 2)
        kept = 1 - tf.matmul(place, tf.expand_dims(tf.sigmoid(erase), 1))
        memory = memory * kept + tf.matmul(place, tf.expand_dims(tf.tanh(add), 1))
    return memory
