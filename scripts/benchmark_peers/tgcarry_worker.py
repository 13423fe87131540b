"""Worker: tgcarry, with any of its engines; "stock" is TensorFlow's own `tf.nn.dynamic_rnn`.

Options: "engine"; "mode": "whole", one `dynamic_rnn` over all steps, or "sweep", the exact
carry over chunks through `Runner.gradients`; "budget": `memory_budget` of the sweep, or none.
"""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np

from benchmark_peers import tf_graph
from benchmark_peers.serve import Prepared, serve
from benchmark_peers.work import Work


def load() -> tuple[dict[str, str], Any]:
    """Imports TensorFlow and tgcarry."""
    import tensorflow.compat.v1 as tf

    import tgcarry as tgc

    tf.logging.set_verbosity(tf.logging.ERROR)
    versions = {
        "tensorflow": tf.__version__,
        "numpy": np.__version__,
        "tgcarry": tgc.__version__,
    }
    return versions, prepare


def prepare(work: Work, arrays: dict[str, np.ndarray], options: dict[str, Any]) -> Prepared:
    """Builds the graph, or the runner of a sweep."""
    import tensorflow.compat.v1 as tf

    import tgcarry as tgc

    if options["mode"] == "sweep":
        return _prepare_sweep(work, arrays, options)

    def unroll(cell: Any, x: Any, state: Any) -> Any:
        return tgc.dynamic_rnn(cell, x, initial_state=state, engine=options["engine"])

    return tf_graph.prepare_whole(tf, tgc, unroll, work, arrays)


def _prepare_sweep(work: Work, arrays: dict[str, np.ndarray], options: dict[str, Any]) -> Prepared:
    import tensorflow.compat.v1 as tf

    import tgcarry as tgc

    with tf.Graph().as_default():
        cell = tf_graph.make_cell(tgc, work)
        x = tf.placeholder(tf.float32, [work.batch, None, work.inputs])
        weighting = tf.placeholder(tf.float32, [work.batch, None, arrays["d_outputs"].shape[2]])
        ports = tgc.carry_ports(cell)
        outputs, final = tgc.dynamic_rnn(
            cell, x, initial_state=ports.initial_state, engine=options["engine"]
        )
        loss = tf.reduce_sum(outputs * weighting)
        chunk = tgc.build_chunk(loss, ports, final, {"x": x, "d_outputs": weighting})
        runner = tgc.Runner(chunk, policy=_policy(options.get("budget")))
        runner.open()
        tf_graph.load_weights(tf, runner.session, work, arrays)
    given = {"x": arrays["x"], "d_outputs": arrays["d_outputs"]}
    rows = [[arrays[name] for name in row] for row in work.state_names()]
    initial = tf_graph.state_nest(tgc, rows)

    def run() -> Any:
        return runner.gradients(tgc.split_chunks(given, length=work.chunk), initial)

    return Prepared(run, lambda: _named(work, run()))


def _policy(budget: str | None) -> Any:
    import tgcarry as tgc

    if not budget:
        return tgc.ExactSweep()
    if "memory_budget" not in inspect.signature(tgc.ExactSweep).parameters:
        raise NotImplementedError("ExactSweep takes no memory_budget")
    options: dict[str, Any] = {"memory_budget": budget}
    return tgc.ExactSweep(**options)


def _named(work: Work, found: Any) -> dict[str, np.ndarray]:
    named: dict[str, np.ndarray] = {"loss": np.asarray(found.loss)}
    for name in work.weight_names():
        named[name] = found.variables[tf_graph.variable_name(work, name)]
    leaves = tf_graph.state_leaves(found.initial_state, len(work.units))
    for names, row in zip(work.state_names(), leaves, strict=True):
        named.update(zip(names, row, strict=True))
    return named


if __name__ == "__main__":
    serve(load)
