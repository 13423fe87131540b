"""Tables of `tensorflow.python...`: files that programs imported, and what has left them."""

from __future__ import annotations

from tgcarry.legacy.table import Table

_V1 = "tensorflow.compat.v1"
_OLD = "tgcarry.legacy.before_one"
_INNER = "tensorflow.python"


def _ops(module: str, *more: str, **names: str) -> Table:
    """Makes the table of a file of operations, of which some have moved to other files."""
    name = f"{_INNER}.ops.{module}"
    return Table(name, names=names, fallback=(name, *more, _V1))


_JOINING = {
    name: f"{_OLD}.joining:{name}" for name in ("concat", "pack", "reverse", "split", "unpack")
}
_LOSSES = {
    name: f"{_OLD}.losses:{name}"
    for name in (
        "sigmoid_cross_entropy_with_logits",
        "softmax_cross_entropy_with_logits",
        "sparse_softmax_cross_entropy_with_logits",
    )
}
_SAMPLED = {name: f"{_OLD}.losses:{name}" for name in ("nce_loss", "sampled_softmax_loss")}

# Packages whose files are what they were; as tables they are imported when they are asked for.
_PACKAGES = (
    "core",
    "core.example",
    "core.framework",
    "core.protobuf",
    "core.util",
    "python.client",
    "python.eager",
    "python.framework",
    "python.lib",
    "python.lib.io",
    "python.platform",
    "python.saved_model",
    "python.summary",
    "python.summary.writer",
    "python.tools",
    "python.training",
    "python.util",
)

_READERS = {"NewCheckpointReader": f"{_V1}.train:NewCheckpointReader"}

TABLES: tuple[Table, ...] = (
    *(
        Table(f"tensorflow.{package}", fallback=(f"tensorflow.{package}",))
        for package in _PACKAGES
    ),
    _ops("array_ops", **_JOINING),
    _ops(
        "math_ops",
        batch_matmul=f"{_OLD}.arithmetic:batch_matmul",
        complex_abs=f"{_V1}:abs",
        inv=f"{_OLD}.arithmetic:inv",
        mul=f"{_V1}:multiply",
        neg=f"{_V1}:negative",
        select=f"{_OLD}.arithmetic:select",
        sub=f"{_V1}:subtract",
    ),
    _ops("control_flow_ops"),
    _ops("embedding_ops", f"{_V1}.nn"),
    _ops("nn_ops", f"{_V1}.nn", **_LOSSES),
    _ops("nn_impl", f"{_V1}.nn", **_LOSSES, **_SAMPLED),
    _ops(
        "init_ops",
        ones_initializer=f"{_OLD}.initializers:OnesInitializer",
        zeros_initializer=f"{_OLD}.initializers:ZerosInitializer",
    ),
    _ops("random_ops"),
    _ops("clip_ops"),
    _ops("gradients"),
    _ops("gradients_impl"),
    _ops("variables", RefVariable=f"{_V1}:Variable", VariableV1=f"{_V1}:Variable"),
    _ops("variable_scope", variable=f"{_V1}:Variable"),
    _ops("standard_ops", **_JOINING),
    _ops("logging_ops"),
    _ops("tensor_array_ops"),
    Table(
        f"{_INNER}.framework.ops",
        fallback=(f"{_INNER}.framework.ops", _V1),
        missing={
            "RegisterShape": "shapes come from the operation's own definition now: leave it out"
        },
    ),
    Table(
        f"{_INNER}.framework.tensor_shape",
        names={name: f"{_OLD}.shapes:{name}" for name in ("matrix", "scalar", "vector")},
        fallback=(f"{_INNER}.framework.tensor_shape",),
    ),
    Table(
        f"{_INNER}.framework.graph_util",
        fallback=(f"{_INNER}.framework.graph_util", f"{_V1}.graph_util"),
    ),
    Table(
        f"{_INNER}.util.nest",
        names={"is_sequence": f"{_INNER}.util.nest:is_nested"},
        fallback=(f"{_INNER}.util.nest",),
    ),
    Table(
        f"{_INNER}.pywrap_tensorflow",
        names=_READERS,
        fallback=(f"{_INNER}.pywrap_tensorflow",),
        aliases=("tensorflow.pywrap_tensorflow",),
    ),
    Table(
        f"{_INNER}.training.training_ops",
        fallback=(f"{_INNER}.ops.gen_training_ops",),
    ),
)
