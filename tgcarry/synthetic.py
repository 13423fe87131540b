"""Synthetic gradients: networks in a chunk's graph that learn to predict its upstream."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tgcarry import stepping
from tgcarry.errors import ChunkError
from tgcarry.stepping import Group

# How much of the mean square of the targets is kept from one chunk to the next.
_MEMORY = 0.99


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


class Learning(NamedTuple):
    """Holds how the predictors learn in a chunk's step."""

    groups: list[Group]
    """Their gradients, one group per predictor."""
    guards: list[tuple[str, tf.Tensor]]
    """What has to be finite before anything is applied."""
    assigns: list[Any]
    """A function per predictor that makes the operation which moves its scale."""
    error: tf.Tensor
    """Scalar: mean square of what the predictions miss, by that of their targets so far."""


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
        self._nets = [_Net(design.hidden, sum(self._widths), dtype) for _ in upstreams]
        self.upstreams = tuple(
            self._with_prediction(net, upstream, final_state)
            for net, upstream in zip(self._nets, upstreams, strict=True)
        )
        self.norm = stepping.global_norm(tf.nest.flatten(self.upstreams), dtype)
        self.variables = [v for net in self._nets for v in net.variables]

    def _with_prediction(self, net: _Net, upstream: Any, final_state: Any) -> Any:
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
        design = self.design
        optimizer = design.optimizer or tf.train.AdamOptimizer(1e-3)
        state = self._joined(initial_state)
        weight = tf.cast(self.behind, self._dtype)[:, None] * tf.ones_like(state[:, :1])
        count = tf.maximum(tf.reduce_sum(weight), 1)
        groups, guards, assigns, errors = [], [], [], []
        for net, start in zip(self._nets, starts, strict=True):
            target = tf.stop_gradient(self._joined(start))
            scale, assign = net.moved_scale(target, weight)
            missed = weight * (net.outputs(state) - target / scale)
            error = tf.reduce_sum(missed**2) / count
            gradients = tf.gradients(error / 2, net.weights)
            groups.append(Group(gradients, net.weights, optimizer, None))
            norm = stepping.global_norm(gradients, self._dtype)
            guards.append(("predictor's gradient norm", norm))
            assigns.append(assign)
            errors.append(error / tf.cast(tf.shape(state)[1], self._dtype))
        return Learning(groups, guards, assigns, tf.add_n(errors) / len(errors))


class _Net:
    """Is one predictor: its variables, and what it makes of a state."""

    def __init__(self, hidden: Any, width: int, dtype: tf.DType) -> None:
        sizes = [width, *hidden, width]
        last = len(sizes) - 2

        def variable(name: str, shape: Sequence[int], initializer: Any) -> tf.Variable:
            return tf.get_variable(name, shape, dtype, initializer, trainable=False)

        zeros = tf.zeros_initializer()
        with tf.variable_scope(None, "synthetic", use_resource=True):
            # From 0, so that another model's variables in the graph change no first weights.
            glorot = tf.glorot_uniform_initializer(seed=0)
            self._layers = [
                (
                    variable(f"kernel_{n}", sizes[n : n + 2], zeros if n == last else glorot),
                    variable(f"bias_{n}", sizes[n + 1 : n + 2], zeros),
                )
                for n in range(last + 1)
            ]
            self._square = variable("square", [], zeros)
            self._weight = variable("weight", [], zeros)
        self.weights = [v for layer in self._layers for v in layer]
        self.variables = [*self.weights, self._square, self._weight]

    def outputs(self, state: tf.Tensor) -> tf.Tensor:
        """Returns `M(s) / r`, `[B, sum of H]`."""
        *before, (kernel, bias) = self._layers
        for hidden, shift in before:
            state = tf.nn.relu(tf.matmul(state, hidden) + shift)
        return tf.matmul(state, kernel) + bias

    def scale(self) -> tf.Tensor:
        """Returns r, 1 before there was anything to predict."""
        return _root(self._square.read_value(), self._weight.read_value())

    def moved_scale(self, target: tf.Tensor, weight: tf.Tensor) -> tuple[tf.Tensor, Any]:
        """Returns r with a chunk's targets in it, and a function that makes its assignment."""
        rows = tf.reduce_sum(weight)
        some = tf.cast(rows > 0, target.dtype)
        numbers = tf.maximum(rows, 1) * tf.cast(tf.shape(target)[1], target.dtype)
        mean = tf.reduce_sum(weight * target**2) / numbers
        kept, new = 1 - some * (1 - _MEMORY), some * (1 - _MEMORY)
        square = kept * self._square.read_value() + new * mean
        total = kept * self._weight.read_value() + new

        def assign() -> tf.Operation:
            return tf.group(self._square.assign(square), self._weight.assign(total))

        return _root(square, total), assign


def _root(square: tf.Tensor, weight: tf.Tensor) -> tf.Tensor:
    one = tf.ones_like(square)
    some = square > 0
    return tf.where_v2(some, tf.sqrt(tf.where_v2(some, square / weight, one)), one)


def _width(port: tf.Tensor) -> int:
    dims = port.shape[1:]
    if not dims.is_fully_defined():
        raise ChunkError(
            f"build_chunk(synthetic=): the port {port.name!r} has shape {port.shape}, and a "
            f"predictor needs to know how wide the state is: give the cell a state_size"
        )
    return int(dims.num_elements())
