"""Worker: the largest product of float32 matrices that this machine makes in a second.

Options: "size" of the square matrices. Each run times both; "gradients" gives their figures.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmark_peers.serve import Prepared, serve
from benchmark_peers.work import Work


def load() -> tuple[dict[str, str], Any]:
    """Imports TensorFlow."""
    import tensorflow.compat.v1 as tf

    return {"tensorflow": tf.__version__, "numpy": np.__version__}, prepare


def prepare(_: Work, __: dict[str, np.ndarray], options: dict[str, Any]) -> Prepared:
    """Makes the matrices and the two products."""
    import tensorflow.compat.v1 as tf

    size = options["size"]
    a, b = np.random.default_rng(0).standard_normal((2, size, size), np.float32)
    with tf.Graph().as_default():
        left, right = (tf.Variable(tf.random.normal([size, size], seed=n)) for n in (1, 2))
        # One number is fetched: copying the product out is no part of it.
        corner = tf.matmul(left, right)[0, 0]
        session = tf.Session()
        session.run(tf.global_variables_initializer())
        call = session.make_callable(corner)
    best = {"tensorflow": 0.0, "numpy": 0.0}
    runs: dict[str, Callable[[], Any]] = {
        "tensorflow": call,
        "numpy": lambda: a @ b,
    }

    def run() -> None:
        for name, product in runs.items():
            started = time.perf_counter()
            product()
            rate = 2 * size**3 / (time.perf_counter() - started) / 1e9
            best[name] = max(best[name], rate)

    return Prepared(run, lambda: {name: np.asarray(rate) for name, rate in best.items()})


if __name__ == "__main__":
    serve(load)
