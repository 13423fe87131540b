"""Norms of the gradients of several losses, in one session call."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tgcarry import stepping, tf1
from tgcarry.errors import ChunkError

_COPIES = itertools.count()


def norms_of(
    losses: Mapping[str, tf.Tensor],
    variables: Sequence[tf.Variable],
    reaches: np.ndarray,
    session: tf.Session,
    feed_dict: Mapping[Any, Any] | None,
) -> np.ndarray:
    """Takes the norms of all gradients in one run; repeated rows of sparse ones are summed."""
    handles = [variable.op.outputs[0] for variable in variables]
    if any(op.type in tf1.WHILE_OPS for op in session.graph.get_operations()):
        return _norms_in_copy(losses, handles, reaches, session, feed_dict)
    fetches = _fetches(losses, handles, reaches)
    return _filled(reaches, session.run(fetches, feed_dict) if fetches else {})


def _norms_in_copy(
    losses: Mapping[str, tf.Tensor],
    handles: Sequence[tf.Tensor],
    reaches: np.ndarray,
    session: tf.Session,
    feed_dict: Mapping[Any, Any] | None,
) -> np.ndarray:
    """Takes the norms in a copy of the graph, with the session's values of all variables.

    A loop's gradient gives the loop more outputs, and a session that ran it before then refuses
    every further run.
    """
    values = {}
    for variable in [*tf.global_variables(), *tf.local_variables()]:
        try:
            start = variable.initializer
            values[start.name, start.inputs[1].name] = session.run(variable)
        except tf.errors.FailedPreconditionError:  # Not initialised, nor need it be.
            continue
    fed = {getattr(tensor, "name", tensor): value for tensor, value in (feed_dict or {}).items()}
    with tf.Graph().as_default() as copy:
        tf.graph_util.import_graph_def(_renamed(session.graph.as_graph_def()), name="")
        here = {name: copy.get_tensor_by_name(loss.name) for name, loss in losses.items()}
        there = [copy.get_tensor_by_name(handle.name) for handle in handles]
        fetches = _fetches(here, there, reaches)
        if not fetches:
            return np.zeros(reaches.shape)
        config = tf.ConfigProto(allow_soft_placement=True)
        with tf.Session(graph=copy, config=config) as fresh:
            for (operation, tensor), value in values.items():
                fresh.run(copy.get_operation_by_name(operation), {tensor: value})
            return _filled(reaches, fresh.run(fetches, fed))


def _renamed(definition: tf.GraphDef) -> tf.GraphDef:
    """Gives a graph's functions names of their own; they are known in the whole process."""
    mark = f"_flow{next(_COPIES)}"
    names = {f.signature.name for f in definition.library.function}
    nodes = list(definition.node)
    for function in definition.library.function:
        function.signature.name += mark
        nodes += function.node_def
    for gradient in definition.library.gradient:
        gradient.function_name += mark
        gradient.gradient_func += mark
    for node in nodes:
        if node.op in names:
            node.op += mark
        for value in node.attr.values():
            for called in [value.func] if value.HasField("func") else value.list.func:
                if called.name in names:
                    called.name += mark
    return definition


def _fetches(
    losses: Mapping[str, tf.Tensor], handles: Sequence[tf.Tensor], reaches: np.ndarray
) -> dict[tuple[int, int], tf.Tensor]:
    """Makes the norms of the gradients that there are, by loss and variable."""
    fetches = {}
    for i, (name, loss) in enumerate(losses.items()):
        places = np.flatnonzero(reaches[i]).tolist()
        try:
            gradients = tf.gradients(loss, [handles[j] for j in places]) if places else []
        except LookupError as error:
            raise ChunkError(
                f"gradient_flow: TensorFlow cannot differentiate the loss {name!r}: {error}"
            ) from error
        for j, gradient in zip(places, gradients, strict=True):
            if gradient is not None:
                fetches[i, j] = _norm(gradient)
    return fetches


def _filled(reaches: np.ndarray, norms: Mapping[tuple[int, int], float]) -> np.ndarray:
    out = np.zeros(reaches.shape)
    for place, value in norms.items():
        out[place] = value
    return out


def _norm(gradient: Any) -> tf.Tensor:
    gradient = stepping.once_per_row(gradient)
    values = gradient.values if isinstance(gradient, tf.IndexedSlices) else gradient
    sizes = tf.cast(tf.abs(values), tf.float64)
    # Squares of the largest entry's share neither overflow nor vanish.
    largest = tf.reduce_max(tf.concat([tf.reshape(sizes, [-1]), [0.0]], 0))
    shares = tf.math.divide_no_nan(sizes, largest)
    return largest * tf.sqrt(tf.reduce_sum(tf.square(shares)))
