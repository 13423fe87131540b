"""cuDNN's layers over whole sequences, computed by ordinary cells."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import tensorflow.compat.v1 as tf

from tgcarry.cells import arguments
from tgcarry.cells.basic import BasicRNNCell
from tgcarry.cells.lstm import LSTMStateTuple
from tgcarry.cells.variables import ScopedVariables
from tgcarry.errors import CellError
from tgcarry.legacy import unrolling
from tgcarry.legacy.rnn.cudnn_cells import CudnnCompatibleGRUCell, CudnnCompatibleLSTMCell

_OWNERS = "tgcarry_cudnn_layers"


class _Owner(NamedTuple):
    """Says which layer has the variables that lie directly under a prefix."""

    prefix: str
    layer: str


class CudnnLayer(ScopedVariables):
    """Is the base of the layers: `num_layers` of them, one way or both.

    The variables are those that 1.15 wrote to checkpoints, not its one `opaque_kernel`: e.g.
    `rnn/multi_rnn_cell/cell_0/cudnn_compatible_lstm_cell/kernel`, or both ways
    `stack_bidirectional_rnn/cell_0/bidirectional_rnn/fw/...`, in the scope around the layer. A
    second layer in one scope has them in a scope of its own name.

    Args:
      num_layers: int, L.
      num_units: int, H.
      input_mode: "linear_input"; "auto_select" means the same here.
      direction: "unidirectional" or "bidirectional".
      dropout: float, of what goes from one layer to the next, in training.
      seed: int, of the dropout and of the kernels' default initialiser.
      dtype: of everything.
      kernel_initializer, bias_initializer: of each gate's matrices and biases.
      name: str, the layer's name.

    Raises:
      CellError, TypeError: a bad argument.

    Source: TensorFlow 1.15 `tf.contrib.cudnn_rnn`.
    """

    _pair: ClassVar[bool] = False

    def __init__(
        self,
        num_layers: int,
        num_units: int,
        input_mode: str = "linear_input",
        direction: str = "unidirectional",
        dropout: float = 0.0,
        seed: int | None = None,
        dtype: Any = tf.float32,
        kernel_initializer: Any = None,
        bias_initializer: Any = None,
        name: str | None = None,
    ) -> None:
        super().__init__(dtype=dtype, name=name)
        if input_mode not in ("linear_input", "auto_select"):
            raise CellError(
                f"input_mode={input_mode!r} is not computed here: leave it out (linear_input)"
            )
        if direction not in ("unidirectional", "bidirectional"):
            raise CellError(f"direction={direction!r}: pass 'unidirectional' or 'bidirectional'")
        self.num_layers = arguments.width("num_layers", num_layers)
        self.num_units = arguments.width("num_units", num_units)
        self.input_mode = input_mode
        self.direction = direction
        self._dropout = dropout
        self._seed = seed
        self._kernel_initializer = kernel_initializer
        self._bias_initializer = bias_initializer
        self._prefix: str | None = None
        self._cells: dict[str, Any] = {}

    @property
    def num_dirs(self) -> int:
        """1 or 2."""
        return 1 if self.direction == "unidirectional" else 2

    def state_shape(self, batch_size: Any) -> tuple[list[Any], ...]:
        """Returns the shapes of the state's tensors, `[L * directions, B, H]` each."""
        shape = [self.num_layers * self.num_dirs, batch_size, self.num_units]
        return (shape,) * (2 if self._pair else 1)

    def _make_cell(self) -> Any:
        raise NotImplementedError(f"{type(self).__name__} must define _make_cell")

    def build(self, input_shape: Any) -> None:
        """Does nothing: the first call makes the variables."""

    def __call__(
        self,
        inputs: Any,
        initial_state: Any = None,
        sequence_lengths: Any = None,
        time_major: bool = True,
        training: bool = True,
    ) -> tuple[Any, tuple[Any, ...]]:
        """Runs all layers over a whole sequence.

        Args:
          inputs: `[T, B, I]`, or `[B, T, I]` if not `time_major`.
          initial_state: tuple `(h, c)` or `(h,)` of `[L * directions, B, H]`; or `[B, L *
            directions, H]` if not `time_major`. Zeros by default.
          sequence_lengths: int `[B]`, or None; before 1.14 `training` had its place.
          time_major: whether time comes first.
          training: whether dropout is applied.

        Returns:
          `(outputs, state)`, of the forms of `inputs` and `initial_state`.

        Raises:
          TypeError: the state is no tuple.
        """
        if isinstance(sequence_lengths, bool):
            training, sequence_lengths = sequence_lengths, None
        if initial_state is not None and not isinstance(initial_state, tuple):
            raise TypeError(f"initial_state={initial_state!r} is not a tuple: pass (h, c) or (h,)")
        inputs = tf.convert_to_tensor(inputs, self._dtype)
        if not time_major:
            inputs = tf.transpose(inputs, [1, 0, 2])
        starts = self._starts(initial_state, tf.shape(inputs)[1], time_major)
        self._find_scope(None)
        self._find_prefix()
        outputs, ends = inputs, []
        for layer in range(self.num_layers):
            if layer and training and self._dropout:
                outputs = tf.nn.dropout(outputs, rate=self._dropout, seed=self._seed)
            both = []
            for way in range(self.num_dirs):
                number = layer * self.num_dirs + way
                output, end = self._run(
                    outputs, starts[number], self._place(layer, way), way, sequence_lengths
                )
                both.append(output)
                ends.append(end)
            outputs = both[0] if len(both) == 1 else tf.concat(both, 2)
        self.built = True
        states = tuple(
            tf.stack([end[part] for end in ends], axis=0 if time_major else 1)
            for part in range(len(ends[0]))
        )
        return (outputs if time_major else tf.transpose(outputs, [1, 0, 2])), states

    def _starts(self, given: Any, rows: Any, time_major: bool) -> list[Any]:
        axis = 0 if time_major else 1
        if given is None:
            given = tuple(
                tf.zeros(tf.stack(shape), self._dtype) for shape in self.state_shape(rows)
            )
            axis = 0
        count = self.num_layers * self.num_dirs
        parts = [tf.unstack(tf.convert_to_tensor(t, self._dtype), count, axis) for t in given]
        if not self._pair:
            return parts[0]
        return [LSTMStateTuple(c, h) for h, c in zip(*parts, strict=True)]

    def _run(
        self, x: Any, start: Any, place: str, way: int, lengths: Any
    ) -> tuple[Any, tuple[Any, ...]]:
        """Runs one layer one way and returns its outputs and its state, h first."""
        if place not in self._cells:
            self._cells[place] = self._make_cell()
        cell = self._cells[place]
        turned = _turned(x, lengths) if way else x
        with tf.variable_scope(tf.get_variable_scope(), custom_getter=self._getter):
            outputs, state = unrolling.dynamic_rnn(
                cell,
                turned,
                sequence_length=lengths,
                initial_state=start,
                time_major=True,
                scope=place,
            )
        ends = (state.h, state.c) if self._pair else (state,)
        return (_turned(outputs, lengths) if way else outputs), ends

    # The variables.

    def _place(self, layer: int, way: int) -> str:
        if self.num_dirs == 1:
            return f"{self._prefix}rnn/multi_rnn_cell/cell_{layer}"
        stack = f"{self._prefix}stack_bidirectional_rnn/cell_{layer}"
        return f"{stack}/bidirectional_rnn/{'bw' if way else 'fw'}"

    def _find_prefix(self) -> None:
        if self._prefix is not None:
            return
        around = tf.get_variable_scope().name
        owners = {owner.prefix: owner.layer for owner in tf.get_collection(_OWNERS)}
        key = f"{around}|{self.direction}|{type(self).__name__}"
        if key not in owners:
            tf.add_to_collection(_OWNERS, _Owner(key, self.scope_name))
        first = owners.get(key, self.scope_name) == self.scope_name
        self._prefix = "" if first else f"{self.scope_name.rpartition('/')[2]}/"

    def _getter(self, getter: Any, name: str, *args: Any, **kwargs: Any) -> Any:
        if name.endswith("kernel"):
            start = self._kernel_initializer or tf.initializers.glorot_uniform(
                seed=self._seed, dtype=self._dtype
            )
            kwargs["initializer"] = gate_by_gate(start, self.num_units)
        else:
            kwargs["initializer"] = self._bias_initializer or tf.zeros_initializer()
        variable = getter(name, *args, **kwargs)
        self._track(variable)
        return variable


