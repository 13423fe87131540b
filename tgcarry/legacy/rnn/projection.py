"""Cells with a learnt map in front of or behind another cell."""

from __future__ import annotations

import math
from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.cells import arguments
from tgcarry.cells.base import RNNCell
from tgcarry.cells.multi import check_like_cell
from tgcarry.legacy.rnn.linear import linear


class ScopedWrapper(RNNCell):
    """Is the base of wrappers with variables: they and the cell's lie in the wrapper's scope."""

    def __init__(self, cell: Any, reuse: Any = None) -> None:
        super().__init__(_reuse=reuse)
        check_like_cell("cell", cell)
        self._cell = cell

    @property
    def state_size(self) -> Any:
        """The wrapped cell's."""
        return self._cell.state_size

    @property
    def output_size(self) -> Any:
        """The wrapped cell's."""
        return self._cell.output_size

    def zero_state(self, batch_size: Any, dtype: Any) -> Any:
        """Makes the wrapped cell's zero state."""
        with tf.name_scope(f"{type(self).__name__}ZeroState"):
            return self._cell.zero_state(batch_size, dtype)


class InputProjectionWrapper(ScopedWrapper):
    """Feeds a cell with a projection of the inputs: `cell(activation(x W + b), s)`.

    W is `kernel` `[I, P]` and b `bias` `[P]`, in `input_projection_wrapper`.

    Args:
      cell: the cell to wrap.
      num_proj: int, P.
      activation: function, or None for none.
      input_size: not used.
      reuse: True takes existing variables.

    Raises:
      TypeError: `cell` is not a cell.

    Source: TensorFlow 1.15 `tf.contrib.rnn.InputProjectionWrapper`.
    """

    def __init__(
        self,
        cell: Any,
        num_proj: int,
        activation: Any = None,
        input_size: Any = None,
        reuse: Any = None,
    ) -> None:
        super().__init__(cell, reuse)
        self._num_proj = arguments.width("num_proj", num_proj)
        self._activation = activation

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Computes the wrapped cell's step on `[B, P]`."""
        projected = linear(inputs, self._num_proj, True)
        if self._activation:
            projected = self._activation(projected)
        return self._cell(projected, state)


class OutputProjectionWrapper(ScopedWrapper):
    """Projects a cell's outputs: `activation(output W + b)`.

    W is `kernel` `[H, O]` and b `bias` `[O]`, in `output_projection_wrapper`.

    Args:
      cell: the cell to wrap.
      output_size: int, O.
      activation: function, or None for none.
      reuse: True takes existing variables.

    Raises:
      CellError, TypeError: `cell` is not a cell, or `output_size` is below 1.

    Source: TensorFlow 1.15 `tf.contrib.rnn.OutputProjectionWrapper`.
    """

    def __init__(
        self, cell: Any, output_size: int, activation: Any = None, reuse: Any = None
    ) -> None:
        super().__init__(cell, reuse)
        self._output_size = arguments.width("output_size", output_size)
        self._activation = activation

    @property
    def output_size(self) -> int:
        """O."""
        return self._output_size

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Computes `([B, O], new_state)`."""
        output, new_state = self._cell(inputs, state)
        projected = linear(output, self._output_size, True)
        return (self._activation(projected) if self._activation else projected), new_state


class EmbeddingWrapper(ScopedWrapper):
    """Feeds a cell with the embeddings of integers: `cell(E[x], s)`.

    E is `embedding` `[V, D]`, in `embedding_wrapper`.

    Args:
      cell: the cell to wrap.
      embedding_classes: int, V.
      embedding_size: int, D.
      initializer: of E; by default the scope's, else uniform in [-sqrt(3), sqrt(3)].
      reuse: True takes existing variables.

    Raises:
      CellError, TypeError: `cell` is not a cell, or V or D is below 1.

    Source: TensorFlow 1.15 `tf.contrib.rnn.EmbeddingWrapper`.
    """

    def __init__(
        self,
        cell: Any,
        embedding_classes: int,
        embedding_size: int,
        initializer: Any = None,
        reuse: Any = None,
    ) -> None:
        super().__init__(cell, reuse)
        self._embedding_classes = arguments.width("embedding_classes", embedding_classes)
        self._embedding_size = arguments.width("embedding_size", embedding_size)
        self._initializer = initializer

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Computes the wrapped cell's step on `[B, D]` from integers `[B]` or `[B, 1]`."""
        with tf.device("/cpu:0"):
            initializer = self._initializer or tf.get_variable_scope().initializer
            if not initializer:
                initializer = tf.random_uniform_initializer(-math.sqrt(3), math.sqrt(3))
            embedding = tf.get_variable(
                "embedding",
                [self._embedding_classes, self._embedding_size],
                initializer=initializer,
                dtype=tf.nest.flatten(state)[0].dtype.base_dtype,
            )
            embedded = tf.nn.embedding_lookup(embedding, tf.reshape(inputs, [-1]))
            return self._cell(embedded, state)
