"""Where TensorFlow 1.15 makes more operations, or fewer, than today's for the same call.

A rule is asked once for each operation, when the numbers are next needed, and answers with how
many more 1.15 would have made along with it. It knows a construct by its operations' types and
the names that TensorFlow gives them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tgcarry.legacy.numbering import slopes


def surplus(op: Any, shapes: set[Any]) -> int:
    """Returns how many operations more 1.15 would have made along with this one.

    Args:
      op: the operation.
      shapes: what `slopes.surplus` remembers of the graph.
    """
    if "/Regularizer/" in op.name:
        return _regularizer(op)
    rule = _RULES.get(op.type)
    more = 0 if rule is None else rule(op)
    return more + slopes.surplus(op, shapes) if "_grad/" in op.name else more


def _always(count: int) -> Callable[[Any], int]:
    return lambda op: count


def _named(pattern: str, count: int) -> Callable[[Any], int]:
    found = re.compile(pattern)
    return lambda op: count if found.search(op.name) else 0


def _source(op: Any, which: int) -> Any:
    return op.inputs[which].op


def _regularizer(op: Any) -> int:
    """Leaves out what `tf.get_variable` makes today to see whether there is a loss at all."""
    variable = op.name.partition("/Regularizer/")[0]
    try:
        users = op.graph.get_tensor_by_name(f"{variable}/read:0").consumers()
    except KeyError:
        return 0
    # A loop's operations read the variable where it enters the loop.
    entered = [user.outputs[0].consumers() for user in users if user.type == "Enter"]
    users = [*users, *(user for several in entered for user in several)]
    inside = {user.type for user in users if "/Regularizer/" in user.name}
    outside = {user.type for user in users if "/Regularizer/" not in user.name}
    return -1 if inside & outside else 0


_ZEROS = re.compile(r"ZeroState(_\d+)?/zeros(_\d+)?$")


def _const(op: Any) -> int:
    # tgcarry's cells know that a zero state of a known batch is one constant.
    return 7 if _ZEROS.search(op.name) else 0


def _fill(op: Any) -> int:
    shape = _source(op, 0)
    if _ZEROS.search(op.name):
        return 5 if shape.type == "Const" else 4
    listed = shape.type == "Pack" and shape.name == f"{op.name}/packed"
    return _smallness([source.op for source in shape.inputs], shape.name) if listed else 0


def _smallness(entries: Sequence[Any], name: str) -> int:
    """Counts what compared the product of a listed shape's entries to a limit.

    A plain number among the entries was a constant each time, but those before the first
    tensor were one number.
    """
    plain = [entry.name.startswith(f"{name}/") for entry in entries]
    first = plain.index(False) if False in plain else len(plain)
    products = (2 if first else 0) + sum(2 if number else 1 for number in plain[first + 1 :])
    return products + 2


def _stacked(op: Any) -> int:
    # 1.15 asks a tensor array for its size where today's knows it.
    if "TensorArrayStack" not in op.name or _source(op, 1).type != "Range":
        return 0
    limit = _source(_source(op, 1), 1)
    return 0 if limit.type == "TensorArraySizeV3" or "TensorArrayStack" in limit.name else 1


_TENSORDOT = re.compile(r"Tensordot(_\d+)?/MatMul$")


def _matmul(op: Any) -> int:
    # 1.15 transposes and reshapes even where this changes nothing; with a constant each.
    if not _TENSORDOT.search(op.name):
        return 0
    more = 0
    for which in (0, 1):
        source = _source(op, which)
        if source.type != "Reshape":
            more += 2 if source.type == "Transpose" else 4
        elif _source(source, 0).type != "Transpose":
            more += 2
    return more


def _reshape(op: Any) -> int:
    # Flattening took the batch's size out of the shape.
    scope, _, name = op.name.rpartition("/")
    if name != "Reshape" or not re.search(r"flatten(_\d+)?$", scope):
        return 0
    unknown = _source(op, 0).outputs[0].shape.as_list()[0] is None
    return 6 if unknown and _source(op, 1).name == f"{scope}/Const" else 0


_BOUNDS = re.compile(r"strided_slice(_\d+)?/stack(_\d+)?$")


def _pack(op: Any) -> int:
    # Numbers only made one constant, whatever the other bounds of the slice were.
    numbers = all(source.op.type == "Const" for source in op.inputs)
    return -len(op.inputs) if numbers and _BOUNDS.search(op.name) else 0


def _conv(op: Any) -> int:
    # A layer made a constant of its dilation.
    layer = op.name.rpartition("/")[0]
    kernel = _source(op, 1)
    if kernel.type == "ExpandDims":
        kernel, layer = _source(kernel, 0), op.name.rpartition("/")[0]
    return 1 if layer and kernel.name.startswith((f"{layer}/kernel", f"{layer}/weights")) else 0


def _batch_norm(op: Any) -> int:
    return 2 if op.get_attr("is_training") and "batch_normalization" in op.name else 0


def _range(op: Any) -> int:
    # The sum over all of a scalar's dimensions, of which there are none.
    if not re.search(r"Rank(_\d+)?$", _source(op, 1).name):
        return 0
    return -3 if tf.get_static_value(op.inputs[1]) == 0 else 0


def _one_hot(op: Any) -> int:
    # Numbers given for on and off became constants once more, after their dtype was known.
    given = re.compile(re.escape(op.name) + r"/Const(_\d+)?$")
    return sum(bool(given.match(_source(op, which).name)) for which in (2, 3))


_RULES: dict[str, Callable[[Any], int]] = {
    # The number of parts was turned into a constant that nothing read.
    "Split": _always(1),
    "Const": _const,
    "Fill": _fill,
    # tgcarry makes one number of a zero state's batch.
    "Reshape": lambda op: -3 if re.search(r"ZeroState(_\d+)?/Reshape$", op.name) else _reshape(op),
    "TensorArrayGatherV3": _stacked,
    # Other diagonals than the main one, and what to pad with.
    "MatrixSetDiagV3": _always(-1),
    "MatrixDiagV3": _always(-4),
    # The options of a pipeline, and what tuned it.
    "MakeIterator": _always(3),
    "MatMul": _matmul,
    "BatchMatMulV2": _matmul,
    "Minimum": _named(r"PolynomialDecay(_\d+)?/Minimum$", 1),
    "Conv1D": _conv,
    "Conv2D": _conv,
    "Conv3D": _conv,
    "FusedBatchNormV3": _batch_norm,
    "Range": _range,
    "Pack": _pack,
    # What is drawn from was broadcast by an addition.
    "BroadcastArgs": _named(r"random_gamma(_\d+)?/BroadcastArgs$", -1),
    "BroadcastTo": _named(r"random_gamma(_\d+)?/BroadcastTo$", -1),
    "OneHot": _one_hot,
    # 1.15 looks whether the norm is finite.
    "Sub": _named(r"clip_by_global_norm(_\d+)?/sub$", 1),
}
