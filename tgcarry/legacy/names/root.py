"""`import tensorflow as tf`: TensorFlow 2's `compat.v1`, behind the names that differ."""

from __future__ import annotations

from tgcarry.legacy.names import before_one
from tgcarry.legacy.table import Table

_CELLS = {
    name: f"tgcarry.cells:{name}"
    for name in (
        "BasicLSTMCell",
        "BasicRNNCell",
        "DropoutWrapper",
        "GRUCell",
        "LSTMCell",
        "LSTMStateTuple",
        "MultiRNNCell",
        "RNNCell",
        "ResidualWrapper",
    )
}
_UNROLLING = {
    name: f"tgcarry.legacy.unrolling:{name}"
    for name in (
        "bidirectional_dynamic_rnn",
        "dynamic_rnn",
        "static_bidirectional_rnn",
        "static_rnn",
        "static_state_saving_rnn",
    )
}
_CELLS["DropoutWrapper"] = "tgcarry.legacy.ops.dropout_wrapper:DropoutWrapper"

TABLES = (
    Table(
        "tensorflow",
        names={
            "__version__": "tgcarry.legacy.version:VERSION",
            "einsum": "tgcarry.tf1:einsum_by_products",
            **before_one.ROOT,
        },
        fallback=("tensorflow.compat.v1",),
        aliases=("tensorflow.compat.v1",),
    ),
    Table("tensorflow.compat", fallback=("tensorflow.compat.v1.compat",)),
    Table("tensorflow.contrib"),
    Table(
        "tensorflow.nn",
        names={**_UNROLLING, **before_one.NN},
        fallback=("tensorflow.compat.v1.nn",),
        aliases=("tensorflow.python.ops.nn",),
    ),
    Table(
        "tensorflow.nn.rnn_cell",
        names=_CELLS,
        fallback=("tensorflow.compat.v1.nn.rnn_cell",),
        aliases=("tensorflow.python.ops.rnn_cell", "tensorflow.python.ops.rnn_cell_impl"),
    ),
    Table(
        "tensorflow.python.ops.rnn",
        names=_UNROLLING,
        fallback=("tensorflow.python.ops.rnn", "tensorflow.compat.v1.nn"),
    ),
    Table(
        "tensorflow.train", names={**before_one.TRAIN}, fallback=("tensorflow.compat.v1.train",)
    ),
    Table("tensorflow.python", fallback=("tensorflow.python",)),
    Table("tensorflow.python.ops", fallback=("tensorflow.python.ops",)),
)
