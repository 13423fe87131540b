"""One layer over all steps as a differentiable operation, compiled by XLA or not."""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow as tf2
import tensorflow.compat.v1 as tf

from tgcarry.errors import CarryError
from tgcarry.kernels import loops
from tgcarry.kernels.layout import STEPS_FIRST, Layout
from tgcarry.kernels.recurrence import Recurrence, Tensors
from tgcarry.kernels.twice import Sources, second_gradients


class Flags(NamedTuple):
    """Holds what is special about single steps; None where nothing is."""

    real: Any
    """bool `[L, B, 1]`, False for padding."""
    fresh: Any
    """bool `[L, B, 1]`, True where a step starts from zeros."""


class LayerRun(NamedTuple):
    """Holds one layer's results."""

    outputs: Any
    """`[L, B, H]`; the gradient enters here."""
    final: Tensors
    """`[B, H]` each; and here."""
    outputs_alone: Any
    """The same values as `outputs`, from a run that keeps nothing for a reverse."""
    final_alone: Tensors
    """The same values as `final`, from a run that computes nothing else."""


class Layer:
    """Unrolls one recurrence on several parts of a batch with the same traced passes.

    Args:
      recurrence: the cell's arithmetic; its cell is built.
      compiled: whether XLA compiles the passes.
      twice: whether a gradient of the gradient adds a graph of its own, with every step in it,
        instead of being refused. The number of steps must be known, and they come first.
      layout: of all arrays over steps, shown here with the steps first.
    """

    def __init__(
        self,
        recurrence: Recurrence,
        compiled: bool,
        twice: bool = False,
        layout: Layout = STEPS_FIRST,
    ) -> None:
        self._recurrence = recurrence
        self._twice, self._layout = twice, layout
        self._weights = recurrence.weights()
        self._leaves = len(recurrence.widths)
        self._forward = _traced(loops.forward, (recurrence, layout), compiled)
        self._backward = _traced(loops.backward, (recurrence, layout), compiled)
        self._outputs_only = _traced(loops.outputs_only, (recurrence, layout), compiled)
        self._final_only = _traced(loops.final_only, (recurrence, layout), compiled)

    def __call__(
        self, x: Any, x_alone: Any, initial: Tensors, flags: Flags, last: bool
    ) -> LayerRun:
        """Adds one unrolled pass to the graph.

        Args:
          x: `[L, B, I]`, differentiable.
          x_alone: the same values, for the runs that keep nothing.
          initial: `[B, H]` each.
          flags: padding and fresh starts.
          last: whether no layer above wants `outputs_alone`.
        """
        outputs, *final = self._differentiable(x, initial, flags)
        if last:
            alone = None, self._final_only(x_alone, initial, self._weights, *flags)
        else:
            alone = self._outputs_only(x_alone, initial, self._weights, *flags)
        return LayerRun(outputs, tuple(final), alone[0], tuple(alone[1]))

    def _differentiable(self, x: Any, initial: Tensors, flags: Flags) -> Any:
        leaves = self._leaves

        @tf.custom_gradient
        def run(x: Any, *rest: Any) -> Any:
            initial, weights = rest[:leaves], rest[leaves:]
            ran = self._forward(x, initial, weights, *flags)
            # Taken apart here, where the first dimension's slices are views and not copies.
            after = tuple(map(self._layout.after, ran.states))
            outputs = after[self._recurrence.output]

            def reverse(d_outputs: Any, *d_final: Any) -> list[Any]:
                before = tuple(map(self._layout.before, ran.states, initial))
                sources = Sources((d_outputs, tuple(d_final)), x, tuple(initial), weights)
                return list(self._reverse(sources, flags, (before, after, ran.kept)))

            return (loops.without_padding(outputs, flags.real), *ran.final), reverse

        return run(x, *initial, *self._weights)

    def _reverse(self, sources: Sources, flags: Flags, ran: Any) -> Any:
        """Runs the reverse pass as an operation whose own gradient is refused by name."""
        slopes, x, _, weights = sources

        def again(*wanted: Any) -> list[Any]:
            if not self._twice:
                _refuse()
            found = second_gradients(self._recurrence, sources, *flags, list(wanted))
            return [*found, *(None for _ in tf.nest.flatten(ran))]

        @tf.custom_gradient
        def run(*_: Any) -> Any:
            found = self._backward(x, weights, *flags, ran, slopes)
            # Not compiled: TensorFlow's own products over all steps are faster.
            d_weights = loops.weight_gradients(self._recurrence, x, *flags, ran[0], found)
            return (found.inputs, *found.initial, *d_weights), again

        return run(*tf.nest.flatten((sources, ran)))


def _traced(function: Any, first: tuple[Recurrence, Layout], compiled: bool) -> Any:
    def bound(*args: Any, **kwargs: Any) -> Any:
        return function(*first, *args, **kwargs)

    return tf2.function(bound, jit_compile=compiled or None, autograph=False)


def _refuse() -> None:
    raise CarryError(
        "a gradient of a gradient was asked for, which the hand-written passes of "
        "engine='fused' and engine='loop' do not have: take dynamic_rnn(engine='stock')"
    )
