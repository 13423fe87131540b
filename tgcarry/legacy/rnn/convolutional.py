"""LSTMs over pictures: convolutions in place of matrix products."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.cells.base import RNNCell
from tgcarry.cells.lstm import LSTMStateTuple
from tgcarry.errors import CellError
from tgcarry.legacy import numbering


class ConvLSTMCell(RNNCell):
    """Runs one step of the convolutional LSTM.

        [i, j, f, o] = [x, h] * W + b,     channels side by side
        c' = sigmoid(f + forget_bias) * c + sigmoid(i) * tanh(j)
        h' = tanh(c') * sigmoid(o),     output = h'

    W is `kernel` `[..., I+C, 4C]`, b `biases` `[4C]`, in `conv_lstm_cell`.

    Args:
      conv_ndims: 1, 2 or 3 dimensions of space.
      input_shape: the inputs' shape without the batch, channels last.
      output_channels: int, C.
      kernel_shape: the window in space, `conv_ndims` ints.
      use_bias: whether there is b.
      skip_connection: whether the inputs follow the output's channels (in the state too).
      forget_bias: float.
      initializers: not used, as in 1.15.
      name: str, the variable scope.

    Raises:
      CellError: the shape has other dimensions than `conv_ndims` and channels.

    Source: Shi et al. 2015, "Convolutional LSTM network", arXiv:1506.04214; TensorFlow 1.15
      `tf.contrib.rnn.ConvLSTMCell`.
    """

    def __init__(
        self,
        conv_ndims: int,
        input_shape: Sequence[int],
        output_channels: int,
        kernel_shape: Sequence[int],
        use_bias: bool = True,
        skip_connection: bool = False,
        forget_bias: float = 1.0,
        initializers: Any = None,
        name: str | None = "conv_lstm_cell",
    ) -> None:
        super().__init__(name=name)
        shape = [None if dim is None else int(dim) for dim in input_shape]
        if conv_ndims not in (1, 2, 3) or len(shape) != conv_ndims + 1:
            raise CellError(
                f"input_shape={input_shape!r} has not conv_ndims={conv_ndims!r} dimensions and "
                f"channels: pass e.g. [height, width, channels] for 2"
            )
        self._conv_ndims = conv_ndims
        self._output_channels = output_channels
        self._kernel_shape = [int(size) for size in kernel_shape]
        self._use_bias = use_bias
        self._skip_connection = skip_connection
        self._forget_bias = forget_bias
        picture = tf.TensorShape([*shape[:-1], output_channels])
        more = shape[-1] if skip_connection else 0
        self._state_size = LSTMStateTuple(picture, picture)
        self._output_size = tf.TensorShape([*shape[:-1], output_channels + more])

    @property
    def state_size(self) -> Any:
        """`LSTMStateTuple` of two `tf.TensorShape`s `[..., C]`."""
        return self._state_size

    @property
    def output_size(self) -> Any:
        """`tf.TensorShape` `[..., C]`, or with the inputs' channels."""
        return self._output_size

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Computes `(output, (c', output))` from `[B, ..., I]` and the state."""
        c, h = state
        channels = 4 * self._output_channels
        gates = convolved([inputs, h], self._kernel_shape, channels, self._use_bias)
        i, j, f, o = tf.split(gates, 4, axis=self._conv_ndims + 1)
        new_c = tf.sigmoid(f + self._forget_bias) * c
        new_c = new_c + tf.sigmoid(i) * tf.tanh(j)
        output = tf.tanh(new_c) * tf.sigmoid(o)
        if self._skip_connection:
            output = tf.concat([output, inputs], axis=-1)
        return output, LSTMStateTuple(new_c, output)


def convolved(
    args: Sequence[Any],
    filter_size: Sequence[int],
    num_features: int,
    bias: bool,
    bias_start: float = 0.0,
) -> Any:
    """Convolves tensors, their channels side by side, over one to three dimensions.

    Args:
      args: tensors `[B, ..., I]`.
      filter_size: the window, an int a dimension.
      num_features: int, the channels that come out.
      bias: whether `biases` are added to what `kernel` gives.
      bias_start: their value at first.

    Returns:
      Tensor `[B, ..., num_features]`.

    Source: TensorFlow 1.15 `tensorflow.contrib.rnn.python.ops.rnn_cell._conv`.
    """
    dtype, space = args[0].dtype.base_dtype, args[0].shape.rank - 2
    channels = sum(int(x.shape.as_list()[-1]) for x in args)
    kernel = tf.get_variable("kernel", [*filter_size, channels, num_features], dtype=dtype)
    x = args[0] if len(args) == 1 else tf.concat(list(args), -1)
    if space == 1:
        with numbering.as_many(6):
            result = tf.nn.conv1d(x, kernel, 1, padding="SAME")
    else:
        convolve = tf.nn.conv2d if space == 2 else tf.nn.conv3d
        with numbering.as_many(1):
            result = convolve(x, kernel, [1] * (space + 2), padding="SAME")
    if not bias:
        return result
    start = tf.constant_initializer(bias_start, dtype=dtype)
    return result + tf.get_variable("biases", [num_features], dtype=dtype, initializer=start)


class Conv1DLSTMCell(ConvLSTMCell):
    """Runs one step of the convolutional LSTM over one dimension; see `ConvLSTMCell`."""

    def __init__(self, name: str | None = "conv_1d_lstm_cell", **kwargs: Any) -> None:
        super().__init__(conv_ndims=1, name=name, **kwargs)


class Conv2DLSTMCell(ConvLSTMCell):
    """Runs one step of the convolutional LSTM over two dimensions; see `ConvLSTMCell`."""

    def __init__(self, name: str | None = "conv_2d_lstm_cell", **kwargs: Any) -> None:
        super().__init__(conv_ndims=2, name=name, **kwargs)


class Conv3DLSTMCell(ConvLSTMCell):
    """Runs one step of the convolutional LSTM over three dimensions; see `ConvLSTMCell`."""

    def __init__(self, name: str | None = "conv_3d_lstm_cell", **kwargs: Any) -> None:
        super().__init__(conv_ndims=3, name=name, **kwargs)
