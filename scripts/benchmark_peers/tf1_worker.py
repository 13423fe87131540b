"""Worker: TensorFlow 1.15's own cells and `tf.nn.dynamic_rnn`. For Python 3.7."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmark_peers.serve import Prepared, serve
from benchmark_peers.tf_graph import prepare_whole
from benchmark_peers.work import Work


def load() -> tuple[dict[str, str], Any]:
    """Imports TensorFlow 1.15."""
    import tensorflow as tf

    if not tf.__version__.startswith("1.15"):
        raise ImportError(f"TensorFlow {tf.__version__} is not 1.15")
    tf.compat.v1.logging.set_verbosity("ERROR")

    def unroll(cell: Any, x: Any, state: Any) -> Any:
        return tf.nn.dynamic_rnn(cell, x, initial_state=state)

    def prepare(work: Work, arrays: dict[str, np.ndarray], _: dict[str, Any]) -> Prepared:
        return prepare_whole(tf, tf.nn.rnn_cell, unroll, work, arrays)

    return {"tensorflow1": tf.__version__}, prepare


if __name__ == "__main__":
    serve(load)