def gate_by_gate(initializer: Any, units: int) -> Any:
    """Makes an initialiser of kernels that draws each gate's two matrices on their own.

    cuDNN's are `[H, I]` and `[H, H]`; a kernel has them transposed, one above the other.
    """

    def draw(shape: Any, dtype: Any = tf.float32, partition_info: Any = None) -> Any:
        rows, columns = (int(size) for size in shape)
        heights = [rows - units, units] if rows > units else [rows]
        gates = [
            tf.concat([tf.transpose(initializer([units, n], dtype=dtype)) for n in heights], 0)
            for _ in range(columns // units)
        ]
        return tf.concat(gates, 1)

    return draw


def _turned(x: Any, lengths: Any) -> Any:
    if lengths is None:
        return tf.reverse(x, [0])
    return tf.reverse_sequence(x, lengths, seq_axis=0, batch_axis=1)


class CudnnLSTM(CudnnLayer):
    """Is cuDNN's LSTM; see `CudnnLayer`. Its state is `(h, c)`."""

    _pair = True
    rnn_mode = "lstm"

    def _make_cell(self) -> Any:
        return CudnnCompatibleLSTMCell(self.num_units)


class CudnnGRU(CudnnLayer):
    """Is cuDNN's GRU; see `CudnnLayer`. Its state is `(h,)`."""

    rnn_mode = "gru"

    def _make_cell(self) -> Any:
        return CudnnCompatibleGRUCell(self.num_units)


class CudnnRNNTanh(CudnnLayer):
    """Is cuDNN's plain network with tanh; see `CudnnLayer`. Its state is `(h,)`."""

    rnn_mode = "rnn_tanh"

    def _make_cell(self) -> Any:
        return BasicRNNCell(self.num_units)


class CudnnRNNRelu(CudnnLayer):
    """Is cuDNN's plain network with relu; see `CudnnLayer`. Its state is `(h,)`."""

    rnn_mode = "rnn_relu"

    def _make_cell(self) -> Any:
        return BasicRNNCell(self.num_units, tf.nn.relu)
