"""Where TensorFlow 1.15 makes more operations, or fewer, for a gradient.

Today's gradients use more of what is known of shapes, and guard tensor arrays against races.
A gradient's operations lie in a name scope called like its operation, with "_grad" behind.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import tensorflow.compat.v1 as tf

# What 1.15 keeps on stacks in a loop for a broadcast whose shapes it computes there.
_ON_STACKS = 12


def surplus(op: Any, shapes: set[Any]) -> int:
    """Returns how many operations more 1.15 would have made along with a gradient's.

    Args:
      op: the operation, one of a gradient's.
      shapes: the pairs of known shapes whose broadcast the graph has computed; grows.
    """
    broadcast = _broadcast(op, shapes) if op.name.endswith("_grad/Sum/reduction_indices") else 0
    return broadcast + sum(rule(op) for pattern, rule in _RULES if pattern.search(op.name))


def _inside(op: Any, name: str) -> Any:
    """Returns the operation of that name in the gradient's scope, or None."""
    scope = op.name[: op.name.rindex("_grad/") + len("_grad/")]
    try:
        return op.graph.get_operation_by_name(scope + name)
    except KeyError:
        return None


# Those of which 1.15 computes the broadcast of two known shapes once for a graph.
_CACHED = ("Add", "AddV2", "Mul", "Pow", "SquaredDifference", "Sub")


def _broadcast(op: Any, shapes: set[Any]) -> int:
    """Answers for operands whose broadcast axes are known today: 1.15 has operations find them."""
    if _inside(op, "Shape_1") is None or _inside(op, "BroadcastGradientArgs") is not None:
        return 0
    both = [_inside(op, name) for name in ("Shape", "Shape_1")]
    summed = 1 if _inside(op, "Sum_1/reduction_indices") is None else 2
    forward = _forward(op)
    if any(shape.type == "Shape" for shape in both):
        return 5 - 3 * summed + (_ON_STACKS if "/while/" in op.name else 0)
    if forward is not None and forward.type not in _CACHED:
        return 5 - 3 * summed
    key = tuple(tuple(tf.get_static_value(shape.outputs[0])) for shape in both)
    more = summed - 2 + (0 if key in shapes else 3)
    shapes.add(key)
    return more


def _unsummed(op: Any) -> int:
    """Answers for the operands of a division that are known not to be broadcast."""
    if _inside(op, "RealDiv_2") is None and _inside(op, "div_no_nan_2") is None:
        return 0
    names = ("Sum", "Sum_1", "BroadcastGradientArgs")
    return 0 if any(_inside(op, name) is not None for name in names) else 5


def _slice(op: Any) -> int:
    # The bounds are constants of the gradient's own today.
    return -3 if op.inputs[1].op.name.startswith(op.name) else 0


def _extremum(op: Any) -> int:
    # Zeros of a shape, and the gradient's shape.
    return 2 if _inside(op, "SelectV2") is not None else 0


def _forward(op: Any) -> Any:
    """Returns the operation whose gradient this one is part of, or None."""
    name = op.name[: op.name.rindex("_grad/")]
    while "/" in name:
        name = name.partition("/")[2]
        try:
            return op.graph.get_operation_by_name(name)
        except KeyError:
            continue
    return None


def _sparse_loss(op: Any) -> int:
    # A guard against gradients of gradients.
    forward = _forward(op)
    guarded = forward is not None and forward.type == "SparseSoftmaxCrossEntropyWithLogits"
    return 1 if guarded else 0


def _always(count: int) -> Callable[[Any], int]:
    return lambda op: count


_RULES = [
    (re.compile(pattern), rule)
    for pattern, rule in (
        (r"_grad/Shape_1$", _unsummed),
        (r"Mean(_\d+)?_grad/Size$", _always(1)),
        (r"(Mean|Sum)(_\d+)?_grad/BroadcastTo$", _always(3)),
        (r"Sum(_\d+)?_grad/Reshape/shape_1$", _always(-1)),
        (r"_grad/StridedSliceGrad$", _slice),
        # The barrier against races, and the stack that it needs.
        (r"TensorArrayWriteV3_grad/write_barrier$", _always(-8)),
        # Shapes were 64 bits wide and had to be cast.
        (r"(embedding_lookup|Gather(V2)?)(_\d+)?_grad/Reshape$", _always(1)),
        (r"_grad/zeros_like$", _extremum),
        (r"_grad/ExpandDims$", _sparse_loss),
        # Of the transpose and the reshape that change nothing.
        (r"Tensordot(_\d+)?/MatMul_grad/MatMul_1$", _always(4)),
    )
]
