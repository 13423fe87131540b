"""`import tensorflow as tf`: TensorFlow 2's `compat.v1`, behind the names that differ."""

from __future__ import annotations

from tgcarry.legacy.names import before_one, contrib_rest, contrib_rnn
from tgcarry.legacy.table import Table

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

TABLES = (
    Table(
        "tensorflow",
        names={
            "__version__": "tgcarry.legacy.version:VERSION",
            "einsum": "tgcarry.tf1:einsum_by_products",
            **before_one.ROOT,
        },
        differs=before_one.ROOT_DIFFERS,
        fallback=("tensorflow.compat.v1",),
        aliases=("tensorflow.compat.v1",),
    ),
    Table("tensorflow.compat", fallback=("tensorflow.compat.v1.compat",)),
    Table("tensorflow.contrib", missing=contrib_rest.MISSING),
    Table(
        "tensorflow.nn",
        names={**_UNROLLING, **before_one.NN},
        differs=before_one.NN_DIFFERS,
        fallback=("tensorflow.compat.v1.nn",),
        aliases=("tensorflow.python.ops.nn",),
    ),
    Table(
        "tensorflow.nn.rnn_cell",
        names=before_one.CELLS,
        differs=before_one.CELLS_DIFFERS,
        aliases=("tensorflow.python.ops.rnn_cell", "tensorflow.python.ops.rnn_cell_impl"),
    ),
    Table(
        "tensorflow.python.ops.rnn",
        names={**contrib_rnn.UNROLLING_MODULE_NAMES, **_UNROLLING},
        fallback=("tensorflow.python.ops.rnn", "tensorflow.compat.v1.nn"),
    ),
    Table(
        "tensorflow.train", names={**before_one.TRAIN}, fallback=("tensorflow.compat.v1.train",)
    ),
    Table("tensorflow.python", fallback=("tensorflow.python",)),
    Table("tensorflow.python.ops", fallback=("tensorflow.python.ops",)),
)
