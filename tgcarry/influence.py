"""Influence balancing as a chunk's graph, to try policies on a gradient that is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tgcarry.cells import RNNCell
from tgcarry.chunk import ChunkGraph, build_chunk
from tgcarry.data import Chunk, InfluenceBalancing, LazySequence, split_chunks
from tgcarry.data.wording import whole
from tgcarry.ports import carry_ports
from tgcarry.unroll import dynamic_rnn


class InfluenceCell(RNNCell):
    """Runs one step of the system that `InfluenceBalancing` defines.

        s' = A s + theta v,        output = s'_1

    B is the batch, n the units. The only variable is `theta`, a scalar. The inputs are not
    looked at; they say how many steps there are.

    Args:
      problem: which A and v.
      theta: the variable's first value.
      dtype: of the variable and the state.
      name: str, the variable scope instead of `influence_cell`.

    Source: as `InfluenceBalancing`.
    """

    def __init__(
        self,
        problem: InfluenceBalancing,
        theta: float = 0.5,
        dtype: tf.DType = tf.float64,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self._problem = problem
        self._start = theta
        self._theta: Any = None

    @property
    def state_size(self) -> int:
        """The units, n."""
        return self._problem.units

    @property
    def output_size(self) -> int:
        """One: unit 1."""
        return 1

    @property
    def theta(self) -> Any:
        """The variable; None until built."""
        return self._theta

    def build(self, inputs_shape: Any) -> None:
        """Makes `theta`, whatever the inputs' shape."""
        self._theta = self.add_variable(
            "theta", [], initializer=tf.constant_initializer(self._start)
        )
        self.built = True

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Computes `(s'_1 [B, 1], s' [B, n])` from `[B, n]`."""
        turned = tf.constant(self._problem.matrix.T, state.dtype)
        signs = tf.constant(self._problem.signs, state.dtype)
        following = tf.matmul(state, turned) + self._theta * signs
        return following[:, :1], following


def influence_chunk(
    problem: InfluenceBalancing | None = None,
    optimizer: tf.train.Optimizer | None = None,
    *,
    theta: float = 0.5,
    dtype: tf.DType = tf.float64,
    **options: Any,
) -> ChunkGraph:
    """Builds influence balancing into the default graph.

        loss = sum over streams and steps of (s_t,1 - target_t)^2 / 2

    With the chunks of `influence_chunks` every stream is the same system, unless the states it
    starts from differ; the gradient is the sum over the streams.

    Args:
      problem: the system; that of the source by default.
      optimizer: as in `build_chunk`.
      theta: the parameter's first value.
      dtype: tf.float64 or tf.float32.
      **options: more of `build_chunk`.

    Returns:
      A `ChunkGraph` with the feed "target" `[B, L]` and the state `[B, n]`.

    Source: as `InfluenceBalancing`.
    """
    cell = InfluenceCell(InfluenceBalancing() if problem is None else problem, theta, dtype)
    target = tf.placeholder(dtype, [None, None], "target")
    ports = carry_ports(cell, dtype=dtype)
    outputs, final_state = dynamic_rnn(
        cell, tf.expand_dims(target, -1), initial_state=ports.initial_state
    )
    error = tf.squeeze(outputs, -1) - target
    loss = 0.5 * tf.reduce_sum(tf.square(error))
    return build_chunk(loss, ports, final_state, {"target": target}, optimizer, **options)


def influence_chunks(steps: int, length: int, batch: int = 1) -> LazySequence[Chunk]:
    """Makes the data: a target of 1 at every step, cut into chunks.

    Args:
      steps: T in all, at least 1.
      length: steps of a chunk.
      batch: B, systems side by side.

    Returns:
      Chunks of "target" float64 `[B, length]`; nothing is reset.

    Raises:
      DataError: an argument is out of range.
    """
    shape = whole(batch, "batch", 1), whole(steps, "steps", 1)
    return split_chunks({"target": np.ones(shape)}, length)
