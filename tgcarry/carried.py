"""A loss with the carry in it, for an optimiser, a clipping and a session loop of one's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tgcarry import gradients, states, tf1
from tgcarry.data.wording import shown
from tgcarry.errors import CarryError
from tgcarry.ports import CarryPorts

# TensorFlow 1's reference variables: an update writes into memory that others may be reading.
_UPDATED_IN_PLACE = ("Variable", "VariableV2")


class CutPorts(NamedTuple):
    """Holds a carry as it enters a chunk, cut in the graph where a stream starts anew."""

    initial_state: Any
    """Nest of `[B, H]` tensors: the state to unroll from."""
    upstream: Any
    """Nest of `[B, H]` tensors."""
    fed: CarryPorts
    """The placeholders behind them."""


class CarriedLoss(NamedTuple):
    """Holds what an optimiser minimises, and what has to be carried for it."""

    loss: tf.Tensor
    """Scalar to be minimised: the chunk's loss and `<upstream, final_state>`. Its value says
    little; its gradient is the chunk's and that of what follows."""
    state_gradient: Any
    """Nest like the initial state, `[B, H]`: the gradient of `loss` there."""
    ports: CarryPorts
    """The placeholders to be fed."""
    final_state: Any


def cut_ports(ports: CarryPorts, resets: Any) -> CutPorts:
    """Zeroes state and upstream of the streams that start a new sequence with the chunk.

        entering = where(resets, 0, fed)

    For flags that come with the data out of an iterator or a queue, where nobody could cut what
    is fed; unroll from the result's `initial_state`, and give it to `carried_loss` as its ports.
    Not included: resets inside a chunk (`dynamic_rnn(resets=)`).

    Args:
      ports: of `carry_ports`.
      resets: bool `[B]`.

    Returns:
      `CutPorts`.

    Raises:
      CarryError: the flags are not bool, or not one per stream.
    """
    resets = tf.convert_to_tensor(resets)
    if resets.dtype != tf.bool or resets.shape.rank not in (1, None):
        raise CarryError(
            f"cut_ports(resets={shown(resets.name)}): it is {resets.dtype.name} of shape "
            f"{resets.shape}; give one bool per stream, [B]"
        )

    def cut(leaf: tf.Tensor) -> tf.Tensor:
        entering = tf.where(resets, tf.zeros_like(leaf), leaf)
        entering.set_shape(resets.shape[:1].concatenate(leaf.shape[1:]))
        return entering

    with tf.name_scope("cut_ports"):
        state, upstream = (tf.nest.map_structure(cut, nest) for nest in ports)
    return CutPorts(state, upstream, ports)


def carried_loss(loss: tf.Tensor, ports: CarryPorts | CutPorts, final_state: Any) -> CarriedLoss:
    """Adds to a chunk's loss what the losses after it make of the chunk's final state.

        carried = loss + <upstream, final_state>

    Minimise `.loss` with any optimiser, clip its gradients as you like: they are what
    `build_chunk` would apply. The state's gradient is a backward pass of its own, run only when
    it is fetched (`build_chunk` takes both in one pass). Where variables are updated in place
    (TensorFlow 1's reference variables), it is computed before the optimiser's pass begins.
    Not included: feeding the ports (`CarryHook` does), guards against NaN.

    B is the batch, H a leaf's width.

    Args:
      loss: scalar float tensor, a sum over the chunk's steps.
      ports: of `carry_ports` or `cut_ports`; the graph was unrolled from `ports.initial_state`.
      final_state: nest like `ports.initial_state` of `[B, H]`.

    Returns:
      A `CarriedLoss`.

    Raises:
      CarryError: the loss is no float scalar, a state does not fit, or a leaf of the initial
        state reaches nothing.
      TypeError, ValueError: `final_state` and the ports differ in structure.

    Source: `tf.gradients(grad_ys=)`, as a loss: d<u, s>/ds = u.
    """
    _check_loss(loss)
    states.check_like("final_state", final_state, "initial_state", ports.initial_state)
    states.check_like("upstream", ports.upstream, "final_state", final_state)
    slopes = gradients.chunk_gradients(
        loss, tf.ones_like(loss), final_state, ports.upstream, [], ports.initial_state
    )
    leaves = zip(tf.nest.flatten(ports.upstream), tf.nest.flatten(final_state), strict=True)
    later = [tf.cast(tf.reduce_sum(up * final), loss.dtype) for up, final in leaves]
    total = tf.add_n([loss, *later], name="carried_loss")
    outcome = [*tf.nest.flatten(slopes.initial_state), *tf.nest.flatten(final_state)]
    if any(op.type in _UPDATED_IN_PLACE for op in tf1.operations_before([total])):
        total = _differentiated_after(outcome, total)
    fed = ports.fed if isinstance(ports, CutPorts) else ports
    return CarriedLoss(total, slopes.initial_state, fed, final_state)


def _differentiated_after(first: Sequence[tf.Tensor], value: tf.Tensor) -> tf.Tensor:
    """Returns `value` with a backward pass that waits until `first` was computed."""

    @tf.custom_gradient
    def held(inner: tf.Tensor) -> Any:
        def backward(slope: tf.Tensor) -> tf.Tensor:
            with tf.control_dependencies(first):
                return tf.identity(slope)

        return tf.identity(inner), backward

    return held(value)


def _check_loss(loss: Any) -> None:
    if not isinstance(loss, tf.Tensor):
        raise CarryError(f"carried_loss(loss={shown(loss)}): give one scalar tensor")
    if loss.shape.rank not in (0, None):
        raise CarryError(
            f"carried_loss: the loss {loss.name!r} has shape {loss.shape}; sum it to a scalar "
            f"with tf.reduce_sum"
        )
    if not loss.dtype.is_floating:
        raise CarryError(f"carried_loss: {loss.name!r} is {loss.dtype.name}, not a float")
