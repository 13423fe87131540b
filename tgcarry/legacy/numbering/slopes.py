"""Where TensorFlow 1.15 makes more operations, or fewer, for a gradient.

Today's gradients use more of what is known of shapes, and guard tensor arrays against races.
A gradient's operations lie in a name scope called like its operation, with "_grad" behind.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

# What 1.15 keeps on stacks in a loop for a broadcast whose shapes it computes there.
_ON_STACKS = 12


def surplus(op: Any) -> int:
    """Returns how many operations more 1.15 would have made along with a gradient's."""
    return sum(rule(op) for pattern, rule in _RULES if pattern.search(op.name))


def _inside(op: Any, name: str) -> Any:
    """Returns the operation of that name in the gradient's scope, or None."""
    scope = op.name[: op.name.rindex("_grad/") + len("_grad/")]
    try:
        return op.graph.get_operation_by_name(scope + name)
    except KeyError:
        return None


def _sum(op: Any) -> int:
    """Answers for a broadcast operand whose axes are known today: 1.15 computes both's."""
    if _inside(op, "Shape_1") is None or _inside(op, "BroadcastGradientArgs") is not None:
        return 0
    shapes = {_inside(op, "Shape").type, _inside(op, "Shape_1").type}
    return 2 + (_ON_STACKS if "/while/" in op.name and "Shape" in shapes else 0)


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


def _sparse_loss(op: Any) -> int:
    # A guard against gradients of gradients.
    forward = op.name[: op.name.rindex("_grad/")]
    while "/" in forward:
        forward = forward.partition("/")[2]
        try:
            found = op.graph.get_operation_by_name(forward)
        except KeyError:
            continue
        return 1 if found.type == "SparseSoftmaxCrossEntropyWithLogits" else 0
    return 0


def _always(count: int) -> Callable[[Any], int]:
    return lambda op: count


_RULES = [
    (re.compile(pattern), rule)
    for pattern, rule in (
        (r"_grad/Sum(_1)?/reduction_indices$", _sum),
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
