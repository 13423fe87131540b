"""Synthetic gradients: networks in a chunk's graph that learn to predict its upstream."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry import stepping
from tgcarry.errors import ChunkError
from tgcarry.lessons import Learning, Target, learning_from
from tgcarry.predictor import Predictor


@dataclass(frozen=True)
class SyntheticGradient:
    """Says what the network is like that predicts a chunk's upstream from its final state.

        M(s) = r (W_n a_{n-1} + b_n),   a_i = relu(W_i a_{i-1} + b_i),   a_0 = s

    with all leaves of the state side by side, and r the root of the running mean square of what
    was to be predicted, so that the network learns numbers near 1 whatever the loss is divided
    by. W_n and b_n start at zero: at first nothing is predicted, as under `Truncated`.

    Args:
      hidden: units of each hidden layer, such as 64 or (64, 64); () for a linear map.
      optimizer: a `tf.train.Optimizer`; `tf.train.AdamOptimizer(1e-3)` if None.

    Raises:
      ChunkError: these make no network, or no optimiser.

    Source: Jaderberg et al. 2017, "Decoupled neural interfaces using synthetic gradients",
      arXiv:1608.05343. The scale r is this package's.
    """

    hidden: int | Sequence[int] = (64,)
    optimizer: tf.train.Optimizer | None = None

    def __post_init__(self) -> None:
        given: Any = self.hidden
        widths = tuple(given) if isinstance(given, Sequence) else (given,)
        for width in widths:
            whole = isinstance(width, Integral) and not isinstance(width, bool)
            if not whole or width < 1:
                raise ChunkError(
                    f"SyntheticGradient(hidden={given!r}): give units such as 64 or (64, 64), or "
                    f"() for a linear map"
                )
        if self.optimizer is not None and not isinstance(self.optimizer, tf.train.Optimizer):
            raise ChunkError(
                f"SyntheticGradient(optimizer={self.optimizer!r}): give one of TensorFlow 1's, "
                f"such as tf.train.AdamOptimizer(1e-3)"
            )
        object.__setattr__(self, "hidden", widths)


class Predictors:
    """Makes a predictor for each upstream of a chunk, in the default graph.

        upstream + f M(s_end)

    Variables are global, so that a Saver has them, and not trainable, so that no other loss takes
    them for its own.

    Args:
      design: what they are like.
      upstreams: a nest of placeholders per loss.
      final_state: nest of `[B, H]` tensors.

    Attributes:
      ahead: float `[B]`, 0 by default: f, 1 for streams that go on behind the chunk.
      behind: bool `[B]`, False by default: streams that were predicted for at the chunk's start,
        from whose true gradient there the predictor learns.
      upstreams: like the argument; what gradients are to be computed with.
      norm: scalar, over all of them.
      variables: all that the predictors have.
    """

    def __init__(
        self, design: SyntheticGradient, upstreams: Sequence[Any], final_state: Any
    ) -> None:
        self._dtype = dtype = tf.nest.flatten(final_state)[0].dtype
        self.design = design
        self.ahead = tf.placeholder_with_default(tf.zeros([1], dtype), [None], "ahead")
        self.behind = tf.placeholder_with_default(tf.zeros([1], tf.bool), [None], "behind")
        self._widths = [_width(leaf) for leaf in tf.nest.flatten(upstreams[0])]
        self._nets = [Predictor(design.hidden, sum(self._widths), dtype) for _ in upstreams]
        self.upstreams = tuple(
            self._with_prediction(net, upstream, final_state)
            for net, upstream in zip(self._nets, upstreams, strict=True)
        )
        self.norm = stepping.global_norm(tf.nest.flatten(self.upstreams), dtype)
        self.variables = [v for net in self._nets for v in net.variables]

    def _with_prediction(self, net: Predictor, upstream: Any, final_state: Any) -> Any:
        factor = self.ahead[:, None]
        guess = net.scale() * net.outputs(self._joined(final_state))
        # Not the product alone: nought times infinity would reach streams that do not ask.
        guess = tf.where_v2(factor > 0, factor * guess, tf.zeros_like(guess))
        flat = tf.nest.flatten(upstream)
        parts = tf.split(guess, self._widths, 1)
        sums = [
            leaf + tf.cast(tf.reshape(part, tf.shape(leaf)), leaf.dtype)
            for leaf, part in zip(flat, parts, strict=True)
        ]
        return tf.nest.pack_sequence_as(upstream, sums)

    def _joined(self, nest: Any) -> tf.Tensor:
        """Lays the leaves of a state side by side, `[B, sum of H]`."""
        flat = [
            tf.cast(tf.reshape(leaf, [-1, width]), self._dtype)
            for leaf, width in zip(tf.nest.flatten(nest), self._widths, strict=True)
        ]
        return tf.concat(flat, 1)

    def learning(self, initial_state: Any, starts: Sequence[Any]) -> Learning:
        """Adds what the predictors learn from: the gradient at the chunk's start.

            E = sum over streams behind |M(s_start) / r - d_start / r|^2 / 2 / streams behind

        with d_start taken as it is: nothing flows from E into the model, nor into the state.

        Args:
          initial_state: nest of `[B, H]` placeholders.
          starts: nest of `[B, H]` per loss, d_start.
        """
        state = self._joined(initial_state)
        weight = self._weight(state)
        targets = [
            Target(net, state, tf.stop_gradient(self._joined(start)), weight)
            for net, start in zip(self._nets, starts, strict=True)
        ]
        return learning_from(targets, self.design.optimizer or tf.train.AdamOptimizer(1e-3))

    def missed(self, initial_state: Any, starts: Sequence[Any]) -> tuple[Any, ...]:
        """Adds the gradient, at a chunk's start, of what the predictions miss there.

            e = d/ds [ sum over streams behind |M(s) - d_start|^2 / 2 / r ]   at s = s_start

        which grows as the loss does when that is multiplied by a number.

        Args:
          initial_state: nest of `[B, H]` placeholders.
          starts: nest of `[B, H]` placeholders per loss, d_start.

        Returns:
          Like `starts`.
        """
        found = []
        leaves = tf.nest.flatten(initial_state)
        state = self._joined(initial_state)
        for net, start in zip(self._nets, starts, strict=True):
            scale = net.scale()
            error = self._weight(state) * (net.outputs(state) - self._joined(start) / scale) ** 2
            gradients = tf.gradients(tf.reduce_sum(error) * scale / 2, leaves)
            found.append(tf.nest.pack_sequence_as(start, gradients))
        return tuple(found)

    def _weight(self, state: tf.Tensor) -> tf.Tensor:
        return tf.cast(self.behind, self._dtype)[:, None] * tf.ones_like(state[:, :1])


def _width(port: tf.Tensor) -> int:
    dims = port.shape[1:]
    if not dims.is_fully_defined():
        raise ChunkError(
            f"build_chunk(synthetic=): the port {port.name!r} has shape {port.shape}, and a "
            f"predictor needs to know how wide the state is: give the cell a state_size"
        )
    return int(dims.num_elements())
