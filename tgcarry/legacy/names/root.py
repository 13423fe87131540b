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

TABLES = (
    Table(
        "tensorflow",
        names={"__version__": "tgcarry.legacy.version:VERSION", **before_one.ROOT},
        fallback=("tensorflow.compat.v1",),
        aliases=("tensorflow.compat.v1",),
    ),
    Table("tensorflow.compat", fallback=("tensorflow.compat.v1.compat",)),
    Table("tensorflow.contrib"),
    Table(
        "tensorflow.nn",
        names={**before_one.NN},
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
        "tensorflow.train", names={**before_one.TRAIN}, fallback=("tensorflow.compat.v1.train",)
    ),
    Table("tensorflow.python", fallback=("tensorflow.python",)),
    Table("tensorflow.python.ops", fallback=("tensorflow.python.ops",)),
)
