"""The work as a TensorFlow 1 graph, the same for TensorFlow 1.15 and for today's.

Everything the work reads lives in variables, so that nothing can be folded into a constant
and nothing is fed; a call fetches one small vector, the loss and the sum of every gradient,
because the graph optimiser removes whatever nobody reads.

Python 3.7 reads this file too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmark_peers.serve import Prepared
from benchmark_peers.work import Work

SCOPES = {"gru": "gru_cell", "lstm": "lstm_cell", "rnn": "basic_rnn_cell"}


def make_cell(cells: Any, work: Work) -> Any:
    """Makes the cell, or the stack of them, from a module with TensorFlow 1's class names."""
    kinds = {"gru": cells.GRUCell, "lstm": cells.LSTMCell, "rnn": cells.BasicRNNCell}
    layers = [kinds[work.cell](units) for units in work.units]
    return cells.MultiRNNCell(layers) if len(layers) > 1 else layers[0]


def state_nest(cells: Any, layers: list[list[Any]]) -> Any:
    """Turns leaves by layer into the nest that the cell of `make_cell` wants."""
    nests = [cells.LSTMStateTuple(*row) if len(row) == 2 else row[0] for row in layers]
    return tuple(nests) if len(nests) > 1 else nests[0]


def state_leaves(state: Any, layers: int) -> list[list[Any]]:
    """Undoes `state_nest`."""
    nests = list(state) if layers > 1 else [state]
    return [list(nest) if isinstance(nest, tuple) else [nest] for nest in nests]


def variable_name(work: Work, name: str) -> str:
    """Returns TensorFlow 1's name of a weight called e.g. "layer0/gates/kernel" here."""
    layer, rest = name.split("/", 1)
    stack = f"multi_rnn_cell/cell_{layer[len('layer') :]}/" if len(work.units) > 1 else ""
    return f"rnn/{stack}{SCOPES[work.cell]}/{rest}"


def load_weights(tf: Any, session: Any, work: Work, arrays: dict[str, np.ndarray]) -> None:
    """Puts the given weights into the cells' variables."""
    variables = {variable.op.name: variable for variable in tf.global_variables()}
    for name in work.weight_names():
        _assign(tf, session, variables[variable_name(work, name)], arrays[name])


def prepare_whole(
    tf: Any, cells: Any, unroll: Callable[..., Any], work: Work, arrays: dict[str, np.ndarray]
) -> Prepared:
    """Builds the work over the whole sequence at once.

    Args:
      tf: TensorFlow with version 1's names.
      cells: module with TensorFlow 1's cells.
      unroll: maps (cell, x, initial_state) to (outputs, final_state).
      work: the sizes.
      arrays: weights, x, states and cotangents by name.
    """
    graph = tf.Graph()
    with graph.as_default():
        given = [name for name in arrays if name not in set(work.weight_names())]
        # Not trainable and not through `tf.constant`: a constant's gradient could be folded.
        held = {
            name: tf.get_variable(
                f"given/{name}", arrays[name].shape, initializer=tf.zeros_initializer()
            )
            for name in given
        }
        tensors = {name: tf.identity(variable) for name, variable in held.items()}
        initial = [[tensors[leaf] for leaf in row] for row in work.state_names()]
        outputs, final = unroll(make_cell(cells, work), tensors["x"], state_nest(cells, initial))
        loss = _loss(tf, work, outputs, final, tensors)
        weights = {variable.op.name: variable for variable in tf.global_variables()}
        tensors.update((n, weights[variable_name(work, n)]) for n in work.weight_names())
        names = work.gradient_names()
        grads = tf.gradients(loss, [tensors[name] for name in names])
        sums = tf.stack([loss] + [tf.reduce_sum(grad) for grad in grads])
        session = tf.Session(graph=graph)
        session.run(tf.global_variables_initializer())
        for name in given:
            _assign(tf, session, held[name], arrays[name])
        load_weights(tf, session, work, arrays)
    fetch = {"loss": loss}
    fetch.update((names[n], grads[n]) for n in range(len(names)))
    return Prepared(session.make_callable(sums), lambda: session.run(fetch))


def _loss(tf: Any, work: Work, outputs: Any, final: Any, tensors: dict[str, Any]) -> Any:
    loss = tf.reduce_sum(outputs * tensors["d_outputs"])
    if work.chunk:
        return loss
    leaves = state_leaves(final, len(work.units))
    names = work.state_names("d_final")
    for n, row in enumerate(names):
        for k, name in enumerate(row):
            loss += tf.reduce_sum(leaves[n][k] * tensors[name])
    return loss


def _assign(tf: Any, session: Any, variable: Any, value: np.ndarray) -> None:
    fed = tf.placeholder(variable.dtype.base_dtype, value.shape)
    session.run(tf.assign(variable, fed), {fed: value})
